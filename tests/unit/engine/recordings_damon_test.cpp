// SPDX-License-Identifier: MIT
// DAMON's record versions 0, 1 and 2, byte by byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "engine/recordings/recording.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/engine/recorded.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using namespace std::chrono_literals;
using observed::mib;

// Two aggregation intervals of two targets, as DAMON writes them.
Octets by_hand(int version) {
    DamonBytes bytes;
    if (version != 0) bytes.header(version);
    const auto target = [&](std::int32_t pid, std::uint32_t regions) {
        if (version == 1) {
            bytes.put(pid).put(regions);
        } else {
            bytes.put(std::uint64_t(pid)).put(regions);
        }
    };
    bytes.snapshot(1234, 100'000'000, 2);
    target(4242, 2);
    bytes.region(0x7f0000000000, 0x7f0000100000, 20).region(0x7f0000100000, 0x7f0000201000, 0);
    target(17, 0);
    bytes.snapshot(1234, 200'000'123, 2);
    target(4242, 3);
    bytes.region(0x7f0000000000, 0x7f0000080000, 19)
        .region(0x7f0000080000, 0x7f0000100000, 4)
        .region(0x7f0000100000, 0x7f0000201001, 0);
    target(17, 1);
    bytes.region(4096, 8192, 3);
    return bytes.octets;
}

class DamonRecording : public ::testing::Test {
  protected:
    ReadRecording read(const Octets& file, const ReadingOptions& options = {}) const {
        put_octets(path, file);
        return read_recording(path, options);
    }
    Octets written(RecordingFormat format, const std::vector<RecordedEvent>& events,
                   bool attributes_known = true) const {
        auto info = sample_info(format);
        info.attributes_known = attributes_known;
        write_recording(path + ".out", info, events);
        return octets_of(path + ".out");
    }

    const LaidOutFolder folder{};
    const std::string path = folder.path() + "/damon.data";
};

TEST_F(DamonRecording, OfEachVersionIsReadAsItStandsThere) {
    for (const auto& [version, format] : {std::pair{0, RecordingFormat::damon_0},
                                          {1, RecordingFormat::damon_1},
                                          {2, RecordingFormat::damon_2}}) {
        SCOPED_TRACE(version);
        const auto got = read(by_hand(version));
        ASSERT_FALSE(got.error) << got.error->message;
        EXPECT_FALSE(got.damage) << *got.damage;
        EXPECT_EQ(got.info.format, format);
        EXPECT_FALSE(got.info.attributes_known);
        ASSERT_EQ(got.events.size(), 4U);
        EXPECT_EQ(got.events[0], RecordedEvent(RecordedTarget{{4242}, 4242, 0, "", {}}));
        EXPECT_EQ(got.events[1], RecordedEvent(RecordedTarget{{17}, 17, 0, "", {}}));

        const auto& first = std::get<Snapshot>(got.events[2]);
        EXPECT_EQ(first.sequence, 1U);
        EXPECT_EQ(first.time.time_since_epoch(), 1234s + 100ms);
        EXPECT_EQ(first.duration, 100ms);
        EXPECT_EQ(first.passes, 20U);
        ASSERT_EQ(first.targets.size(), 2U);
        EXPECT_EQ(first.targets[0].pid, 4242);
        EXPECT_EQ(first.targets[0].regions,
                  (std::vector<Region>{{{0x7f0000000000, 0x7f0000100000}, 20, 20, 0, 0},
                                       {{0x7f0000100000, 0x7f0000201000}, 20, 0, 0, 0}}));
        EXPECT_TRUE(first.targets[1].regions.empty());

        const auto& second = std::get<Snapshot>(got.events[3]);
        EXPECT_EQ(second.sequence, 2U);
        EXPECT_EQ(second.duration, 100'000'123ns);
        // 20 → 19 is as before, 20 → 4 is not, and 0 → 0 is, borders that moved or not.
        EXPECT_EQ(second.targets[0].regions,
                  (std::vector<Region>{{{0x7f0000000000, 0x7f0000080000}, 20, 19, 0, 1},
                                       {{0x7f0000080000, 0x7f0000100000}, 20, 4, 0, 0},
                                       {{0x7f0000100000, 0x7f0000201001}, 20, 0, 0, 1}}));
        EXPECT_EQ(second.targets[1].regions, (std::vector<Region>{{{4096, 8192}, 20, 3, 0, 0}}));
    }
}

TEST_F(DamonRecording, IsWrittenAgainByteByByte) {
    // Intervals that are assumed wrongly, so that counts are over what fits into them, included.
    for (const Duration sampling : {1ms, 5ms, 50ms, 100ms}) {
        ReadingOptions options;
        options.assumed.sampling_interval = sampling;
        for (const int version : {1, 2}) {
            const auto original = by_hand(version);
            const auto got = read(original, options);
            write_recording(path + ".again", got.info, got.events);
            EXPECT_EQ(octets_of(path + ".again"), original) << version;

            auto info = got.info;
            info.format = RecordingFormat::own;
            write_recording(path + ".own", info, got.events);
            const auto own = read_recording(path + ".own");
            EXPECT_EQ(own.events, got.events);
            info = own.info;
            info.format = got.info.format;
            write_recording(path + ".back", info, own.events);
            EXPECT_EQ(octets_of(path + ".back"), original) << version << ", by way of own";
        }
    }
}

// Version 0 has no writer: what it says is all in a version 2.
TEST_F(DamonRecording, OfVersion0BecomesVersion2) {
    auto got = read(by_hand(0));
    got.info.format = RecordingFormat::damon_2;
    write_recording(path + ".2", got.info, got.events);
    EXPECT_EQ(octets_of(path + ".2"), by_hand(2));
}

RC_GTEST_FIXTURE_PROP(DamonRecording, AnyIsWrittenAgainByteByByte, (std::uint64_t seed)) {
    std::mt19937_64 random(seed);
    const int version = random() % 2 == 0 ? 1 : 2;
    DamonBytes bytes;
    bytes.header(version);
    for (std::size_t i = random() % 6; i > 0; --i) {
        const auto targets = static_cast<std::uint32_t>(random() % 3);
        bytes.snapshot(static_cast<std::int64_t>(random() % 9'000'000'000) - 1000,
                       static_cast<std::int64_t>(random() % 1'000'000'000), targets);
        for (std::uint32_t t = 0; t < targets; ++t) {
            const auto regions = static_cast<std::uint32_t>(random() % 9);
            if (version == 1) {
                bytes.put(static_cast<std::int32_t>(random()));
            } else {
                bytes.put(random() >> (random() % 64));
            }
            bytes.put(regions);
            std::uint64_t at = random() >> 8;
            for (std::uint32_t r = 0; r < regions; ++r) {
                const std::uint64_t start = at + random() % 3 * 1000;
                at = start + 1 + (random() >> (8 + random() % 56)) / 16;
                bytes.region(start, at, static_cast<std::uint32_t>(random() >> (random() % 60)));
            }
        }
    }
    const auto got = read(bytes.octets);
    RC_ASSERT(!got.error);
    RC_ASSERT(!got.damage);
    write_recording(path + ".again", got.info, got.events);
    RC_ASSERT(octets_of(path + ".again") == bytes.octets);
}

TEST_F(DamonRecording, OfOurOwnCountsByTheLooksOfAnInterval) {
    Snapshot snapshot = observed::snapshot(0s, {observed::target(9, {})});
    snapshot.targets[0].regions = {
        {{0, 4096}, 20, 7, 0, 5},      {{4096, 8192}, 40, 20, 3, 5},
        {{8192, 12288}, 10, 10, 0, 5}, {{12288, 16384}, 400, 1, 0, 5},
        {{16384, 20480}, 20, 0, 0, 5},
    };
    const auto got = read(written(RecordingFormat::damon_2, {snapshot}));
    const auto& regions = std::get<Snapshot>(got.events.back()).targets[0].regions;
    ASSERT_EQ(regions.size(), 5U);
    std::vector<std::uint32_t> accesses;
    for (const auto& region : regions) accesses.push_back(region.accessed);
    // The fourth is never 0: a look found an access.
    EXPECT_EQ(accesses, (std::vector<std::uint32_t>{7, 10, 20, 1, 0}));
}

// The format would say that it was idle.
TEST_F(DamonRecording, HasNoMemoryThatWasNotLookedAt) {
    const auto snapshot = observed::snapshot(
        0s, {observed::target(9, {observed::unknown(0, 1), observed::cold(1, 2)})});
    auto writer = create_recording(path, sample_info(RecordingFormat::damon_1));
    ASSERT_TRUE(writer);
    EXPECT_FALSE((*writer)->dropped());
    ASSERT_TRUE((*writer)->write(snapshot));
    EXPECT_TRUE((*writer)->dropped());
    ASSERT_TRUE((*writer)->finish());
    const auto read = read_recording(path);
    EXPECT_EQ(std::get<Snapshot>(read.events.back()).targets[0].regions,
              (std::vector<Region>{{{mib, 2 * mib}, 20, 0, 0, 0}}));
}

TEST_F(DamonRecording, SaysWhetherItLeftSomethingOut) {
    const auto dropped = [this](const RecordedEvent& event) {
        auto writer =
            create_recording(path, sample_info(RecordingFormat::damon_2), OldRecording::overwrite);
        EXPECT_TRUE(writer);
        EXPECT_TRUE((*writer)->write(event));
        return (*writer)->dropped();
    };
    TargetSnapshot plain{{1}, 1, 0, false, false, false, {observed::hot(0, 1)}};
    EXPECT_FALSE(dropped(observed::snapshot(0s, {plain})));
    EXPECT_FALSE(dropped(RecordedTarget{{1}, 1, 0, "", {}}));
    EXPECT_TRUE(dropped(RecordedTarget{{1}, 1, 0, "sh", {}}));
    EXPECT_TRUE(dropped(RecordedAction{{}, 0, {1}, {0, 1}, {}, {}, {}}));
    plain.exited = true;
    EXPECT_TRUE(dropped(observed::snapshot(0s, {plain})));
}

TEST_F(DamonRecording, CutAnywhereIsReadUpToItsLastWholeRecord) {
    for (const int version : {0, 1, 2}) {
        const auto whole = by_hand(version);
        const auto events = read(whole).events;
        const std::size_t header = version == 0 ? 0 : 20;
        const std::size_t first = header + 20 + (version == 1 ? 8 : 12) * 2 + 40;
        for (std::size_t size = 0; size < whole.size(); ++size) {
            const auto got =
                read(Octets(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
            SCOPED_TRACE(size);
            if (got.error) {
                // A version 0 is known by its first target.
                EXPECT_LT(size, version == 0 ? 32U : 20U);
                EXPECT_EQ(got.error->kind, ErrorKind::usage);
                continue;
            }
            EXPECT_EQ(got.damage.has_value(), size != header && size != first);
            EXPECT_EQ(got.events.size(), size < first ? 0U : 3U);
            EXPECT_TRUE(std::equal(got.events.begin(), got.events.end(), events.begin()));
        }
    }
}

TEST_F(DamonRecording, ThatContradictsItselfEndsThere) {
    const auto damaged = [this](const auto& change) {
        DamonBytes bytes;
        bytes.header(1).snapshot(5, 0, 0);
        change(bytes);
        const auto got = read(bytes.octets);
        EXPECT_EQ(got.events.size(), 1U);
        EXPECT_TRUE(got.damage);
        EXPECT_THAT(got.damage.value_or(""), HasSubstr("damaged at byte 40: "));
    };
    damaged([](DamonBytes& bytes) { bytes.snapshot(5, 1'000'000'000, 0); });
    damaged([](DamonBytes& bytes) { bytes.snapshot(5, -1, 0); });
    damaged([](DamonBytes& bytes) { bytes.snapshot(INT64_MAX, 0, 0); });
    damaged([](DamonBytes& bytes) { bytes.snapshot(6, 0, UINT32_MAX); });
    damaged([](DamonBytes& bytes) {
        bytes.snapshot(6, 0, 1).put(std::int32_t(1)).put(UINT32_MAX).region(1, 2, 3);
    });
    damaged([](DamonBytes& bytes) {
        bytes.snapshot(6, 0, 1).put(std::int32_t(1)).put(1U).region(2, 2, 3);
    });
    damaged([](DamonBytes& bytes) {
        bytes.snapshot(6, 0, 1).put(std::int32_t(1)).put(2U).region(2, 9, 3).region(8, 10, 3);
    });
}

TEST_F(DamonRecording, KeepsTheAgeOfWhatIsSeenAlike) {
    DamonBytes bytes;
    bytes.header(1);
    const std::vector<std::uint32_t> accesses = {10, 12, 14, 17, 15, 1, 0, 0};
    for (const auto each : accesses)
        bytes.snapshot(5, 0, 1).put(std::int32_t(1)).put(1U).region(0, 4096, each);
    const auto got = read(bytes.octets);
    std::vector<std::uint32_t> ages;
    for (const auto& event : got.events) {
        if (const auto* snapshot = std::get_if<Snapshot>(&event))
            ages.push_back(snapshot->targets[0].regions[0].age);
    }
    // By more than a tenth of 20, or to or from nothing, it starts anew.
    EXPECT_EQ(ages, (std::vector<std::uint32_t>{0, 1, 2, 0, 1, 0, 0, 1}));
}

TEST_F(DamonRecording, ATargetThatComesBackIsIntroducedAgain) {
    DamonBytes bytes;
    bytes.header(2);
    for (const std::uint32_t targets : {1U, 0U, 1U, 1U}) {
        bytes.snapshot(5, 0, targets);
        if (targets == 1) bytes.put(std::uint64_t{1} << 40).put(0U);
    }
    const auto got = read(bytes.octets);
    const RecordedEvent introduction = RecordedTarget{{std::uint64_t{1} << 40}, 0, 0, "", {}};
    ASSERT_EQ(got.events.size(), 6U);
    EXPECT_EQ(got.events[0], introduction);
    EXPECT_EQ(got.events[3], introduction);
}

TEST_F(DamonRecording, OfAnUnknownVersionIsNamed) {
    const auto got = read(DamonBytes().header(3).octets);
    ASSERT_TRUE(got.error);
    EXPECT_EQ(got.error->kind, ErrorKind::usage);
    EXPECT_THAT(got.error->message, HasSubstr("DAMON record of version 3"));
}

TEST_F(DamonRecording, OfVersion0CannotBeWritten) {
    const auto writer = create_recording(path, sample_info(RecordingFormat::damon_0));
    ASSERT_FALSE(writer);
    EXPECT_EQ(writer.error().kind, ErrorKind::usage);
}

}  // namespace
}  // namespace damon_schemes
