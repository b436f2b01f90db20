// SPDX-License-Identifier: MIT
// What a recording has: whose memory, when, and where.  The first of the two walks that pictures
// need.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/recordings/recording.h"
#include "engine/reports/address_set.h"
#include "engine/reports/walk.h"
#include "schemes/result.h"

namespace damon_schemes {

struct Life {
    LifeKey key;
    TargetLabel label;
    Instant from{};
    Instant first{};  // when its first snapshot was taken
    Instant to{};
    std::uint64_t snapshots = 0;
    AddressSet watched;  // that there were regions for
    AddressSet present;  // that a look found something in, at any time
    AddressSet unknown;  // that was not looked at, at any time
    bool unseen_accesses = false;
    // Newest first where they changed over time; sorted by address, no overlaps.
    std::vector<RecordedMapping> mappings;
};

struct Survey {
    RecordingInfo info;
    Walked walked;
    std::vector<Life> lives;     // in the order of their first snapshots; at most `most_lives`
    std::uint64_t left_out = 0;  // lives over that
    static constexpr std::size_t most_lives = 256;
};

// As far as selected.
Result<Survey> survey(RecordingReader& reader, const ReportSelection& selection);

// A stretch of a life's memory that is shown by itself.
struct Area {
    std::string name;    // "heap", "mmap 2", "libc.so.6"; printable
    AddressRange range;  // page-aligned where its regions are
    Bytes present;       // of it, that was present at any time
};

// The parts of an address space that a monitor keeps apart, as it leaves the two largest gaps out:
// named heap (with the program itself), mmap and stack, by their mappings if the recording has
// them, else by their order.  "memory" where there is one only, "memory 2" where they are others.
std::vector<Area> zones_of(const Life& life);

// What a picture shows of a life: its zones without what was never present (or unknown, as long as
// that is not more than what was present), cut further at the largest gaps until there are `most`.
std::vector<Area> areas_of(const Life& life, std::size_t most = 6);

// The named mappings with the most present memory, largest first.
std::vector<Area> mapping_areas_of(const Life& life, std::size_t most);

// The addresses that a word of the user's means: a zone's name, else all mappings of that path,
// that last part of a path, or with that text in it.  Error (usage): there is none in any life,
// with what there is.
Result<std::map<LifeKey, AddressSet>> area_named(const Survey& survey, const std::string& name);

}  // namespace damon_schemes
