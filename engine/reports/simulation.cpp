// SPDX-License-Identifier: MIT
#include "engine/reports/simulation.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/reports/axis.h"
#include "engine/reports/csv.h"
#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

constexpr std::size_t least_width = 80;
constexpr std::size_t figure_columns = 11;
constexpr std::size_t share_columns = 8;
constexpr std::size_t fixed_columns = 3 * figure_columns + 3 * share_columns;

std::string_view name_of(CameBack soon) {
    switch (soon) {
        case CameBack::within_10_seconds:
            return "within_10_seconds";
        case CameBack::within_a_minute:
            return "within_a_minute";
        case CameBack::later:
        case CameBack::count_:
            break;
    }
    return "later";
}

std::string share_of(Bytes part, Bytes whole) {
    return readable_percent(static_cast<double>(part.count), static_cast<double>(whole.count));
}

std::string base_name(const std::string& path) {
    return printable(path.substr(path.rfind('/') + 1));
}

// "policies/proactive-reclaim.toml" → "proactive-reclaim".
std::string short_name(const std::string& policy) {
    std::string name = base_name(policy);
    if (name.ends_with(".toml")) name.resize(name.size() - 5);
    return name;
}

std::string heading(std::size_t name_columns) {
    return left("", name_columns) + right("out of memory", 2 * figure_columns) +
           right("left", figure_columns) + right("of that came back within", 3 * share_columns) +
           "\n" + left("policy", name_columns) + right("mean", figure_columns) +
           right("at most", figure_columns) + right("in all", figure_columns) +
           right("10 s", share_columns) + right("1 min", share_columns) +
           right("later", share_columns) + "\n";
}

std::string run_line(const SimulatedRun& run, std::size_t name_columns) {
    const SimulationResult& result = run.result;
    std::string line = left(short_name(run.policy), name_columns) +
                       right(readable(result.out_mean), figure_columns) +
                       right(readable(result.out_peak), figure_columns) +
                       right(readable(result.left), figure_columns);
    for (const Bytes returned : result.returned)
        line += right(share_of(returned, result.left), share_columns);
    return line + "\n";
}

std::string recording_line(const SimulatedRun& run, std::size_t width) {
    const SimulationResult& result = run.result;
    return shortened(printable(run.recording) + ": " + readable(result.snapshots) + " snapshots, " +
                         readable(result.length) + ", " + readable(result.present_mean) +
                         " in memory (mean)",
                     width) +
           "\n";
}

std::string scheme_lines(const SimulatedScheme& scheme, std::size_t width) {
    std::string text =
        "  " + left(scheme.name, 18) + left(damon_schemes::name_of(scheme.action), 10);
    std::string figures = "matched " + readable(scheme.matched_mean) + " (mean)";
    if (acts(scheme.action)) {
        figures += ", planned " + readable(scheme.planned) + " in all, " + readable(scheme.spent) +
                   " of acting";
        if (scheme.quota_exceeded > 0)
            figures += ", quota used up in " + readable(scheme.quota_exceeded) + " snapshots";
    }
    const auto lines = wrapped(figures, width - 30);
    for (std::size_t i = 0; i < lines.size(); ++i)
        text += (i == 0 ? "" : std::string(30, ' ')) + lines[i] + "\n";
    if (!acts(scheme.action)) return text;
    for (std::size_t i = 0; i < reason_count; ++i) {
        const auto reason = static_cast<Reason>(i);
        // What does not match is not held back: it was never meant.
        if (reason <= Reason::age || scheme.held_back_mean[i].count == 0) continue;
        const auto words =
            wrapped("not acted on (mean): " + std::string(explanation_of(reason)), width - 30);
        for (std::size_t line = 0; line < words.size(); ++line) {
            text += (line == 0 ? left("", 17) + right(readable(scheme.held_back_mean[i]), 11) + "  "
                               : std::string(30, ' ')) +
                    words[line] + "\n";
        }
    }
    return text;
}

// The recordings in their order, each once.
std::vector<std::string> recordings_of(const std::vector<SimulatedRun>& runs) {
    std::vector<std::string> names;
    for (const SimulatedRun& run : runs) {
        if (std::find(names.begin(), names.end(), run.recording) == names.end())
            names.push_back(run.recording);
    }
    return names;
}

}  // namespace

std::string simulation_table(const std::vector<SimulatedRun>& runs, std::size_t width) {
    width = std::max(width, least_width);
    const std::size_t name_columns = std::min<std::size_t>(width - fixed_columns, 40);
    std::string text;
    for (const std::string& recording : recordings_of(runs)) {
        bool first = true;
        for (const SimulatedRun& run : runs) {
            if (run.recording != recording) continue;
            if (first) text += recording_line(run, width) + "\n" + heading(name_columns);
            first = false;
            text += run_line(run, name_columns);
        }
        text += "\n";
        for (const SimulatedRun& run : runs) {
            if (run.recording != recording) continue;
            text += "Schemes of " + shortened(short_name(run.policy), width - 12) + "\n";
            for (const SimulatedScheme& scheme : run.result.schemes)
                text += scheme_lines(scheme, width);
            for (const std::string& control : run.result.left_out) {
                for (const std::string& line : wrapped("Left out: " + printable(control), width))
                    text += line + "\n";
            }
            text += "\n";
        }
    }
    for (const std::string& line :
         wrapped("As if each page took so long to act on as is assumed, and the program went on as "
                 "recorded. What came back is all of a region that was seen accessed: at most so "
                 "much would really have.",
                 width))
        text += line + "\n";
    return text;
}

std::vector<Plot> simulation_plots(const std::vector<SimulatedRun>& runs) {
    std::vector<Plot> plots;
    for (const SimulatedRun& run : runs) {
        Bytes greatest;
        Duration length{};
        for (const SimulatedRun& other : runs) {
            if (other.recording != run.recording) continue;
            greatest = std::max(greatest, other.result.out_peak);
            length = std::max(length, other.result.length);
        }
        Plot plot;
        plot.title = "Out of memory: " + short_name(run.policy) + " on " + base_name(run.recording);
        plot.x_title = "time since the recording began";
        plot.y_to = static_cast<double>(std::max<std::uint64_t>(greatest.count, 1));
        plot.x_to = std::max(static_cast<double>(length.count()), 1.0);
        for (const SimulatedMoment& moment : run.result.course) {
            // What is out after a snapshot is out until the next one.
            if (!plot.points.empty())
                plot.points.back().x2 = static_cast<double>(moment.at.count());
            plot.points.push_back({static_cast<double>(moment.at.count()),
                                   static_cast<double>(moment.at.count()),
                                   static_cast<double>(moment.out.count)});
        }
        for (const std::uint64_t at : multiples(round_step(greatest, 5).count, greatest.count))
            plot.y_marks.emplace_back(static_cast<double>(at), size_mark({at}));
        for (const Duration at : time_marks(Duration::zero(), length, 7))
            plot.x_marks.emplace_back(static_cast<double>(at.count()), time_mark(at));
        plots.push_back(std::move(plot));
    }
    return plots;
}

std::string simulation_json(const std::vector<SimulatedRun>& runs) {
    using nlohmann::json;
    json root = json::array();
    for (const SimulatedRun& run : runs) {
        const SimulationResult& result = run.result;
        json returned = json::object();
        for (std::size_t i = 0; i < came_back_count; ++i)
            returned[std::string(name_of(static_cast<CameBack>(i)))] = result.returned[i].count;
        json schemes = json::array();
        for (const SimulatedScheme& scheme : result.schemes) {
            json held_back = json::object();
            for (std::size_t i = 0; i < reason_count; ++i) {
                held_back[std::string(damon_schemes::name_of(static_cast<Reason>(i)))] =
                    scheme.held_back_mean[i].count;
            }
            schemes.push_back({{"name", scheme.name},
                               {"action", damon_schemes::name_of(scheme.action)},
                               {"planned_bytes", scheme.planned.count},
                               {"paged_out_bytes", scheme.paged_out.count},
                               {"spent_ns", scheme.spent.count()},
                               {"quota_exceeded_snapshots", scheme.quota_exceeded},
                               {"matched_mean_bytes", scheme.matched_mean.count},
                               {"held_back_mean_bytes", std::move(held_back)}});
        }
        json course = json::array();
        for (const SimulatedMoment& moment : result.course) {
            course.push_back({{"at_ns", moment.at.count()},
                              {"out_bytes", moment.out.count},
                              {"left_bytes", moment.left.count},
                              {"returned_bytes", moment.returned.count}});
        }
        root.push_back({{"policy", run.policy},
                        {"recording", run.recording},
                        {"snapshots", result.snapshots},
                        {"length_ns", result.length.count()},
                        {"present_mean_bytes", result.present_mean.count},
                        {"out_mean_bytes", result.out_mean.count},
                        {"out_peak_bytes", result.out_peak.count},
                        {"out_at_end_bytes", result.out_at_end.count},
                        {"left_bytes", result.left.count},
                        {"returned_bytes", std::move(returned)},
                        {"left_out", result.left_out},
                        {"schemes", std::move(schemes)},
                        {"course", std::move(course)}});
    }
    return root.dump(2, ' ', false, json::error_handler_t::replace);
}

std::string simulation_csv(const std::vector<SimulatedRun>& runs) {
    std::string text = "policy,recording,at_ns,out_bytes,left_bytes,returned_bytes\n";
    for (const SimulatedRun& run : runs) {
        const std::string head = csv_field(run.policy) + "," + csv_field(run.recording) + ",";
        for (const SimulatedMoment& moment : run.result.course) {
            text += head + std::to_string(moment.at.count()) + "," +
                    std::to_string(moment.out.count) + "," + std::to_string(moment.left.count) +
                    "," + std::to_string(moment.returned.count) + "\n";
        }
    }
    return text;
}

}  // namespace damon_schemes
