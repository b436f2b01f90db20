// SPDX-License-Identifier: MIT
// The reports on a recording as JSON.  Bytes and nanoseconds are whole numbers; times count from
// the beginning of the recording, which "recording" gives on the clock of its snapshots.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/reports/access_map.h"
#include "engine/reports/course.h"
#include "engine/reports/recording_summary.h"
#include "engine/reports/scheme_course.h"

namespace damon_schemes {

nlohmann::json recording_json(const RecordingInfo& info, const Walked& walked);

// Cells are by column and row: the frequency from 0 to 1, null for unknown, -1 for not in memory.
std::string heatmap_json(const AccessMap& map, const Walked& walked);
std::string course_json(const CourseReport& report, const RecordingInfo& info, const Walked& walked,
                        const std::vector<std::uint64_t>& percentiles, CourseOrder order);
std::string recording_summary_json(const RecordingSummary& summary, const Walked& walked);
std::string scheme_json(const SchemeCourse& course, const RecordingInfo& info,
                        const Walked& walked);

}  // namespace damon_schemes
