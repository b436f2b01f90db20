// SPDX-License-Identifier: MIT
// What a workload tells, and what a simulation takes for the truth instead.  Tests of the workload
// say what may be touched and how often at most, which holds however slow the machine is.
#include "benchmarks/accuracy/workload.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "benchmarks/accuracy/ideal.h"
#include "benchmarks/accuracy/truth_file.h"

namespace damon_schemes::accuracy {
namespace {

using namespace std::chrono_literals;

PhaseFile file_of(const std::string& text) {
    auto file = read_phase_file("about = \"a test\"\n" + text, "test.toml");
    EXPECT_TRUE(file) << file.error().message;
    return file ? *file : PhaseFile{};
}

constexpr const char* two_phases = R"(
[[area]]
name = "heap"
size = "4MiB"
[[area]]
name = "later"
size = "0"
kind = "shared"
[[phase]]
duration = "200ms"
access = [
    { area = "heap", share = "40%", part = { from = "25%", to = "50%" }, order = "random" },
    { area = "heap", round = "100ms", part = { from = "75%" }, writes = "100%" },
]
[[phase]]
duration = "200ms"
sizes = { heap = "2MiB", later = "1MiB" }
access = [{ area = "later", share = "40%", spots = { number = 4, size = "8KiB" } }]
)";

std::uint64_t bytes_of(const std::vector<Use>& uses, bool touched) {
    std::uint64_t bytes = 0;
    for (const Use& use : uses)
        if ((use.looks > 0) == touched) bytes += use.range.size().count;
    return bytes;
}

// Offsets from the first area's beginning.
void expect_the_first_phase(const Truth& truth) {
    ASSERT_EQ(truth.phases().size(), 2U);
    const std::uint64_t start = truth.area(0, 0).start;
    const auto uses = truth.use_of(0, {truth.phases()[0], truth.phases()[1], truth.slot()});
    std::uint64_t bytes = 0, touched = 0;
    for (const Use& use : uses) {
        bytes += use.range.size().count;
        if (use.looks == 0) continue;
        touched += use.range.size().count;
        const AddressRange at{use.range.start - start, use.range.end - start};
        const bool in_share = at.start >= 1 << 20 && at.end <= 2 << 20;
        const bool in_round = at.start >= 3 << 20 && at.end <= 4 << 20;
        EXPECT_TRUE(in_share || in_round) << at.start << " to " << at.end;
        // Two rounds begin, and a touch may count to two slots.
        if (in_round) {
            EXPECT_LE(use.looks, 4U);
        }
    }
    EXPECT_EQ(bytes, 4U << 20);
    EXPECT_GT(touched, 0U);
}

TEST(Workload, TellsWhatItTouchedAndNothingElse) {
    Workload workload(file_of(two_phases), {});
    const Truth truth = workload.run();
    EXPECT_EQ(truth.processes(), 1U);
    EXPECT_EQ(truth.pid(0), getpid());
    EXPECT_EQ(truth.end() - truth.begin(), 400ms);
    expect_the_first_phase(truth);

    // A little into the second phase, when the new area is there in any case, or the rest of it is
    // too short to say anything.
    const auto later = truth.use_of(0, {truth.phases()[1] + 100ms, truth.end(), truth.slot()});
    const std::uint64_t start = truth.area(0, 1).start;
    for (const Use& use : later) {
        if (use.looks == 0) continue;
        EXPECT_GE(use.range.start, start);
        EXPECT_LE(use.range.end, start + (1 << 20));
    }
    EXPECT_LE(bytes_of(later, true), 4 * 8U << 10);
    EXPECT_LE(bytes_of(later, true) + bytes_of(later, false), 3U << 20);
}

TEST(Workload, ItsRecordLiesOutsideOfWhatIsScored) {
    Workload workload(file_of(two_phases), {});
    const Truth truth = workload.run();
    ASSERT_FALSE(truth.excluded(0).empty());
    for (const Excluded& excluded : truth.excluded(0))
        for (std::size_t area = 0; area < truth.areas(0); ++area)
            for (const Mapping& mapping : truth.area(0, area).mappings)
                EXPECT_TRUE(excluded.range.end <= mapping.range.start ||
                            mapping.range.end <= excluded.range.start);
}

TEST(Workload, AChildTellsOfWhatItInheritedAndOfItsOwn) {
    Workload workload(file_of(R"(
[[area]]
name = "heap"
size = "2MiB"
[[phase]]
duration = "50ms"
[[phase]]
duration = "300ms"
access = [{ area = "heap", share = "20%", part = { to = "50%" } }]
[[child]]
in_phase = 2
[[child.area]]
name = "own"
size = "1MiB"
[[child.phase]]
duration = "250ms"
access = [
    { area = "heap", share = "20%", part = { from = "50%" } },
    { area = "own", share = "20%", part = { to = "50%" } },
]
)"),
                      {});
    const Truth truth = workload.run();
    ASSERT_EQ(truth.processes(), 2U);
    EXPECT_NE(truth.pid(1), truth.pid(0));
    ASSERT_EQ(truth.areas(1), 2U);
    const Window window{truth.phases()[1] + 50ms, truth.end(), truth.slot()};
    const std::uint64_t half = truth.area(0, 0).start + (1 << 20);
    for (const Use& use : truth.use_of(0, window))
        EXPECT_TRUE(use.looks == 0 || use.range.end <= half);
    // Of the child only as long as it was there.
    for (std::size_t i = 0; i < 2; ++i) {
        const Area& area = truth.area(1, i);
        ASSERT_EQ(area.mappings.size(), 1U);
        const Mapping& mapping = area.mappings[0];
        EXPECT_GE(mapping.from, truth.phases()[1]);
        const AddressRange used = i == 0 ? AddressRange{half, half + (1 << 20)}
                                         : AddressRange{area.start, area.start + (512 << 10)};
        std::uint64_t bytes = 0;
        for (const Use& use : truth.use_of(1, {mapping.from, mapping.to, truth.slot()})) {
            if (use.range.start < area.start || use.range.end > area.start + area.units * area.unit)
                continue;
            bytes += use.range.size().count;
            if (use.looks == 0) continue;
            EXPECT_GE(use.range.start, used.start);
            EXPECT_LE(use.range.end, used.end);
        }
        EXPECT_EQ(bytes, mapping.range.size().count);
    }
    EXPECT_EQ(truth.area(1, 0).start, truth.area(0, 0).start);
}

TEST(Workload, HugePagesAreOneUnitOrRefused) {
    try {
        Workload workload(file_of(R"(
[[area]]
name = "heap"
size = "8MiB"
pages = "huge"
[[phase]]
duration = "50ms"
access = [{ area = "heap", share = "20%", part = { to = "25%" } }]
)"),
                          {});
        const Truth truth = workload.run();
        EXPECT_EQ(truth.area(0, 0).unit, 2U << 20);
        EXPECT_LE(bytes_of(truth.use_of(0, {truth.begin(), truth.end(), truth.slot()}), true),
                  2U << 20);
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("huge pages"), std::string::npos);
    }
}

TEST(IdealTruth, IsThatOfAMachineThatIsNeverTooSlow) {
    const Truth truth = ideal_truth(file_of(two_phases), {});
    expect_the_first_phase(truth);
    const auto uses = truth.use_of(0, {truth.phases()[0], truth.phases()[1], 10ms});
    ASSERT_EQ(uses.size(), 4U);
    EXPECT_EQ(uses[1].looks, 20U) << "the share's part, in every slot";
    EXPECT_EQ(uses[3].looks, 2U) << "the round's, once a round";
    EXPECT_EQ(bytes_of(uses, true), 2U << 20);
    const auto later = truth.use_of(0, {truth.phases()[1], truth.end(), 10ms});
    EXPECT_EQ(bytes_of(later, true), 4 * 8U << 10);
    EXPECT_EQ(bytes_of(later, false), (3U << 20) - (4 * 8 << 10));
}

TEST(IdealTruth, ARoundTouchesEachPlaceOnceARound) {
    const Truth truth = ideal_truth(file_of(R"(
[[area]]
name = "heap"
size = "4MiB"
[[phase]]
duration = "400ms"
access = [{ area = "heap", round = "200ms" }]
)"),
                                    {});
    for (const Use& use : truth.use_of(0, {truth.begin(), truth.end(), 10ms}))
        EXPECT_EQ(use.looks, 2U);
    const auto half = truth.use_of(0, {truth.begin(), truth.begin() + 100ms, 10ms});
    ASSERT_EQ(half.size(), 2U);
    EXPECT_EQ(half[0].looks, 1U);
    EXPECT_EQ(half[0].range.size(), mebibytes(2));
    EXPECT_EQ(half[1].looks, 0U);
}

TEST(IdealTruth, KnowsTebibytes) {
    const PhaseFile file = scaled(file_of(R"(
[[area]]
name = "heap"
size = "1GiB"
[[phase]]
duration = "1s"
access = [{ area = "heap", share = "20%", spots = { number = 100, size = "1MiB" } }]
)"),
                                  1024, 1);
    const Truth truth = ideal_truth(file, {});
    const auto uses = truth.use_of(0, {truth.begin(), truth.begin() + 200ms, 10ms});
    EXPECT_EQ(bytes_of(uses, true), 100ULL << 30);
    EXPECT_EQ(bytes_of(uses, false), (1024ULL << 30) - (100ULL << 30));
}

class TruthFile : public testing::Test {
  protected:
    TruthFile() {
        std::string name = std::filesystem::temp_directory_path() / "truth-XXXXXX";
        const int file = mkstemp(name.data());
        EXPECT_GE(file, 0);
        close(file);
        path = name;
    }
    ~TruthFile() override { std::filesystem::remove(path); }
    std::string path;
};

TEST_F(TruthFile, ComesBackAsItWas) {
    Truth truth = ideal_truth(file_of(two_phases), {});
    truth.exclude(0, {"record", {4096, 8192}});
    ASSERT_TRUE(write_truth(truth, path));
    const auto back = read_truth(path);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->begin(), truth.begin());
    EXPECT_EQ(back->end(), truth.end());
    EXPECT_EQ(back->slot(), truth.slot());
    EXPECT_EQ(back->phases(), truth.phases());
    ASSERT_EQ(back->excluded(0).size(), 1U);
    EXPECT_EQ(back->excluded(0)[0].name, "record");
    ASSERT_EQ(back->areas(0), 2U);
    EXPECT_EQ(back->area(0, 1).name, "later");
    for (Duration at{}; at < 400ms; at += 25ms) {
        const Window window{truth.begin() + at, truth.begin() + at + 100ms, 20ms};
        EXPECT_EQ(back->use_of(0, window), truth.use_of(0, window));
    }
}

TEST_F(TruthFile, IsRefusedWhereItIsCut) {
    ASSERT_TRUE(write_truth(ideal_truth(file_of(two_phases), {}), path));
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
    const auto back = read_truth(path);
    ASSERT_FALSE(back);
    EXPECT_NE(back.error().message.find("in the middle of a record"), std::string::npos);
}

TEST_F(TruthFile, IsRefusedWhereItIsSomethingElse) {
    std::ofstream(path) << "about = \"no truth\"\n";
    EXPECT_FALSE(read_truth(path));
    EXPECT_FALSE(read_truth(path + "-not-there"));
}

}  // namespace
}  // namespace damon_schemes::accuracy
