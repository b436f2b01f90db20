// SPDX-License-Identifier: MIT
// A phase file: which areas a program has, and how it uses them from phase to phase.  README.md
// beside this file explains the keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemes/observation.h"
#include "schemes/result.h"

namespace damon_schemes::accuracy {

inline constexpr std::uint64_t page_bytes = 4096;
inline constexpr std::uint64_t huge_page_bytes = 2 << 20;

enum class AreaKind { anonymous, file, shared };

struct PlannedArea {
    std::string name;
    Bytes size;  // when the program begins; 0: not mapped yet
    AreaKind kind = AreaKind::anonymous;
    bool huge = false;  // in huge pages
    // Of a child: it has it from its parent, as large as it is there when it is forked.
    bool inherited = false;

    std::uint64_t unit() const { return huge ? huge_page_bytes : page_bytes; }
};

// Places of one size, one at random in each of so many equal parts of the memory.
struct Spots {
    std::uint64_t number = 0;
    Bytes size;
    std::uint64_t seed = 0;
};

struct Access {
    std::size_t area = 0;  // index of the program's areas
    // One of the two: the share of the program's time that it takes, or how long it takes to go
    // once over its memory.
    std::optional<Share> share;
    std::optional<Duration> round;
    bool random = false;  // else in address order, round after round
    Bytes stride{page_bytes};
    Share writes{0};               // of the touches; the others read
    Share from{0}, to{1'000'000};  // the part of the area
    std::optional<Spots> spots;    // in that part; else all of it
};

struct Phase {
    Duration duration{};
    std::vector<std::pair<std::size_t, Bytes>> sizes;  // of areas from its beginning on
    std::vector<Access> accesses;
};

struct ProgramPlan {
    std::vector<PlannedArea> areas;
    std::vector<Phase> phases;

    // Of an area in a phase.
    Bytes size_in(std::size_t phase, std::size_t area) const;
    // The most it ever has.
    Bytes most_of(std::size_t area) const;
    Duration duration() const;
};

// Its first areas are its parent's, in the same order.
struct PlannedChild {
    std::size_t forked_in = 0;  // at the beginning of this phase of the parent's
    ProgramPlan program;
};

struct PhaseFile {
    std::string about;
    ProgramPlan program;
    std::vector<PlannedChild> children;
};

// Error (usage): every fault with its line, one a line.
Result<PhaseFile> read_phase_file(std::string_view text, const std::string& name);

// Sizes of areas and spots times `sizes`, rounded up to whole units; times times `times`.
PhaseFile scaled(PhaseFile file, double sizes, double times);

}  // namespace damon_schemes::accuracy
