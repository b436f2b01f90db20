// SPDX-License-Identifier: MIT
#include "engine/reports/course.h"

#include <algorithm>
#include <cmath>

#include "engine/reports/axis.h"
#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

std::string said(Figure figure, std::uint64_t value) {
    return figure == Figure::working_set ? readable(Bytes{value}) : readable(value);
}

const char* name_of(Figure figure) {
    return figure == Figure::working_set ? "working set" : "number of regions";
}

}  // namespace

void CourseReport::saw(const SeenTarget& seen) {
    if (seen.target.regions.empty()) return;  // it has exited
    auto course = std::find_if(courses_.begin(), courses_.end(), [&seen](const Course& one) {
        return one.label.id == seen.label.id;
    });
    if (course == courses_.end()) course = courses_.insert(course, Course{});
    course->label = seen.label;
    if (course->skipped < skip_) {
        ++course->skipped;
        return;
    }
    CoursePoint point = {seen.from, seen.to, 0};
    if (figure_ == Figure::regions) {
        point.value = seen.regions.size();
    } else {
        for (const Region& region : seen.regions)
            if (region.accessed > 0) point.value += region.range.size().count;
    }
    course->points.push_back(point);
}

std::uint64_t percentile_of(const std::vector<std::uint64_t>& values, std::uint64_t percentile) {
    const std::uint64_t place = percentile * values.size() / 100;
    return values[std::min<std::size_t>(place, values.size() - 1)];
}

std::vector<std::uint64_t> values_of(const Course& course, CourseOrder order) {
    std::vector<std::uint64_t> values;
    values.reserve(course.points.size());
    for (const CoursePoint& point : course.points) values.push_back(point.value);
    if (order == CourseOrder::size) std::sort(values.begin(), values.end());
    return values;
}

double mean_of(const Course& course) {
    double sum = 0;
    for (const CoursePoint& point : course.points) sum += static_cast<double>(point.value);
    return course.points.empty() ? 0 : sum / static_cast<double>(course.points.size());
}

Plot plot_of(const Course& course, Figure figure, CourseOrder order, Instant beginning) {
    Plot plot;
    plot.title = std::string(name_of(figure)) + " of " + course.label.title();
    plot.title.front() = static_cast<char>(plot.title.front() - 'a' + 'A');
    std::uint64_t greatest = 0;
    for (const CoursePoint& point : course.points) greatest = std::max(greatest, point.value);
    plot.y_to = static_cast<double>(std::max<std::uint64_t>(greatest, 1));
    const std::uint64_t step = figure == Figure::working_set ? round_step(Bytes{greatest}, 5).count
                                                             : round_step(greatest, 5);
    for (const std::uint64_t at : multiples(step, greatest)) {
        plot.y_marks.emplace_back(static_cast<double>(at),
                                  figure == Figure::working_set ? size_mark({at}) : readable(at));
    }
    if (order == CourseOrder::size) {
        const auto values = values_of(course, order);
        const double each = 100.0 / static_cast<double>(std::max<std::size_t>(values.size(), 1));
        for (std::size_t i = 0; i < values.size(); ++i) {
            const double x = each * static_cast<double>(i);
            plot.points.push_back({x, x + each, static_cast<double>(values[i])});
        }
        plot.x_to = 100;
        for (int percent = 0; percent <= 100; percent += 25)
            plot.x_marks.emplace_back(percent, std::to_string(percent) + " %");
        plot.x_title = "percentile of the snapshots";
        return plot;
    }
    plot.x_title = "time since the recording began";
    if (course.points.empty()) return plot;
    const Duration from = since(beginning, course.points.front().from);
    const Duration to = since(beginning, course.points.back().to);
    plot.x_from = static_cast<double>(from.count());
    plot.x_to = std::max(static_cast<double>(to.count()), plot.x_from + 1);
    for (const CoursePoint& point : course.points) {
        plot.points.push_back({static_cast<double>(since(beginning, point.from).count()),
                               static_cast<double>(since(beginning, point.to).count()),
                               static_cast<double>(point.value)});
    }
    for (const Duration at : time_marks(from, to, 7))
        plot.x_marks.emplace_back(static_cast<double>(at.count()), time_mark(at));
    return plot;
}

std::string course_table(const CourseReport& report, const CourseTableStyle& style) {
    const Figure figure = report.figure();
    std::string text = figure == Figure::working_set ? "# <percentile> <working set size>\n"
                                                     : "# <percentile> <number of regions>\n";
    if (report.courses().empty()) return text + "# no snapshot was selected\n";
    for (const Course& course : report.courses()) {
        text += shortened("# target_id\t" + std::to_string(course.label.id.value) + "\t(" +
                              course.label.title() + ")",
                          std::max<std::size_t>(style.width, 60) - 12) +
                "\n";
        if (course.points.empty()) {
            text += "# all " + std::to_string(course.skipped) +
                    " snapshots were skipped; --skip 0 takes them in\n";
            continue;
        }
        text += "# snapshots\t" + std::to_string(course.points.size()) + "\t(" +
                std::to_string(course.skipped) + " skipped before them)\n";
        text += "# avr:\t" +
                said(figure, static_cast<std::uint64_t>(std::llround(mean_of(course)))) + "\n";
        const auto values = values_of(course, style.order);
        const std::uint64_t greatest =
            std::max<std::uint64_t>(*std::max_element(values.begin(), values.end()), 1);
        for (const std::uint64_t percentile : style.percentiles) {
            const std::uint64_t value = percentile_of(values, percentile);
            const std::string percent = std::to_string(percentile);
            const std::string figures = said(figure, value);
            std::string line =
                std::string(3 - std::min<std::size_t>(3, percent.size()), ' ') + percent + " " +
                std::string(14 - std::min<std::size_t>(14, figures.size()), ' ') + figures + " ";
            const std::size_t room = std::max<std::size_t>(style.width, 40) - line.size();
            const double share = static_cast<double>(value) / static_cast<double>(greatest);
            line.append(static_cast<std::size_t>(share * static_cast<double>(room)), '*');
            line.erase(line.find_last_not_of(' ') + 1);
            text += line + "\n";
        }
    }
    return text;
}

}  // namespace damon_schemes
