// SPDX-License-Identifier: MIT
// The files of a folder of a fuzzer's corpus, and endless variations of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace damon_schemes {

struct CorpusFile {
    std::string path;
    std::string bytes;
};
// Sorted by path.
std::vector<CorpusFile> corpus_in(const std::string& folder);

// Damages and mixes inputs at random.  Knows nothing of coverage, as a fuzzer of clang's does, but
// needs no clang: what it makes is mixed on, so that inputs wander away from the corpus.
class Mutator {
  public:
    // `words` are put in now and then; may be empty.
    Mutator(std::vector<std::string> corpus, std::vector<std::string> words, std::uint64_t seed);

    std::string next();

  private:
    std::size_t below(std::size_t limit);
    void damage(std::string& bytes);

    std::vector<std::string> pool_;
    std::size_t corpus_size_;
    std::vector<std::string> words_;
    std::mt19937_64 random_;
};

// Feeds variations to `exercise` for one `part`th of DAMON_SCHEMES_FUZZ_SECONDS (2 without it);
// returns how many.  Each is kept in a file while it is tried; who breaks a promise aborts, and
// finds the input there, named on stderr.
std::size_t fuzz(Mutator mutator, const std::string& name,
                 const std::function<void(const std::string&)>& exercise, unsigned part = 1);

// Differs from run to run, so that runs add up; DAMON_SCHEMES_FUZZ_SEED repeats one.
std::uint64_t fuzz_seed();

}  // namespace damon_schemes
