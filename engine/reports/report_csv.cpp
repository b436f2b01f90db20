// SPDX-License-Identifier: MIT
#include "engine/reports/report_csv.h"

#include <cmath>
#include <optional>

#include "engine/reports/csv.h"

namespace damon_schemes {
namespace {

std::string line(const std::vector<std::string>& fields) {
    std::string text;
    for (const std::string& field : fields) text += (text.empty() ? "" : ",") + field;
    return text + "\n";
}

std::string label(const TargetLabel& target) {
    return std::to_string(target.id.value) + "," + std::to_string(target.pid) + "," +
           csv_field(target.name);
}

std::string nanoseconds(Instant time, Instant beginning) {
    return std::to_string(since(beginning, time).count());
}

std::string bytes(const std::optional<double>& value) {
    return value ? std::to_string(whole_bytes(*value).count) : "";
}

}  // namespace

std::string heatmap_csv(const AccessMap& map) {
    std::string text =
        "target,pid,name,generation,area,from_ns,to_ns,start,end,state,frequency,age_ns\n";
    for (const LifeMap& life : map.lives) {
        for (const DrawnArea& area : life.areas) {
            const Raster& raster = area.raster;
            const std::string head = label(life.label) + "," + std::to_string(life.key.generation) +
                                     "," + csv_field(area.area.name);
            for (std::size_t column = 0; column < raster.columns(); ++column) {
                const std::string time = nanoseconds(raster.start_of(column), map.beginning) + "," +
                                         nanoseconds(raster.start_of(column + 1), map.beginning);
                for (std::size_t row = 0; row < raster.rows(); ++row) {
                    const Raster::View view = raster.at(column, row);
                    const AddressRange range = raster.addresses_of(row);
                    text += head + "," + time + "," + std::to_string(range.start) + "," +
                            std::to_string(range.end);
                    if (view.state == CellState::known) {
                        text += ",known," + csv_number(std::round(view.frequency * 1e6) / 1e6) +
                                "," + std::to_string(view.age.count()) + "\n";
                    } else {
                        text += view.state == CellState::unknown ? ",unknown,,\n" : ",absent,,\n";
                    }
                }
            }
        }
    }
    return text;
}

std::string course_csv(const CourseReport& report, Instant beginning,
                       const std::vector<std::uint64_t>& percentiles, CourseOrder order) {
    const std::string value = report.figure() == Figure::working_set ? "wss_bytes" : "regions";
    std::string text = "target,pid,name,";
    text += order == CourseOrder::time ? "from_ns,to_ns," : "percentile,";
    text += value + "\n";
    for (const Course& course : report.courses()) {
        const std::string head = label(course.label);
        if (order == CourseOrder::time) {
            for (const CoursePoint& point : course.points) {
                text += line({head, nanoseconds(point.from, beginning),
                              nanoseconds(point.to, beginning), std::to_string(point.value)});
            }
        } else if (const auto values = values_of(course, order); !values.empty()) {
            for (const std::uint64_t percentile : percentiles)
                text += line({head, std::to_string(percentile),
                              std::to_string(percentile_of(values, percentile))});
        }
    }
    return text;
}

std::string recording_summary_csv(const RecordingSummary& summary) {
    std::string text = "figure,last_bytes,mean_bytes\n";
    if (summary.selected == 0) return text;
    auto row = [&text](const std::string& name, const std::optional<double>& last,
                       const std::optional<double>& mean) {
        text += line({name, bytes(last), bytes(mean)});
    };
    const MemoryFigures& last = summary.last;
    const MemoryFigures& mean = summary.mean;
    row("watched", last.watched, mean.watched);
    row("present", last.present, mean.present);
    row("absent", last.absent, mean.absent);
    row("unknown", last.unknown, mean.unknown);
    row("accessed_over_50_percent", last.often, mean.often);
    row("accessed_5_to_50_percent", last.at_times, mean.at_times);
    row("accessed_up_to_5_percent", last.seldom, mean.seldom);
    row("never_accessed", last.never, mean.never);
    for (std::size_t i = 0; i < cold_ages.size(); ++i) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(cold_ages[i]);
        row("cold_" + std::to_string(seconds.count()) + "_s", last.cold[i], mean.cold[i]);
    }
    return text;
}

std::string scheme_csv(const SchemeCourse& course, Instant beginning) {
    std::string text =
        "scheme,action,from_ns,to_ns,ranges,advised_bytes,paged_out_bytes,spent_ns\n";
    for (const SchemeCourse::Scheme& scheme : course.schemes()) {
        for (std::size_t i = 0; i < scheme.parts.size(); ++i) {
            const SchemeDeeds& part = scheme.parts[i];
            if (part == SchemeDeeds{}) continue;
            text +=
                line({csv_field(scheme.scheme.name), std::string(name_of(scheme.scheme.action)),
                      nanoseconds(course.start_of(i), beginning),
                      nanoseconds(course.start_of(i + 1), beginning), std::to_string(part.ranges),
                      std::to_string(part.advised.count), std::to_string(part.paged_out.count),
                      std::to_string(part.spent.count())});
        }
    }
    return text;
}

}  // namespace damon_schemes
