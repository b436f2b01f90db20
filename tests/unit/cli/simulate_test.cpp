// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "program.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/engine/phase_recording.h"
#include "tests/unit/engine/recorded.h"

namespace damon_schemes {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* eager =
    "version = 1\n[[scheme]]\nname = \"cold\"\naction = \"pageout\"\nfrequency = { max = \"0%\" }\n"
    "age = { min = \"1s\" }\nquota = \"off\"\n[limits]\nmin_free_swap = \"off\"\n";
constexpr const char* mild =
    "version = 1\n[[scheme]]\nname = \"cold\"\naction = \"pageout\"\nfrequency = { max = \"0%\" }\n"
    "age = { min = \"3s\" }\nquota = { bytes = \"1MiB\", per = \"1s\" }\n";

class SimulateCommand : public ::testing::Test {
  protected:
    void SetUp() override {
        const auto recorded = phase_recording::phases_with_mappings();
        testing::write_recording(at("a.dsr"), recorded.info, recorded.events);
    }
    std::string at(const std::string& name) const { return folder.path() + "/" + name; }
    ProgramRun simulate(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), "simulate");
        return run_program(arguments);
    }
    nlohmann::json runs(std::vector<std::string> arguments) const {
        arguments.push_back("--json");
        const ProgramRun ran = simulate(std::move(arguments));
        EXPECT_EQ(ran.status, 0) << ran.err;
        return nlohmann::json::parse(ran.out, nullptr, false);
    }

    const testing::LaidOutFolder folder{{"eager.toml", eager}, {"mild.toml", mild}};
};

TEST_F(SimulateCommand, ComparesPoliciesInOneTableThatFits80Columns) {
    const ProgramRun ran = simulate({at("eager.toml"), at("mild.toml"), at("a.dsr"), "--plot"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_THAT(ran.err, IsEmpty());
    EXPECT_THAT(ran.out, HasSubstr("\neager "));
    EXPECT_THAT(ran.out, HasSubstr("\nmild "));
    EXPECT_THAT(ran.out, HasSubstr("Schemes of mild"));
    EXPECT_THAT(ran.out, HasSubstr("Out of memory: eager"));
    EXPECT_THAT(ran.out, Not(HasSubstr("\x1b")));
    std::istringstream lines(ran.out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

// The program uses each part of its heap again after a while, so what left comes back.
TEST_F(SimulateCommand, TellsTheEagerPolicyFromTheMildOne) {
    const auto found = runs({at("eager.toml"), at("mild.toml"), at("a.dsr")});
    ASSERT_EQ(found.size(), 2U);
    const auto left = [&](std::size_t i) { return found[i]["left_bytes"].get<std::uint64_t>(); };
    EXPECT_GT(left(0), std::uint64_t{1} << 30) << "cold mapped memory";
    EXPECT_GT(left(1), 0U);
    EXPECT_LE(left(1), std::uint64_t{8} << 20) << "1 MiB a second for 8 s";
    EXPECT_GT(found[1]["schemes"][0]["quota_exceeded_snapshots"].get<int>(), 0);
    EXPECT_GT(found[0]["returned_bytes"]["within_10_seconds"].get<std::uint64_t>(), 0U);
    for (const auto& run : found) {
        const auto& last = run["course"].back();
        EXPECT_EQ(last["out_bytes"], run["out_at_end_bytes"]);
        EXPECT_EQ(last["left_bytes"], run["left_bytes"]);
    }
}

TEST_F(SimulateCommand, SetsKeysOverThePolicy) {
    const auto found = runs({at("eager.toml"), at("a.dsr"), "--set", "scheme.cold.age.min=1h"});
    EXPECT_EQ(found[0]["left_bytes"], 0);
}

TEST_F(SimulateCommand, WritesDataAndPictures) {
    const ProgramRun csv = simulate({at("eager.toml"), at("a.dsr"), "--csv"});
    EXPECT_THAT(csv.out,
                StartsWith("policy,recording,at_ns,out_bytes,left_bytes,returned_bytes\n"));
    const ProgramRun svg =
        simulate({at("eager.toml"), at("mild.toml"), at("a.dsr"), "--format", "svg"});
    EXPECT_THAT(svg.out, HasSubstr("<svg "));
    EXPECT_THAT(svg.out, HasSubstr("Out of memory: mild"));
}

TEST_F(SimulateCommand, SaysWhatIsWrongAndWhatToDo) {
    const ProgramRun alone = simulate({at("eager.toml")});
    EXPECT_EQ(alone.status, 2);
    EXPECT_THAT(alone.err, HasSubstr("damon-schemes record"));
    EXPECT_EQ(simulate({at("eager.toml"), at("gone.dsr")}).status, 2);
    EXPECT_EQ(simulate({at("a.dsr"), at("a.dsr")}).status, 3) << "a recording is no policy";
    const ProgramRun swap = simulate({at("eager.toml"), at("a.dsr"), "--swap", "much"});
    EXPECT_EQ(swap.status, 2);
    EXPECT_THAT(swap.err, HasSubstr("--swap: 'much'"));
}

TEST_F(SimulateCommand, GoesAsFarAsADamagedRecordingGoes) {
    auto octets = testing::octets_of(at("a.dsr"));
    octets.resize(octets.size() - 10);
    testing::put_octets(at("cut.dsr"), octets);
    const ProgramRun ran = simulate({at("eager.toml"), at("cut.dsr")});
    EXPECT_EQ(ran.status, 0);
    EXPECT_THAT(ran.err, HasSubstr("cut.dsr: "));
    EXPECT_THAT(ran.out, HasSubstr("\neager "));
}

}  // namespace
}  // namespace damon_schemes
