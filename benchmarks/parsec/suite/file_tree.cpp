// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/file_tree.h"

#include <algorithm>
#include <string>
#include <vector>

#include "benchmarks/random.h"

namespace damon_schemes::parsec {
namespace {

constexpr std::size_t page_of_text = 4096;

// Words of which some are much more frequent than others, as in any text.
class Vocabulary {
  public:
    explicit Vocabulary(bench::Random& random) {
        for (std::string& word : words_) {
            const std::size_t length = 2 + random.below(9);
            for (std::size_t i = 0; i < length; ++i)
                word += static_cast<char>('a' + random.below(26));
            word += random.one_in(12) ? '\n' : ' ';
        }
    }
    // A square falls off about as Zipf's law does, and takes no logarithm.
    const std::string& draw(bench::Random& random) const {
        const std::uint64_t number = random.next();
        return words_[((number >> 32) % words_.size()) * (number & 0xffff) >> 16];
    }

  private:
    std::vector<std::string> words_ = std::vector<std::string>(4096);
};

struct File {
    std::size_t begin = 0;
    std::size_t bytes = 0;
};

// Writes files at the end of those that are there.
class Writer {
  public:
    Writer(Ledger& ledger, const FileTreeShape& shape, std::span<std::byte> to)
        : ledger_(ledger), shape_(shape), to_(to), random_(shape.seed), words_(random_) {}

    void write() {
        while (used_ < to_.size()) {
            const std::size_t begin = used_;
            const auto share = static_cast<std::uint64_t>(shape_.repeated * 1000);
            if (!files_.empty() && random_.below(1000) < share)
                write_version(files_[random_.below(files_.size())]);
            else
                write_text(page_of_text * (2 + random_.below(40)));
            files_.push_back({begin, used_ - begin});
        }
    }

  private:
    void put(std::span<const std::byte> bytes) {
        bytes = bytes.first(std::min(bytes.size(), to_.size() - used_));
        ledger_.touch(to_.data() + used_, bytes.size());
        std::copy(bytes.begin(), bytes.end(), to_.begin() + static_cast<std::ptrdiff_t>(used_));
        used_ += bytes.size();
    }
    void write_text(std::size_t bytes) {
        const std::size_t end = std::min(used_ + bytes, to_.size());
        while (used_ < end) {
            const std::string& word = words_.draw(random_);
            put(std::as_bytes(std::span(word)));
        }
    }
    // The same text, but for a new line here and there.
    void write_version(File of) {
        while (of.bytes > 0 && used_ < to_.size()) {
            const std::size_t same =
                std::min<std::size_t>(of.bytes, page_of_text * (1 + random_.below(40)));
            ledger_.touch(to_.data() + of.begin, same);
            put(to_.subspan(of.begin, same));
            of = {of.begin + same, of.bytes - same};
            if (of.bytes > 0) write_text(1 + random_.below(80));
        }
    }

    Ledger& ledger_;
    const FileTreeShape& shape_;
    std::span<std::byte> to_;
    bench::Random random_;
    Vocabulary words_;
    std::vector<File> files_;
    std::size_t used_ = 0;
};

}  // namespace

void write_files(Ledger& ledger, const FileTreeShape& shape, std::span<std::byte> to) {
    Writer(ledger, shape, to).write();
}

}  // namespace damon_schemes::parsec
