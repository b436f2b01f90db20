// SPDX-License-Identifier: MIT
// Our own format, but for the zstd frames: docs/recording-format.md is its specification, and the
// names here are the ones there.  Plain functions from values to bytes and back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/recordings/recording.h"

namespace damon_schemes {

// The first bytes of a file: a zstd skippable frame, so that zstd(1) reads what follows.
inline constexpr std::uint32_t own_skippable_magic = 0x184D2A5D;
inline constexpr std::string_view own_magic = "damon-schemes recording\n";
inline constexpr std::uint32_t own_version = 1;
// 8 bytes of the skippable frame, the magic, the version and 4 bytes that are zero.
inline constexpr std::size_t own_header_size = 8 + 24 + 8;
std::array<std::uint8_t, own_header_size> own_header();

enum class OwnRecord : std::uint8_t {
    padding = 0,
    info = 1,
    target = 2,
    snapshot = 3,
    action = 4,
    end = 5,
};

// A frame may hold this many bytes, and so many more for each byte it takes in the file: whoever
// reads it never needs memory out of proportion to the file.
inline constexpr std::uint64_t free_frame_bytes = 1 << 20;
inline constexpr std::uint64_t frame_bytes_per_file_byte = 8;
inline constexpr std::uint64_t longest_frame = 256 << 20;  // either way
constexpr std::uint64_t most_frame_bytes(std::uint64_t file_bytes) {
    const std::uint64_t most = free_frame_bytes + file_bytes * frame_bytes_per_file_byte;
    return most < longest_frame ? most : longest_frame;
}

// Appends a whole record: type, length, payload.  The event contradicts itself nowhere.
class OwnEncoder {
  public:
    void put_info(const RecordingInfo& info);
    void put_event(const RecordedEvent& event);
    void put_padding(std::size_t size);  // a record of `size` bytes that do not compress
    void put_end();

    std::span<const std::uint8_t> bytes() const { return bytes_; }
    void clear() { bytes_.clear(); }

  private:
    void put(const RecordedTarget& target);
    void put(const Snapshot& snapshot);
    void put(const RecordedAction& action);
    void put(const std::vector<Region>& regions, bool hits);
    void finish_record(OwnRecord type);

    std::vector<std::uint8_t> payload_;
    std::vector<std::uint8_t> bytes_;
};

// The payload of one record → what it says; nullopt: it says nothing that can be.
std::optional<RecordingInfo> decode_info(std::span<const std::uint8_t> payload);
std::optional<RecordedTarget> decode_target(std::span<const std::uint8_t> payload);
std::optional<Snapshot> decode_snapshot(std::span<const std::uint8_t> payload);
std::optional<RecordedAction> decode_action(std::span<const std::uint8_t> payload);

}  // namespace damon_schemes
