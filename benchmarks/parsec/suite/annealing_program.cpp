// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/annealing.h"
#include "benchmarks/parsec/suite/program.h"

using namespace damon_schemes::parsec;

namespace {

Finding place_elements(Run& run) {
    const BySize<std::uint32_t> elements{120'000, 400'000, 1'200'000, 9'000'000};
    const BySize<std::uint64_t> swaps{80'000, 200'000, 700'000, 2'500'000};
    AnnealingOptions options;
    options.elements = elements.of(run.size());
    options.swaps = swaps.of(run.size());
    options.seed = run.seed();
    run.ledger().begin_phase("netlist");
    Annealing annealing(run.ledger(), options);
    annealing.make_netlist();
    std::string wrong;
    do {
        run.ledger().begin_phase("anneal");
        annealing.anneal();
        run.ledger().begin_phase("check");
        wrong = annealing.check();
    } while (wrong.empty() && run.goes_on());
    return {"wire length " + std::to_string(annealing.first_cost()) + " at first, " +
                std::to_string(annealing.cost()) + " now",
            wrong};
}

}  // namespace

int main(int argc, char** argv) {
    return run_program(
        argc, argv, {"annealing", "Anneals the placement of a netlist on a grid.", place_elements});
}
