// SPDX-License-Identifier: MIT
#include "schemes/policy/warnings.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "schemes/quantity.h"

namespace damon_schemes {

namespace {

// A verification that takes longer than so many decisions is worth a word.
constexpr int patient_decisions = 10;

template <typename T>
bool intersect(const Range<T>& a, const Range<T>& b) {
    return !(a.min && b.max && *b.max < *a.min) && !(b.min && a.max && *a.max < *b.min);
}

// Whether a has all that b has, of values from 0 to `most`.
template <typename T>
bool covers(const Range<T>& a, const Range<T>& b, T most) {
    const T lowest = b.min.value_or(T{});
    const T highest = b.max.value_or(most);
    return a.min.value_or(T{}) <= lowest && highest <= a.max.value_or(most);
}

// Whether two ranges have but one value in common, of many: a border that both name.
template <typename T>
bool touch(const Range<T>& a, const Range<T>& b) {
    const auto one_way = [](const Range<T>& lower, const Range<T>& upper) {
        return lower.max && upper.min && *lower.max == *upper.min && lower.min != lower.max &&
               upper.min != upper.max;
    };
    return one_way(a, b) || one_way(b, a);
}

bool intersect(const Scheme& a, const Scheme& b) {
    return intersect(a.size, b.size) && intersect(a.frequency, b.frequency) &&
           !touch(a.frequency, b.frequency) && intersect(a.age, b.age);
}

bool covers(const Scheme& a, const Scheme& b) {
    // A tuned age does not stay what it is.
    return !a.tune && covers(a.size, b.size, Bytes{std::numeric_limits<std::uint64_t>::max()}) &&
           covers(a.frequency, b.frequency, Share{1'000'000}) &&
           covers(a.age, b.age, Duration::max());
}

// Whether something besides the pattern may keep them apart: what one scheme's filters reject and
// what it leaves while it rests goes to the other.
bool kept_apart(const Scheme& a, const Scheme& b) {
    return a.filters != b.filters || a.min_rss != b.min_rss || a.watermarks != b.watermarks;
}

bool takes_away(Action action) {
    return action == Action::pageout || action == Action::cold;
}
bool brings_in(Action action) {
    return action == Action::willneed || action == Action::mlock || action == Action::collapse;
}
bool undo_each_other(Action a, Action b) {
    const auto one_way = [](Action first, Action second) {
        return (takes_away(first) && brings_in(second)) ||
               (first == Action::nohugepage &&
                (second == Action::hugepage || second == Action::collapse)) ||
               (first == Action::mlock && second == Action::munlock);
    };
    return one_way(a, b) || one_way(b, a);
}

std::string quoted(std::string_view name) {
    return "'" + std::string(name) + "'";
}

Duration longest_aggregation(const MonitorAttributes& monitor) {
    if (!monitor.interval_goal) return monitor.aggregation_interval;
    return with_sampling_interval(monitor, monitor.interval_goal->max).aggregation_interval;
}

class WarningFinder {
  public:
    explicit WarningFinder(const Policy& policy)
        : policy_(policy), longest_(longest_aggregation(policy.monitor)) {}

    std::vector<Warning> find() {
        for (std::size_t i = 0; i < policy_.schemes.size() && !full(); ++i) {
            look_at_intervals(i);
            look_at_watermarks(i);
            look_at_refaults(i);
            look_at_filters(i);
            look_at_remote_calls(i);
        }
        const std::size_t count = std::min(policy_.schemes.size(), compared_schemes);
        for (std::size_t i = 1; i < count; ++i)
            for (std::size_t j = 0; j < i && !full(); ++j) look_at_pair(j, i);
        return std::move(warnings_);
    }

  private:
    bool full() const { return warnings_.size() >= max_warnings; }

    void warn(std::size_t scheme, std::string key, std::string message, std::string suggestion) {
        if (!full())
            warnings_.push_back(
                {scheme, std::move(key), std::move(message), std::move(suggestion)});
    }

    void look_at_pair(std::size_t earlier, std::size_t later) {
        const Scheme& a = policy_.schemes[earlier];
        const Scheme& b = policy_.schemes[later];
        if (!acts(a.action) || !acts(b.action) || kept_apart(a, b) || !intersect(a, b)) return;
        // The first in the file has what both match, except that a pageout goes before a cold.
        const bool first_wins = !(a.action == Action::cold && b.action == Action::pageout);
        const Scheme& winner = first_wins ? a : b;
        const Scheme& loser = first_wins ? b : a;
        const std::size_t lost = first_wins ? later : earlier;
        if (covers(winner, loser))
            warn(lost, "name",
                 quoted(loser.name) + " has hardly anything to do: " + quoted(winner.name) +
                     " matches all that it matches, and goes before it",
                 first_wins ? "put the narrower one first, or set them apart by size, frequency, "
                              "age or filters"
                            : "set them apart by size, frequency, age or filters");
        else if (undo_each_other(a.action, b.action))
            warn(later, "action",
                 quoted(a.name) + " and " + quoted(b.name) +
                     " match the same memory, and one undoes what the other does; " +
                     quoted(winner.name) + " has it",
                 "set them apart by size, frequency, age or filters");
        else if (a.action == b.action)
            warn(later, "name",
                 quoted(a.name) + " and " + quoted(b.name) + " do the same to the same memory; " +
                     quoted(winner.name) + " has what both match",
                 "set them apart by size, frequency, age or filters, if that is not meant");
        else if (!takes_away(a.action) || !takes_away(b.action))
            warn(later, "action",
                 quoted(a.name) + " and " + quoted(b.name) +
                     " match the same memory, and only one scheme can have it: " +
                     quoted(winner.name) + " does",
                 "set them apart by size, frequency, age or filters");
    }

    // That of what a kernel takes itself nothing is known here; so far none takes these.
    void look_at_remote_calls(std::size_t index) {
        const Scheme& scheme = policy_.schemes[index];
        if (policy_.remote_syscall || !(flags_huge_pages(scheme.action) || locks(scheme.action)))
            return;
        warn(index, "action",
             std::string(locks(scheme.action)
                             ? "locking takes a system call that the target makes itself"
                             : "no kernel so far takes this for another process, so the target has "
                               "to make the system call itself") +
                 ", and the policy does not allow that: nothing will be done",
             "write remote_syscall = \"allow\" at the top of the policy if that is meant "
             "(docs/remote-calls.md)");
    }

    void look_at_intervals(std::size_t index) {
        const Scheme& scheme = policy_.schemes[index];
        look_at_ages(index);
        // Where they have a goal, new memory may be found as seldom as at the longest.
        const Duration interval = std::max(scheme.apply_interval.value_or(longest_), longest_);
        if (scheme.verify && !scheme.verify->of_age &&
            scheme.verify->idle > interval * patient_decisions)
            warn(index, "verify.idle",
                 "each verification takes " + to_string(scheme.verify->idle) +
                     ", and new memory is found for it every " + to_string(interval),
                 "set apply_interval = \"" + to_string(scheme.verify->idle) + "\" or so");
        if (scheme.apply_interval && scheme.age.max &&
            *scheme.age.max - scheme.age.min.value_or(Duration::zero()) < *scheme.apply_interval)
            warn(
                index, "apply_interval",
                "memory may pass through the scheme's ages between two applications, and be missed",
                "apply it more often, or widen age");
    }

    // Ages are counted in aggregation intervals, and those may grow.
    void look_at_ages(std::size_t index) {
        const MonitorAttributes& monitor = policy_.monitor;
        if (!monitor.interval_goal || longest_ <= monitor.aggregation_interval) return;
        const Scheme& scheme = policy_.schemes[index];
        const auto& [key, age] = scheme.age.max && *scheme.age.max < longest_
                                     ? std::pair("age.max", scheme.age.max)
                                     : std::pair("age.min", scheme.age.min);
        if (!age || *age >= longest_) return;
        const bool missed = age == scheme.age.max;
        const auto least = static_cast<double>(age->count()) /
                           static_cast<double>(monitor.aggregation_interval.count());
        const Duration enough =
            std::max(std::chrono::duration_cast<std::chrono::milliseconds>(
                         Duration(static_cast<Duration::rep>(
                             static_cast<double>(monitor.sampling_interval.count()) * least))),
                     std::chrono::milliseconds(1));
        warn(index, key,
             "monitor.interval_goal may make the aggregation interval, which ages are counted in, "
             "as long as " +
                 to_string(longest_) +
                 (missed ? ", and memory of this age be missed"
                         : ", and memory be that old before it matches"),
             "set monitor.interval_goal.sampling.max to \"" + to_string(enough) + "\" or less");
    }

    void look_at_watermarks(std::size_t index) {
        const Scheme& scheme = policy_.schemes[index];
        if (!scheme.watermarks) return;
        const auto look = [&](const std::optional<Watermark>& mark, const std::string& key) {
            if (mark && mark->mid == mark->low)
                warn(index, key,
                     "once the scheme rests, it begins again only at exactly " +
                         to_string(mark->mid) + ", which is hardly ever met",
                     "write a 'mid' above 'low'");
        };
        look(scheme.watermarks->free_memory, "watermarks.free_memory");
        look(scheme.watermarks->free_swap, "watermarks.free_swap");
        if (scheme.action == Action::pageout && scheme.watermarks->free_swap &&
            policy_.limits.min_free_swap &&
            scheme.watermarks->free_swap->high < *policy_.limits.min_free_swap)
            warn(index, "watermarks.free_swap",
                 "the scheme rests while more than " +
                     to_string(scheme.watermarks->free_swap->high) +
                     " of swap is free, and limits.min_free_swap stops it below " +
                     to_string(*policy_.limits.min_free_swap) + ", so it never acts",
                 "raise 'high', or lower limits.min_free_swap");
    }

    void look_at_refaults(std::size_t index) {
        const Scheme& scheme = policy_.schemes[index];
        if (scheme.tune && scheme.quota.has_goal(GoalMetric::refaults))
            warn(index, "tune",
                 "the quota and the age both follow the refaults, so neither finds its place",
                 "keep 'tune' or the goal, not both");
    }

    void look_at_filters(std::size_t index) {
        const std::vector<Filter>& filters = policy_.schemes[index].filters;
        const std::size_t count = std::min(filters.size(), compared_schemes);
        for (std::size_t i = 1; i < count; ++i)
            for (std::size_t j = 0; j < i && !full(); ++j)
                if (filters[i].kind == filters[j].kind && filters[i].range == filters[j].range &&
                    (filters[i].pattern == filters[j].pattern || filters[j].pattern == "*")) {
                    warn(index, "filter." + std::to_string(i),
                         "this filter never decides: filter " + std::to_string(j + 1) +
                             " of the scheme fits all that it fits, and comes before it",
                         "remove one of them, or put the narrower one first");
                    break;
                }
    }

    const Policy& policy_;
    const Duration longest_;  // aggregation interval
    std::vector<Warning> warnings_;
};

}  // namespace

std::vector<Warning> find_warnings(const Policy& policy) {
    return WarningFinder(policy).find();
}

}  // namespace damon_schemes
