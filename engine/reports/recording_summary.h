// SPDX-License-Identifier: MIT
// How big, how hot and how cold the memory of a recording was, and so what a policy would save: one
// screen for people, an object or lines for programs.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "engine/recordings/recording.h"
#include "engine/reports/walk.h"

namespace damon_schemes {

inline constexpr std::array<Duration, 4> cold_ages = {
    std::chrono::seconds(1), std::chrono::seconds(5), std::chrono::minutes(1),
    std::chrono::minutes(10)};

// Bytes of all selected targets together, at one time or as a mean.
struct MemoryFigures {
    double watched = 0;  // all that there were regions for
    double present = 0;  // of it, what looks found something in: size × (sampled - absent)/sampled
    double absent = 0;   // the rest of the regions that were looked at
    double unknown = 0;  // of regions that were not looked at: never to be taken for cold
    // Of what is present, by the share of looks that found it accessed.
    double never = 0;
    double seldom = 0;    // up to 5 %
    double at_times = 0;  // up to 50 %
    double often = 0;
    // Of `never`, what has been so for at least that long.  nullopt: nothing was watched for as
    // long.
    std::array<std::optional<double>, cold_ages.size()> cold;
};

struct RecordingSummary {
    RecordingInfo info;
    Duration length{};            // from the beginning of the recording to its end
    std::uint64_t snapshots = 0;  // of the recording
    std::uint64_t lost = 0;
    Intervals shortest, longest;       // of the snapshots with memory of the targets
    std::vector<TargetLabel> targets;  // selected
    std::uint64_t selected = 0;        // snapshots with memory of theirs
    MemoryFigures last;                // of the last of those
    // Over their time.  Coldness for an age: over the time from that age on after the first one,
    // before which nothing can have been seen to be as old.
    MemoryFigures mean;
    bool unseen_accesses = false;  // others map memory of a target, too
};

// Rounded.  Figures are sums of what a file says, and may be out of all proportion.
Bytes whole_bytes(double figure);

class RecordingSummarizer final : public ReportVisitor {
  public:
    void saw(const SeenTarget& seen) override;
    RecordingSummary finish(const RecordingInfo& info, const Walked& walked);

  private:
    void flush();

    RecordingSummary summary_;
    std::map<std::uint64_t, TargetLabel> targets_;
    MemoryFigures sum_;
    double time_ = 0;
    std::array<double, cold_ages.size()> cold_time_{};
    std::array<double, cold_ages.size()> cold_sum_{};
    std::array<bool, cold_ages.size()> cold_seen_{};
    MemoryFigures current_;
    std::array<double, cold_ages.size()> current_cold_{};
    bool pending_ = false;
    Instant first_{};
    Instant from_{};
    Instant to_{};
};

// At most 24 lines where the width is at least 80.
std::string recording_summary_text(const RecordingSummary& summary, std::size_t width);

}  // namespace damon_schemes
