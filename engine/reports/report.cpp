// SPDX-License-Identifier: MIT
#include "engine/reports/report.h"

#include <algorithm>
#include <array>
#include <limits>

#include "engine/reports/access_map.h"
#include "engine/reports/heats.h"
#include "engine/reports/html_heatmap.h"
#include "engine/reports/readable.h"
#include "engine/reports/recording_summary.h"
#include "engine/reports/report_csv.h"
#include "engine/reports/report_json.h"
#include "engine/reports/scheme_course.h"
#include "engine/reports/survey.h"
#include "engine/reports/svg_heatmap.h"
#include "engine/reports/terminal_heatmap.h"

namespace damon_schemes {
namespace {

constexpr std::array<std::string_view, 6> kind_names = {"summary", "heatmap", "wss",
                                                        "regions", "schemes", "raw"};
constexpr std::array<std::string_view, 6> format_names = {"text",  "svg",  "html",
                                                          "heats", "json", "csv"};
constexpr std::size_t most_cells = 4'000'000;

bool has_format(ReportKind kind, ReportFormat format) {
    switch (format) {
        case ReportFormat::text:
        case ReportFormat::json:
        case ReportFormat::csv:
            return true;
        case ReportFormat::svg:
            return kind == ReportKind::heatmap || kind == ReportKind::wss ||
                   kind == ReportKind::regions;
        case ReportFormat::html:
        case ReportFormat::heats:
            return kind == ReportKind::heatmap;
    }
    return false;
}

Error no_such_format(const ReportRequest& request) {
    std::string there;
    for (std::size_t i = 0; i < format_names.size(); ++i)
        if (has_format(request.kind, static_cast<ReportFormat>(i)))
            there += (there.empty() ? "" : ", ") + std::string(format_names[i]);
    return {ErrorKind::usage,
            "report " + std::string(kind_names[static_cast<std::size_t>(request.kind)]) +
                " has no format '" +
                std::string(format_names[static_cast<std::size_t>(request.format)]) + "'; it has " +
                there,
            0};
}

class HeatsVisitor final : public ReportVisitor {
  public:
    HeatsVisitor(Heats& heats, LifeKey life) : heats_(heats), life_(life) {}
    void saw(const SeenTarget& seen) override {
        if (seen.life == life_) heats_.add(seen);
    }

  private:
    Heats& heats_;
    LifeKey life_;
};

class Reporter {
  public:
    Reporter(const ReportRequest& request, const OpenRecording& open, const WriteText& write)
        : request_(request), selection_(request.selection), open_(open), write_(write) {}

    Result<ReportOutcome> run() {
        if (!has_format(request_.kind, request_.format)) return no_such_format(request_);
        if (request_.guide && request_.kind != ReportKind::heatmap)
            return Error{ErrorKind::usage, "--guide belongs to report heatmap", 0};
        if (auto found = find_area(); !found) return found.error();
        if (auto made = make(); !made) return made.error();
        return std::move(outcome_);
    }

  private:
    // Which addresses the user's word means is known after a walk of its own.
    Result<void> find_area() {
        if (request_.area.empty()) return {};
        auto found = survey_recording();
        if (!found) return found.error();
        if (found->lives.empty()) return {};
        auto areas = area_named(*found, request_.area);
        if (!areas) return areas.error();
        selection_.areas = std::move(*areas);
        return {};
    }

    Result<Survey> survey_recording() {
        auto reader = open_();
        if (!reader) return reader.error();
        return survey(**reader, selection_);
    }

    Result<void> make() {
        switch (request_.kind) {
            case ReportKind::raw:
                return make_raw();
            case ReportKind::heatmap:
                return make_heatmap();
            case ReportKind::wss:
                return make_course(Figure::working_set);
            case ReportKind::regions:
                return make_course(Figure::regions);
            case ReportKind::summary:
                return make_summary();
            case ReportKind::schemes:
                return make_schemes();
        }
        return {};
    }

    // Walks and keeps what people should know of it.
    Result<Walked> walk_through(RecordingReader& reader, ReportVisitor& visitor) {
        auto walked = walk(reader, selection_, visitor);
        if (walked) note(*walked);
        return walked;
    }

    void note(const Walked& walked) {
        if (walked.damage)
            warn("the recording is damaged; this is what lies before that: " + *walked.damage);
        if (walked.snapshots == 0)
            warn("the recording has no snapshots");
        else if (walked.selected == 0)
            warn("nothing of the recording was selected; see --tmin, --tmax and --target");
    }

    void warn(const std::string& text) {
        if (std::find(outcome_.warnings.begin(), outcome_.warnings.end(), text) ==
            outcome_.warnings.end())
            outcome_.warnings.push_back(text);
    }

    Result<void> make_raw() {
        auto reader = open_();
        if (!reader) return reader.error();
        const RawFormat format = request_.format == ReportFormat::json  ? RawFormat::json
                                 : request_.format == ReportFormat::csv ? RawFormat::csv
                                                                        : RawFormat::text;
        RawReport raw(format, (*reader)->info(), write_);
        const auto walked = walk_through(**reader, raw);
        if (!walked) return walked.error();
        return raw.finish(*walked);
    }

    Result<void> make_course(Figure figure) {
        auto reader = open_();
        if (!reader) return reader.error();
        CourseReport report(figure, request_.skip);
        const auto walked = walk_through(**reader, report);
        if (!walked) return walked.error();
        const Instant beginning = walked->beginning;
        for (const Course& course : report.courses()) {
            if (!course.points.empty() || request_.format == ReportFormat::text) continue;
            warn("of " + course.label.title() + " all " + std::to_string(course.skipped) +
                 " snapshots were skipped; --skip 0 takes them in");
        }
        if (request_.format == ReportFormat::json) {
            return write_(course_json(report, (*reader)->info(), *walked, request_.percentiles,
                                      request_.order.value_or(CourseOrder::size)));
        }
        if (request_.format == ReportFormat::csv) {
            return write_(course_csv(report, beginning, request_.percentiles,
                                     request_.order.value_or(CourseOrder::time)));
        }
        std::vector<Plot> plots;
        auto plot = [&](CourseOrder order) {
            for (const Course& course : report.courses()) {
                if (!course.points.empty())
                    plots.push_back(plot_of(course, figure, order, beginning));
            }
        };
        if (request_.format == ReportFormat::svg) {
            if (request_.order != CourseOrder::size) plot(CourseOrder::time);
            if (request_.order != CourseOrder::time) plot(CourseOrder::size);
            return write_(svg_plots(
                figure == Figure::working_set ? "Working set size" : "Number of regions", plots));
        }
        CourseTableStyle style;
        style.percentiles = request_.percentiles;
        style.order = request_.order.value_or(CourseOrder::size);
        style.width = request_.style.width;
        std::string text = course_table(report, style);
        if (request_.plot) {
            plot(request_.order.value_or(CourseOrder::time));
            PlotStyle drawn;
            drawn.width = request_.style.width;
            drawn.unicode = request_.style.unicode;
            for (const Plot& one : plots) text += "\n" + terminal_plot(one, drawn);
        }
        return write_(text);
    }

    Result<void> make_summary() {
        auto reader = open_();
        if (!reader) return reader.error();
        RecordingSummarizer summarizer;
        const auto walked = walk_through(**reader, summarizer);
        if (!walked) return walked.error();
        const RecordingSummary summary = summarizer.finish((*reader)->info(), *walked);
        if (request_.format == ReportFormat::json)
            return write_(recording_summary_json(summary, *walked));
        if (request_.format == ReportFormat::csv) return write_(recording_summary_csv(summary));
        return write_(
            recording_summary_text(summary, std::min<std::size_t>(request_.style.width, 100)));
    }

    Result<void> make_schemes() {
        auto reader = open_();
        if (!reader) return reader.error();
        SchemeCourse course((*reader)->info());
        const auto walked = walk_through(**reader, course);
        if (!walked) return walked.error();
        const RecordingInfo& info = (*reader)->info();
        if (request_.format == ReportFormat::json)
            return write_(scheme_json(course, info, *walked));
        if (request_.format == ReportFormat::csv)
            return write_(scheme_csv(course, walked->beginning));
        PlotStyle style;
        style.width = request_.style.width;
        style.unicode = request_.style.unicode;
        style.rows = 6;
        return write_(scheme_text(course, info, walked->beginning, style));
    }

    Result<void> make_heatmap() {
        auto found = survey_recording();
        if (!found) return found.error();
        note(found->walked);
        if (request_.guide) return write_(guide(*found));
        if (request_.format == ReportFormat::heats) return make_heats(*found);

        AccessMapShape shape;
        if (request_.format == ReportFormat::text) {
            shape = terminal_heatmap_shape(request_.style);
        } else if (request_.format == ReportFormat::html) {
            shape = html_heatmap_shape();
        } else if (request_.format == ReportFormat::svg) {
            shape = svg_heatmap_shape();
        } else {
            shape.columns = request_.time_cells.value_or(120);
            shape.rows = request_.address_cells.value_or(64);
            if (shape.columns == 0 || shape.rows == 0 || shape.columns > most_cells ||
                shape.rows > most_cells / shape.columns) {
                return Error{ErrorKind::usage,
                             "--tres and --ares must be at least 1, and together at most "
                             "4,000,000 cells in each area",
                             0};
            }
            shape.cells = std::max(most_cells, shape.columns * shape.rows);
        }
        AccessMap map = access_map_of(*found, shape);
        auto reader = open_();
        if (!reader) return reader.error();
        if (auto filled = fill(map, **reader, selection_); !filled) return filled;
        if (map.lives_left_out != 0) {
            warn(std::to_string(map.lives_left_out) +
                 " more targets, or programs that they ran, are not in it; choose one with "
                 "--target");
        }
        if (request_.format == ReportFormat::text)
            return write_(terminal_heatmap(map, request_.style));
        if (request_.format == ReportFormat::html) return write_(html_heatmap(map));
        if (request_.format == ReportFormat::svg) return write_(svg_heatmap(map));
        if (request_.format == ReportFormat::json) return write_(heatmap_json(map, found->walked));
        return write_(heatmap_csv(map));
    }

    // The life with the most memory: the one that DAMON v12's tool takes, too.
    static const Life* largest(const Survey& survey) {
        const Life* best = nullptr;
        for (const Life& life : survey.lives)
            if (best == nullptr || life.watched.size() > best->watched.size()) best = &life;
        return best;
    }

    Result<void> make_heats(const Survey& survey) {
        const Life* life = largest(survey);
        if (life == nullptr) return write_("");
        HeatsShape shape;
        const Instant beginning = survey.walked.beginning;
        shape.from = selection_.tmin ? selection_.tmin->on(beginning) : life->first;
        shape.to = selection_.tmax ? selection_.tmax->on(beginning) : life->to;
        shape.times = request_.time_cells.value_or(500);
        shape.spaces = request_.address_cells.value_or(500);
        for (const Area& zone : zones_of(*life))
            if (zone.range.size() > shape.addresses.size()) shape.addresses = zone.range;
        if (selection_.addresses.start != 0) shape.addresses.start = selection_.addresses.start;
        if (selection_.addresses.end != std::numeric_limits<std::uint64_t>::max())
            shape.addresses.end = selection_.addresses.end;
        auto heats = Heats::create(shape);
        if (!heats) return heats.error();
        auto reader = open_();
        if (!reader) return reader.error();
        HeatsVisitor visitor(*heats, life->key);
        const auto walked = walk(**reader, selection_, visitor);
        if (!walked) return walked.error();
        return write_(heats->lines());
    }

    static std::string guide(const Survey& survey) {
        std::string text;
        for (const Life& life : survey.lives) {
            text += "target_id:" + std::to_string(life.label.id.value) + "\t(" +
                    life.label.title() + ")\n";
            const auto nanoseconds = [](Instant time) {
                return std::to_string(time.time_since_epoch().count());
            };
            text += "time: " + nanoseconds(life.first) + "-" + nanoseconds(life.to) + " (" +
                    std::to_string(since(life.first, life.to).count()) + ")\n";
            std::size_t number = 0;
            for (const Area& zone : zones_of(life)) {
                text += "region\t" + std::to_string(number++) + ": " +
                        std::to_string(zone.range.start) + "-" + std::to_string(zone.range.end) +
                        " (" + std::to_string(zone.range.size().count) + ")\t" + zone.name + "\n";
            }
        }
        return text;
    }

    const ReportRequest& request_;
    ReportSelection selection_;
    const OpenRecording& open_;
    const WriteText& write_;
    ReportOutcome outcome_;
};

}  // namespace

std::optional<ReportKind> report_kind(std::string_view name) {
    const auto found = std::find(kind_names.begin(), kind_names.end(), name);
    if (found == kind_names.end()) return std::nullopt;
    return static_cast<ReportKind>(found - kind_names.begin());
}

std::optional<ReportFormat> report_format(std::string_view name) {
    const auto found = std::find(format_names.begin(), format_names.end(), name);
    if (found == format_names.end()) return std::nullopt;
    return static_cast<ReportFormat>(found - format_names.begin());
}

Result<ReportOutcome> make_report(const ReportRequest& request, const OpenRecording& open,
                                  const WriteText& write) {
    return Reporter(request, open, write).run();
}

}  // namespace damon_schemes
