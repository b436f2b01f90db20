// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/itemsets.h"
#include "benchmarks/parsec/suite/program.h"

using namespace damon_schemes::parsec;

namespace {

Finding mine_itemsets(Run& run) {
    TransactionShape shape;
    shape.transactions = BySize<std::uint32_t>{20'000, 100'000, 480'000, 3'000'000}.of(run.size());
    shape.seed = run.seed();
    const std::uint32_t minimum_support = shape.transactions / 250;
    Finding finding;
    do {
        run.ledger().begin_phase("transactions");
        const Transactions transactions(run.ledger(), shape);
        ItemsetMiner miner(run.ledger(), transactions, minimum_support);
        run.ledger().begin_phase("tree");
        miner.build();
        run.ledger().begin_phase("mine");
        miner.mine();
        finding.result = std::to_string(miner.found().size()) + " itemsets from a tree of " +
                         std::to_string(miner.nodes()) + " nodes";
        finding.difference =
            check_itemsets(run.ledger(), transactions, minimum_support, miner.found(), run.seed());
    } while (finding.difference.empty() && run.goes_on());
    return finding;
}

}  // namespace

int main(int argc, char** argv) {
    return run_program(argc, argv,
                       {"itemsets", "Mines frequent itemsets by FP-growth.", mine_itemsets});
}
