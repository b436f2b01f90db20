// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/blackscholes.h"
#include "benchmarks/parsec/suite/option_file.h"
#include "benchmarks/parsec/suite/program.h"

using namespace damon_schemes::parsec;

namespace {

Finding value_portfolio(Run& run) {
    const auto positions =
        BySize<std::size_t>{150'000, 500'000, 1'000'000, 12'000'000}.of(run.size());
    const auto valuations = BySize<int>{20, 20, 64, 100}.of(run.size());
    run.ledger().begin_phase("parse");
    Portfolio portfolio(run.ledger(), positions);
    OptionFile file(run.ledger(), positions, run.seed());
    for (auto text = file.read(); !text.empty(); text = file.read()) portfolio.parse(text);
    portfolio.lay_out();
    run.ledger().begin_phase("value");
    do {
        for (int i = 0; i < valuations; ++i) portfolio.value();
    } while (run.goes_on());
    run.ledger().begin_phase("check");
    return {
        std::to_string(portfolio.size()) + " options worth " + std::to_string(portfolio.total()),
        portfolio.check()};
}

}  // namespace

int main(int argc, char** argv) {
    return run_program(argc, argv,
                       {"blackscholes", "Values a portfolio of European options, again and again.",
                        value_portfolio});
}
