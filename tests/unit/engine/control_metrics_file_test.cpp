// SPDX-License-Identifier: MIT
// Metrics in a file that others read at any time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <thread>

#include "engine/control/metrics_file.h"
#include "tests/unit/engine/laid_out_folder.h"

namespace damon_schemes {
namespace {

using ::testing::HasSubstr;
using testing::LaidOutFolder;

constexpr MetricFamily level{"level", MetricKind::gauge, "", "How high."};

Metrics of(int samples) {
    Metrics metrics{{&level, {}}};
    for (int i = 0; i < samples; ++i)
        metrics[0].samples.push_back({{{"which", std::to_string(i)}}, 1});
    return metrics;
}

std::string content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(MetricsFile, IsThereForAllToReadAndGoesAtTheEnd) {
    const LaidOutFolder folder({});
    const std::string path = folder.path() + "/damon-schemes.prom";
    const mode_t mask = ::umask(0077);
    {
        auto file = MetricsFile::at(path);
        ASSERT_TRUE(file) << file.error().message;
        EXPECT_FALSE(std::filesystem::exists(path));
        ASSERT_TRUE(file->write(of(1)));
        EXPECT_THAT(content(path), HasSubstr("level{which=\"0\"} 1\n"));
        struct stat found {};
        ASSERT_EQ(::stat(path.c_str(), &found), 0);
        EXPECT_EQ(found.st_mode & 0777U, 0644U);
        ASSERT_TRUE(file->write(of(2)));
        EXPECT_THAT(content(path), HasSubstr("level{which=\"1\"} 1\n"));
    }
    ::umask(mask);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(MetricsFile, IsNeverSeenHalf) {
    const LaidOutFolder folder({});
    const std::string path = folder.path() + "/damon-schemes.prom";
    auto file = MetricsFile::at(path);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write(of(1)));
    const std::string small = exposition(of(1), ExpositionFormat::text);
    const std::string large = exposition(of(5000), ExpositionFormat::text);
    std::atomic<bool> done = false;
    std::thread writer([&] {
        for (int turn = 0; turn < 50; ++turn) EXPECT_TRUE(file->write(of(turn % 2 ? 1 : 5000)));
        done = true;
    });
    while (!done) {
        const std::string seen = content(path);
        EXPECT_TRUE(seen == small || seen == large) << seen.size() << " bytes";
    }
    writer.join();
}

TEST(MetricsFile, WhatCannotBeWrittenIsSaidAndWhatWasThereStays) {
    const LaidOutFolder folder({});
    const std::string path = folder.path() + "/damon-schemes.prom";
    auto file = MetricsFile::at(path);
    ASSERT_TRUE(file);
    // A folder is in the way of the file beside it.
    const std::string beside = path + ".new-" + std::to_string(::getpid());
    ASSERT_TRUE(file->write(of(1)));
    std::filesystem::create_directory(beside);
    const auto failed = file->write(of(2));
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().message, HasSubstr(beside));
    EXPECT_EQ(content(path), exposition(of(1), ExpositionFormat::text));
    std::filesystem::remove(beside);
    EXPECT_TRUE(file->write(of(2)));
}

TEST(MetricsFile, ANameThatNobodyWouldReadIsRefused) {
    const LaidOutFolder folder({});
    for (const std::string& name :
         {folder.path() + "/damon-schemes.txt", folder.path() + "/.prom", folder.path(),
          folder.path() + "/none/damon-schemes.prom", std::string()}) {
        const auto file = MetricsFile::at(name);
        ASSERT_FALSE(file) << name;
        EXPECT_EQ(file.error().kind, ErrorKind::usage);
    }
}

}  // namespace
}  // namespace damon_schemes
