// SPDX-License-Identifier: MIT
#include "engine/reports/scheme_course.h"

#include <algorithm>

#include "engine/reports/axis.h"
#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

// A recording may name a scheme that its list does not have, if it is damaged.
constexpr std::uint32_t most_schemes = 1000;

Bytes drawn(const SchemeDeeds& deeds, Action action) {
    return action == Action::pageout ? deeds.paged_out : deeds.advised;
}

}  // namespace

SchemeDeeds& SchemeDeeds::operator+=(const SchemeDeeds& other) {
    ranges += other.ranges;
    advised += other.advised;
    paged_out += other.paged_out;
    // Held at the longest time: a file may say anything.
    spent = later(Instant(spent), other.spent).time_since_epoch();
    return *this;
}

SchemeCourse::SchemeCourse(const RecordingInfo& info) {
    for (const RecordedScheme& scheme : info.schemes) schemes_.push_back({scheme, {}, {}});
}

void SchemeCourse::saw(const SeenTarget& seen) {
    reach(seen.from);
    reach(seen.to);
}

void SchemeCourse::reach(Instant time) {
    if (!begun_) {
        begun_ = true;
        begin_ = time;
        end_ = time;
    }
    end_ = std::max(end_, time);
    while (elapsed(begin_, end_) / part_time_ >= static_cast<std::int64_t>(most_parts)) {
        part_time_ *= 2;
        for (Scheme& scheme : schemes_) {
            std::vector<SchemeDeeds>& parts = scheme.parts;
            for (std::size_t i = 0; i < parts.size(); ++i) {
                const SchemeDeeds part = parts[i];
                if (i % 2 == 0)
                    parts[i / 2] = part;
                else
                    parts[i / 2] += part;
            }
            parts.resize((parts.size() + 1) / 2);
        }
    }
}

Instant SchemeCourse::start_of(std::size_t part) const {
    const auto parts = static_cast<std::int64_t>(part);
    return parts != 0 && part_time_ > Duration::max() / parts ? Instant::max()
                                                              : later(begin_, part_time_ * parts);
}

void SchemeCourse::acted(const RecordedAction& action) {
    if (action.scheme >= most_schemes) return;
    while (schemes_.size() <= action.scheme)
        schemes_.push_back(
            {{"scheme " + std::to_string(schemes_.size() + 1), Action::stat}, {}, {}});
    reach(action.time);
    Scheme& scheme = schemes_[action.scheme];
    const SchemeDeeds deeds = {1, action.advised, action.paged_out, action.spent};
    scheme.total += deeds;
    const auto part = action.time <= begin_
                          ? std::size_t{0}
                          : static_cast<std::size_t>(elapsed(begin_, action.time) / part_time_);
    if (scheme.parts.size() <= part) scheme.parts.resize(part + 1);
    scheme.parts[part] += deeds;
}

Plot plot_of(const SchemeCourse& course, std::size_t index, Instant beginning) {
    const SchemeCourse::Scheme& scheme = course.schemes()[index];
    const Action action = scheme.scheme.action;
    Plot plot;
    plot.title = printable(scheme.scheme.name) +
                 (action == Action::pageout ? ": paged out" : ": advised") + " in each " +
                 readable(course.part_time());
    plot.x_title = "time since the recording began";
    const auto from = static_cast<double>(since(beginning, course.begin()).count());
    const auto part = static_cast<double>(course.part_time().count());
    plot.x_from = from;
    plot.x_to = std::max(static_cast<double>(since(beginning, course.end()).count()), from + 1);
    Bytes greatest;
    const auto parts = static_cast<std::size_t>((plot.x_to - from) / part) + 1;
    for (std::size_t i = 0; i < parts; ++i) {
        const Bytes bytes = i < scheme.parts.size() ? drawn(scheme.parts[i], action) : Bytes{};
        greatest = std::max(greatest, bytes);
        const double x = from + part * static_cast<double>(i);
        plot.points.push_back({x, x + part, static_cast<double>(bytes.count)});
    }
    plot.y_to = std::max(1.0, static_cast<double>(greatest.count));
    const Bytes step = round_step(greatest, 4);
    for (const std::uint64_t at : multiples(step.count, greatest.count))
        plot.y_marks.emplace_back(static_cast<double>(at), size_mark({at}));
    const Duration first = since(beginning, course.begin());
    const Duration last = since(beginning, course.end());
    for (const Duration at : time_marks(first, last, 7))
        plot.x_marks.emplace_back(static_cast<double>(at.count()), time_mark(at));
    return plot;
}

std::string scheme_text(const SchemeCourse& course, const RecordingInfo& info, Instant beginning,
                        const PlotStyle& style) {
    if (course.schemes().empty()) {
        return info.format == RecordingFormat::own
                   ? "The recording has no schemes: it was made without a policy.\n"
                   : "The recording has no schemes: DAMON's formats do not keep them.\n";
    }
    std::string text = left("Scheme", 22) + left("action", 10) + right("ranges", 10) +
                       right("advised", 12) + right("paged out", 12) + right("time spent", 14) +
                       "\n";
    for (const SchemeCourse::Scheme& scheme : course.schemes()) {
        text += left(printable(scheme.scheme.name), 21) + " " +
                left(std::string(name_of(scheme.scheme.action)), 10) +
                right(readable(scheme.total.ranges), 10) +
                right(readable(scheme.total.advised), 12) +
                right(readable(scheme.total.paged_out), 12) +
                right(readable(scheme.total.spent), 14) + "\n";
    }
    for (std::size_t i = 0; i < course.schemes().size(); ++i) {
        if (course.schemes()[i].total.ranges == 0) continue;
        text += "\n" + terminal_plot(plot_of(course, i, beginning), style);
    }
    return text;
}

}  // namespace damon_schemes
