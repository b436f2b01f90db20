// SPDX-License-Identifier: MIT
// The fuzzer's corpus, and what ever crashed it, with any compiler and in every test run.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemes/policy/keys.h"
#include "tests/fuzz/corpus.h"
#include "tests/fuzz/policy_reader.h"

namespace damon_schemes {
namespace {

void exercise(const std::string& bytes) {
    exercise_policy_reader(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

TEST(PolicyReaderCorpus, IsSurvived) {
    std::size_t count = 0;
    for (const std::string folder : {DAMON_SCHEMES_CORPUS, DAMON_SCHEMES_POLICIES})
        for (const auto& [path, bytes] : corpus_in(folder)) {
            SCOPED_TRACE(path);
            exercise(bytes);
            ++count;
        }
    EXPECT_GE(count, 10U);
}

// Each prefix ends in the middle of something.
TEST(PolicyReaderCorpus, IsSurvivedCutOffAnywhere) {
    for (const auto& [path, bytes] : corpus_in(DAMON_SCHEMES_CORPUS)) {
        if (bytes.size() > 2000) continue;
        SCOPED_TRACE(path);
        for (std::size_t size = 0; size < bytes.size(); ++size) exercise(bytes.substr(0, size));
    }
}

// Too large to be kept as files.
TEST(PolicyReaderCorpus, HostileSizesAreSurvived) {
    const auto repeated = [](std::string_view text, std::size_t times) {
        std::string result;
        result.reserve(text.size() * times);
        for (std::size_t i = 0; i < times; ++i) result += text;
        return result;
    };
    for (const std::string_view piece : {"a.",
                                         "[",
                                         "[[",
                                         "{a=",
                                         "[a.",
                                         "\"",
                                         "'",
                                         "\"\"\"",
                                         "'''",
                                         "\\",
                                         "#",
                                         "\n",
                                         "=",
                                         "a=1\n",
                                         "[[a]]\n",
                                         "[[scheme]]\n",
                                         "[[a.b]]\n[a.b.c]\n",
                                         "\xff",
                                         "\xe4\xb8\xad",
                                         "[a]\n",
                                         "-",
                                         "9",
                                         "a=[[[[[[[[[[\n",
                                         "]",
                                         "}"}) {
        exercise(repeated(piece, 1'000'000 / piece.size()));
        exercise("version = 1\nx = " + repeated(piece, 60'000));
        exercise("version = 1\n" + repeated(piece, 60'000) + " = 1\n");
        exercise("version = 1\n\n--set\nmonitor.tlb=" + repeated(piece, 60'000));
        exercise("version = 1\n\n--set\n" + repeated(piece, 60'000) + "=1");
    }
}

TEST(PolicyReaderFuzz, VariationsOfTheCorpusAreSurvived) {
    std::vector<std::string> corpus;
    for (const std::string folder : {DAMON_SCHEMES_CORPUS, DAMON_SCHEMES_POLICIES})
        for (auto& file : corpus_in(folder)) corpus.push_back(std::move(file.bytes));
    std::vector<std::string> words = {
        "\n[[scheme]]\n", "\n--set\n", " = ", "{ ", " }", "\"", "off"};
    for (const PolicyKey& key : policy_keys()) {
        words.emplace_back(key.path.substr(key.path.rfind('.') + 1));
        words.emplace_back(key.example);
    }
    constexpr unsigned part = 4;  // the readers of recordings have more to hide
    const std::size_t tried =
        fuzz(Mutator(std::move(corpus), std::move(words), fuzz_seed()), "policy", exercise, part);
    RecordProperty("tried", std::to_string(tried));
    EXPECT_GT(tried, 0U);
}

}  // namespace
}  // namespace damon_schemes
