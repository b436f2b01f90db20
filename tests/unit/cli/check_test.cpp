// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "program.h"

namespace damon_schemes {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const std::string sound =
    "version = 1\n"
    "[[scheme]]\n"
    "name = \"cold\"\n"
    "action = \"pageout\"\n"
    "frequency = { max = \"0%\" }\n"
    "age = { min = \"10s\" }\n";

TEST(Check, ASoundPolicyIsExplained) {
    const TextFile file(sound);
    const ProgramRun ran = run_program({"check", file.path()});
    EXPECT_EQ(ran.status, 0);
    EXPECT_THAT(ran.err, IsEmpty());
    EXPECT_THAT(ran.out, HasSubstr(file.path() + ": ok, 1 scheme\n"));
    EXPECT_THAT(ran.out, HasSubstr("cold: page out memory that no look found accessed"));
}

TEST(Check, ThePoliciesOfTheProjectAreSound) {
    for (const char* name :
         {"efficient-thp.toml", "ethp-v12.toml", "ethp-v24.toml", "gentle-reclaim.toml",
          "host-guard.toml", "lock-hot.toml", "observe.toml", "prcl-v12.toml", "prcl-v24.toml",
          "proactive-reclaim.toml", "tuned-reclaim.toml"}) {
        const ProgramRun ran =
            run_program({"check", std::string(DAMON_SCHEMES_SOURCE "/policies/") + name});
        EXPECT_EQ(ran.status, 0) << ran.err;
        EXPECT_THAT(ran.err, IsEmpty()) << name << " has warnings";
    }
}

// Two schemes in each other's way: sound, and hardly meant.
const std::string contested = sound +
                              "[[scheme]]\nname = \"colder\"\naction = \"pageout\"\n"
                              "frequency = { max = \"0%\" }\nage = { min = \"1min\" }\n";

TEST(Check, WarnsOfWhatIsHardlyMeantAndTakesItAllTheSame) {
    const TextFile file(contested);
    const ProgramRun ran = run_program({"check", file.path()});
    EXPECT_EQ(ran.status, 0);
    EXPECT_THAT(ran.out, HasSubstr(file.path() + ": ok, 2 schemes\n"));
    EXPECT_THAT(ran.err,
                HasSubstr(file.path() + ":8:1: warning: 'colder' has hardly anything to do"));
    EXPECT_THAT(ran.err, HasSubstr("\n  8 | name = \"colder\"\n"));
}

TEST(Check, WarningsAreInJsonToo) {
    const TextFile file(contested);
    const TextFile fine(sound);
    const ProgramRun ran = run_program({"check", "--json", file.path(), fine.path()});
    EXPECT_EQ(ran.status, 0);
    EXPECT_THAT(ran.err, IsEmpty());
    const auto root = nlohmann::json::parse(ran.out);
    ASSERT_EQ(root.size(), 2U);
    EXPECT_EQ(root[0]["ok"], true);
    EXPECT_EQ(root[0]["errors"], nlohmann::json::array());
    ASSERT_EQ(root[0]["warnings"].size(), 1U);
    EXPECT_EQ(root[0]["warnings"][0]["line"], 8);
    EXPECT_EQ(root[0]["warnings"][0]["key"], "scheme.colder.name");
    EXPECT_THAT(root[0]["warnings"][0]["message"].get<std::string>(), HasSubstr("hardly anything"));
    EXPECT_EQ(root[1]["warnings"], nlohmann::json::array());
}

// It cannot begin on a target that is not there, and that is after the policy was read.
TEST(Check, ApplyWarnsOnceToo) {
    const TextFile file(contested);
    const ProgramRun ran = run_program({"apply", file.path(), "--pid", "2147483647"});
    EXPECT_NE(ran.status, 0);
    const std::string warning = ":8:1: warning: 'colder'";
    const auto at = ran.err.find(warning);
    ASSERT_NE(at, std::string::npos) << ran.err;
    EXPECT_EQ(ran.err.find(warning, at + 1), std::string::npos) << ran.err;
}

TEST(Check, ReadsStandardInput) {
    const ProgramRun ran = run_program({"check", "-"}, sound);
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("<stdin>: ok, 1 scheme\n"));
}

TEST(Check, SetGoesOverTheFileAndTakesOneValueEach) {
    const TextFile file(sound);
    const ProgramRun ran = run_program({"check", "--set", "scheme.cold.age.min=30s", "--set",
                                        "monitor.sampling_interval=10ms", file.path()});
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("at least 30s"));
    EXPECT_THAT(ran.out, HasSubstr("look every 10ms"));
}

TEST(Check, AWrongSetIsNamedAsSuch) {
    const TextFile file(sound);
    const ProgramRun ran = run_program({"check", file.path(), "--set", "monitor.colour=red"});
    EXPECT_EQ(ran.status, 3);
    EXPECT_THAT(ran.err, HasSubstr("--set monitor.colour=red"));
}

// Each is refused with status 3, and the message has the place and what is wrong.
struct BadPolicy {
    const char* what;
    std::string text;
    std::vector<std::string> messages;
};

std::string nested(std::size_t depth, const std::string& open, const std::string& inner,
                   const std::string& close) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += open;
    text += inner;
    for (std::size_t i = 0; i < depth; ++i) text += close;
    return text;
}

std::vector<BadPolicy> bad_policies() {
    const std::string scheme = "version = 1\n[[scheme]]\nname = \"cold\"\naction = \"pageout\"\n";
    return {
        {"empty", "", {"<stdin>: "}},
        {"only a comment", "# nothing\n", {"<stdin>"}},
        {"no scheme", "version = 1\n", {"<stdin>:1:1: ", "no scheme"}},
        {"no version", "[[scheme]]\nname = \"a\"\naction = \"stat\"\n", {"version"}},
        {"no TOML", "{\"version\": 1}\n", {"<stdin>:1:1: "}},
        {"a binary",
         std::string("\x7f"
                     "ELF\x02\x01\x01\x00\x00\x00",
                     10),
         {"<stdin>:1:"}},
        {"no UTF-8", "version = 1 # \xff\xfe\n", {"<stdin>:1:"}},
        {"unknown key",
         scheme + "siez = { min = \"4KiB\" }\n",
         {"<stdin>:5:1: ", "'siez'", "did you mean 'size'"}},
        {"unknown action",
         "version = 1\n[[scheme]]\nname = \"a\"\naction = \"pageot\"\n",
         {"<stdin>:4:", "pageot", "pageout"}},
        {"wrong type", scheme + "size = 5\n", {"<stdin>:5:"}},
        {"negative size", scheme + "size = { min = \"-4KiB\" }\n", {"<stdin>:5:"}},
        {"overflowing size", scheme + "size = { min = \"99999999999999TiB\" }\n", {"<stdin>:5:"}},
        {"min over max", scheme + "age = { min = \"10s\", max = \"5s\" }\n", {"<stdin>:5:"}},
        {"duplicate scheme",
         scheme + "[[scheme]]\nname = \"cold\"\naction = \"stat\"\n",
         {"<stdin>:6:", "cold"}},
        {"duplicate key", scheme + "action = \"stat\"\n", {"<stdin>:5:"}},
        {"few regions", scheme + "[monitor]\nregions = { min = 2, max = 10 }\n", {"<stdin>:6:"}},
        {"aggregation under sampling",
         scheme + "[monitor]\nsampling_interval = \"1s\"\naggregation_interval = \"100ms\"\n",
         {"<stdin>:"}},
        {"a dotted key 60,000 deep", nested(60'000, "a.", "a = 1\n", ""), {"<stdin>:1:", "nested"}},
        {"a header 100,000 deep",
         "[" + nested(100'000, "a.", "a", "") + "]\n",
         {"<stdin>:1:", "nested"}},
        {"arrays 60,000 deep",
         "a = " + nested(60'000, "[", "", "]") + "\n",
         {"<stdin>:1:", "nested"}},
        {"over 1 MiB", std::string(2 << 20, '#'), {"too large", "1048576"}},
        {"over 1 MiB of zeros", std::string(2 << 20, '\0'), {"too large"}},
    };
}

TEST(Check, EveryBadPolicyGetsAClearMessageAndStatus3) {
    for (const BadPolicy& bad : bad_policies()) {
        const ProgramRun ran = run_program({"check", "-"}, bad.text);
        EXPECT_EQ(ran.status, 3) << bad.what << "\n" << ran.err;
        EXPECT_THAT(ran.out, IsEmpty()) << bad.what;
        for (const std::string& message : bad.messages)
            EXPECT_THAT(ran.err, HasSubstr(message)) << bad.what;
        EXPECT_LT(ran.err.size(), 20'000U) << bad.what;
    }
}

TEST(Check, BadPoliciesAreRefusedInJsonToo) {
    for (const BadPolicy& bad : bad_policies()) {
        const ProgramRun ran = run_program({"check", "--json", "-"}, bad.text);
        EXPECT_EQ(ran.status, 3) << bad.what;
        const auto root = nlohmann::json::parse(ran.out);
        ASSERT_EQ(root.size(), 1U);
        EXPECT_EQ(root[0]["ok"], false) << bad.what;
        ASSERT_FALSE(root[0]["errors"].empty()) << bad.what;
        for (const auto& error : root[0]["errors"])
            EXPECT_FALSE(error["message"].get<std::string>().empty()) << bad.what;
    }
}

TEST(Check, ReportsEveryErrorNotJustTheFirst) {
    const ProgramRun ran = run_program(
        {"check", "-"},
        "version = 1\n[monitor]\nsampling = \"5ms\"\n[[scheme]]\nname = \"a\"\naction = \"burn\"\n"
        "age = { min = \"soon\" }\n");
    EXPECT_EQ(ran.status, 3);
    EXPECT_THAT(ran.err, HasSubstr("<stdin>:3:1: "));
    EXPECT_THAT(ran.err, HasSubstr("<stdin>:6:"));
    EXPECT_THAT(ran.err, HasSubstr("<stdin>:7:"));
    EXPECT_THAT(ran.err, HasSubstr("3 errors; nothing can be applied before they are put right"));
}

TEST(Check, AFileThatCannotBeReadExitsWith2AndSaysWhy) {
    ProgramRun ran = run_program({"check", "/nonexistent/policy.toml"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("/nonexistent/policy.toml: cannot be read: No such file"));
    ran = run_program({"check", "/"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("/ has no policy: write /policy.toml"));
}

TEST(Check, OfAFolderChecksWhatADaemonWouldRead) {
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("check-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder / "policy.d");
    std::ofstream(folder / "policy.d/web.toml") << sound;
    std::ofstream(folder / "policy.toml") << "version = 1\nfoo = 1\n";
    const ProgramRun ran = run_program({"check", folder.string()});
    std::filesystem::remove_all(folder);
    EXPECT_EQ(ran.status, 3);
    EXPECT_THAT(ran.out, HasSubstr("policy.d/web.toml: ok"));
    EXPECT_THAT(ran.err, HasSubstr("policy.toml:2:1: "));
}

TEST(Check, AFileThatNeverEndsIsNotReadWhole) {
    const ProgramRun ran = run_program({"check", "/dev/zero"});
    EXPECT_EQ(ran.status, 3);
    EXPECT_THAT(ran.err, HasSubstr("too large"));
}

TEST(Check, GoesOnBehindABadFileAndExitsWithTheGravest) {
    const TextFile good(sound);
    const TextFile bad("version = 1\n");
    ProgramRun ran = run_program({"check", "/nonexistent", bad.path(), good.path()});
    EXPECT_EQ(ran.status, 3);
    EXPECT_THAT(ran.err, HasSubstr("/nonexistent: "));
    EXPECT_THAT(ran.err, HasSubstr(bad.path() + ":1:1: "));
    EXPECT_THAT(ran.out, HasSubstr(good.path() + ": ok"));
    ran = run_program({"check", "/nonexistent", good.path()});
    EXPECT_EQ(ran.status, 2);
}

TEST(Check, JsonHasAnObjectForEachFile) {
    const TextFile good(sound);
    const ProgramRun ran = run_program({"check", "--json", good.path(), "/nonexistent"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, IsEmpty());
    const auto root = nlohmann::json::parse(ran.out);
    ASSERT_EQ(root.size(), 2U);
    EXPECT_EQ(root[0]["file"], good.path());
    EXPECT_EQ(root[0]["ok"], true);
    EXPECT_EQ(root[0]["errors"], nlohmann::json::array());
    EXPECT_EQ(root[0]["schemes"][0]["name"], "cold");
    EXPECT_EQ(root[0]["schemes"][0]["action"], "pageout");
    EXPECT_EQ(root[1]["file"], "/nonexistent");
    EXPECT_EQ(root[1]["ok"], false);
    EXPECT_THAT(root[1]["errors"][0]["message"].get<std::string>(), HasSubstr("cannot be read"));
}

TEST(Check, JsonTellsRulesWhole) {
    const ProgramRun ran = run_program(
        {"check", "--json", "-"},
        sound + "[[target]]\nunit = \"web@*.service\"\nuser = \"web\"\nmin_rss = \"1MiB\"\n");
    EXPECT_EQ(ran.status, 0) << ran.err;
    const auto target = nlohmann::json::parse(ran.out)[0]["targets"][0];
    EXPECT_EQ(target["unit"], "web@*.service");
    EXPECT_EQ(target["user"], "web");
    EXPECT_EQ(target["min_rss_bytes"], 1 << 20);
    EXPECT_TRUE(target["cgroup"].is_null());
    EXPECT_TRUE(target["pid"].is_null());
    EXPECT_EQ(target["all"], true);
}

TEST(Check, TakesAFileBehindTwoDashes) {
    const ProgramRun ran = run_program({"check", "--", "--weird.toml"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("--weird.toml: cannot be read"));
}

// What the kernel's own DAMON cannot do is an error of a policy that needs it.
TEST(Check, WhatCannotBeDoneOnPhysicalMemoryIsNamed) {
    const std::string policy =
        "version = 1\n[monitor]\nmemory = \"physical\"\n[limits]\nbrake = \"off\"\nguard = "
        "\"off\"\n"
        "[[scheme]]\nname = \"cold\"\naction = \"pageout\"\n";
    const TextFile good(policy);
    const ProgramRun taken = run_program({"check", good.path()});
    EXPECT_EQ(taken.status, 0) << taken.err;
    EXPECT_THAT(taken.out, HasSubstr("on all memory of the machine"));
    EXPECT_THAT(taken.out, testing::Not(HasSubstr("targets:")));
    const TextFile bad(policy + "verify = { idle = \"1s\" }\n");
    const ProgramRun refused = run_program({"check", bad.path()});
    EXPECT_EQ(refused.status, 3);
    EXPECT_THAT(refused.err, HasSubstr("scheme 'cold': it has 'verify'"));
}

}  // namespace
}  // namespace damon_schemes
