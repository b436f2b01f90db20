// SPDX-License-Identifier: MIT
#include "engine/session/physical_session.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "engine/monitors/physical_setup.h"
#include "schemes/decide/machine_limits.h"
#include "schemes/quantity.h"

namespace damon_schemes {
namespace {

// A kdamond that rests by its watermarks answers once in their interval; its end does not wait for
// that.
constexpr Duration longest_last_count = std::chrono::seconds(1);

Result<std::vector<PhysicalTotals>> counts_of(DamonTree& tree, std::size_t schemes) {
    if (auto updated = tree.update_stats(); !updated) return updated.error();
    std::vector<PhysicalTotals> counts;
    for (std::size_t i = 0; i < schemes; ++i) {
        const std::string stats = scheme_folder(i) + "stats/";
        PhysicalTotals totals;
        for (const auto& [file, into] : {std::pair{"nr_tried", &totals.tried_regions},
                                         std::pair{"sz_tried", &totals.tried.count},
                                         std::pair{"nr_applied", &totals.applied_regions},
                                         std::pair{"sz_applied", &totals.applied.count},
                                         std::pair{"qt_exceeds", &totals.quota_exceeded}}) {
            const auto number = tree.number_in(stats + file);
            if (!number) return number.error();
            *into = *number;
        }
        counts.push_back(totals);
    }
    return counts;
}

}  // namespace

PhysicalTotals& PhysicalTotals::operator+=(const PhysicalTotals& other) {
    tried_regions += other.tried_regions;
    tried += other.tried;
    applied_regions += other.applied_regions;
    applied += other.applied;
    quota_exceeded += other.quota_exceeded;
    return *this;
}

PhysicalSession::PhysicalSession(EventLoop& loop, Policy policy, KdamondSetup setup, Parts parts)
    : loop_(loop),
      policy_(std::move(policy)),
      setup_(std::move(setup)),
      parts_(std::move(parts)),
      kdamond_(parts_.files, parts_.mainline),
      earlier_(policy_.schemes.size()),
      totals_(policy_.schemes.size()),
      self_(std::make_shared<PhysicalSession*>(this)),
      counter_(1, 4) {}

PhysicalSession::~PhysicalSession() {
    *self_ = nullptr;
    for (EventLoop::Watch* const watch : {&ticks_, &last_wait_, &end_watch_}) forget(*watch);
    // A count that waits for a kdamond at rest comes to its end with that.
    (void)kdamond_.turn_off();
}

// What may not be acted for now by, for people; empty: nothing.
std::string PhysicalSession::limited() const {
    const Limits& limits = policy_.limits;
    if (!policy_.acts()) return {};
    Conditions conditions;
    const auto memory = memory_of_machine(parts_.machine);
    if (!memory) return limits.min_free_swap ? "the machine's memory is not known" : "";
    conditions.headroom = memory->headroom_share();
    if (memory->swap_total.count > 0) conditions.free_swap = memory->free_swap_share();
    if (limits.min_zram_saving) conditions.zram_saving = zram_use(parts_.machine).saving();
    for (const Scheme& scheme : policy_.schemes)
        if (const auto passed = passed_limit(limits, scheme.action, conditions))
            return std::string(explanation_of(*passed));
    return {};
}

Result<void> PhysicalSession::start() {
    if (auto claimed = kdamond_.claim(setup_); !claimed) return claimed;
    auto ticks = loop_.on_timer(parts_.interval, true, [this] { look(); });
    if (!ticks) return ticks.error();
    ticks_ = *ticks;
    if (!limited().empty()) {
        look();
        return {};
    }
    return turn_on();
}

Result<void> PhysicalSession::turn_on() {
    if (auto on = kdamond_.turn_on(setup_); !on) return on;
    auto ended = loop_.on_readable(kdamond_.pidfd(), [this] { end(); });
    if (!ended) return ended.error();
    end_watch_ = *ended;
    return {};
}

void PhysicalSession::forget(EventLoop::Watch& watch) {
    if (watch != 0) loop_.forget(watch);
    watch = 0;
}

// Only its being turned off by somebody else ends it: physical memory does not exit.
void PhysicalSession::end() {
    forget(end_watch_);
    kdamond_.note_end();
    fail({ErrorKind::runtime,
          "somebody turned the kdamond off, or changed it (what is there now: " +
              kdamond_.tree().description() + ")",
          ECANCELED});
}

// The kernel has none of these limits of its own.
void PhysicalSession::look() {
    if (finishing_) return;
    const std::string why = limited();
    if (why.empty() && !kdamond_.running()) {
        resting_.reset();
        if (auto on = turn_on(); !on) fail(on.error());
        return;
    }
    if (!why.empty()) resting_ = why;
    if (kdamond_.running()) ask_for_counts();
}

void PhysicalSession::ask_for_counts() {
    if (asking_) return;
    kdamond_.note_thread_time();
    asking_ = counter_.submit({0, [tree = &kdamond_.tree(), schemes = policy_.schemes.size(),
                                   loop = &loop_, self = self_](const std::function<bool()>&) {
                                   loop->post([self, counts = counts_of(*tree, schemes)] {
                                       if (*self != nullptr) (*self)->take(counts);
                                   });
                               }});
    if (!asking_) settle(Error{ErrorKind::runtime, "nobody counts", EAGAIN});
}

void PhysicalSession::take(const Counts& counts) {
    asking_ = false;
    if (std::exchange(ask_again_, false) && kdamond_.running()) {
        add_up(counts);
        return ask_for_counts();
    }
    settle(counts);
}

void PhysicalSession::add_up(const Counts& counts) {
    if (!counts) return;
    for (std::size_t i = 0; i < totals_.size(); ++i) {
        totals_[i] = earlier_[i];
        totals_[i] += (*counts)[i];
    }
}

void PhysicalSession::settle(const Counts& counts) {
    add_up(counts);
    if (!finishing_ && !resting_) return;
    // What its schemes did is gone with a kdamond.
    earlier_ = totals_;
    forget(end_watch_);
    if (auto off = kdamond_.turn_off(); !off && !finishing_) return fail(off.error());
    if (!finishing_ || finished_) return;
    finished_ = true;
    forget(last_wait_);
    if (on_finished) on_finished();
}

void PhysicalSession::finish(const std::string& why) {
    if (finishing_) return;
    finishing_ = true;
    why_finished_ = why;
    forget(ticks_);
    if (!kdamond_.running()) return settle(Error{});
    // Where it does not answer soon it is turned off, and with it whoever waits for it goes on.
    auto wait = loop_.on_timer(longest_last_count, false, [this] {
        last_wait_ = 0;
        forget(end_watch_);
        (void)kdamond_.turn_off();
    });
    if (wait) last_wait_ = *wait;
    ask_again_ = asking_;
    ask_for_counts();
}

void PhysicalSession::fail(const Error& error) {
    if (on_error) on_error(error);
    finish(error.message);
}

}  // namespace damon_schemes
