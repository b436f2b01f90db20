// SPDX-License-Identifier: MIT
// Recordings in a line each, so that a test says what is in the file and no more.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "engine/recordings/recording.h"

namespace damon_schemes::testing {

using Octets = std::vector<std::uint8_t>;

Octets octets_of(const std::string& path);
void put_octets(const std::string& path, const Octets& octets);

struct ReadRecording {
    RecordingInfo info;
    std::vector<RecordedEvent> events;
    std::optional<std::string> damage;
    std::optional<Error> error;  // it could not be opened, or not be read on
};
ReadRecording read_recording(const std::string& path, const ReadingOptions& options = {});

// Writes and finishes; fails the test where that fails.
void write_recording(const std::string& path, const RecordingInfo& info,
                     const std::vector<RecordedEvent>& events);

// Two targets that come, change and go, some actions, unknown and absent memory.
RecordingInfo sample_info(RecordingFormat format = RecordingFormat::own);
std::vector<RecordedEvent> sample_events();

// Anything that contradicts itself nowhere: addresses aligned or not, numbers small or up to the
// ends of what they can be.
RecordingInfo random_info(std::mt19937_64& random);
std::vector<RecordedEvent> random_events(std::mt19937_64& random, std::size_t schemes);

// DAMON's formats by hand.
class DamonBytes {
  public:
    template <typename Number>
    DamonBytes& put(Number number) {
        const auto* raw = reinterpret_cast<const std::uint8_t*>(&number);
        octets.insert(octets.end(), raw, raw + sizeof(number));
        return *this;
    }
    DamonBytes& header(std::int32_t version) {
        for (const char letter : std::string("damon_recfmt_ver")) put(letter);
        return put(version);
    }
    DamonBytes& snapshot(std::int64_t seconds, std::int64_t nanoseconds, std::uint32_t targets) {
        return put(seconds).put(nanoseconds).put(targets);
    }
    DamonBytes& region(std::uint64_t start, std::uint64_t end, std::uint32_t accesses) {
        return put(start).put(end).put(accesses);
    }

    Octets octets;
};

}  // namespace damon_schemes::testing
