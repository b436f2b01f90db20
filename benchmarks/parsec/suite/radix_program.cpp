// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/program.h"
#include "benchmarks/parsec/suite/radix.h"

using namespace damon_schemes::parsec;

namespace {

Finding sort_keys(Run& run) {
    const BySize<std::size_t> keys{32'000, 128'000, 400'000, 4'200'000};
    RadixOptions options;
    options.keys_a_run = keys.of(run.size());
    options.lookups = options.keys_a_run / 6;
    options.seed = run.seed();
    Radix radix(run.ledger(), options);
    std::string wrong;
    do {
        run.ledger().begin_phase("generate");
        radix.generate();
        run.ledger().begin_phase("sort");
        radix.sort();
        run.ledger().begin_phase("check");
        wrong = radix.check();
    } while (wrong.empty() && run.goes_on());
    return {std::to_string(options.runs) + " runs of " + std::to_string(options.keys_a_run) +
                " keys sorted",
            wrong};
}

}  // namespace

int main(int argc, char** argv) {
    return run_program(
        argc, argv,
        {"radix", "Sorts runs of integers digit by digit, and looks for them again.", sort_keys});
}
