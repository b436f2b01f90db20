// SPDX-License-Identifier: MIT
// What the heat maps of a recording are drawn from: for each life its areas, each with a raster of
// its own scale, so that a small one shows beside a huge one.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/reports/raster.h"
#include "engine/reports/survey.h"
#include "schemes/result.h"

namespace damon_schemes {

struct AccessMapShape {
    std::size_t columns = 600;      // of each area, at most
    std::size_t rows = 400;         // of each area, at most
    std::size_t rows_together = 0;  // of the areas of a life, by height_shares(); 0: no matter
    std::size_t lives = 8;          // those with the most present memory, times the time of it
    std::size_t areas = 6;          // of each life
    std::size_t mappings = 0;       // of each life: areas of their own, besides
    std::size_t cells = 4'000'000;  // of all together: bounds the memory
};

struct DrawnArea {
    Area area;
    Raster raster;
    bool mapping = false;  // lies within another area
};

struct LifeMap {
    TargetLabel label;
    LifeKey key;
    Instant from{};
    Instant to{};
    std::uint64_t snapshots = 0;
    bool unseen_accesses = false;
    bool saw_unknown = false;
    std::vector<DrawnArea> areas;  // by address; then mappings by size
    std::vector<RecordedMapping> mappings;
};

struct AccessMap {
    RecordingInfo info;
    Instant beginning{};  // of the recording: times are shown from here
    std::vector<LifeMap> lives;
    std::uint64_t lives_left_out = 0;
    std::uint64_t lost_snapshots = 0;
};

// How much of a picture's height each area gets, of 1 in all: by the logarithm of its size, so that
// a stack is still seen beside a huge mapping.
std::vector<double> height_shares(const std::vector<Area>& areas);

// Where the areas' rasters will be, before anything is in them.
AccessMap access_map_of(const Survey& survey, const AccessMapShape& shape);

// The second walk.
Result<void> fill(AccessMap& map, RecordingReader& reader, const ReportSelection& selection);

// "heap: 96.0 MiB from 55d000000000"; ASCII.
std::string heading_of(const Area& area);
// "redis-server (pid 42)", and which exec where there are several lives of it.
std::string title_of(const AccessMap& map, const LifeMap& life);

}  // namespace damon_schemes
