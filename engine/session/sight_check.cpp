// SPDX-License-Identifier: MIT
#include "engine/session/sight_check.h"

#include <sched.h>

#include <algorithm>
#include <utility>

#include "schemes/quantity.h"

namespace damon_schemes {
namespace {

// A verdict rests on this many snapshots, so that a moment in which the canary did not run, or the
// regions did not fit it yet, decides nothing.
constexpr std::size_t judged_snapshots = 5;
// If it was not seen by then, it will not be.
constexpr std::size_t most_snapshots = 40;
// Where the canary did not run for a twentieth of an interval, what was seen of it says nothing;
// but not for ever.
constexpr int tolerated_part = 20;
constexpr std::size_t most_set_aside = 100;
// Fine enough that many regions lie wholly within the canary's 4 MiB, whether they are hot or, to a
// monitor that does not see, no different from what is around them.
constexpr std::uint32_t canary_regions = 256;

// A monitoring thread that runs on the canary's own processor makes it walk its page tables anew by
// its mere presence; targets have no such luck.  Where there is no other processor, or it is not
// allowed, the thread stays where it is.
void keep_off(int processor, std::int32_t thread) {
    cpu_set_t allowed;
    if (processor < 0 || thread == 0 || sched_getaffinity(thread, sizeof allowed, &allowed) != 0)
        return;
    CPU_CLR(static_cast<std::size_t>(processor), &allowed);
    if (CPU_COUNT(&allowed) > 0) (void)sched_setaffinity(thread, sizeof allowed, &allowed);
}

Sight sum_of(const std::deque<Sight>& sights) {
    Sight sum;
    for (const auto& sight : sights) sum += sight;
    return sum;
}

}  // namespace

SightCheck::SightCheck(EventLoop& loop, MonitorFactory factory, MonitorAttributes attributes)
    : loop_(loop), factory_(std::move(factory)), attributes_(attributes) {}

SightCheck::~SightCheck() {
    end();
}

Result<void> SightCheck::start(std::function<void(const Outcome&)> done) {
    // Without a flush of our own, what is seen depends on who else happens to run on a processor:
    // the canary's may be switched, and its accesses seen, while a target's hot memory stays
    // hidden.  No trial can vouch for that.
    if (attributes_.tlb == TlbPolicy::none) {
        loop_.post([done = std::move(done)] {
            done({false,
                  {},
                  TlbPolicy::none,
                  "monitor.tlb is \"none\", so hot memory may look idle and nothing may be acted "
                  "on: set it to \"auto\""});
        });
        return {};
    }
    done_ = std::move(done);
    return begin(attributes_.tlb);
}

Result<void> SightCheck::begin(TlbPolicy tlb) {
    end();
    tlb_ = tlb;
    recent_.clear();
    snapshots_ = 0;
    set_aside_ = 0;
    stood_still_ = {};
    // A sample of it is out for a sampling interval.
    auto canary = Canary::start(
        std::max<Duration>(attributes_.sampling_interval / 2, std::chrono::milliseconds(1)));
    if (!canary) return canary.error();
    canary_ = std::move(*canary);
    auto monitor = factory_();
    if (!monitor) return monitor.error();
    monitor_ = std::move(*monitor);
    auto attributes = attributes_;
    attributes.tlb = tlb;
    attributes.min_regions = std::max(attributes.min_regions, canary_regions);
    attributes.max_regions = std::max(attributes.max_regions, 4 * canary_regions);
    attributes.min_region_size = kibibytes(4);
    attributes.children = false;
    if (auto set = monitor_->set_attributes(attributes); !set) return set;
    auto target = monitor_->add_target(canary_->pid());
    if (!target) return target.error();
    target_ = *target;
    auto watch = loop_.on_readable(monitor_->descriptor(), [this] { take_snapshots(); });
    if (!watch) return watch.error();
    watch_ = *watch;
    if (auto started = monitor_->start(); !started) return started;
    if (const auto cost = monitor_->cost(); cost) keep_off(canary_->processor(), cost->thread);
    return {};
}

void SightCheck::end() {
    if (watch_ != 0) loop_.forget(watch_);
    watch_ = 0;
    monitor_.reset();
    canary_.reset();
}

void SightCheck::take_snapshots() {
    while (monitor_) {
        auto snapshot = monitor_->take_snapshot();
        if (!snapshot) {
            conclude(false,
                     "the monitor failed while it was being tried: " + snapshot.error().message);
            return;
        }
        if (!*snapshot) return;
        if (!judge(**snapshot)) return;
    }
}

bool SightCheck::counts(const Snapshot& snapshot) {
    const Duration before = std::exchange(stood_still_, canary_->stood_still());
    const bool ran = (stood_still_ - before) * tolerated_part <= snapshot.duration;
    if (ran || snapshot.duration == Duration::zero() || set_aside_ == most_set_aside) return true;
    ++set_aside_;
    return false;
}

bool SightCheck::judge(const Snapshot& snapshot) {
    if (!counts(snapshot)) return true;
    const Sight sight = sight_of(snapshot, target_, canary_->area());
    ++snapshots_;
    if (sight.samples > 0) recent_.push_back(sight);
    if (recent_.size() > judged_snapshots) recent_.pop_front();
    if (recent_.size() == judged_snapshots && sum_of(recent_).verdict() == SightVerdict::seen) {
        conclude(true, {});
        return false;
    }
    if (snapshots_ < most_snapshots) return true;

    // The monitor's own choice did not see: what flushes everything may.
    const bool flushes = monitor_->flushes();
    if (flushes && attributes_.tlb == TlbPolicy::automatic && tlb_ != TlbPolicy::full) {
        if (auto again = begin(TlbPolicy::full); !again) conclude(false, again.error().message);
        return false;
    }
    const Sight sum = sum_of(recent_);
    std::string reason;
    if (sum.verdict() == SightVerdict::too_few_samples || recent_.size() < judged_snapshots) {
        reason =
            "too few samples of the canary (memory that is used all the time) to tell whether the "
            "monitor sees; try a longer monitor.aggregation_interval";
    } else {
        reason =
            "the monitor does not see: memory that is used all the time was found accessed "
            "in only " +
            to_string(sum.share()) + " of " + std::to_string(sum.samples) + " samples (" +
            to_string(required_sight) + " needed), so nothing it calls cold is acted on";
        if (set_aside_ > 0)
            reason += "; in " + std::to_string(set_aside_) +
                      " further snapshots that memory could not be used, since others had the "
                      "processor: try again when the machine is less busy";
        if (!flushes) {
            reason +=
                "; it flushes no translations, and this processor keeps on using them: the "
                "damon_schemes module flushes them, and so does page-table isolation (boot with "
                "pti=on)";
        }
    }
    conclude(false, reason);
    return false;
}

void SightCheck::conclude(bool sees, const std::string& reason) {
    Outcome outcome{sees, sum_of(recent_), tlb_, reason};
    end();
    // The callback may end this object: nothing of it is used afterwards.
    const auto done = std::move(done_);
    if (done) done(outcome);
}

}  // namespace damon_schemes
