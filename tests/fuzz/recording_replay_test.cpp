// SPDX-License-Identifier: MIT
// The corpus of the recordings' fuzzer, with any compiler and in every test run.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/fuzz/corpus.h"
#include "tests/fuzz/recording.h"

namespace damon_schemes {
namespace {

void exercise(const std::string& bytes) {
    exercise_recording(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

TEST(RecordingCorpus, IsSurvived) {
    const auto corpus = corpus_in(DAMON_SCHEMES_RECORDINGS);
    for (const auto& [path, bytes] : corpus) {
        SCOPED_TRACE(path);
        exercise(bytes);
    }
    EXPECT_GE(corpus.size(), 8U);
}

TEST(RecordingCorpus, IsSurvivedCutOffAnywhere) {
    for (const auto& [path, bytes] : corpus_in(DAMON_SCHEMES_RECORDINGS)) {
        SCOPED_TRACE(path);
        for (std::size_t size = 0; size < bytes.size(); ++size) exercise(bytes.substr(0, size));
    }
}

TEST(RecordingCorpus, IsSurvivedWithChangedBytes) {
    std::mt19937_64 random(1);
    for (const auto& [path, bytes] : corpus_in(DAMON_SCHEMES_RECORDINGS)) {
        SCOPED_TRACE(path);
        for (int i = 0; i < 500 && !bytes.empty(); ++i) {
            std::string changed = bytes;
            for (std::size_t n = 1 + random() % 3; n > 0; --n)
                changed[random() % changed.size()] = static_cast<char>(random());
            exercise(changed);
        }
    }
}

TEST(RecordingFuzz, VariationsOfTheCorpusAreSurvived) {
    std::vector<std::string> corpus;
    for (auto& file : corpus_in(DAMON_SCHEMES_RECORDINGS)) corpus.push_back(std::move(file.bytes));
    const std::size_t tried =
        fuzz(Mutator(std::move(corpus), {}, fuzz_seed()), "recording", exercise);
    RecordProperty("tried", std::to_string(tried));
    EXPECT_GT(tried, 0U);
}

}  // namespace
}  // namespace damon_schemes
