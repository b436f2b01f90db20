// SPDX-License-Identifier: MIT
// Recordings that are made up in memory.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/recordings/recording.h"
#include "engine/reports/report.h"

namespace damon_schemes::phase_recording {

inline constexpr std::uint32_t looks = 20;
inline constexpr std::uint64_t heap = 0x55d000000000;
inline constexpr std::uint64_t mapped = 0x7f0000000000;
inline constexpr std::uint64_t stack = 0x7ffc00000000;
inline constexpr Duration aggregation = std::chrono::milliseconds(100);

Region region(std::uint64_t start, Bytes size, std::uint32_t accessed, std::uint32_t age = 1);
Region absent(std::uint64_t start, Bytes size);
Region unknown(std::uint64_t start, Bytes size);

TargetSnapshot seen(std::uint64_t id, std::vector<Region> regions, std::uint64_t generation = 1);
// The number-th snapshot, from 1; it ends at number * 100 ms.
Snapshot snapshot(int number, std::vector<TargetSnapshot> targets);

struct Recorded {
    RecordingInfo info;
    std::vector<RecordedEvent> events;
    std::optional<std::string> damage;

    std::unique_ptr<RecordingReader> reader() const;  // must not outlive this
    OpenRecording open() const;                       // likewise
};

// A program in phases, for 8 s: of a heap of 64 MiB another 8 MiB are hot in each second, from its
// start to its end, and the rest is cold; in 4 GiB of mapped memory that are cold 64 KiB at its
// first GiB are always hot; behind those lie 64 MiB that nobody looked at, and 1 GiB that was never
// in memory; the stack is accessed half of the time.  Snapshots 41 to 45 are missing.  From 6 s on
// there is a second target, "worker", with 1 MiB that is accessed always.
Recorded phases();
// The same with mappings: the heap, libbig.so where the mapped memory is, the stack.
Recorded phases_with_mappings();

// The report as one text.  Throws what make_report() says where it fails.
std::string report_of(const Recorded& recorded, const ReportRequest& request);

std::vector<std::string> lines_of(const std::string& text);

}  // namespace damon_schemes::phase_recording
