// SPDX-License-Identifier: MIT
// What is written down of each action.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "engine/control/audit.h"
#include "tests/unit/engine/laid_out_folder.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::HasSubstr;
using testing::LaidOutFolder;

AuditEntry an_entry() {
    AuditEntry entry;
    entry.policy = "/etc/x/web.toml";
    entry.scheme = "cold";
    entry.action = "pageout";
    entry.pid = 100;
    entry.target = "nginx\x1b\xff";
    entry.ranges = 3;
    entry.all = {0x7f0000000000, 0x7f0000600000};
    entry.asked = mebibytes(4);
    entry.advised = mebibytes(3);
    entry.paged_out = mebibytes(2);
    entry.gaps = {{"touched", kibibytes(12)}, {"refused", kibibytes(4)}};
    entry.last_errno = EPERM;
    entry.spent = 3100us;
    return entry;
}

void unexpected(const Error& error) {
    ADD_FAILURE() << error.message;
}

std::vector<std::string> lines_of(const std::string& file) {
    std::ifstream text(file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
}

TEST(Audit, IsALineOfJsonThatSaysWhatWhereWhyAndWhatCameOfIt) {
    const auto when = std::chrono::system_clock::time_point(1'700'000'000'123ms);
    const std::string line = audit_json(an_entry(), when);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const json told = json::parse(line);
    EXPECT_EQ(told["time"], "2023-11-14T22:13:20.123Z");
    EXPECT_EQ(told["pid"], 100);
    EXPECT_EQ(told["first"], "0x7f0000000000");
    EXPECT_EQ(told["last"], "0x7f0000600000");
    EXPECT_EQ(told["asked_bytes"], 4U << 20);
    EXPECT_EQ(told["paged_out_bytes"], 2U << 20);
    EXPECT_EQ(told["gaps_bytes"], json({{"touched", 12U << 10}, {"refused", 4U << 10}}));
    EXPECT_EQ(told["errno"], EPERM);
    EXPECT_EQ(told["spent_ns"], 3'100'000);
    AuditEntry fine = an_entry();
    fine.last_errno = 0;
    EXPECT_TRUE(json::parse(audit_json(fine, when))["errno"].is_null());
}

TEST(Audit, InWordsHasNothingThatATerminalObeys) {
    const std::string words = audit_words(an_entry());
    EXPECT_THAT(words, HasSubstr("/etc/x/web.toml: cold, pageout of nginx?"));
    EXPECT_THAT(words, HasSubstr("3 ranges in 0x7f0000000000-0x7f0000600000, 4.0 MiB asked for"));
    EXPECT_THAT(words, HasSubstr("touched 12.0 KiB"));
    EXPECT_THAT(words, HasSubstr("Operation not permitted"));
    EXPECT_EQ(words.find('\x1b'), std::string::npos);
}

TEST(Audit, AppendsToItsFileAndGoesOnInANewOneOnceThatWasMoved) {
    const LaidOutFolder folder{{"audit", "before\n"}};
    const std::string file = folder.path() + "/audit";
    {
        auto audit = Audit::to_file(file, unexpected);
        ASSERT_TRUE(audit) << audit.error().message;
        (*audit)->write(an_entry());
        (*audit)->reopen();
        (*audit)->write(an_entry());
    }
    ASSERT_EQ(lines_of(file).size(), 3U);
    EXPECT_EQ(lines_of(file)[0], "before");
    {
        auto audit = Audit::to_file(file, unexpected);
        ASSERT_TRUE(audit);
        std::filesystem::rename(file, file + ".1");
        (*audit)->write(an_entry());
        (*audit)->reopen();
        (*audit)->write(an_entry());
        (*audit)->write(an_entry());
    }
    EXPECT_EQ(lines_of(file + ".1").size(), 4U);
    EXPECT_EQ(lines_of(file).size(), 2U);
    struct stat found {};
    ASSERT_EQ(::stat(file.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0137U, 0U) << "nobody else may read, and the group not write";
}

TEST(Audit, SaysOnceThatItsFileCannotBeWrittenAndCountsWhatWasLost) {
    if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "there is no /dev/full";
    const LaidOutFolder folder{{"moved", ""}};
    const std::string file = folder.path() + "/audit";
    std::filesystem::create_symlink("/dev/full", file);
    std::atomic<int> failures{0};
    {
        auto audit = Audit::to_file(file, [&](const Error& error) {
            EXPECT_EQ(error.code, ENOSPC);
            ++failures;
        });
        ASSERT_TRUE(audit) << audit.error().message;
        (*audit)->write(an_entry());
        while (failures == 0) std::this_thread::yield();
        std::filesystem::remove(file);
        (*audit)->reopen();
        (*audit)->write(an_entry());
    }
    EXPECT_EQ(failures, 1);
    const auto lines = lines_of(file);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(json::parse(lines[0])["left_out"], 1);
    EXPECT_EQ(json::parse(lines[1])["scheme"], "cold");
}

TEST(Audit, SaysWhyItsFileCannotBeHad) {
    const auto audit = Audit::to_file("/nowhere/audit", unexpected);
    ASSERT_FALSE(audit);
    EXPECT_EQ(audit.error().kind, ErrorKind::usage);
    EXPECT_THAT(audit.error().message, HasSubstr("/nowhere/audit"));
}

TEST(Audit, LeavesOutWhatIsTooMuchAndSaysHowMuchThatWas) {
    std::vector<std::string> log;
    const auto audit = Audit::to_log([&](const std::string& line) { log.push_back(line); });
    const auto written = static_cast<std::uint64_t>(LineBudget::most_at_once) * 3;
    for (std::uint64_t i = 0; i < written; ++i) audit->write(an_entry());
    EXPECT_LT(log.size(), written);
    // Until the next line may be written again.
    const auto told = [&] {
        return std::any_of(log.begin(), log.end(), [](const std::string& line) {
            return line.find("actions were left out here") != std::string::npos;
        });
    };
    while (!told()) audit->write(an_entry());
    SUCCEED();
}

}  // namespace
}  // namespace damon_schemes
