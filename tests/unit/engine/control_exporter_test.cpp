// SPDX-License-Identifier: MIT
// How metrics get from the loop's thread to those who ask for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/control/exporter.h"
#include "tests/unit/engine/busy_daemon.h"
#include "tests/unit/engine/http_asker.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/engine/loop_run.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using testing::busy_daemon;
using ::testing::Contains;
using testing::get;
using ::testing::HasSubstr;
using testing::LaidOutFolder;
using ::testing::Not;
using ::testing::StartsWith;

class ExporterTest : public testing::LoopTest {
  protected:
    Exporter& exporter(Duration freshness = 1s, Duration longest_wait = 60s) {
        Exporter::Parts parts;
        parts.status = [this] {
            EXPECT_EQ(std::this_thread::get_id(), loop_thread_);
            ++read_;
            return busy_daemon();
        };
        parts.inform = [this](const std::string& text) { said_.push_back(text); };
        parts.warn = [this](const std::string& text) { said_.push_back("warning: " + text); };
        parts.version = "1.2.3";
        parts.freshness = freshness;
        parts.longest_wait = longest_wait;
        parts.file_interval = 10ms;
        exporter_ = std::make_unique<Exporter>(*loop_, std::move(parts));
        return *exporter_;
    }
    // Runs the loop while `asker` does, which is on a thread of its own.
    void run_beside(const std::function<void()>& asker) {
        std::thread thread([&] {
            asker();
            loop_->post([this] { loop_->stop(); });
        });
        ASSERT_TRUE(loop_->run());
        thread.join();
    }
    static std::string content(const std::string& path) {
        std::ifstream file(path);
        return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    }

    const std::thread::id loop_thread_ = std::this_thread::get_id();
    std::vector<std::string> said_;
    int read_ = 0;
    std::unique_ptr<Exporter> exporter_;
};

TEST_F(ExporterTest, TellsHowTheDaemonStandsWhenItIsAsked) {
    ASSERT_TRUE(exporter().serve("127.0.0.1:0"));
    EXPECT_THAT(said_, Contains("metrics are at http://" + exporter_->address() + "/metrics"));
    std::string text;
    run_beside([&] { text = get(exporter_->address(), "/metrics").body; });
    EXPECT_THAT(text, HasSubstr("damon_schemes_build_info{version=\"1.2.3\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("rule=\"name=nginx\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("damon_schemes_engine_resident_bytes "));
    EXPECT_THAT(text, HasSubstr("damon_schemes_reloads_total{result=\"failed\"} 0\n"));
    exporter_->reloaded(false);
}

TEST_F(ExporterTest, ReadsTheStateOnceHoweverManyAsk) {
    ASSERT_TRUE(exporter(1h).serve("127.0.0.1:0"));
    run_beside([&] {
        for (int turn = 0; turn < 20; ++turn)
            EXPECT_THAT(get(exporter_->address(), "/metrics").head, StartsWith("HTTP/1.1 200"));
    });
    EXPECT_EQ(read_, 1);
}

TEST_F(ExporterTest, CountsReloadsAndSaysHowTheLastOneWent) {
    ASSERT_TRUE(exporter(0ns).serve("127.0.0.1:0"));
    exporter_->reloaded(true);
    exporter_->reloaded(false);
    exporter_->reloaded(false);
    std::string text;
    run_beside([&] { text = get(exporter_->address(), "/metrics").body; });
    EXPECT_THAT(text, HasSubstr("damon_schemes_reloads_total{result=\"done\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("damon_schemes_reloads_total{result=\"failed\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("damon_schemes_last_reload_successful 0\n"));
    exporter_->reloaded(true);
    run_beside([&] { text = get(exporter_->address(), "/metrics").body; });
    EXPECT_THAT(text, HasSubstr("damon_schemes_last_reload_successful 1\n"));
}

TEST_F(ExporterTest, ALoopThatDoesNotAnswerKeepsNobodyWaiting) {
    ASSERT_TRUE(exporter(1s, 50ms).serve("127.0.0.1:0"));
    // Nobody runs the loop.
    EXPECT_THAT(get(exporter_->address(), "/metrics").head, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(get(exporter_->address(), "/").head, StartsWith("HTTP/1.1 200 "));
    EXPECT_EQ(read_, 0);
    exporter_.reset();
    // What was asked for comes too late, and finds nobody.
    loop_->post([this] { loop_->stop(); });
    ASSERT_TRUE(loop_->run());
    EXPECT_EQ(read_, 0);
}

TEST_F(ExporterTest, WritesAFileAgainAndAgainAndTakesItAwayAtTheEnd) {
    const LaidOutFolder folder({});
    const std::string path = folder.path() + "/damon-schemes.prom";
    ASSERT_TRUE(exporter().write_to(path));
    run_until([&] { return read_ >= 3 && std::filesystem::exists(path); });
    EXPECT_THAT(content(path), HasSubstr("damon_schemes_build_info{version=\"1.2.3\"} 1\n"));
    EXPECT_THAT(content(path), Not(HasSubstr("# EOF")));
    exporter_.reset();
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST_F(ExporterTest, AFileThatCannotBeWrittenIsToldOnce) {
    const LaidOutFolder folder({});
    const std::string below = folder.path() + "/below";
    std::filesystem::create_directory(below);
    ASSERT_TRUE(exporter().write_to(below + "/damon-schemes.prom"));
    std::filesystem::remove_all(below);
    run_until([&] { return read_ >= 5 && !said_.empty(); });
    EXPECT_EQ(said_.size(), 1U);
    EXPECT_THAT(said_[0], StartsWith("warning: metrics: "));
    std::filesystem::create_directory(below);
    run_until([&] { return said_.size() == 2; });
    EXPECT_EQ(said_[1], "metrics are written again");
}

TEST_F(ExporterTest, WhatCannotBeHadIsAnErrorAtOnce) {
    EXPECT_FALSE(exporter().serve("somewhere"));
    EXPECT_FALSE(exporter_->write_to("/nowhere/damon-schemes.prom"));
    EXPECT_EQ(exporter_->address(), "");
}

}  // namespace
}  // namespace damon_schemes
