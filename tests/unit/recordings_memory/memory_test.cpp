// SPDX-License-Identifier: MIT
// How much memory reading and writing recordings takes, whatever is in them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <random>
#include <string>

#include "engine/recordings/own_format.h"
#include "engine/recordings/recording.h"
#include "engine/recordings/zstd_frame.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/engine/recorded.h"
#include "tests/unit/schemes/observed.h"

namespace {

std::atomic<std::size_t> taken{0};
std::atomic<std::size_t> peak{0};

void* take(std::size_t size) {
    void* memory = std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) throw std::bad_alloc();
    const std::size_t now = taken += malloc_usable_size(memory);
    if (now > peak) peak = now;
    return memory;
}

void give_back(void* memory) {
    if (memory == nullptr) return;
    taken -= malloc_usable_size(memory);
    std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
    return take(size);
}
void* operator new[](std::size_t size) {
    return take(size);
}
void operator delete(void* memory) noexcept {
    give_back(memory);
}
void operator delete[](void* memory) noexcept {
    give_back(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    give_back(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    give_back(memory);
}

namespace damon_schemes {
namespace {

using namespace testing;
using namespace std::chrono_literals;

constexpr std::size_t kib = 1 << 10;
constexpr std::size_t mib = 1 << 20;

// What was taken at most at once while `work` ran, beyond what was taken before.
template <typename Work>
std::size_t memory_of(const Work& work) {
    const std::size_t before = taken;
    peak = before;
    work();
    return peak - before;
}

// Reads it to its end, and keeps nothing.
std::size_t memory_of_reading(const std::string& path) {
    return memory_of([&] {
        auto reader = open_recording(path);
        if (!reader) return;
        for (;;) {
            const auto event = (*reader)->next();
            if (!event || !*event) return;
        }
    });
}

class RecordingMemory : public ::testing::Test {
  protected:
    std::size_t memory_of_reading(const Octets& file) const {
        put_octets(path, file);
        return damon_schemes::memory_of_reading(path);
    }
    static Octets with_header(const Octets& rest) {
        const auto header = own_header();
        Octets file(header.begin(), header.end());
        OwnEncoder encoder;
        encoder.put_info({});
        FrameCompressor compressor;
        const auto frame = compressor.compress(encoder.bytes());
        file.insert(file.end(), frame.begin(), frame.end());
        file.insert(file.end(), rest.begin(), rest.end());
        return file;
    }
    // A frame, sound for zstd, of one record.
    static Octets frame_of(OwnRecord type, const Octets& payload) {
        Octets content = {static_cast<std::uint8_t>(type)};
        for (std::size_t size = payload.size();; size >>= 7) {
            if (size < 0x80) {
                content.push_back(static_cast<std::uint8_t>(size));
                break;
            }
            content.push_back(static_cast<std::uint8_t>(size | 0x80));
        }
        content.insert(content.end(), payload.begin(), payload.end());
        FrameCompressor compressor;
        const auto frame = compressor.compress(content);
        return {frame.begin(), frame.end()};
    }

    const LaidOutFolder folder{};
    const std::string path = folder.path() + "/a";
};

TEST_F(RecordingMemory, IsThatOfOneSnapshotHoweverLongItIs) {
    std::vector<Region> regions;
    for (std::uint64_t i = 0; i < 1000; ++i)
        regions.push_back({{i * 8192, i * 8192 + 4096},
                           20,
                           static_cast<std::uint32_t>(i % 21),
                           0,
                           static_cast<std::uint32_t>(i)});
    const auto write = [&](int snapshots) {
        return memory_of([&] {
            auto writer = create_recording(path, sample_info(), OldRecording::overwrite);
            ASSERT_TRUE(writer);
            for (int i = 0; i < snapshots; ++i) {
                ASSERT_TRUE((*writer)->write(
                    observed::snapshot(i * 100ms, {observed::target(1, regions)})));
            }
            ASSERT_TRUE((*writer)->finish());
        });
    };
    const std::size_t written_briefly = write(10);
    const std::size_t read_briefly = damon_schemes::memory_of_reading(path);
    const std::size_t written_long = write(1000);
    const std::size_t read_long = damon_schemes::memory_of_reading(path);
    // Numbers grow by a byte, buffers by doubling.
    EXPECT_LT(written_long, written_briefly + 128 * kib);
    EXPECT_LT(read_long, read_briefly + 256 * kib);
    EXPECT_LT(written_long, mib);
    EXPECT_LT(read_long, mib);
}

TEST_F(RecordingMemory, AFrameThatClaimsToBeHugeTakesNothing) {
    // A header that says 2^50 bytes, and an empty last block.
    const Octets frame = {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0};
    EXPECT_LT(memory_of_reading(with_header(frame)), mib);
}

TEST_F(RecordingMemory, AFrameThatGrowsAThousandfoldIsNotFollowed) {
    const Octets frame = frame_of(OwnRecord::padding, Octets(200 * mib, 0));
    ASSERT_LT(frame.size(), 100 * kib);
    EXPECT_LT(memory_of_reading(with_header(frame)), mib);
}

TEST_F(RecordingMemory, CountsWithoutAnythingBehindThemTakeNothing) {
    const Octets huge = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
    for (const auto type : {OwnRecord::info, OwnRecord::target, OwnRecord::snapshot}) {
        for (std::size_t before = 0; before < 14; ++before) {
            Octets payload(before, 1);
            payload.insert(payload.end(), huge.begin(), huge.end());
            EXPECT_LT(memory_of_reading(with_header(frame_of(type, payload))), mib);
        }
    }
    for (const int version : {1, 2}) {
        DamonBytes bytes;
        bytes.header(version).snapshot(5, 0, UINT32_MAX);
        EXPECT_LT(memory_of_reading(bytes.octets), mib);
        bytes.put(std::uint64_t{1}).put(UINT32_MAX).put(UINT32_MAX);
        EXPECT_LT(memory_of_reading(bytes.octets), mib);
    }
}

// The most that a small file can make of a frame: as large as frames may be for their size, and
// full of what takes the most memory for a byte.
TEST_F(RecordingMemory, OfTheWorstFrameIsBounded) {
    const auto bounded = [this](OwnRecord type, const Octets& payload) {
        const Octets file = with_header(frame_of(type, payload));
        EXPECT_LT(memory_of_reading(file), 32 * mib + 200 * file.size());
    };
    const std::size_t size = free_frame_bytes - 64;
    Octets mappings = {1, 2, 1, 0};
    Octets targets = {1, 0, 2, 2, 2, 2, 20};
    const auto put_count = [](Octets& octets, std::size_t count) {
        octets.push_back(static_cast<std::uint8_t>(count | 0x80));
        octets.push_back(static_cast<std::uint8_t>(count >> 7 | 0x80));
        octets.push_back(static_cast<std::uint8_t>(count >> 14));
    };
    put_count(mappings, size / 4);
    for (std::size_t i = 0; i < size / 4; ++i) mappings.insert(mappings.end(), {1, 1, 0, 0});
    put_count(targets, size / 5);
    targets.resize(targets.size() + size / 5 * 5, 0);
    bounded(OwnRecord::target, mappings);
    bounded(OwnRecord::snapshot, targets);
}

TEST_F(RecordingMemory, OfRandomBytesIsBounded) {
    std::mt19937_64 random(7);
    for (int i = 0; i < 200; ++i) {
        Octets octets(random() % 4096);
        for (auto& octet : octets) octet = static_cast<std::uint8_t>(random());
        EXPECT_LT(memory_of_reading(with_header(octets)), mib);
        EXPECT_LT(memory_of_reading(with_header(frame_of(OwnRecord::snapshot, octets))), mib);
        EXPECT_LT(memory_of_reading(with_header(frame_of(OwnRecord::target, octets))), mib);
        DamonBytes damon;
        damon.header(1 + static_cast<int>(random() % 2));
        damon.octets.insert(damon.octets.end(), octets.begin(), octets.end());
        EXPECT_LT(memory_of_reading(damon.octets), mib);
    }
}

}  // namespace
}  // namespace damon_schemes
