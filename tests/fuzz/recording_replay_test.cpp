// SPDX-License-Identifier: MIT
// The corpus of the recordings' fuzzer, with any compiler and in every test run.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "tests/fuzz/recording.h"

namespace damon_schemes {
namespace {

std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

void exercise(const std::string& bytes) {
    exercise_recording(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

TEST(RecordingCorpus, IsSurvived) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(DAMON_SCHEMES_RECORDINGS)) {
        SCOPED_TRACE(entry.path().string());
        exercise(bytes_of(entry.path()));
        ++count;
    }
    EXPECT_GE(count, 8U);
}

TEST(RecordingCorpus, IsSurvivedCutOffAnywhere) {
    for (const auto& entry : std::filesystem::directory_iterator(DAMON_SCHEMES_RECORDINGS)) {
        const std::string bytes = bytes_of(entry.path());
        SCOPED_TRACE(entry.path().string());
        for (std::size_t size = 0; size < bytes.size(); ++size) exercise(bytes.substr(0, size));
    }
}

TEST(RecordingCorpus, IsSurvivedWithChangedBytes) {
    std::mt19937_64 random(1);
    for (const auto& entry : std::filesystem::directory_iterator(DAMON_SCHEMES_RECORDINGS)) {
        const std::string bytes = bytes_of(entry.path());
        SCOPED_TRACE(entry.path().string());
        for (int i = 0; i < 500 && !bytes.empty(); ++i) {
            std::string changed = bytes;
            for (std::size_t n = 1 + random() % 3; n > 0; --n)
                changed[random() % changed.size()] = static_cast<char>(random());
            exercise(changed);
        }
    }
}

}  // namespace
}  // namespace damon_schemes
