// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/file_tree.h"

#include <algorithm>

namespace damon_schemes::parsec {
namespace {

constexpr std::size_t vocabulary = 4096;
constexpr std::size_t least_file = std::size_t{8} << 10;
// A version has something new once in so many words: every 50 KiB or so.
constexpr std::uint64_t words_between_insertions = 8000;

}  // namespace

FileTree::FileTree(const FileTreeShape& shape)
    : shape_(shape), random_(shape.seed), words_(vocabulary) {
    for (std::string& word : words_) {
        const std::size_t length = 2 + random_.below(9);
        for (std::size_t i = 0; i < length; ++i) word += static_cast<char>('a' + random_.below(26));
        word += random_.one_in(12) ? '\n' : ' ';
    }
}

// Some are much more frequent than others, as in any text: a product of two even draws falls off
// about as Zipf's law does, and takes no logarithm.
const std::string& FileTree::draw_word(bench::Random& random) const {
    const std::uint64_t number = random.next();
    return words_[((number >> 32) % vocabulary) * (number & 0xffff) >> 16];
}

FileTree::File FileTree::next_file() {
    const auto share = static_cast<std::uint64_t>(shape_.repeated * 1000);
    if (!files_.empty() && random_.below(1000) < share) {
        File version = files_[random_.below(files_.size())];
        version.insertion_seed = random_.next() | 1;
        return version;
    }
    return {random_.next(), 0, least_file * (1 + random_.below(20))};
}

void FileTree::read(Ledger& ledger, std::span<std::byte> to) {
    while (!to.empty()) {
        const File file = next_file();
        bench::Random text(file.text_seed);
        bench::Random insertion(file.insertion_seed);
        for (std::size_t written = 0; written < file.bytes && !to.empty();) {
            const bool inserts =
                file.insertion_seed != 0 && insertion.one_in(words_between_insertions);
            const std::string& word = draw_word(inserts ? insertion : text);
            const std::size_t bytes = std::min(word.size(), to.size());
            ledger.touch(to.data(), bytes);
            std::transform(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(bytes),
                           to.begin(), [](char letter) { return static_cast<std::byte>(letter); });
            to = to.subspan(bytes);
            if (!inserts) written += bytes;
        }
        files_.push_back(file);
    }
}

}  // namespace damon_schemes::parsec
