// SPDX-License-Identifier: MIT
#include "engine/monitors/physical_setup.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "engine/targets/procfs.h"

namespace damon_schemes {
namespace {

// "No upper bound": the kernel keeps sizes in 64 bits, counts and ages in 32.
constexpr std::uint64_t any_size = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t any_count = std::numeric_limits<std::uint32_t>::max();

constexpr std::uint64_t divided_up(std::uint64_t number, std::uint64_t by) {
    return number / by + (number % by != 0 ? 1 : 0);
}

std::uint64_t count_of(Duration duration) {
    return static_cast<std::uint64_t>(std::max(duration, Duration()).count());
}

class SchemeFiles {
  public:
    SchemeFiles(const Scheme& scheme, const MonitorAttributes& monitor, std::size_t place)
        : scheme_(scheme), monitor_(monitor), folder_(scheme_folder(place)) {}

    Result<KdamondSetup> make(bool only_count) {
        if (auto able = check_action(); !able) return able.error();
        if (auto able = check_controls(); !able) return able.error();
        put("action", only_count ? "stat" : action(), "stat");
        put("apply_interval_us",
            number(count_of(scheme_.apply_interval.value_or(Duration())) / 1'000));
        pattern();
        if (auto able = quota(); !able) return able.error();
        if (auto able = watermarks(); !able) return able.error();
        if (auto able = filters(); !able) return able.error();
        return std::move(files_);
    }

  private:
    Error cannot(const std::string& what, const std::string& instead) const {
        return {ErrorKind::unsupported,
                "scheme '" + scheme_.name + "': " + what +
                    ", which mainline DAMON cannot do on physical memory: " + instead,
                0};
    }
    void put(const std::string& file, const std::string& text, const std::string& first = "0") {
        files_.push_back({folder_ + file, text, first});
    }
    static std::string number(std::uint64_t value) { return std::to_string(value); }

    const char* action() const {
        switch (scheme_.action) {
            case Action::pageout:
                return "pageout";
            case Action::cold:
                return "lru_deprio";  // to where reclaim looks first
            default:
                return "stat";
        }
    }

    Result<void> check_action() const {
        if (scheme_.action == Action::pageout || scheme_.action == Action::cold ||
            scheme_.action == Action::stat)
            return {};
        return cannot("its action is '" + std::string(name_of(scheme_.action)) + "'",
                      "use pageout, cold or stat");
    }

    // Processes are not looked at, so nothing that goes by them is there.
    Result<void> check_controls() const {
        const auto without = [](const std::string& key) { return "take '" + key + "' out"; };
        if (scheme_.verify) {
            return cannot("it has 'verify'",
                          without("verify") + "; DAMON looks at each page before it pages it out");
        }
        if (scheme_.tune) return cannot("it has 'tune'", without("tune"));
        if (scheme_.cool_down) return cannot("it has 'cool_down'", without("cool_down"));
        if (scheme_.min_rss) return cannot("it has 'min_rss'", without("min_rss"));
        if (scheme_.floor.rss || scheme_.floor.share)
            return cannot("it has a 'floor'", without("floor"));
        return {};
    }

    void pattern() {
        const std::uint64_t most = std::max<std::uint64_t>(
            1, count_of(monitor_.aggregation_interval) /
                   std::max<std::uint64_t>(1, count_of(monitor_.sampling_interval)));
        const std::uint64_t unit =
            std::max<std::uint64_t>(1, count_of(monitor_.aggregation_interval));
        put("access_pattern/sz/min", number(scheme_.size.min.value_or(Bytes{}).count));
        put("access_pattern/sz/max", number(scheme_.size.max.value_or(Bytes{any_size}).count));
        const auto accesses = [most](Share share) { return std::uint64_t{share.ppm} * most; };
        put("access_pattern/nr_accesses/min",
            number(divided_up(accesses(scheme_.frequency.min.value_or(Share{})), 1'000'000)));
        put("access_pattern/nr_accesses/max",
            number(scheme_.frequency.max ? accesses(*scheme_.frequency.max) / 1'000'000
                                         : any_count));
        put("access_pattern/age/min",
            number(std::min(any_count,
                            divided_up(count_of(scheme_.age.min.value_or(Duration())), unit))));
        put("access_pattern/age/max",
            number(scheme_.age.max ? std::min(any_count, count_of(*scheme_.age.max) / unit)
                                   : any_count));
    }

    Result<void> quota() {
        const Quota& quota = scheme_.quota;
        constexpr std::uint64_t millisecond = 1'000'000;
        const std::uint64_t window = count_of(quota.per) / millisecond;
        const std::uint64_t time = count_of(quota.time.value_or(Duration())) / millisecond;
        if (quota.time && time == 0)
            return cannot("its quota of time is below a millisecond", "write at least 1ms");
        if (window == 0)
            return cannot("its quota's window is below a millisecond", "write at least 1ms");
        // 0 would be no limit, where 0 is meant.
        if (quota.bytes && quota.bytes->count == 0)
            return cannot("its quota is 0 bytes", "use the action stat");
        put("quotas/ms", number(time));
        put("quotas/bytes", number(quota.bytes.value_or(Bytes{}).count));
        put("quotas/reset_interval_ms", number(window));
        const Priority& priority = quota.priority;
        const std::uint64_t sum = std::uint64_t{priority.size} + priority.frequency + priority.age;
        const auto weight = [sum](std::uint32_t part) {
            return number(sum == 0 ? 0 : std::uint64_t{part} * 1'000 / sum);
        };
        put("quotas/weights/sz_permil", weight(priority.size));
        put("quotas/weights/nr_accesses_permil", weight(priority.frequency));
        put("quotas/weights/age_permil", weight(priority.age));
        put("quotas/goals/nr_goals", number(quota.goals.size()));
        if (!quota.goals.empty() && quota.tuner != GoalTuner::consistent)
            return cannot("its goals' tuner is 'temporal'", "use 'consistent'");
        for (std::size_t i = 0; i < quota.goals.size(); ++i) {
            const QuotaGoal& goal = quota.goals[i];
            if (goal.metric != GoalMetric::pressure) {
                return cannot("it has the goal '" + std::string(name_of(goal.metric)) + "'",
                              "only 'pressure' is there");
            }
            const std::string goals = "quotas/goals/" + number(i) + "/";
            // The time that some task may wait within a window, in microseconds.
            const std::uint64_t target = count_of(quota.per) / 1'000'000 * goal.share.ppm / 1'000;
            if (target == 0) return cannot("its goal is a pressure of 0", "write a share above 0");
            put(goals + "target_metric", "some_mem_psi_us", "user_input");
            put(goals + "target_value", number(target));
        }
        return {};
    }

    Result<void> watermarks() {
        if (!scheme_.watermarks) return {};
        if (scheme_.watermarks->free_swap) {
            return cannot("it has a watermark of free swap",
                          "take it out; limits.min_free_swap stops all of it");
        }
        if (!scheme_.watermarks->free_memory) return {};
        const Watermark& mark = *scheme_.watermarks->free_memory;
        put("watermarks/metric", "free_mem_rate", "none");
        put("watermarks/interval_us", number(count_of(scheme_.watermarks->interval) / 1'000));
        put("watermarks/high", number(mark.high.ppm / 1'000));
        put("watermarks/mid", number(mark.mid.ppm / 1'000));
        put("watermarks/low", number(mark.low.ppm / 1'000));
        return {};
    }

    // The kernel's only reject.  What none fits is the opposite of the last one here, so one that
    // allows can be the last, and rejects what it does not fit.
    Result<void> filters() {
        put("filters/nr_filters", number(scheme_.filters.size()));
        for (std::size_t i = 0; i < scheme_.filters.size(); ++i) {
            const Filter& filter = scheme_.filters[i];
            if (filter.allow && i + 1 < scheme_.filters.size()) {
                return cannot("a filter that allows stands before others",
                              "put those that reject first, and one that allows last");
            }
            const std::string folder = "filters/" + number(i) + "/";
            bool rejects_matching = !filter.allow;
            switch (filter.kind) {
                case FilterKind::anonymous:
                    put(folder + "type", "anon", "anon");
                    break;
                case FilterKind::file:
                    put(folder + "type", "anon", "anon");
                    rejects_matching = !rejects_matching;
                    break;
                case FilterKind::cgroup:
                    if (filter.pattern.find_first_of("*?") != std::string::npos) {
                        return cannot("its filter by cgroup is a pattern",
                                      "write the whole path of one cgroup, such as "
                                      "\"/system.slice/redis.service\"");
                    }
                    put(folder + "type", "memcg", "anon");
                    put(folder + "memcg_path", filter.pattern, "");
                    break;
                default:
                    return cannot("it has a filter by '" + std::string(name_of(filter.kind)) + "'",
                                  "there are 'anonymous', 'file' and 'cgroup'");
            }
            put(folder + "matching", rejects_matching ? "Y" : "N", "N");
        }
        return {};
    }

    const Scheme& scheme_;
    const MonitorAttributes& monitor_;
    std::string folder_;
    KdamondSetup files_;
};

Result<void> check_policy(const Policy& policy) {
    const auto refused = [](const std::string& what) {
        return Error{ErrorKind::unsupported, "monitor.memory is \"physical\": " + what, 0};
    };
    if (!policy.targets.empty())
        return refused("no process is looked at, so take [[target]] out of the policy");
    if (policy.monitor.tlb != TlbPolicy::automatic)
        return refused("mainline DAMON flushes nothing, so take monitor.tlb out of the policy");
    if (policy.monitor.layout != RegionLayout::gaps || policy.monitor.children) {
        return refused(
            "it has neither mappings nor children, so take monitor.regions.layout and "
            "monitor.children out of the policy");
    }
    if (policy.monitor.min_region_size != kibibytes(4)) {
        return refused(
            "its regions are as small as a page always, so take "
            "monitor.min_region_size out of the policy");
    }
    if (policy.monitor.interval_goal) {
        return refused(
            "mainline DAMON tells of no snapshot that intervals could follow, so take "
            "monitor.interval_goal out of the policy");
    }
    if (policy.has(Action::pageout) && (policy.limits.brake || policy.limits.guard)) {
        return refused(
            "the brake and the guard watch targets, of which there are none here; to do without "
            "them write [limits] brake = \"off\" and guard = \"off\"");
    }
    return {};
}

}  // namespace

std::string scheme_folder(std::size_t place) {
    return "/contexts/0/schemes/" + std::to_string(place) + "/";
}

Result<std::vector<AddressRange>> system_ram(std::string_view iomem) {
    std::vector<AddressRange> ranges;
    bool any = false;
    while (!iomem.empty()) {
        const auto end = iomem.find('\n');
        const std::string_view line = iomem.substr(0, end);
        iomem = end == std::string_view::npos ? std::string_view() : iomem.substr(end + 1);
        // "00100000-3fffffff : System RAM"; what lies within another is indented.
        const auto dash = line.find('-');
        const auto colon = line.find(" : ");
        if (line.starts_with(' ') || dash == std::string_view::npos ||
            colon == std::string_view::npos || dash > colon ||
            line.substr(colon + 3) != "System RAM")
            continue;
        any = true;
        const auto first = parse_number(line.substr(0, dash), 16);
        const auto last = parse_number(line.substr(dash + 1, colon - dash - 1), 16);
        if (first && last && *last > *first) ranges.push_back({*first, *last + 1});
    }
    if (!ranges.empty()) return ranges;
    return Error{
        ErrorKind::unsupported,
        any ? "/proc/iomem hides where memory is: run as root" : "/proc/iomem names no memory", 0};
}

Result<KdamondSetup> physical_setup(const Policy& policy, const std::vector<AddressRange>& ram,
                                    bool only_count) {
    if (auto able = check_policy(policy); !able) return able.error();
    KdamondSetup setup = monitored_setup("paddr", policy.monitor);
    const std::string target = "/contexts/0/targets/";
    setup.push_back({target + "nr_targets", "1", "0"});
    setup.push_back({target + "0/regions/nr_regions", std::to_string(ram.size()), "0"});
    for (std::size_t i = 0; i < ram.size(); ++i) {
        const std::string region = target + "0/regions/" + std::to_string(i) + "/";
        setup.push_back({region + "start", std::to_string(ram[i].start), "0"});
        setup.push_back({region + "end", std::to_string(ram[i].end), "0"});
    }
    setup.push_back({"/contexts/0/schemes/nr_schemes", std::to_string(policy.schemes.size()), "0"});
    for (std::size_t i = 0; i < policy.schemes.size(); ++i) {
        auto files = SchemeFiles(policy.schemes[i], policy.monitor, i).make(only_count);
        if (!files) return files.error();
        setup.insert(setup.end(), files->begin(), files->end());
    }
    return setup;
}

}  // namespace damon_schemes
