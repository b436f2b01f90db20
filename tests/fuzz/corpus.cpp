// SPDX-License-Identifier: MIT
#include "tests/fuzz/corpus.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>

namespace damon_schemes {
namespace {

constexpr std::size_t largest_input = 8192;
constexpr std::size_t largest_pool = 512;
// Where numbers of a format end, and what overflows them.
constexpr std::uint64_t borders[] = {0,
                                     1,
                                     0x7f,
                                     0x80,
                                     0xff,
                                     0x100,
                                     0x7fff,
                                     0x8000,
                                     0xffff,
                                     0x10000,
                                     1 << 20,
                                     1 << 30,
                                     0x7fffffff,
                                     0x80000000,
                                     0xffffffff,
                                     std::uint64_t{1} << 47,
                                     ~std::uint64_t{0} >> 1,
                                     ~std::uint64_t{0}};

std::uint64_t number_in_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Holds the input at hand in a file, so that who aborts has told it.
class Witness {
  public:
    explicit Witness(std::filesystem::path path)
        : path_(std::move(path)),
          file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {
        std::cerr << "if this aborts, the input is " << path_ << '\n';
    }
    ~Witness() {
        ::close(file_);
        std::filesystem::remove(path_);
    }
    Witness(const Witness&) = delete;
    Witness& operator=(const Witness&) = delete;

    void hold(const std::string& bytes) const {
        const auto size = static_cast<ssize_t>(bytes.size());
        if (::pwrite(file_, bytes.data(), bytes.size(), 0) == size && ::ftruncate(file_, size) == 0)
            return;
        std::cerr << "cannot write " << path_ << '\n';
        std::abort();
    }

  private:
    std::filesystem::path path_;
    int file_;
};

}  // namespace

std::vector<CorpusFile> corpus_in(const std::string& folder) {
    std::vector<CorpusFile> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        std::ifstream file(entry.path(), std::ios::binary);
        files.push_back({entry.path().string(), {std::istreambuf_iterator<char>(file), {}}});
    }
    std::sort(files.begin(), files.end(),
              [](const CorpusFile& a, const CorpusFile& b) { return a.path < b.path; });
    return files;
}

Mutator::Mutator(std::vector<std::string> corpus, std::vector<std::string> words,
                 std::uint64_t seed)
    : pool_(std::move(corpus)),
      corpus_size_(pool_.size()),
      words_(std::move(words)),
      random_(seed) {}

std::size_t Mutator::below(std::size_t limit) {
    return limit == 0 ? 0 : static_cast<std::size_t>(random_() % limit);
}

void Mutator::damage(std::string& bytes) {
    const std::size_t at = below(bytes.size() + 1);
    const std::size_t length = std::min(bytes.size() - at, below(64));
    switch (below(8)) {
        case 0:
            if (at < bytes.size())
                bytes[at] =
                    static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << below(8)));
            break;
        case 1:
            if (at < bytes.size()) bytes[at] = static_cast<char>(random_());
            break;
        case 2:
            bytes.erase(at, length);
            break;
        case 3:
            bytes.insert(at, bytes.substr(at, length));
            break;
        case 4:
            bytes.resize(at);
            break;
        case 5: {
            const std::uint64_t border = borders[below(std::size(borders))];
            const std::size_t width = std::size_t{1} << below(4);
            for (std::size_t i = 0; i < width && at + i < bytes.size(); ++i)
                bytes[at + i] = static_cast<char>(border >> (8 * i));
            break;
        }
        case 6:
            if (!words_.empty()) bytes.insert(at, words_[below(words_.size())]);
            break;
        case 7: {
            const std::string& other = pool_[below(pool_.size())];
            const std::size_t from = below(other.size() + 1);
            bytes.insert(at, other.substr(from, below(256)));
            break;
        }
        default:
            break;
    }
}

std::string Mutator::next() {
    std::string bytes = pool_[below(pool_.size())];
    for (std::size_t left = 1 + below(6); left > 0; --left) damage(bytes);
    if (bytes.size() > largest_input) bytes.resize(largest_input);
    // The corpus itself stays, or all would end as noise.
    if (below(16) == 0) {
        if (pool_.size() < largest_pool)
            pool_.push_back(bytes);
        else
            pool_[corpus_size_ + below(pool_.size() - corpus_size_)] = bytes;
    }
    return bytes;
}

std::size_t fuzz(Mutator mutator, const std::string& name,
                 const std::function<void(const std::string&)>& exercise, unsigned part) {
    using Clock = std::chrono::steady_clock;
    const auto end =
        Clock::now() + std::chrono::milliseconds(
                           1000 * number_in_environment("DAMON_SCHEMES_FUZZ_SECONDS", 2) / part);
    const Witness witness(std::filesystem::temp_directory_path() /
                          ("damon-schemes-" + name + "-" + std::to_string(::getpid())));
    std::size_t count = 0;
    do {
        const std::string bytes = mutator.next();
        witness.hold(bytes);
        exercise(bytes);
        ++count;
    } while (Clock::now() < end);
    std::cerr << count << " inputs\n";
    return count;
}

std::uint64_t fuzz_seed() {
    const std::uint64_t seed =
        number_in_environment("DAMON_SCHEMES_FUZZ_SEED", std::random_device()());
    std::cerr << "seed: DAMON_SCHEMES_FUZZ_SEED=" << seed << '\n';
    return seed;
}

}  // namespace damon_schemes
