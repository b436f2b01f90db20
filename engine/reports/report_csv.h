// SPDX-License-Identifier: MIT
// The reports on a recording as lines of comma-separated values, the first of which names the
// columns.  Times count from the beginning of the recording.
#pragma once

#include <string>
#include <vector>

#include "engine/reports/access_map.h"
#include "engine/reports/course.h"
#include "engine/reports/recording_summary.h"
#include "engine/reports/scheme_course.h"

namespace damon_schemes {

// A line for each cell; "state" is known, unknown or absent, and only known ones have a frequency.
std::string heatmap_csv(const AccessMap& map);
// By time a line for each snapshot, by size a line for each percentile.
std::string course_csv(const CourseReport& report, Instant beginning,
                       const std::vector<std::uint64_t>& percentiles, CourseOrder order);
std::string recording_summary_csv(const RecordingSummary& summary);
// A line for each scheme and part of the time in which it did anything.
std::string scheme_csv(const SchemeCourse& course, Instant beginning);

}  // namespace damon_schemes
