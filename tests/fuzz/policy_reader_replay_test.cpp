// SPDX-License-Identifier: MIT
// The fuzzer's corpus, and what ever crashed it, with any compiler and in every test run.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/policy_reader.h"

namespace damon_schemes {
namespace {

std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

void exercise(const std::string& bytes) {
    exercise_policy_reader(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

TEST(PolicyReaderCorpus, IsSurvived) {
    std::size_t count = 0;
    for (const std::string folder : {DAMON_SCHEMES_CORPUS, DAMON_SCHEMES_POLICIES})
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            SCOPED_TRACE(entry.path().string());
            exercise(bytes_of(entry.path()));
            ++count;
        }
    EXPECT_GE(count, 10U);
}

// Each prefix ends in the middle of something.
TEST(PolicyReaderCorpus, IsSurvivedCutOffAnywhere) {
    for (const auto& entry : std::filesystem::directory_iterator(DAMON_SCHEMES_CORPUS)) {
        const std::string bytes = bytes_of(entry.path());
        if (bytes.size() > 2000) continue;
        SCOPED_TRACE(entry.path().string());
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

}  // namespace
}  // namespace damon_schemes
