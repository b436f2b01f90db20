// SPDX-License-Identifier: MIT
// One walk through a recording, of which a report sees what was selected.  Memory is that of one
// event and a little for each target, however long the recording is.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/recordings/recording.h"
#include "engine/reports/address_set.h"
#include "schemes/observation.h"
#include "schemes/result.h"

namespace damon_schemes {

// A target between two execs: addresses of one life mean nothing in another.
struct LifeKey {
    std::uint64_t target = 0;
    std::uint64_t generation = 0;
    constexpr auto operator<=>(const LifeKey&) const = default;
};

struct TargetLabel {
    TargetId id;
    std::int32_t pid = 0;
    std::string name;  // as the program calls itself: may hold anything
    // "redis-server (pid 42)", "pid 42" or "target 7".  Printable.
    std::string title() const;
    bool operator==(const TargetLabel&) const = default;
};

// A point of time: since the recording began, or on the clock of its snapshots.
struct TimeBound {
    Duration value{};
    bool absolute = false;
    Instant on(Instant beginning) const;
};

struct ReportSelection {
    std::optional<std::uint64_t> target;  // a pid or a target id
    std::optional<TimeBound> tmin;
    std::optional<TimeBound> tmax;
    AddressRange addresses = {0, std::numeric_limits<std::uint64_t>::max()};
    // Where it is set: what to see of each life; a life that is not in it is not seen.
    std::optional<std::map<LifeKey, AddressSet>> areas;

    bool all_addresses() const;
    bool wants(TargetId id, std::int32_t pid) const;
};

// A target in a snapshot, as selected.
struct SeenTarget {
    LifeKey life;
    const TargetLabel& label;
    const Snapshot& snapshot;
    const TargetSnapshot& target;
    const std::vector<Region>& regions;  // cut to the addresses selected
    // The time that it speaks of: up to the snapshot's, without the slips of a late thread between
    // one snapshot and the next.
    Instant from;
    Instant to;
};

class ReportVisitor {
  public:
    virtual ~ReportVisitor() = default;
    virtual void described(const RecordedTarget&) {}
    virtual void saw(const SeenTarget&) {}
    virtual void acted(const RecordedAction&) {}
};

// From `beginning` to `time`, negative if it is before; held at what a duration can say, as times
// may come from a file.
constexpr Duration since(Instant beginning, Instant time) {
    return time >= beginning ? elapsed(beginning, time) : -elapsed(time, beginning);
}

struct Walked {
    std::uint64_t snapshots = 0;       // of the recording, selected or not
    std::uint64_t lost = 0;            // as its sequence numbers and its own counter tell
    Instant beginning{};               // of the first snapshot's interval
    Instant end{};                     // of the last snapshot
    std::vector<TargetLabel> targets;  // that are in it, selected or not; at most 1,000
    std::uint64_t selected = 0;        // sights handed out
    std::optional<std::string> damage;
};

// Errors: what the reader says; a target that is not in the recording (usage).
Result<Walked> walk(RecordingReader& reader, const ReportSelection& selection,
                    ReportVisitor& visitor);

}  // namespace damon_schemes
