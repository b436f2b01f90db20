// SPDX-License-Identifier: MIT
// Files as a backup has them: texts, and later versions of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "benchmarks/parsec/suite/ledger.h"
#include "benchmarks/random.h"

namespace damon_schemes::parsec {

struct FileTreeShape {
    double repeated = 0.4;  // share of the files that are a version of an earlier one
    std::uint64_t seed = 1;
};

class FileTree {
  public:
    explicit FileTree(const FileTreeShape& shape);

    // The next files, as many as there is room for; the last one ends with the room.  Like a
    // read(2), it looks at nothing that was read before.
    void read(Ledger& ledger, std::span<std::byte> to);

  private:
    // A text is told by its seed; a version of it has the same one, and other insertions.
    struct File {
        std::uint64_t text_seed = 0;
        std::uint64_t insertion_seed = 0;  // 0: none
        std::size_t bytes = 0;
    };
    File next_file();
    const std::string& draw_word(bench::Random& random) const;

    FileTreeShape shape_;
    bench::Random random_;
    std::vector<std::string> words_;
    std::vector<File> files_;
};

}  // namespace damon_schemes::parsec
