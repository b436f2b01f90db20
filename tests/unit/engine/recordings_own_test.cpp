// SPDX-License-Identifier: MIT
// Our own format: what is written is read again, and what is cut or damaged is read up to there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>

#include "engine/recordings/own_format.h"
#include "engine/recordings/recording.h"
#include "engine/recordings/zstd_frame.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/engine/recorded.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class OwnRecording : public ::testing::Test {
  protected:
    // A recording with these records in one frame, behind a description that is sound.
    Octets with_records(const Octets& records) const {
        OwnEncoder encoder;
        encoder.put_info(sample_info());
        Octets content(encoder.bytes().begin(), encoder.bytes().end());
        content.insert(content.end(), records.begin(), records.end());
        const auto header = own_header();
        Octets file(header.begin(), header.end());
        FrameCompressor compressor;
        const auto frame = compressor.compress(content);
        file.insert(file.end(), frame.begin(), frame.end());
        return file;
    }
    ReadRecording read(const Octets& file) const {
        put_octets(path, file);
        return read_recording(path);
    }

    const LaidOutFolder folder{};
    const std::string path = folder.path() + "/a.dsr";
};

// Cut or damaged, it is refused with a reason, or what comes out of it is what went in, up to some
// point, and the damage is told.
void expect_a_beginning(const ReadRecording& read, const std::vector<RecordedEvent>& events) {
    if (read.error) {
        EXPECT_EQ(read.error->kind, ErrorKind::usage);
        EXPECT_FALSE(read.error->message.empty());
        return;
    }
    EXPECT_TRUE(read.damage.has_value());
    ASSERT_LE(read.events.size(), events.size());
    EXPECT_TRUE(std::equal(read.events.begin(), read.events.end(), events.begin()));
}

TEST_F(OwnRecording, ReadsWhatWasWritten) {
    write_recording(path, sample_info(), sample_events());
    const auto read = read_recording(path);
    ASSERT_FALSE(read.error) << read.error->message;
    EXPECT_EQ(read.info, sample_info());
    EXPECT_EQ(read.events, sample_events());
    EXPECT_FALSE(read.damage) << *read.damage;
}

TEST_F(OwnRecording, WithoutAnyEventIsWhole) {
    write_recording(path, {}, {});
    const auto read = read_recording(path);
    ASSERT_FALSE(read.error) << read.error->message;
    EXPECT_EQ(read.info, RecordingInfo{});
    EXPECT_TRUE(read.events.empty());
    EXPECT_FALSE(read.damage) << *read.damage;
}

RC_GTEST_FIXTURE_PROP(OwnRecording, KeepsEverythingAndIsWrittenAlikeAgain, (std::uint64_t seed)) {
    std::mt19937_64 random(seed);
    const RecordingInfo info = random_info(random);
    const auto events = random_events(random, info.schemes.size());
    write_recording(path, info, events);
    const auto read = read_recording(path);
    RC_ASSERT(!read.error);
    RC_ASSERT(!read.damage);
    RC_ASSERT(read.info == info);
    RC_ASSERT(read.events == events);
    write_recording(path + "2", read.info, read.events);
    RC_ASSERT(octets_of(path) == octets_of(path + "2"));
}

RC_GTEST_FIXTURE_PROP(OwnRecording, SurvivesAnyChangedByte, (std::uint64_t seed)) {
    std::mt19937_64 random(seed);
    const RecordingInfo info = random_info(random);
    const auto events = random_events(random, info.schemes.size());
    write_recording(path, info, events);
    auto file = octets_of(path);
    file[random() % file.size()] ^= static_cast<std::uint8_t>(1 + random() % 255);
    put_octets(path, file);
    const auto read = read_recording(path);
    // A changed byte of a frame's checksum or of its header's unused bits may mean nothing.
    if (read.error || read.damage || read.events != events) expect_a_beginning(read, events);
    RC_ASSERT(!::testing::Test::HasFailure());
}

TEST_F(OwnRecording, CutAnywhereIsReadUpToItsLastWholeRecord) {
    const auto events = sample_events();
    write_recording(path, sample_info(), events);
    const auto whole = octets_of(path);
    std::size_t most = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto got =
            read(Octets(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
        expect_a_beginning(got, events);
        EXPECT_GE(got.events.size(), most) << size;
        most = got.events.size();
    }
    // All but the last frame, which says no more than that it is the end.
    EXPECT_EQ(most, events.size());
}

TEST_F(OwnRecording, OfAWriterThatWasKilledHasAllSnapshotsButMaybeTheLast) {
    const auto events = sample_events();
    {
        auto writer = create_recording(path, sample_info());
        ASSERT_TRUE(writer);
        for (const auto& event : events) {
            ASSERT_TRUE((*writer)->write(event));
            if (!std::holds_alternative<Snapshot>(event)) continue;
            // It is in the file already.
            const auto read = read_recording(path);
            ASSERT_FALSE(read.error) << read.error->message;
            EXPECT_EQ(std::get<Snapshot>(read.events.back()), std::get<Snapshot>(event));
        }
    }
    const auto read = read_recording(path);
    EXPECT_EQ(read.events, events);
    ASSERT_TRUE(read.damage);
    EXPECT_THAT(*read.damage, HasSubstr("ends without its last record"));
}

TEST_F(OwnRecording, WithBytesBehindItsEndSaysSo) {
    write_recording(path, sample_info(), sample_events());
    auto file = octets_of(path);
    const std::size_t size = file.size();
    file.push_back('x');
    const auto got = read(file);
    EXPECT_EQ(got.events, sample_events());
    ASSERT_TRUE(got.damage);
    EXPECT_THAT(*got.damage, HasSubstr("at byte " + std::to_string(size) + ": "));
}

TEST_F(OwnRecording, DamageInTheMiddleIsPlacedAndEndsTheReading) {
    write_recording(path, sample_info(), sample_events());
    auto file = octets_of(path);
    // The last frame is the end's; this is in one of a snapshot before it.
    file[file.size() - 40] ^= 0xff;
    const auto got = read(file);
    ASSERT_TRUE(got.damage);
    EXPECT_THAT(*got.damage, HasSubstr(path + ": damaged at byte "));
    EXPECT_GT(got.events.size(), 3U);
    EXPECT_LT(got.events.size(), sample_events().size());
}

TEST_F(OwnRecording, RecordsOfALaterRevisionAreSkipped) {
    const Octets records = {77, 3, 1, 2, 3, static_cast<std::uint8_t>(OwnRecord::end), 0};
    const auto got = read(with_records(records));
    ASSERT_FALSE(got.error) << got.error->message;
    EXPECT_FALSE(got.damage) << *got.damage;
    EXPECT_TRUE(got.events.empty());
}

TEST_F(OwnRecording, OfALaterVersionIsRefusedWithAReason) {
    auto file = with_records({});
    file[8 + own_magic.size()] = 2;
    const auto got = read(file);
    ASSERT_TRUE(got.error);
    EXPECT_EQ(got.error->kind, ErrorKind::usage);
    EXPECT_THAT(got.error->message, HasSubstr("another version"));
}

// Each is a record that says what cannot be, in a frame that is sound.
TEST_F(OwnRecording, RecordsThatContradictThemselvesAreDamage) {
    const auto huge = Octets{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
    const auto record = [](OwnRecord type, const Octets& payload) {
        Octets octets;
        octets.reserve(2 + payload.size());
        octets.push_back(static_cast<std::uint8_t>(type));
        octets.push_back(static_cast<std::uint8_t>(payload.size()));
        for (const auto octet : payload) octets.push_back(octet);
        return octets;
    };
    // sequence … passes, one target, its id, pid, generation and flags: regions follow.
    const auto snapshot = [&](const Octets& regions, std::uint8_t flags = 0) {
        Octets payload = {1, 0, 2, 2, 2, 2, 20, 1, 1, 2, 1, flags};
        payload.insert(payload.end(), regions.begin(), regions.end());
        return record(OwnRecord::snapshot, payload);
    };
    const auto joined = [](Octets a, const Octets& b) {
        a.insert(a.end(), b.begin(), b.end());
        return a;
    };
    struct Case {
        const char* what;
        Octets octets;
    };
    const std::vector<Case> cases = {
        {"a record longer than its frame", {static_cast<std::uint8_t>(OwnRecord::snapshot), 9, 1}},
        {"an endless length", joined({static_cast<std::uint8_t>(OwnRecord::snapshot)}, huge)},
        {"an empty snapshot", record(OwnRecord::snapshot, {})},
        {"more regions than bytes", snapshot(huge)},
        {"a shift that there is not", snapshot({1, 3, 1, 1, 20, 0, 0, 0})},
        {"an empty region", snapshot({1, 12, 1, 0, 20, 0, 0, 0})},
        {"more accesses than samples", snapshot({1, 12, 1, 1, 20, 21, 0, 0})},
        {"more accessed and absent than samples", snapshot({1, 12, 1, 1, 20, 11, 10, 0})},
        {"a region behind the end of all addresses",
         snapshot(joined({1, 0}, joined(huge, {5, 20, 0, 0, 0})))},
        {"a flag that there is not", snapshot({0}, 16)},
        {"a hit that is neither there nor not", snapshot({1, 12, 1, 1, 20, 0, 0, 0, 2}, 8)},
        {"hits that were announced and are missing", snapshot({1, 12, 1, 1, 20, 0, 0, 0}, 8)},
        {"bytes behind a snapshot", snapshot({0, 0})},
        {"a sampled of more than 32 bits",
         snapshot({1, 12, 1, 1, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 0, 0})},
        {"a negative interval", record(OwnRecord::snapshot, {1, 0, 2, 1, 2, 2, 20, 0})},
        {"an action of no scheme", record(OwnRecord::action, {2, 9, 1, 0, 8, 0, 0, 0})},
        {"an action on nothing", record(OwnRecord::action, {2, 0, 1, 0, 0, 0, 0, 0})},
        {"a name longer than its record", record(OwnRecord::target, {1, 2, 1, 99, 'x'})},
        {"a name a byte longer than its record", record(OwnRecord::target, {1, 2, 1, 2, 'x'})},
        {"a mapping of no kind", record(OwnRecord::target, {1, 2, 1, 0, 1, 0, 8, 6, 0})},
        {"an empty mapping", record(OwnRecord::target, {1, 2, 1, 0, 1, 0, 0, 1, 0})},
        {"a second description", record(OwnRecord::info, {})},
    };
    for (const auto& each : cases) {
        const auto got = read(with_records(each.octets));
        ASSERT_FALSE(got.error) << each.what << ": " << got.error->message;
        EXPECT_TRUE(got.events.empty()) << each.what;
        ASSERT_TRUE(got.damage) << each.what;
        EXPECT_THAT(*got.damage, HasSubstr("damaged at byte ")) << each.what;
        EXPECT_THAT(*got.damage, ::testing::Not(HasSubstr("without its last record"))) << each.what;
    }
    // The form that they all differ from.
    const auto sound = read(with_records(snapshot({1, 12, 1, 1, 20, 10, 10, 3})));
    EXPECT_EQ(sound.events.size(), 1U);
}

TEST_F(OwnRecording, WhatContradictsItselfIsNotWritten) {
    auto writer = create_recording(path, sample_info());
    ASSERT_TRUE(writer);
    auto snapshot = observed::snapshot(0s, {observed::target(1, {observed::cold(5, 6)})});
    snapshot.targets[0].regions[0].accessed = 21;
    EXPECT_FALSE((*writer)->write(snapshot));
    EXPECT_FALSE((*writer)->write(RecordedAction{{}, 2, {1}, {0, 1}, {}, {}, {}}));
}

// So regular that zstd makes next to nothing of it: still no frame that readers would refuse.
TEST_F(OwnRecording, OfAMillionLikeRegionsIsReadAgain) {
    std::vector<Region> regions;
    for (std::uint64_t i = 0; i < 1'000'000; ++i)
        regions.push_back({{i * 8192, i * 8192 + 4096}, 20, 0, 0, 5});
    const std::vector<RecordedEvent> events = {
        observed::snapshot(0s, {observed::target(1, regions)}),
        observed::snapshot(100ms, {observed::target(1, regions)})};
    write_recording(path, sample_info(), events);
    const auto read = read_recording(path);
    ASSERT_FALSE(read.error) << read.error->message;
    EXPECT_FALSE(read.damage) << *read.damage;
    EXPECT_TRUE(read.events == events);
    EXPECT_LT(octets_of(path).size(), 3'000'000U);
}

TEST_F(OwnRecording, ManyEventsWithoutASnapshotDoNotPileUp) {
    auto writer = create_recording(path, sample_info());
    ASSERT_TRUE(writer);
    const RecordedTarget target{{1}, 7, 1, std::string(1000, 'x'), {}};
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE((*writer)->write(target));
    EXPECT_GE(read_recording(path).events.size(), 900U);
}

}  // namespace
}  // namespace damon_schemes
