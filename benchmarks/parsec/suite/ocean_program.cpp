// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/ocean.h"
#include "benchmarks/parsec/suite/program.h"

using namespace damon_schemes::parsec;

namespace {

Finding move_ocean(Run& run) {
    const BySize<std::size_t> intervals{352, 576, 896, 3200};
    const BySize<unsigned> steps{20, 35, 75, 60};
    OceanOptions options;
    options.intervals = intervals.of(run.size());
    options.seed = run.seed();
    run.ledger().begin_phase("verify");
    Ocean ocean(run.ledger(), options);
    std::string wrong = ocean.verify_solver();
    if (!wrong.empty()) return {"", wrong};
    run.ledger().begin_phase("advance");
    ocean.start();
    do {
        ocean.advance(steps.of(run.size()));
    } while (run.goes_on());
    run.ledger().begin_phase("check");
    wrong = ocean.check();
    return {"energy " + std::to_string(ocean.energy()) + ", stream changed by " +
                std::to_string(ocean.departure()),
            wrong};
}

}  // namespace

int main(int argc, char** argv) {
    return run_program(argc, argv, {"ocean", "Moves the currents of an ocean basin.", move_ocean});
}
