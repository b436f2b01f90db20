// SPDX-License-Identifier: MIT
// What the machine and the targets look like when a snapshot is decided on; the engine measures it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

// One mapping of a target, as far as filters ask for it.
struct MappedArea {
    AddressRange range;
    bool file = false;    // a file is behind it; its private pages that were written are anonymous
    bool shared = false;  // MAP_SHARED
    std::string name;     // path, [heap], [stack], …; empty for plain anonymous memory
    bool operator==(const MappedArea&) const = default;
};

// What is nullopt is not known.  A control that needs it holds everything back then
// (Reason::unmeasured), except where its member says otherwise.
struct Conditions {
    bool sees = false;                 // the session has proved that it sees (the canary)
    std::optional<Share> free_swap;    // there may be no swap; the guard of swap lets that pass
    std::optional<Share> free_memory;  // MemFree of MemTotal
    // What can still be had: MemAvailable and free swap, of all memory and all swap.  Where it is
    // not known nothing is guarded by it; likewise:
    std::optional<Share> headroom;
    // What zram saves of what it was given; nullopt also: it holds too little to say.
    std::optional<Share> zram_saving;
    std::optional<Duration>
        stalled;  // PSI: time in which some task waited for memory, ever growing

    struct Target {
        TargetId id;
        std::optional<std::uint64_t> major_faults;  // so far, ever growing; without, no brake
        std::optional<Bytes>
            rss;  // at most a second old, or a floor may be passed by what left since
        std::optional<Bytes> swapped;
        std::string name;                        // comm
        std::optional<std::string> cgroup;       // its path below the mount point: "/user.slice"
        std::optional<Duration> cgroup_stalled;  // as stalled, of its cgroup
        // Sorted by address; null: not read (yet).
        std::shared_ptr<const std::vector<MappedArea>> mappings;
    };
    std::vector<Target> targets;

    // The users' figures, by the file that they are kept in.
    struct Figure {
        std::string file;
        std::optional<double> value;
    };
    std::vector<Figure> figures;
    std::optional<double> figure_in(const std::string& file) const {
        for (const Figure& figure : figures)
            if (figure.file == file) return figure.value;
        return std::nullopt;
    }
};

}  // namespace damon_schemes
