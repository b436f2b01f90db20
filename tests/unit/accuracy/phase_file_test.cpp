// SPDX-License-Identifier: MIT
#include "benchmarks/accuracy/phase_file.h"

#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace damon_schemes::accuracy {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

PhaseFile read(const std::string& text) {
    auto file = read_phase_file(text, "test.toml");
    EXPECT_TRUE(file) << file.error().message;
    return file ? *file : PhaseFile{};
}

std::string refusal_of(const std::string& text) {
    const auto file = read_phase_file(text, "test.toml");
    return file ? "" : file.error().message;
}

const std::string start = R"(about = "a test"
[[area]]
name = "heap"
size = "64MiB"
)";

TEST(PhaseFile, AnAccessIsReadWithAllItsKeys) {
    const PhaseFile file = read(start + R"(
[[phase]]
duration = "2s"
[[phase.access]]
area = "heap"
share = "30%"
order = "random"
stride = "64KiB"
writes = "25%"
part = { from = "50%", to = "75%" }
spots = { number = 3, size = "64KiB", seed = 9 }
)");
    ASSERT_EQ(file.program.phases.size(), 1U);
    ASSERT_EQ(file.program.phases[0].accesses.size(), 1U);
    const Access& access = file.program.phases[0].accesses[0];
    EXPECT_EQ(access.share, Share{300'000});
    EXPECT_FALSE(access.round);
    EXPECT_TRUE(access.random);
    EXPECT_EQ(access.stride, kibibytes(64));
    EXPECT_EQ(access.writes, Share{250'000});
    EXPECT_EQ(access.from, Share{500'000});
    EXPECT_EQ(access.to, Share{750'000});
    ASSERT_TRUE(access.spots);
    EXPECT_EQ(access.spots->number, 3U);
    EXPECT_EQ(access.spots->size, kibibytes(64));
    EXPECT_EQ(access.spots->seed, 9U);
}

TEST(PhaseFile, SizesHoldUntilAPhaseChangesThem) {
    const PhaseFile file = read(start + R"(
[[phase]]
duration = "1s"
[[phase]]
duration = "1s"
sizes = { heap = "128MiB" }
[[phase]]
duration = "1s"
[[phase]]
duration = "1s"
sizes = { heap = "0" }
)");
    EXPECT_EQ(file.program.size_in(0, 0), mebibytes(64));
    EXPECT_EQ(file.program.size_in(2, 0), mebibytes(128));
    EXPECT_EQ(file.program.size_in(3, 0), Bytes{0});
    EXPECT_EQ(file.program.most_of(0), mebibytes(128));
    EXPECT_EQ(file.program.duration(), 4s);
}

TEST(PhaseFile, PhasesAreRepeatedAsAWhole) {
    const PhaseFile file = read("repeat = 3\n" + start +
                                "[[phase]]\nduration = \"1s\"\n[[phase]]\nduration = \"2s\"\n");
    ASSERT_EQ(file.program.phases.size(), 6U);
    EXPECT_EQ(file.program.phases[2].duration, 1s);
    EXPECT_EQ(file.program.phases[5].duration, 2s);
}

TEST(PhaseFile, AChildHasItsParentsAreasAsTheyAreWhenItIsForked) {
    const PhaseFile file = read(start + R"(
[[phase]]
duration = "1s"
[[phase]]
duration = "1s"
sizes = { heap = "32MiB" }
[[child]]
in_phase = 2
[[child.area]]
name = "own"
size = "8MiB"
[[child.phase]]
duration = "1s"
access = [{ area = "heap", share = "10%" }, { area = "own", share = "10%" }]
)");
    ASSERT_EQ(file.children.size(), 1U);
    const ProgramPlan& child = file.children[0].program;
    EXPECT_EQ(file.children[0].forked_in, 1U);
    ASSERT_EQ(child.areas.size(), 2U);
    EXPECT_TRUE(child.areas[0].inherited);
    EXPECT_EQ(child.areas[0].size, mebibytes(32));
    EXPECT_FALSE(child.areas[1].inherited);
    EXPECT_EQ(child.phases[0].accesses[1].area, 1U);
}

TEST(PhaseFile, ScalingTakesSizesSpotsAndTimes) {
    const PhaseFile file = scaled(read(start + R"(
[[phase]]
duration = "2s"
access = [
    { area = "heap", round = "100ms", spots = { number = 3, size = "64KiB" } },
]
)"),
                                  0.5, 4);
    EXPECT_EQ(file.program.areas[0].size, mebibytes(32));
    EXPECT_EQ(file.program.phases[0].duration, 8s);
    EXPECT_EQ(file.program.phases[0].accesses[0].round, 400ms);
    EXPECT_EQ(file.program.phases[0].accesses[0].spots->size, kibibytes(32));
    EXPECT_EQ(file.program.phases[0].accesses[0].spots->number, 3U);
}

TEST(PhaseFile, RefusesWithTheLine) {
    EXPECT_THAT(refusal_of("about = \n"), HasSubstr("test.toml:1: this is not TOML"));
    EXPECT_THAT(refusal_of(start), HasSubstr("a program needs a phase"));
    EXPECT_THAT(refusal_of(start + "[[phase]]\ndurration = \"1s\"\n"),
                HasSubstr("test.toml:6: there is no key 'durration' here"));
    const std::string phase = start + "[[phase]]\nduration = \"1s\"\n";
    EXPECT_THAT(refusal_of(phase + "access = [{ area = \"stack\", share = \"1%\" }]\n"),
                HasSubstr("there is no area 'stack'"));
    EXPECT_THAT(refusal_of(phase + "access = [{ area = \"heap\" }]\n"),
                HasSubstr("either a share of time, or a round"));
    EXPECT_THAT(refusal_of(phase + "access = [{ area = \"heap\", share = \"60%\" },"
                                   "{ area = \"heap\", share = \"60%\" }]\n"),
                HasSubstr("more than 100 %"));
    EXPECT_THAT(refusal_of(phase + "sizes = { heap = \"0\" }\n"
                                   "access = [{ area = \"heap\", share = \"1%\" }]\n"),
                HasSubstr("'heap' is used and not mapped"));
    EXPECT_THAT(refusal_of(phase + "access = [{ area = \"heap\", share = \"1%\","
                                   "spots = { number = 100, size = \"1MiB\" } }]\n"),
                HasSubstr("the spots do not fit"));
    EXPECT_THAT(refusal_of(phase + "[[child]]\nin_phase = 1\n[[child.phase]]\nduration = \"2s\"\n"),
                HasSubstr("longer than its parent"));
    EXPECT_THAT(
        refusal_of("about = \"x\"\n[[area]]\nname = \"a\"\nsize = \"3MiB\"\npages = \"huge\"\n"
                   "[[phase]]\nduration = \"1s\"\n"),
        HasSubstr("no multiple of 2MiB"));
}

// Those that the results are made with.
TEST(PhaseFile, EveryFileOfTheFolderCanBeUsed) {
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(std::string(DAMON_SCHEMES_SOURCE) +
                                                                 "/benchmarks/accuracy/phases")) {
        if (entry.path().extension() != ".toml") continue;
        std::stringstream text;
        text << std::ifstream(entry.path()).rdbuf();
        const auto file = read_phase_file(text.str(), entry.path().filename());
        ASSERT_TRUE(file) << file.error().message;
        std::uint64_t bytes = 0;
        for (std::size_t area = 0; area < file->program.areas.size(); ++area)
            bytes += file->program.most_of(area).count;
        EXPECT_LE(bytes, std::uint64_t{1} << 30) << entry.path();
        ++files;
    }
    EXPECT_GE(files, 8U);
}

}  // namespace
}  // namespace damon_schemes::accuracy
