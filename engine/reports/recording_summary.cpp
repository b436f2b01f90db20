// SPDX-License-Identifier: MIT
#include "engine/reports/recording_summary.h"

#include <algorithm>
#include <limits>

#include "engine/reports/axis.h"
#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

constexpr std::uint32_t seldom_ppm = 50'000;
constexpr std::uint32_t at_times_ppm = 500'000;

double nanoseconds(Duration duration) {
    return static_cast<double>(duration.count());
}

void add_scaled(MemoryFigures& sum, const MemoryFigures& figures, double scale) {
    sum.watched += figures.watched * scale;
    sum.present += figures.present * scale;
    sum.absent += figures.absent * scale;
    sum.unknown += figures.unknown * scale;
    sum.never += figures.never * scale;
    sum.seldom += figures.seldom * scale;
    sum.at_times += figures.at_times * scale;
    sum.often += figures.often * scale;
}

std::string size(const std::optional<double>& bytes) {
    return bytes ? readable(whole_bytes(*bytes)) : "-";
}

std::string part(const std::optional<double>& bytes, double whole) {
    return bytes ? readable_percent(*bytes, whole) : "-";
}

class Screen {
  public:
    Screen(const RecordingSummary& summary, std::size_t width)
        : summary_(summary), width_(std::max<std::size_t>(width, 60)) {}

    void line(const std::string& text) { text_ += shortened(text, width_) + "\n"; }
    void paragraph(const std::string& text) {
        for (const std::string& one : wrapped(text, width_)) text_ += one + "\n";
    }
    void row(const std::string& name, const std::optional<double>& last,
             const std::optional<double>& mean, bool shares = true) {
        std::string text = left(name, 27) + right(size(last), 12);
        text += right(shares ? part(last, summary_.last.present) : "", 10) + right(size(mean), 13);
        text += right(shares ? part(mean, summary_.mean.present) : "", 10);
        text.erase(text.find_last_not_of(' ') + 1);
        line(text);
    }
    std::string finish() { return std::move(text_); }

  private:
    const RecordingSummary& summary_;
    std::size_t width_;
    std::string text_;
};

std::string headline(const RecordingSummary& summary) {
    std::string text;
    if (summary.targets.size() == 1)
        text = summary.targets.front().title();
    else
        text = readable(std::uint64_t{summary.targets.size()}) + " targets together";
    text += ": " + readable(summary.length) + ", " + readable(summary.snapshots) +
            (summary.snapshots == 1 ? " snapshot" : " snapshots");
    if (summary.lost != 0) text += ", " + readable(summary.lost) + " lost";
    return text;
}

std::string method(const RecordingSummary& summary) {
    const MonitorAttributes& attributes = summary.info.attributes;
    // A goal may have moved them; what they were told is in each snapshot.
    Intervals shortest = summary.shortest;
    Intervals longest = summary.longest;
    if (longest == Intervals{})
        shortest = longest = {attributes.sampling_interval, attributes.aggregation_interval};
    const auto between = [](Duration least, Duration most) {
        return readable(least) + (least == most ? "" : " to " + readable(most));
    };
    return "A look every " + between(shortest.sampling, longest.sampling) + ", counted over " +
           between(shortest.aggregation, longest.aggregation) +
           (summary.info.attributes_known ? "" : " (assumed)") +
           (summary.info.format == RecordingFormat::own ? "" : "; recorded in DAMON's format");
}

// What stands behind the figures, in plain words.
std::string verdict(const RecordingSummary& summary) {
    std::optional<std::size_t> chosen;
    for (std::size_t i = 0; i < cold_ages.size(); ++i)
        if (summary.mean.cold[i] && *summary.mean.cold[i] > 0) chosen = i;
    if (summary.mean.present <= 0) return "Nothing was seen in memory, so nothing can be saved.";
    if (!chosen) return "Nothing stayed unused for a second: a policy would save nothing.";
    std::string text = "So paging out what is unused for " + time_mark(cold_ages[*chosen]) +
                       " would have kept up to " + size(summary.mean.cold[*chosen]) + " (" +
                       part(summary.mean.cold[*chosen], summary.mean.present) +
                       ") out of memory, on average";
    // Worth a word only where waiting less long takes out noticeably more.
    if (*summary.mean.cold[0] > *summary.mean.cold[*chosen] * 1.05) {
        text += "; for " + time_mark(cold_ages[0]) + ", up to " + size(summary.mean.cold[0]) +
                " with more faults";
    }
    return text +
           ". At most: a page speaks for its region, what is used again comes back, and "
           "swap in zram takes memory itself.";
}

}  // namespace

Bytes whole_bytes(double figure) {
    if (!(figure > 0)) return {};
    return {figure < 1.8e19 ? static_cast<std::uint64_t>(figure + 0.5)
                            : std::numeric_limits<std::uint64_t>::max()};
}

void RecordingSummarizer::saw(const SeenTarget& seen) {
    if (seen.regions.empty()) return;
    if (pending_ && seen.to != to_) flush();
    if (!pending_) {
        if (summary_.selected == 0) first_ = seen.from;
        pending_ = true;
        from_ = seen.from;
        to_ = seen.to;
        current_ = {};
        current_cold_ = {};
    }
    from_ = std::min(from_, seen.from);
    targets_.insert_or_assign(seen.label.id.value, seen.label);
    summary_.unseen_accesses = summary_.unseen_accesses || seen.target.unseen_accesses;
    const Duration interval = seen.snapshot.aggregation_interval;
    const Intervals intervals{seen.snapshot.sampling_interval, interval};
    const auto widen = [](Duration& least, Duration& most, Duration by) {
        least = most == Duration::zero() ? by : std::min(least, by);
        most = std::max(most, by);
    };
    widen(summary_.shortest.sampling, summary_.longest.sampling, intervals.sampling);
    widen(summary_.shortest.aggregation, summary_.longest.aggregation, intervals.aggregation);
    for (const Region& region : seen.regions) {
        const auto bytes = static_cast<double>(region.range.size().count);
        current_.watched += bytes;
        if (!region.known()) {
            current_.unknown += bytes;
            continue;
        }
        const double present =
            bytes * (static_cast<double>(region.sampled) - static_cast<double>(region.absent)) /
            static_cast<double>(region.sampled);
        current_.present += present;
        current_.absent += bytes - present;
        const std::uint32_t ppm = frequency(region).ppm;
        (ppm == 0              ? current_.never
         : ppm <= seldom_ppm   ? current_.seldom
         : ppm <= at_times_ppm ? current_.at_times
                               : current_.often) += present;
        if (ppm != 0) continue;
        const double age = nanoseconds(interval) * region.age;
        for (std::size_t i = 0; i < cold_ages.size(); ++i)
            if (age >= nanoseconds(cold_ages[i])) current_cold_[i] += present;
    }
}

void RecordingSummarizer::flush() {
    pending_ = false;
    ++summary_.selected;
    const double time = std::max(1.0, nanoseconds(elapsed(from_, to_)));
    time_ += time;
    add_scaled(sum_, current_, time);
    for (std::size_t i = 0; i < cold_ages.size(); ++i) {
        // Ages may have grown before the recording began.
        cold_seen_[i] =
            cold_seen_[i] || current_cold_[i] > 0 || elapsed(first_, to_) >= cold_ages[i];
        if (!cold_seen_[i]) continue;
        cold_time_[i] += time;
        cold_sum_[i] += current_cold_[i] * time;
        current_.cold[i] = current_cold_[i];
    }
    summary_.last = current_;
}

RecordingSummary RecordingSummarizer::finish(const RecordingInfo& info, const Walked& walked) {
    if (pending_) flush();
    summary_.info = info;
    summary_.length = elapsed(walked.beginning, walked.end);
    summary_.snapshots = walked.snapshots;
    summary_.lost = walked.lost;
    for (const auto& [id, label] : targets_) summary_.targets.push_back(label);
    if (time_ > 0) add_scaled(summary_.mean, sum_, 1 / time_);
    for (std::size_t i = 0; i < cold_ages.size(); ++i)
        if (cold_seen_[i]) summary_.mean.cold[i] = cold_sum_[i] / cold_time_[i];
    return std::move(summary_);
}

std::string recording_summary_text(const RecordingSummary& summary, std::size_t width) {
    Screen screen(summary, width);
    if (summary.selected == 0) {
        screen.paragraph(summary.snapshots == 0
                             ? "The recording has no snapshots."
                             : "No snapshot of the recording has memory in what was selected.");
        return screen.finish();
    }
    const MemoryFigures& last = summary.last;
    const MemoryFigures& mean = summary.mean;
    screen.line(headline(summary));
    screen.line(method(summary));
    screen.line("");
    screen.line(left("", 27) + right("at the end", 12) + right("", 10) + right("mean", 13));
    screen.row("In memory", last.present, mean.present);
    screen.row("Not in memory", last.absent, mean.absent, false);
    screen.row("Unknown: not looked at", last.unknown, mean.unknown, false);
    screen.line("Of what is in memory, accessed in so many of the looks:");
    screen.row("  over 50 %", last.often, mean.often);
    screen.row("  5 % to 50 %", last.at_times, mean.at_times);
    screen.row("  up to 5 %", last.seldom, mean.seldom);
    screen.row("  none", last.never, mean.never);
    screen.line("Cold: in none of them, and that for at least");
    for (std::size_t i = 0; i < cold_ages.size(); ++i) {
        const bool known = last.cold[i] || mean.cold[i];
        if (known)
            screen.row("  " + time_mark(cold_ages[i]), last.cold[i], mean.cold[i]);
        else
            screen.line("  " + left(time_mark(cold_ages[i]), 25) + right("-", 12) +
                        "    the recording is too short to tell");
    }
    screen.line("");
    screen.paragraph(verdict(summary));
    if (summary.info.format != RecordingFormat::own) {
        screen.paragraph(
            "This format does not tell what is not in memory from what is idle: sizes are those "
            "of mappings, not of memory.");
    }
    if (summary.unseen_accesses)
        screen.paragraph("Others map this memory, too: what they access is not seen.");
    return screen.finish();
}

}  // namespace damon_schemes
