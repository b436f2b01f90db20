// SPDX-License-Identifier: MIT
#include "engine/reports/overview.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

constexpr std::size_t figure_columns = 10;  // the space before it included
constexpr std::size_t pid_columns = 7;
constexpr std::size_t least_name_columns = 8;
constexpr std::size_t least_heatmap_lines = 7;  // an area, its name, the axis and the legend
constexpr std::size_t most_scheme_lines = 4;

std::string figure(const std::optional<Bytes>& bytes) {
    return bytes ? readable(*bytes) : "-";
}

std::string title_line(const Overview& overview) {
    std::size_t regions = 0;
    std::size_t watched = 0;
    for (const OverviewTarget& target : overview.targets) {
        regions += target.regions;
        if (target.state.empty()) ++watched;
    }
    std::string line = "damon-schemes top  " + readable_clock(overview.elapsed) + "  " +
                       std::to_string(watched) + (watched == 1 ? " target  " : " targets  ") +
                       std::to_string(regions) + " regions";
    if (overview.cost) {
        line += "  monitoring " +
                readable_percent(static_cast<double>(overview.cost->thread_time.count()),
                                 static_cast<double>(overview.elapsed.count())) +
                " of a CPU";
        if (overview.cost->lost_snapshots > 0)
            line += "  " + std::to_string(overview.cost->lost_snapshots) + " snapshots lost";
    }
    if (overview.intervals) line += "  " + readable(*overview.intervals);
    if (overview.frozen) line += "  FROZEN";
    return line;
}

// The columns of a target, from the left; those on the right go first where there is no room.
std::string target_row(std::string_view pid, std::string_view name,
                       const std::array<std::string, 6>& figures, std::size_t width) {
    const std::size_t fixed = pid_columns + 1 + least_name_columns;
    const std::size_t fit =
        width < fixed ? 0 : std::min(figures.size(), (width - fixed) / figure_columns);
    const std::size_t taken = pid_columns + 1 + fit * figure_columns;
    const std::size_t name_columns = std::min<std::size_t>(16, width > taken ? width - taken : 0);
    std::string line = right(pid, pid_columns) + " " + left(printable(name), name_columns);
    for (std::size_t i = 0; i < fit; ++i) line += " " + right(figures[i], figure_columns - 1);
    return line;
}

std::string target_line(const OverviewTarget& target, std::size_t width) {
    if (!target.state.empty())
        return target_row(std::to_string(target.pid), target.name, {target.state}, width);
    const Bytes used = target.use.often + target.use.at_times;
    return target_row(
        std::to_string(target.pid), target.name,
        {figure(target.rss), readable(used), readable(target.use.idle), readable(target.use.cold),
         readable(target.use.unknown), figure(target.swapped)},
        width);
}

std::vector<ScreenLine> help_lines() {
    static constexpr std::array<const char*, 14> texts = {
        "USED     accessed in one look at least of the last aggregation interval",
        "IDLE     there, and accessed in none",
        "COLD     of that: so for 10 s at least; what a policy would begin with",
        "UNKNOWN  not looked at in the interval: may be hot, may be cold",
        "RSS and SWAPPED are the kernel's own figures; used + idle comes near RSS.",
        "",
        "The heat map shows the selected target from its first look on: addresses downwards,",
        "time to the right. Large holes between addresses are left out.",
        "",
        "up, down   select a target        s   sort by size, cold memory or name",
        "space      freeze, go on          h   this help, and back",
        "q          quit                   Ctrl-L  draw the screen anew",
        "",
        "top only watches: it acts on nothing, whatever the policy says."};
    std::vector<ScreenLine> lines;
    for (const char* text : texts) lines.push_back({text, Emphasis::plain});
    return lines;
}

std::string_view name_of(OverviewOrder order) {
    switch (order) {
        case OverviewOrder::size:
            return "size";
        case OverviewOrder::cold:
            return "cold";
        case OverviewOrder::name:
            return "name";
    }
    return "size";
}

std::string keys_line(const Overview& overview) {
    return "q quit  h help  up/down select  s sort (" + std::string(name_of(overview.order)) +
           ")  space " + (overview.frozen ? "go on" : "freeze");
}

std::vector<ScreenLine> lines_of(const std::string& text) {
    std::vector<ScreenLine> lines;
    for (std::size_t from = 0; from < text.size();) {
        const std::size_t end = std::min(text.find('\n', from), text.size());
        lines.push_back({text.substr(from, end - from), Emphasis::plain});
        from = end + 1;
    }
    return lines;
}

// Lines of the screen but for the title and the keys.
struct Shares {
    std::size_t targets = 0;  // without the heading
    std::size_t schemes = 0;  // likewise
    std::size_t heatmap = 0;
};

Shares shares_of(const Overview& overview, std::size_t height) {
    std::size_t left_over = height > 3 ? height - 3 : 0;  // title, heading of the targets, keys
    Shares shares;
    shares.targets =
        std::min({overview.targets.size(), std::max<std::size_t>(left_over / 3, 1), left_over});
    left_over -= shares.targets;
    const std::size_t schemes = std::min(overview.schemes.size(), most_scheme_lines);
    if (schemes > 0 && left_over > schemes + 1) {
        shares.schemes = schemes;
        left_over -= schemes + 2;  // a blank line and a heading
    }
    if (left_over > least_heatmap_lines) shares.heatmap = left_over - 1;
    return shares;
}

// So many of them that the selected one is among them.
std::vector<OverviewTarget> shown(const Overview& overview, std::size_t count) {
    auto targets = in_order(overview.targets, overview.order);
    const auto selected =
        std::find_if(targets.begin(), targets.end(),
                     [&](const OverviewTarget& target) { return target.pid == overview.selected; });
    const auto index = static_cast<std::size_t>(selected - targets.begin());
    std::size_t first = 0;
    if (selected != targets.end() && index >= count) first = index + 1 - count;
    targets.erase(targets.begin(), targets.begin() + static_cast<std::ptrdiff_t>(first));
    if (targets.size() > count) targets.resize(count);
    return targets;
}

}  // namespace

MemoryUse use_of(const TargetSnapshot& target, Duration aggregation_interval) {
    MemoryUse use;
    for (const Region& region : target.regions) {
        const Bytes size = region.range.size();
        if (!region.known()) {
            use.unknown += size;
            continue;
        }
        const std::uint32_t looks = region.sampled;
        const Bytes absent{static_cast<std::uint64_t>(static_cast<double>(size.count) *
                                                      std::min(region.absent, looks) / looks)};
        const Bytes present = size - absent;
        use.absent += absent;
        if (region.accessed == 0) {
            use.idle += present;
            if (aggregation_interval * region.age >= cold_age) use.cold += present;
        } else if (2 * std::uint64_t{region.accessed} > looks) {
            use.often += present;
        } else {
            use.at_times += present;
        }
    }
    return use;
}

std::vector<OverviewTarget> in_order(std::vector<OverviewTarget> targets, OverviewOrder order) {
    const auto before = [order](const OverviewTarget& a, const OverviewTarget& b) {
        switch (order) {
            case OverviewOrder::size:
                return a.rss.value_or(Bytes{}) > b.rss.value_or(Bytes{});
            case OverviewOrder::cold:
                return a.use.cold > b.use.cold;
            case OverviewOrder::name:
                return a.name < b.name;
        }
        return false;
    };
    std::sort(targets.begin(), targets.end(),
              [](const auto& a, const auto& b) { return a.pid < b.pid; });
    std::stable_sort(targets.begin(), targets.end(), before);
    return targets;
}

std::size_t heatmap_lines(const Overview& overview, std::size_t height) {
    return shares_of(overview, height).heatmap;
}

std::vector<ScreenLine> draw(const Overview& overview, std::size_t width, std::size_t height) {
    width = std::max<std::size_t>(width, 20);
    const Shares shares = shares_of(overview, height);
    std::vector<ScreenLine> lines;
    lines.push_back({title_line(overview), Emphasis::title});
    if (overview.help) {
        lines.push_back({});
        for (auto& line : help_lines()) lines.push_back(std::move(line));
    } else {
        lines.push_back({target_row("PID", "NAME",
                                    {"RSS", "USED", "IDLE", "COLD", "UNKNOWN", "SWAPPED"}, width),
                         Emphasis::heading});
        for (const OverviewTarget& target : shown(overview, shares.targets)) {
            lines.push_back({target_line(target, width), target.pid == overview.selected
                                                             ? Emphasis::selected
                                                             : Emphasis::plain});
        }
        if (shares.schemes > 0) {
            lines.push_back({});
            lines.push_back({"  SCHEME            ACTION       MATCHES now", Emphasis::heading});
            for (std::size_t i = 0; i < shares.schemes; ++i) {
                const OverviewScheme& scheme = overview.schemes[i];
                lines.push_back({"  " + left(printable(scheme.name), 16) + "  " +
                                     left(damon_schemes::name_of(scheme.action), 9) +
                                     right(readable(scheme.matched), figure_columns) + " in " +
                                     readable(scheme.matched_regions) +
                                     (scheme.matched_regions == 1 ? " region" : " regions"),
                                 Emphasis::plain});
            }
        }
        if (shares.heatmap > 0) {
            lines.push_back({});
            auto map = lines_of(overview.heatmap);
            if (map.size() > shares.heatmap) map.resize(shares.heatmap);
            for (auto& line : map) lines.push_back(std::move(line));
        }
    }
    lines.resize(height > 0 ? height - 1 : 0);
    if (height > 0) lines.push_back({keys_line(overview), Emphasis::keys});
    for (ScreenLine& line : lines) line.text = shortened(line.text, width);
    return lines;
}

}  // namespace damon_schemes
