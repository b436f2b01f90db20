// SPDX-License-Identifier: MIT
#include "cli/apply_physical.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "cli/command.h"
#include "cli/ending.h"
#include "engine/machine/memory.h"
#include "engine/monitors/monitor_kind.h"
#include "engine/monitors/physical_setup.h"
#include "engine/reports/physical_summary.h"
#include "engine/reports/status.h"
#include "engine/reports/terminal.h"
#include "engine/session/physical_session.h"
#include "engine/session/sight_check.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {
namespace {

class PhysicalRun {
  public:
    PhysicalRun(EventLoop& loop, PhysicalWishes wishes, KdamondSetup setup)
        : loop_(loop),
          ending_(loop, [this](const std::string& why) { finish(why); }),
          wishes_(std::move(wishes)),
          status_(STDERR_FILENO, terminal_of(STDERR_FILENO)),
          session_(loop, wishes_.policy, std::move(setup), {}) {}

    int run();

  private:
    Result<void> prepare();
    Result<void> prove_sight();
    void finish(const std::string& why);
    void look();
    void report();
    void say(const std::string& text) {
        status_.clear();
        std::cerr << "damon-schemes: " << text << std::endl;
    }

    EventLoop& loop_;
    Ending ending_;
    PhysicalWishes wishes_;
    StatusWriter status_;
    PhysicalSession session_;
    PhysicalSummary summary_;
    std::optional<Error> failure_;
    std::optional<SightCheck::Outcome> proved_;
    std::optional<std::string> ended_early_;
    bool proving_ = false;
    Instant started_ = std::chrono::steady_clock::now();
};

int PhysicalRun::run() {
    if (auto watched = ending_.watch_signals(); !watched) return fail(watched.error());
    if (auto ready = prepare(); !ready) return fail(ready.error());
    if (!ended_early_) {
        if (auto ran = loop_.run(); !ran) return fail(ran.error());
    }
    if (failure_) return fail(*failure_);
    report();
    return exit_ok;
}

Result<void> PhysicalRun::prepare() {
    summary_.before = memory_of_machine();
    if (wishes_.policy.acts() && !wishes_.dry_run) {
        if (auto proved = prove_sight(); !proved || ended_early_) return proved;
    }
    session_.on_finished = [this] {
        summary_.after = memory_of_machine();
        ending_.session_finished();
    };
    session_.on_error = [this](const Error& error) { failure_ = error; };
    auto ticks = loop_.on_timer(std::chrono::seconds(1), true, [this] { look(); });
    if (!ticks) return ticks.error();
    if (auto watched = ending_.watch_time(wishes_.duration); !watched) return watched;
    started_ = std::chrono::steady_clock::now();
    return session_.start();
}

// By a process of our own, whose virtual memory is watched: the bits that DAMON looks at are the
// same ones.
Result<void> PhysicalRun::prove_sight() {
    MonitorAttributes attributes = wishes_.policy.monitor;
    attributes.memory = WatchedMemory::of_targets;
    SightCheck check(
        loop_, [] { return open_another(MonitorKind::mainline); }, attributes);
    if (!wishes_.no_status) say("proving that it sees, before it begins");
    proving_ = true;
    auto ran = check.start([this](const SightCheck::Outcome& outcome) {
        proved_ = outcome;
        loop_.stop();
    });
    if (ran) ran = loop_.run();
    proving_ = false;
    if (!ran || ended_early_) return ran;
    if (proved_ && proved_->sees) return {};
    return Error{ErrorKind::unsupported,
                 "nothing is done: " + (proved_ ? proved_->reason : "it was not proved to see"), 0};
}

void PhysicalRun::finish(const std::string& why) {
    if (proving_) {
        ended_early_ = why;
        loop_.stop();
        return;
    }
    session_.finish(why);
}

void PhysicalRun::look() {
    if (wishes_.no_status) return;
    Status status;
    status.elapsed = std::chrono::steady_clock::now() - started_;
    status.physical = true;
    for (std::size_t i = 0; i < session_.totals().size(); ++i) {
        if (wishes_.policy.schemes[i].action == Action::pageout)
            *status.paged_out += session_.totals()[i].applied;
    }
    status.note = session_.resting() ? "resting: " + *session_.resting()
                  : wishes_.dry_run  ? "dry run"
                                     : "";
    status_.show(status);
}

void PhysicalRun::report() {
    status_.clear();
    summary_.elapsed = std::chrono::steady_clock::now() - started_;
    summary_.ended = ended_early_ ? *ended_early_ : session_.why_finished();
    summary_.dry_run = wishes_.dry_run;
    summary_.thread_time = session_.thread_time();
    for (std::size_t i = 0; i < session_.totals().size(); ++i) {
        const Scheme& scheme = wishes_.policy.schemes[i];
        summary_.schemes.push_back({scheme.name, scheme.action, session_.totals()[i]});
    }
    if (wishes_.json) {
        std::cout << physical_summary_json(summary_) << std::endl;
    } else {
        std::cout << physical_summary_table(summary_, terminal_of(STDOUT_FILENO).width)
                  << std::flush;
    }
}

}  // namespace

int apply_physical(PhysicalWishes wishes) {
    const auto iomem = read_file("/proc/iomem");
    if (!iomem) return fail({ErrorKind::unsupported, "cannot read /proc/iomem: run as root", 0});
    const auto ram = system_ram(*iomem);
    if (!ram) return fail(ram.error());
    auto setup = physical_setup(wishes.policy, *ram, wishes.dry_run);
    if (!setup) return fail(setup.error());
    KernelFiles files;
    if (auto may = may_set_up_kdamond(files, {}); !may) return fail(may.error());
    auto loop = make_event_loop(wishes.loop);
    if (!loop) return fail(loop.error());
    return PhysicalRun(**loop, std::move(wishes), std::move(*setup)).run();
}

}  // namespace damon_schemes
