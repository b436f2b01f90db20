// SPDX-License-Identifier: MIT
#include <algorithm>

#include "benchmarks/parsec/suite/dedup.h"
#include "benchmarks/parsec/suite/file_tree.h"
#include "benchmarks/parsec/suite/program.h"

using namespace damon_schemes::parsec;

namespace {

// Read at a time, before any of it is packed.
constexpr std::size_t read_bytes = std::size_t{32} << 20;
// zstd's: for an archive that is read more often than written.
constexpr int level = 16;

Finding pack_files(Run& run) {
    const std::size_t bytes = BySize<std::size_t>{8, 28, 112, 1200}.of(run.size()) << 20;
    FileTreeShape shape;
    shape.seed = run.seed();
    Finding finding;
    do {
        run.ledger().begin_phase("pack");
        FileTree files(shape);
        const Table<std::byte> memory(run.ledger(), bytes, page_bytes);
        const std::span<std::byte> input{&memory.raw(0), memory.size()};
        Dedup dedup(run.ledger(), level, bytes);
        for (std::size_t at = 0; at < input.size(); at += read_bytes) {
            const auto part = input.subspan(at, std::min(read_bytes, input.size() - at));
            files.read(run.ledger(), part);
            dedup.add(part);
        }
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
