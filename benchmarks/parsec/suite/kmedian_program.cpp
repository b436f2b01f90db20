// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/kmedian.h"
#include "benchmarks/parsec/suite/program.h"

using namespace damon_schemes::parsec;

namespace {

Finding cluster_stream(Run& run) {
    const BySize<std::size_t> points{16 << 10, 64 << 10, 160 << 10, 1536 << 10};
    const BySize<unsigned> blocks{2, 2, 3, 3};
    KMedianOptions options;
    options.points = points.of(run.size());
    options.seed = run.seed();
    KMedian clusters(run.ledger(), options);
    std::string wrong;
    unsigned read = 0;
    do {
        for (unsigned i = 0; wrong.empty() && i < blocks.of(run.size()); ++i, ++read) {
            run.ledger().begin_phase("read");
            clusters.read_block();
            run.ledger().begin_phase("cluster");
            clusters.cluster_block();
            run.ledger().begin_phase("check");
            wrong = clusters.check();
        }
    } while (wrong.empty() && run.goes_on());
    const WeightedPoints centres = clusters.final_centres();
    return {std::to_string(centres.centres().size()) + " centres of " + std::to_string(read) +
                " blocks of " + std::to_string(options.points) + " points",
            wrong};
}

}  // namespace

int main(int argc, char** argv) {
    return run_program(
        argc, argv, {"kmedian", "Clusters a stream of points around few of them.", cluster_stream});
}
