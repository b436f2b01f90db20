// SPDX-License-Identifier: MIT
// A figure of each snapshot, over time and as percentiles: the working set size, or the number of
// regions.  By the definitions of DAMON v12's user-space tool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/reports/plot.h"
#include "engine/reports/walk.h"

namespace damon_schemes {

enum class Figure {
    working_set,  // bytes of the regions with nr_accesses > 0
    regions,      // their number
};

enum class CourseOrder { size, time };

struct CoursePoint {
    Instant from;
    Instant to;
    std::uint64_t value = 0;
};

// Of one target.  24 bytes a snapshot are kept, as percentiles need.
struct Course {
    TargetLabel label;
    std::uint64_t skipped = 0;        // snapshots at its beginning
    std::vector<CoursePoint> points;  // without those
};

class CourseReport final : public ReportVisitor {
  public:
    // The first `skip` snapshots of each target are left out: regions need them to adapt.
    CourseReport(Figure figure, std::uint64_t skip) : figure_(figure), skip_(skip) {}
    void saw(const SeenTarget& seen) override;

    const std::vector<Course>& courses() const { return courses_; }
    Figure figure() const { return figure_; }

  private:
    Figure figure_;
    std::uint64_t skip_;
    std::vector<Course> courses_;
};

// The value at place n * percentile / 100, rounded down, of the n that are sorted by size or left
// in the order of time; the last where that is behind them.  `values` is not empty.
std::uint64_t percentile_of(const std::vector<std::uint64_t>& values, std::uint64_t percentile);
std::vector<std::uint64_t> values_of(const Course& course, CourseOrder order);
double mean_of(const Course& course);

Plot plot_of(const Course& course, Figure figure, CourseOrder order, Instant beginning);

struct CourseTableStyle {
    std::vector<std::uint64_t> percentiles = {0, 25, 50, 75, 100};
    CourseOrder order = CourseOrder::size;
    std::size_t width = 80;
};
// As that tool's table, with a bar at each line; lines with "#" in front are for people.
std::string course_table(const CourseReport& report, const CourseTableStyle& style);

}  // namespace damon_schemes
