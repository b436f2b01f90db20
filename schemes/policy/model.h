// SPDX-License-Identifier: MIT
// A policy, read and checked: what a TOML file means, with no TOML left in it.  docs/policy.md is
// the reference for people; every default stated there is the one below.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

enum class TlbPolicy { automatic, none, page, full };

// Which addresses of a target have regions.
enum class RegionLayout {
    gaps,      // all but the two largest unmapped gaps
    mappings,  // what is mapped, each run of one kind with regions of its own
};

// What is watched: the targets' address spaces, or all of the machine's memory, whoever uses it.
enum class WatchedMemory { of_targets, physical };

// What the sampling interval is moved after: the accesses that snapshots find.  The aggregation
// interval goes with it, so that as many looks make a snapshot as before.
struct IntervalGoal {
    Share accesses{40'000};          // of the looks at what is in memory, as many find it accessed
    std::uint32_t aggregations = 3;  // snapshots that are judged together
    Duration min = std::chrono::milliseconds(5);  // of the sampling interval
    Duration max = std::chrono::seconds(10);
    bool operator==(const IntervalGoal&) const = default;
};

// [monitor]
struct MonitorAttributes {
    Duration sampling_interval = std::chrono::milliseconds(5);
    Duration aggregation_interval = std::chrono::milliseconds(100);
    Duration update_interval = std::chrono::seconds(1);
    std::uint32_t min_regions = 10;
    std::uint32_t max_regions = 1000;
    Bytes min_region_size = kibibytes(4);
    TlbPolicy tlb = TlbPolicy::automatic;
    bool search = true;  // look for what is hot by the upper entries of page tables, too
    RegionLayout layout = RegionLayout::gaps;
    bool children = false;  // what a target forks is a target, too
    WatchedMemory memory = WatchedMemory::of_targets;
    std::optional<IntervalGoal> interval_goal{};  // the intervals above are where it begins

    bool operator==(const MonitorAttributes&) const = default;
};

// The attributes with another sampling interval; the aggregation interval is as many times as long
// as before, to the whole microsecond, and the update interval what it was, but never below that.
MonitorAttributes with_sampling_interval(const MonitorAttributes& attributes, Duration sampling);

// [[target]]: a pid, or what a process has to be like, all of it.  Text but the user may have the
// wildcards * and ? (each may stand for a slash too).
struct TargetSelector {
    std::optional<std::int32_t> pid;  // alone
    // The command name, as in /proc/PID/comm, or the base name of the executable.
    std::optional<std::string> name;
    std::optional<std::string> executable;  // its path
    std::optional<std::string> user;        // login name, or uid in decimal
    std::optional<std::string> unit;        // of systemd's, the innermost one it is in
    std::optional<std::string> cgroup;      // path of its cgroup (v2), from the root on
    std::optional<Bytes> min_rss;           // what it has in memory when it is found, at least
    // Every process that fits, not just a single one.  Of a rule always.
    bool all = false;

    // Whether it says more than a pid or a plain name, which mean one process unless told
    // otherwise.
    bool is_rule() const;
    bool operator==(const TargetSelector&) const = default;
};
// Whether a unit of systemd's that has a cgroup may be called so.
bool is_unit_name(std::string_view name);

enum class Action {
    pageout,
    cold,
    willneed,
    stat,
    collapse,    // into huge pages, now
    hugepage,    // the kernel may use huge pages there
    nohugepage,  // and may not
    mlock,       // stays in memory, until it cools
    munlock,     // what mlock schemes locked, no longer
};
inline constexpr std::size_t action_count = 9;
std::string_view name_of(Action action);
std::optional<Action> action_named(std::string_view name);  // nullopt: there is no such action
constexpr bool acts(Action action) {
    return action != Action::stat;
}
// Whether it sets what the kernel may do with huge pages, without making or breaking any.
constexpr bool flags_huge_pages(Action action) {
    return action == Action::hugepage || action == Action::nohugepage;
}
// Whether the hottest memory is what it is for; else it is the coldest.
constexpr bool goes_for_hot(Action action) {
    return action == Action::willneed || action == Action::collapse || action == Action::hugepage ||
           action == Action::mlock;
}
// Whether what it did stays so until the program itself changes it.
constexpr bool lasts(Action action) {
    return action == Action::collapse || flags_huge_pages(action);
}
// The least that it can be done with, at a multiple of which what is planned is cut.
constexpr Bytes grain_of(Action action) {
    return action == Action::collapse ? mebibytes(2) : kibibytes(4);
}
constexpr bool locks(Action action) {
    return action == Action::mlock || action == Action::munlock;
}

// Inclusive bounds, both optional.
template <typename T>
struct Range {
    std::optional<T> min;
    std::optional<T> max;
    bool operator==(const Range&) const = default;
    constexpr bool contains(const T& value) const {
        return (!min || *min <= value) && (!max || value <= *max);
    }
};

// What decides which memory goes first where a quota does not let all of it through: the weights of
// its size, of how often and for how long.  All 0: none goes first, all have their turn by address.
struct Priority {
    std::uint32_t size = 0;
    std::uint32_t frequency = 1;
    std::uint32_t age = 1;
    bool operator==(const Priority&) const = default;
    constexpr bool any() const { return size != 0 || frequency != 0 || age != 0; }
};

// What a quota is moved after.  The quota shrinks while the metric is above its target.
enum class GoalMetric {
    pressure,         // share of time in which some task of the machine waited for memory (PSI)
    cgroup_pressure,  // the same of the target's cgroup; of several targets' the highest
    refaults,         // share of what the scheme paged out that came back soon
    free_memory,      // share of all memory that is free
    figure,           // a number that the user keeps in a file
};
std::string_view name_of(GoalMetric metric);

struct QuotaGoal {
    GoalMetric metric = GoalMetric::pressure;
    Share share;        // the target; not for figure
    double figure = 0;  // the target of figure, above 0
    std::string file;   // figure: where it is kept
    bool operator==(const QuotaGoal&) const = default;
};

enum class GoalTuner {
    consistent,  // settles at the quota that keeps the goal
    temporal,    // everything until the goal is met, then nothing
};

// At most so much per window.  A limit that is nullopt is off.
struct Quota {
    std::optional<Bytes> bytes;    // bytes advised
    std::optional<Duration> time;  // time spent in the acting system calls
    Duration per = std::chrono::seconds(1);
    Priority priority{};
    std::vector<QuotaGoal> goals{};
    GoalTuner tuner = GoalTuner::consistent;
    bool operator==(const Quota&) const = default;
    bool has_goal(GoalMetric metric) const {
        return std::any_of(goals.begin(), goals.end(),
                           [metric](const QuotaGoal& goal) { return goal.metric == metric; });
    }
};

// What a pageout scheme has unless the policy says otherwise by name.
inline Quota default_pageout_quota() {
    Quota quota;
    quota.bytes = mebibytes(128);
    quota.time = std::chrono::milliseconds(10);
    return quota;
}

// What a scheme of any action has, likewise.  A collapse copies what it collapses, as a pageout
// does; flags and locks cost next to nothing for a byte, but time of the target's for each call.
inline Quota default_quota(Action action) {
    Quota quota;
    if (action == Action::pageout || action == Action::collapse) return default_pageout_quota();
    if (flags_huge_pages(action) || locks(action)) quota.time = std::chrono::milliseconds(10);
    return quota;
}

// When a scheme is at work, by what is free.  It rests above high and below low; resting, it begins
// again only at mid and below (damon.md's rule: hysteresis between mid and high).
struct Watermark {
    Share high{1'000'000};
    Share mid{1'000'000};
    Share low{0};
    bool operator==(const Watermark&) const = default;
};
struct Watermarks {
    std::optional<Watermark> free_memory;         // of all memory
    std::optional<Watermark> free_swap;           // of all swap
    Duration interval = std::chrono::seconds(5);  // how often they are looked at
    bool operator==(const Watermarks&) const = default;
};

enum class FilterKind {
    anonymous,  // pages without a file behind them
    file,       // pages of files, and of memory that programs share
    mapping,    // mappings whose path, or [heap], [stack], …, fits a pattern
    address,    // a range of addresses
    huge_page,  // what huge pages back
    young,      // pages whose Accessed bit is set at the moment of the action
    target,     // targets whose command name fits a pattern
    cgroup,     // targets whose cgroup fits a pattern
};
std::string_view name_of(FilterKind kind);

// The first filter that fits decides; what none fits gets the opposite of the last one.
struct Filter {
    bool allow = false;  // else it rejects
    FilterKind kind = FilterKind::mapping;
    std::string pattern;  // mapping, target, cgroup: with * and ? (each may stand for a slash too)
    AddressRange range;   // address
    bool operator==(const Filter&) const = default;
};

// What a target keeps in memory, whatever matches: the greater of the two.
struct Floor {
    std::optional<Bytes> rss;
    std::optional<Share> share;  // of what it has in memory and in swap together
    bool operator==(const Floor&) const = default;
};

// Before memory is paged out each page of it has to stay idle for so long.
struct Verify {
    Duration idle{};
    bool of_age = false;  // for the scheme's age.min instead, which its regions need not have then
    bool operator==(const Verify&) const = default;
    // `age`: the scheme's at present.
    constexpr Duration idle_at(std::optional<Duration> age) const {
        return of_age ? age.value_or(Duration::zero()) : idle;
    }
};

// The age threshold (age.min) follows the refaults, between these bounds.
struct Tune {
    Share refaults;  // of what was paged out, this much may come back soon
    Duration min{};
    Duration max{};
    bool operator==(const Tune&) const = default;
};

// What collapses may add to a target: memory that was not there before, in the huge pages that they
// made and that are still there.  The lesser of the two; none: no limit.
struct Growth {
    std::optional<Bytes> bytes;
    std::optional<Share> share;  // of what the target has in memory
    bool operator==(const Growth&) const = default;
    constexpr bool any() const { return bytes || share; }
};

// What the engine may hold locked; nullopt: no limit.
struct LockBudget {
    std::optional<Bytes> target = mebibytes(64);  // of each target
    std::optional<Share> host = Share{100'000};   // of all targets, of the machine's memory
    bool operator==(const LockBudget&) const = default;
};

// Which of a target's RLIMIT_MEMLOCK may be raised where it is too low.
enum class RaiseMemlock {
    never,
    soft,  // up to its hard limit
    hard,  // both
};
std::string_view name_of(RaiseMemlock raise);

// What becomes at the end of what a scheme did.
enum class OnExit { keep, restore };
std::string_view name_of(OnExit on_exit);

// [[scheme]]
struct Scheme {
    std::string name;
    Action action = Action::stat;
    Range<Bytes> size;
    Range<Share> frequency;
    Range<Duration> age;
    Quota quota;
    std::optional<Duration> apply_interval;  // nullopt: the aggregation interval
    std::optional<Duration> cool_down;       // after an action; nullopt: age.min
    std::optional<Watermarks> watermarks;
    std::vector<Filter> filters;
    Floor floor;
    std::optional<Bytes> min_rss;  // targets with less in memory are not bothered
    std::optional<Verify> verify;
    std::optional<Tune> tune;
    bool allow_unseen_accesses = false;  // act on targets whose memory others map too
    bool split_huge_pages = false;       // act on parts of huge pages

    // collapse
    Share present{500'000};  // at least so much of 2 MiB is in memory
    Growth growth;

    // mlock
    bool populate = false;  // bring in what is not there; else it is locked when it comes
    LockBudget lock;
    // What no longer is as frequency says for so long is unlocked; nullopt: not before the end.
    std::optional<Duration> unlock_age = std::chrono::seconds(10);
    RaiseMemlock raise_memlock = RaiseMemlock::never;
    OnExit on_exit = OnExit::keep;  // of mlock schemes restore, unless the policy says otherwise
    bool operator==(const Scheme&) const = default;
};

// [refaults]: a page that was paged out counts as refaulted where it is found in memory again
// within the window.
struct RefaultWatch {
    Duration window = std::chrono::seconds(60);
    Bytes rate = mebibytes(256);  // so much of what was paged out is looked at in a second at most
    bool operator==(const RefaultWatch&) const = default;
};

// [limits]: on unless the policy turns them off by name ("off").
struct Limits {
    // Pageout stops while less than this share of all swap is free.
    std::optional<Share> min_free_swap = Share{100'000};
    // The brake: a target whose major faults per second rise over `faults` and over `times` its
    // earlier rate is left alone for `pause`.
    struct Brake {
        std::uint64_t faults_per_second = 100;
        std::uint32_t times = 10;
        Duration pause = std::chrono::seconds(60);
        bool operator==(const Brake&) const = default;
    };
    std::optional<Brake> brake = Brake{};
    // Nothing acts while less than this share of memory and swap together can still be had.
    std::optional<Share> min_headroom = Share{20'000};
    // Pageout stops while zram saves less than this share of what it holds.
    std::optional<Share> min_zram_saving = Share{100'000};
    // The guard: a scheme leaves a target alone for a while where the target pays for what the
    // scheme does to it, and for twice as long where that follows soon again.
    struct Guard {
        std::optional<Bytes> refaults = mebibytes(16);  // of what this scheme paged out, a second
        std::optional<Share> pressure;                  // PSI `some` of the target's cgroup
        struct Figure {
            std::string file;
            double max = 0;
            bool operator==(const Figure&) const = default;
        };
        std::optional<Figure> figure;  // of the operator's: a latency, say
        Duration pause = std::chrono::seconds(10);
        Duration longest_pause = std::chrono::minutes(10);
        bool operator==(const Guard&) const = default;
    };
    std::optional<Guard> guard = Guard{};
    bool operator==(const Limits&) const = default;
};

// [remote]: how long a target may be held for system calls that it makes for us.
struct RemoteBounds {
    Duration longest_stop = std::chrono::milliseconds(1);
    Duration between_stops = std::chrono::milliseconds(20);
    bool operator==(const RemoteBounds&) const = default;
};

struct Policy {
    MonitorAttributes monitor;
    std::vector<TargetSelector> targets;
    std::vector<Scheme> schemes;
    Limits limits;
    RefaultWatch refaults{};
    bool remote_syscall = false;  // "allow"; else what needs one is left
    RemoteBounds remote{};
    bool has(Action action) const {
        return std::any_of(schemes.begin(), schemes.end(),
                           [action](const Scheme& scheme) { return scheme.action == action; });
    }
    // Whether any scheme does more than counting.
    bool acts() const {
        return std::any_of(schemes.begin(), schemes.end(),
                           [](const Scheme& scheme) { return damon_schemes::acts(scheme.action); });
    }
};

}  // namespace damon_schemes
