// SPDX-License-Identifier: MIT
#include "cli/description.h"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "engine/reports/readable.h"
#include "schemes/quantity.h"

namespace damon_schemes {
namespace {

constexpr Share whole{1'000'000};

std::string_view verb(Action action) {
    switch (action) {
        case Action::pageout:
            return "page out";
        case Action::cold:
            return "tell the kernel that it may reclaim first";
        case Action::willneed:
            return "read back from swap";
        case Action::stat:
            return "only count";
        case Action::collapse:
            return "make huge pages of";
        case Action::hugepage:
            return "let the kernel use huge pages for";
        case Action::nohugepage:
            return "keep the kernel from using huge pages for";
        case Action::mlock:
            return "lock";
        case Action::munlock:
            return "unlock what mlock schemes locked of";
    }
    return name_of(action);
}

std::string hexadecimal(std::uint64_t value) {
    std::array<char, 20> text{};
    std::snprintf(text.data(), text.size(), "0x%" PRIx64, value);
    return text.data();
}

// As people write it: 20, 0.5.
std::string plain(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%g", value);
    return text.data();
}

template <typename T>
std::string bounds(const Range<T>& range) {
    if (range.min && range.max)
        return *range.min == *range.max ? to_string(*range.min)
                                        : to_string(*range.min) + " to " + to_string(*range.max);
    if (range.min) return "at least " + to_string(*range.min);
    return "at most " + to_string(*range.max);
}

std::string accesses(const Range<Share>& range) {
    const bool from_none = !range.min || *range.min == Share{};
    if (range.max && *range.max == Share{} && from_none) return "no look found accessed";
    if (from_none && (!range.max || *range.max == whole)) return {};
    return "was found accessed in " + bounds(range) + " of the looks";
}

// "a", "a and b", "a, b and c".
std::string listed(const std::vector<std::string>& parts) {
    std::string text;
    for (std::size_t i = 0; i < parts.size(); ++i)
        text += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
    return text;
}

std::string memory_fitting(const Filter& filter) {
    switch (filter.kind) {
        case FilterKind::anonymous:
            return "anonymous memory";
        case FilterKind::file:
            return "memory of files";
        case FilterKind::mapping:
            return "mappings named " + filter.pattern;
        case FilterKind::address:
            return "addresses from " + hexadecimal(filter.range.start) + " to " +
                   hexadecimal(filter.range.end);
        case FilterKind::huge_page:
            return "huge pages";
        case FilterKind::young:
            return "pages accessed just before";
        case FilterKind::target:
            return "targets named " + filter.pattern;
        case FilterKind::cgroup:
            return "targets of cgroup " + filter.pattern;
    }
    return std::string(name_of(filter.kind));
}

// In their order, as the first that fits decides.
std::string filters(const std::vector<Filter>& filters) {
    std::string text = "filters: ";
    for (const Filter& filter : filters)
        text += (filter.allow ? "yes to " : "no to ") + memory_fitting(filter) + ", else ";
    return text + (filters.back().allow ? "no" : "yes");
}

std::string goal(const QuotaGoal& goal) {
    const std::string at = " at " + to_string(goal.share);
    switch (goal.metric) {
        case GoalMetric::pressure:
            return "the time that tasks wait for memory" + at;
        case GoalMetric::cgroup_pressure:
            return "the time that the targets' cgroups wait for memory" + at;
        case GoalMetric::refaults:
            return "the share that comes back" + at;
        case GoalMetric::free_memory:
            return "free memory" + at;
        case GoalMetric::figure:
            return "the figure in " + goal.file + " at " + plain(goal.figure);
    }
    return std::string(name_of(goal.metric));
}

// What goes first where a limit does not let all of it through; nothing where it is as usual.
std::string priority(const Scheme& scheme) {
    const Priority& weights = scheme.quota.priority;
    if (weights == Priority{}) return {};
    if (!weights.any()) return "; where that is too little, by turns";
    std::vector<std::string> parts;
    const auto add = [&](std::uint32_t weight, const char* name) {
        if (weight == 0) return;
        parts.push_back(name);
        if (weight != 1) parts.back() += " (" + std::to_string(weight) + " times)";
    };
    add(weights.age, "age");
    add(weights.frequency, "frequency");
    add(weights.size, "size");
    return "; where that is too little, the " +
           std::string(goes_for_hot(scheme.action) ? "hottest" : "coldest") + " first, by " +
           listed(parts);
}

std::string quota(const Scheme& scheme) {
    const Quota& quota = scheme.quota;
    std::vector<std::string> amounts;
    if (quota.bytes) amounts.push_back(to_string(*quota.bytes));
    if (quota.time) amounts.push_back(to_string(*quota.time) + " of work");
    std::string text;
    if (!amounts.empty())
        text = "; at most " + listed(amounts) + " per " + to_string(quota.per);
    else if (quota.goals.empty())
        return "; as much as there is";
    if (!quota.goals.empty()) {
        std::vector<std::string> goals;
        for (const QuotaGoal& each : quota.goals) goals.push_back(goal(each));
        text += quota.tuner == GoalTuner::consistent
                    ? "; so much per " + to_string(quota.per) + " that it keeps " + listed(goals)
                    : "; until " + listed(goals) + (goals.size() == 1 ? " is" : " are") +
                          " reached, then nothing";
    }
    return text + priority(scheme);
}

std::string watermark(const Watermark& mark, const std::string& what) {
    std::vector<std::string> rests;
    if (mark.high < whole) rests.push_back("more than " + to_string(mark.high));
    if (mark.low > Share{}) rests.push_back("less than " + to_string(mark.low));
    if (rests.empty()) return {};
    std::string text = "rests while " + rests.front() +
                       (rests.size() == 2 ? " or " + rests.back() : std::string()) + " of " + what +
                       " is free";
    if (mark.mid < mark.high) text += ", until " + to_string(mark.mid) + " is";
    return text + "; ";
}

std::string huge_pages(const Scheme& scheme) {
    std::string text =
        "huge pages: where at least " + to_string(scheme.present) + " of 2 MiB is in memory";
    std::vector<std::string> most;
    if (scheme.growth.bytes) most.push_back(to_string(*scheme.growth.bytes));
    if (scheme.growth.share) most.push_back(to_string(*scheme.growth.share) + " of its memory");
    if (most.size() == 1) text += "; each target may grow by " + most.front();
    if (most.size() == 2) text += "; each target may grow by the lesser of " + listed(most);
    return text;
}

std::string lock_budget(const Scheme& scheme) {
    std::vector<std::string> most;
    if (scheme.lock.target) most.push_back(to_string(*scheme.lock.target) + " of a target");
    if (scheme.lock.host) most.push_back(to_string(*scheme.lock.host) + " of the machine's memory");
    std::string text = "locks: at most " + (most.empty() ? "all there is" : listed(most));
    text += scheme.populate ? "; what is not in memory is brought in"
                            : "; what is not in memory is locked when it comes";
    if (scheme.raise_memlock == RaiseMemlock::soft)
        text += "; RLIMIT_MEMLOCK is raised up to its hard limit";
    if (scheme.raise_memlock == RaiseMemlock::hard)
        text += "; RLIMIT_MEMLOCK is raised, its hard limit too";
    return text;
}

std::string unlocking(const Scheme& scheme) {
    return (scheme.unlock_age ? "unlocked when it has not been used like that for " +
                                    to_string(*scheme.unlock_age) + ", and "
                              : std::string("unlocked only ")) +
           (scheme.on_exit == OnExit::restore ? "at the end"
            : scheme.unlock_age               ? "left locked at the end"
                                              : "by hand: it is left locked at the end");
}

// What holds the scheme back besides its pattern and its quota, each in a line of its own.
std::vector<std::string> controls(const Scheme& scheme) {
    std::vector<std::string> lines;
    if (scheme.tune)
        lines.push_back("tuning: that age is moved between " + to_string(scheme.tune->min) +
                        " and " + to_string(scheme.tune->max) + " so that " +
                        to_string(scheme.tune->refaults) + " comes back");
    if (scheme.min_rss)
        lines.push_back("only targets with at least " + to_string(*scheme.min_rss) + " in memory");
    if (!scheme.filters.empty()) lines.push_back(filters(scheme.filters));
    if (scheme.verify)
        lines.push_back(scheme.verify->of_age
                            ? "verification: each page has to stay idle for that age, whatever its "
                              "region's is"
                            : "verification: each page has to stay idle for another " +
                                  to_string(scheme.verify->idle));
    std::vector<std::string> floors;
    if (scheme.floor.rss) floors.push_back(to_string(*scheme.floor.rss));
    if (scheme.floor.share) floors.push_back(to_string(*scheme.floor.share) + " of its memory");
    if (!floors.empty()) lines.push_back("floor: each target keeps at least " + listed(floors));
    if (const auto& marks = scheme.watermarks) {
        std::string text = "watermarks: ";
        if (marks->free_memory) text += watermark(*marks->free_memory, "the memory");
        if (marks->free_swap) text += watermark(*marks->free_swap, "the swap");
        lines.push_back(text + "looked at every " + to_string(marks->interval));
    }
    if (scheme.action == Action::collapse) lines.push_back(huge_pages(scheme));
    if (scheme.action == Action::mlock) {
        lines.push_back(lock_budget(scheme));
        lines.push_back(unlocking(scheme));
    }
    if (scheme.apply_interval)
        lines.push_back("applied every " + to_string(*scheme.apply_interval));
    if (scheme.cool_down)
        lines.push_back("the same memory again only after " + to_string(*scheme.cool_down));
    return lines;
}

std::string sentence(const Scheme& scheme) {
    std::string text = scheme.name + ": " + std::string(verb(scheme.action)) + " memory";
    std::string conditions = accesses(scheme.frequency);
    if (!conditions.empty()) text += " that " + conditions;
    if (scheme.age.min || scheme.age.max) {
        // Without a frequency the age is that of whatever it is like.
        text += conditions.empty() ? " that has been used alike for " : ", for ";
        text += bounds(scheme.age);
    }
    if (scheme.size.min || scheme.size.max) text += ", in regions of " + bounds(scheme.size);
    if (acts(scheme.action)) {
        text += quota(scheme);
        if (scheme.split_huge_pages) text += "; huge pages may be split";
        if (scheme.allow_unseen_accesses)
            text += "; also where others map the memory and their accesses are not seen";
    }
    return text + ".";
}

// What fits a rule, or is named.
std::string processes(const TargetSelector& target) {
    if (target.pid) return "process " + std::to_string(*target.pid);
    std::string text = target.all || target.is_rule() ? "every process" : "the process";
    if (target.name) text += " named " + *target.name;
    if (target.executable) text += " running " + *target.executable;
    if (target.user)
        text += target.user->find_first_not_of("0123456789") == std::string::npos
                    ? " of uid " + *target.user
                    : " of user " + *target.user;
    if (target.unit) text += " in unit " + *target.unit;
    if (target.cgroup) text += " in cgroup " + *target.cgroup;
    if (target.min_rss) text += " with at least " + to_string(*target.min_rss) + " in memory";
    return text;
}

std::string targets(const Policy& policy) {
    if (policy.targets.empty())
        return "target: none in the policy; give --pid, --name or -- COMMAND to apply.";
    std::string text = policy.targets.size() == 1 ? "target: " : "targets: ";
    for (std::size_t i = 0; i < policy.targets.size(); ++i) {
        if (i != 0) text += ", ";
        text += processes(policy.targets[i]);
    }
    return text + ".";
}

std::string guard(const Limits::Guard& guard) {
    std::vector<std::string> harms;
    if (guard.refaults)
        harms.push_back(to_string(*guard.refaults) +
                        " a second of what a scheme paged out come back");
    if (guard.pressure)
        harms.push_back("its cgroup waits for memory more than " + to_string(*guard.pressure) +
                        " of the time");
    if (guard.figure) {
        std::ostringstream max;
        max << guard.figure->max;
        harms.push_back(guard.figure->file + " says more than " + max.str());
    }
    if (harms.empty()) return "a guard that goes by nothing";
    std::string text = "leave a target alone for " + to_string(guard.pause) +
                       " and, again, up to " + to_string(guard.longest_pause) + " when ";
    for (std::size_t i = 0; i < harms.size(); ++i) text += (i == 0 ? "" : ", or ") + harms[i];
    return text;
}

std::string limits(const Limits& limits) {
    std::string text = "limits: ";
    text += limits.min_free_swap ? "stop paging out while less than " +
                                       to_string(*limits.min_free_swap) + " of swap is free"
                                 : "swap may be filled to the last page";
    text += "; ";
    if (limits.brake) {
        text += "leave a target alone for " + to_string(limits.brake->pause) +
                " when its major faults rise over " + readable(limits.brake->faults_per_second) +
                " a second and " + std::to_string(limits.brake->times) + " times its earlier rate";
    } else {
        text += "no brake on a target's major faults";
    }
    text += "; ";
    text += limits.guard ? guard(*limits.guard) : "no guard over what comes back";
    if (limits.min_headroom)
        text += "; rest while less than " + to_string(*limits.min_headroom) +
                " of memory and swap can still be had";
    if (limits.min_zram_saving)
        text += "; stop paging out while zram saves less than " +
                to_string(*limits.min_zram_saving) + " of what it holds";
    return text + ".";
}

// Whether targets may be made to call the kernel themselves, where an action may need that.
std::string remote(const Policy& policy) {
    if (!policy.remote_syscall) return "remote system calls: none; what would need one is skipped.";
    return "remote system calls: a target may be stopped for " +
           to_string(policy.remote.longest_stop) + " at a time, and runs for " +
           to_string(policy.remote.between_stops) + " in between.";
}

bool follows_refaults(const Policy& policy) {
    return std::any_of(policy.schemes.begin(), policy.schemes.end(), [](const Scheme& scheme) {
        return scheme.tune || scheme.quota.has_goal(GoalMetric::refaults);
    });
}

std::string refaults(const RefaultWatch& watch) {
    return "refaults: what was paged out comes back where it is in memory again within " +
           to_string(watch.window) + "; at most " + to_string(watch.rate) +
           " of it is looked at in a second.";
}

std::string monitor(const MonitorAttributes& attributes) {
    if (attributes.memory == WatchedMemory::physical) {
        return "monitor: the kernel's own DAMON, on all memory of the machine; look every " +
               to_string(attributes.sampling_interval) + ", act every " +
               to_string(attributes.aggregation_interval) + ", " +
               readable(std::uint64_t{attributes.min_regions}) + " to " +
               readable(std::uint64_t{attributes.max_regions}) + " regions.";
    }
    std::string text = "monitor: look every " + to_string(attributes.sampling_interval) +
                       ", decide every " + to_string(attributes.aggregation_interval) +
                       ", follow mappings every " + to_string(attributes.update_interval) + ", " +
                       readable(std::uint64_t{attributes.min_regions}) + " to " +
                       readable(std::uint64_t{attributes.max_regions}) + " regions of at least " +
                       to_string(attributes.min_region_size);
    if (attributes.layout == RegionLayout::mappings) text += ", with borders at mappings";
    if (attributes.children) text += "; what targets fork is watched, too";
    return text + ".";
}

std::string interval_goal(const MonitorAttributes& attributes) {
    const IntervalGoal& goal = *attributes.interval_goal;
    const auto decisions = [&](Duration sampling) {
        return to_string(with_sampling_interval(attributes, sampling).aggregation_interval);
    };
    return "intervals: begin with these, and are moved so that " + to_string(goal.accesses) +
           " of the looks of " + std::to_string(goal.aggregations) +
           (goal.aggregations == 1 ? " snapshot" : " snapshots together") +
           " find an access; a look every " + to_string(goal.min) + " to " + to_string(goal.max) +
           ", a decision every " + decisions(goal.min) + " to " + decisions(goal.max) + ".";
}

}  // namespace

std::string describe(const Policy& policy, std::size_t width) {
    std::string result;
    const auto add = [&](const std::string& text, const char* indent = "  ") {
        for (const std::string& line : wrapped(text, width > 24 ? width - 6 : 18)) {
            result += indent + line + "\n";
            indent = "      ";
        }
    };
    for (const Scheme& scheme : policy.schemes) {
        add(sentence(scheme));
        for (const std::string& control : controls(scheme)) add(control, "    - ");
    }
    if (policy.monitor.memory != WatchedMemory::physical) add(targets(policy));
    bool acting = false;
    for (const Scheme& scheme : policy.schemes) acting = acting || acts(scheme.action);
    if (acting) add(limits(policy.limits));
    const bool calling =
        std::any_of(policy.schemes.begin(), policy.schemes.end(), [](const Scheme& scheme) {
            return flags_huge_pages(scheme.action) || locks(scheme.action);
        });
    if (calling) add(remote(policy));
    if (follows_refaults(policy)) add(refaults(policy.refaults));
    add(monitor(policy.monitor));
    if (policy.monitor.interval_goal) add(interval_goal(policy.monitor));
    return result;
}

}  // namespace damon_schemes
