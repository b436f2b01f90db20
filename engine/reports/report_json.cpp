// SPDX-License-Identifier: MIT
#include "engine/reports/report_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace damon_schemes {
namespace {

using nlohmann::json;

std::string document(const char* report, const RecordingInfo& info, const Walked& walked,
                     json body) {
    body["report"] = report;
    body["recording"] = recording_json(info, walked);
    // A process may call itself anything: what is no UTF-8 is replaced, not thrown on.
    return body.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

json label_json(const TargetLabel& label) {
    return {{"target", label.id.value}, {"pid", label.pid}, {"name", label.name}};
}

json cells_json(const Raster& raster) {
    json columns = json::array();
    for (std::size_t column = 0; column < raster.columns(); ++column) {
        json rows = json::array();
        for (std::size_t row = 0; row < raster.rows(); ++row) {
            const Raster::View view = raster.at(column, row);
            if (view.state == CellState::unknown)
                rows.push_back(nullptr);
            else if (view.state == CellState::absent)
                rows.push_back(-1);
            else
                rows.push_back(std::round(view.frequency * 1e6) / 1e6);
        }
        columns.push_back(std::move(rows));
    }
    return columns;
}

std::uint64_t whole(double value) {
    return whole_bytes(value).count;
}

json figures_json(const MemoryFigures& figures) {
    json cold = json::array();
    for (std::size_t i = 0; i < cold_ages.size(); ++i) {
        cold.push_back({{"age_ns", cold_ages[i].count()},
                        {"bytes", figures.cold[i] ? json(whole(*figures.cold[i])) : json()}});
    }
    return {{"watched_bytes", whole(figures.watched)},
            {"present_bytes", whole(figures.present)},
            {"absent_bytes", whole(figures.absent)},
            {"unknown_bytes", whole(figures.unknown)},
            {"accessed_over_50_percent_bytes", whole(figures.often)},
            {"accessed_5_to_50_percent_bytes", whole(figures.at_times)},
            {"accessed_up_to_5_percent_bytes", whole(figures.seldom)},
            {"never_accessed_bytes", whole(figures.never)},
            {"cold", std::move(cold)}};
}

json deeds_json(const SchemeDeeds& deeds) {
    return {{"ranges", deeds.ranges},
            {"advised_bytes", deeds.advised.count},
            {"paged_out_bytes", deeds.paged_out.count},
            {"spent_ns", deeds.spent.count()}};
}

}  // namespace

json recording_json(const RecordingInfo& info, const Walked& walked) {
    json targets = json::array();
    for (const TargetLabel& label : walked.targets) targets.push_back(label_json(label));
    return {{"format", info.format == RecordingFormat::own ? "own" : "damon"},
            {"origin", info.origin},
            {"attributes_known", info.attributes_known},
            {"sampling_ns", info.attributes.sampling_interval.count()},
            {"aggregation_ns", info.attributes.aggregation_interval.count()},
            {"started_unix_ns",
             info.started_unix_time ? json(info.started_unix_time->count()) : json()},
            {"beginning_ns", walked.beginning.time_since_epoch().count()},
            {"length_ns", since(walked.beginning, walked.end).count()},
            {"snapshots", walked.snapshots},
            {"lost_snapshots", walked.lost},
            {"targets", std::move(targets)},
            {"damage", walked.damage ? json(*walked.damage) : json()}};
}

std::string heatmap_json(const AccessMap& map, const Walked& walked) {
    json lives = json::array();
    for (const LifeMap& life : map.lives) {
        json areas = json::array();
        for (const DrawnArea& area : life.areas) {
            areas.push_back({{"name", area.area.name},
                             {"start", area.raster.range().start},
                             {"end", area.raster.range().end},
                             {"row_bytes", area.raster.row_size().count},
                             {"cells", cells_json(area.raster)}});
        }
        json one = label_json(life.label);
        one["generation"] = life.key.generation;
        one["from_ns"] = since(map.beginning, life.from).count();
        one["to_ns"] = since(map.beginning, life.to).count();
        one["snapshots"] = life.snapshots;
        one["unseen_accesses"] = life.unseen_accesses;
        one["areas"] = std::move(areas);
        lives.push_back(std::move(one));
    }
    json body = {{"maps", std::move(lives)}, {"maps_left_out", map.lives_left_out}};
    body["report"] = "heatmap";
    body["recording"] = recording_json(map.info, walked);
    // In one line: indented, each cell would take one.
    return body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string course_json(const CourseReport& report, const RecordingInfo& info, const Walked& walked,
                        const std::vector<std::uint64_t>& percentiles, CourseOrder order) {
    const bool bytes = report.figure() == Figure::working_set;
    json targets = json::array();
    for (const Course& course : report.courses()) {
        json one = label_json(course.label);
        json shares = json::array();
        if (const auto values = values_of(course, order); !values.empty()) {
            for (const std::uint64_t percentile : percentiles)
                shares.push_back({percentile, percentile_of(values, percentile)});
        }
        json points = json::array();
        for (const CoursePoint& point : course.points) {
            points.push_back({since(walked.beginning, point.from).count(),
                              since(walked.beginning, point.to).count(), point.value});
        }
        one["skipped"] = course.skipped;
        one["mean"] = course.points.empty() ? json() : json(mean_of(course));
        one["percentiles"] = std::move(shares);
        one["course"] = std::move(points);
        targets.push_back(std::move(one));
    }
    json body = {{"report", bytes ? "wss" : "regions"},
                 {"unit", bytes ? "bytes" : "regions"},
                 {"sorted_by", order == CourseOrder::size ? "size" : "time"},
                 {"targets", std::move(targets)},
                 {"recording", recording_json(info, walked)}};
    return body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string recording_summary_json(const RecordingSummary& summary, const Walked& walked) {
    json targets = json::array();
    for (const TargetLabel& label : summary.targets) targets.push_back(label_json(label));
    return document("summary", summary.info, walked,
                    {{"targets", std::move(targets)},
                     {"snapshots_with_memory", summary.selected},
                     {"unseen_accesses", summary.unseen_accesses},
                     {"tells_absent_from_idle", summary.info.format == RecordingFormat::own},
                     {"last", summary.selected != 0 ? figures_json(summary.last) : json()},
                     {"mean", summary.selected != 0 ? figures_json(summary.mean) : json()}});
}

std::string scheme_json(const SchemeCourse& course, const RecordingInfo& info,
                        const Walked& walked) {
    json schemes = json::array();
    for (const SchemeCourse::Scheme& scheme : course.schemes()) {
        json one = deeds_json(scheme.total);
        one["name"] = scheme.scheme.name;
        one["action"] = name_of(scheme.scheme.action);
        json parts = json::array();
        for (std::size_t i = 0; i < scheme.parts.size(); ++i) {
            json part = deeds_json(scheme.parts[i]);
            part["from_ns"] = since(walked.beginning, course.start_of(i)).count();
            parts.push_back(std::move(part));
        }
        one["course"] = std::move(parts);
        schemes.push_back(std::move(one));
    }
    return document("schemes", info, walked,
                    {{"part_ns", course.part_time().count()}, {"schemes", std::move(schemes)}});
}

}  // namespace damon_schemes
