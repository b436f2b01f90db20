// SPDX-License-Identifier: MIT
// What memory really was used: for each process the areas that are scored, where they were mapped
// from when to when, and which of their units were touched in which slot of time.  A truth is
// written down by a workload (workload.h), or by whoever knows it without running one, as a
// simulation does.  Runs of touched units are kept, so an area of a tebibyte with few hot places
// takes few bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "benchmarks/accuracy/touches.h"
#include "schemes/observation.h"

namespace damon_schemes::accuracy {

// A part of an area, mapped from one instant until another.
struct Mapping {
    AddressRange range;
    Instant from{};
    Instant to = Instant::max();
};

// Memory that is scored.  Its mappings at any one time do not overlap, nor do two areas of one
// process.  `start` and the borders of mappings are multiples of `unit`.
struct Area {
    std::string name;
    std::uint64_t start = 0;    // address of unit 0
    std::uint64_t unit = 4096;  // bytes that one Accessed bit speaks for
    std::uint64_t units = 0;    // at most so many are ever mapped
    std::vector<Mapping> mappings;
};

// Memory of a process that is not scored, and why it is there.
struct Excluded {
    std::string name;
    AddressRange range;
};

// An interval of observation, and how long one look lasts in it.
struct Window {
    Instant from{};
    Instant to{};
    Duration look{};  // the sampling interval
};

// Memory of scored areas that was used alike in a window.  A window is cut into looks, each as many
// whole slots as a sampling interval is nearest to.
struct Use {
    AddressRange range;
    std::uint32_t looks = 0;  // of the window's, in which it was touched
    // Touched in no whole slot of the window, but in one that only overlaps it, or in the look
    // before it, whose answer a monitor may count to the window.  Neither used nor unused.
    bool at_edge = false;
    constexpr bool operator==(const Use&) const = default;
};

class Truth {
  public:
    // Slot n is [begin + n * slot, begin + (n + 1) * slot).
    Truth(Instant begin, Duration slot) : begin_(begin), end_(begin), slot_(slot) {}

    // Both return what the new one is known by below.
    std::size_t add_process(std::int32_t pid);
    std::size_t add_area(std::size_t process, Area area);
    void exclude(std::size_t process, Excluded excluded);
    // When phases began, the first one too; in rising order.
    void add_phase(Instant begins) { phases_.push_back(begins); }
    // Nothing is known of what is later.
    void set_end(Instant end) { end_ = end; }

    // What was touched of an area in a slot: runs that rise and do not touch each other.  Slots of
    // an area are recorded in rising order, each at most once; what is not recorded was not
    // touched.
    void record(std::size_t process, std::size_t area, std::uint64_t slot,
                std::span<const UnitRun> runs);
    void record_encoded(std::size_t process, std::size_t area, std::uint64_t slot,
                        std::span<const std::uint8_t> touches);
    // Takes over another truth's processes; both have the same slots.
    void absorb(Truth&& other);

    Instant begin() const { return begin_; }
    Instant end() const { return end_; }
    Duration slot() const { return slot_; }
    const std::vector<Instant>& phases() const { return phases_; }
    std::size_t processes() const { return processes_.size(); }
    std::int32_t pid(std::size_t process) const { return processes_[process].pid; }
    std::size_t areas(std::size_t process) const { return processes_[process].areas.size(); }
    const Area& area(std::size_t process, std::size_t area) const {
        return processes_[process].areas[area].area;
    }
    const std::vector<Excluded>& excluded(std::size_t process) const {
        return processes_[process].excluded;
    }

    struct SlotTouches {
        std::uint64_t slot = 0;
        std::size_t offset = 0;
        std::size_t length = 0;
    };
    // As they were recorded.
    std::span<const SlotTouches> slots(std::size_t process, std::size_t area) const;
    std::span<const std::uint8_t> touches(std::size_t process, std::size_t area,
                                          const SlotTouches& slot) const;

    // How many looks the window has; 0: it is shorter than a slot.
    std::uint32_t looks_in(const Window& window) const;
    // Everything of the process's areas that was mapped throughout the window, sorted, without
    // overlaps, neighbours that were used alike joined.  Empty where looks_in() is 0.
    std::vector<Use> use_of(std::size_t process, const Window& window) const;

  private:
    struct RecordedArea {
        Area area;
        std::vector<SlotTouches> slots;
        std::vector<std::uint8_t> bytes;
    };
    struct Process {
        std::int32_t pid = 0;
        std::vector<RecordedArea> areas;
        std::vector<Excluded> excluded;
    };
    struct Slots {
        std::int64_t first = 0, last = 0;            // whole ones, [first, last)
        std::int64_t edge_first = 0, edge_last = 0;  // all that matter
        std::int64_t slots_a_look = 1;
        std::uint32_t looks = 0;
        std::uint32_t look_of(std::int64_t slot) const;
    };
    Slots slots_in(const Window& window) const;
    void add_use_of_area(const RecordedArea& recorded, const Window& window, const Slots& slots,
                         std::vector<Use>& uses) const;

    Instant begin_, end_;
    Duration slot_;
    std::vector<Instant> phases_;
    std::vector<Process> processes_;
};

}  // namespace damon_schemes::accuracy
