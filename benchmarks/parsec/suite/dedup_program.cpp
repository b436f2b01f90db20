// SPDX-License-Identifier: MIT
#include <algorithm>

#include "benchmarks/parsec/suite/dedup.h"
#include "benchmarks/parsec/suite/file_tree.h"
#include "benchmarks/parsec/suite/program.h"

using namespace damon_schemes::parsec;

namespace {

constexpr std::size_t part_bytes = std::size_t{2} << 20;  // of the input, taken at a time

Finding pack_files(Run& run) {
    FileTreeShape shape;
    shape.bytes = BySize<std::size_t>{8, 28, 96, 1200}.of(run.size()) << 20;
    shape.seed = run.seed();
    const int level = 9;
    Finding finding;
    do {
        run.ledger().begin_phase("input");
        const Table<std::byte> memory(run.ledger(), shape.bytes, page_bytes);
        const std::span<std::byte> input{&memory.raw(0), memory.size()};
        write_files(run.ledger(), shape, input);
        run.ledger().begin_phase("pack");
        Dedup dedup(run.ledger(), level, shape.bytes);
        for (std::size_t at = 0; at < input.size(); at += part_bytes)
            dedup.add(input.subspan(at, std::min(part_bytes, input.size() - at)));
        run.ledger().begin_phase("check");
        const DedupFigures& figures = dedup.figures();
        finding.result = std::to_string(figures.chunks) + " chunks, " +
                         std::to_string(figures.new_chunks) + " of them new, in " +
                         std::to_string(figures.packed_bytes >> 10) + " KiB";
        finding.difference = dedup.check(input);
    } while (finding.difference.empty() && run.goes_on());
    return finding;
}

}  // namespace

int main(int argc, char** argv) {
    return run_program(argc, argv,
                       {"dedup", "Packs files, and what occurs again in them once.", pack_files});
}
