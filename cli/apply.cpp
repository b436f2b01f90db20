// SPDX-License-Identifier: MIT
// damon-schemes apply: a policy at work on running programs, until it is told to stop.
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/acting.h"
#include "cli/apply_physical.h"
#include "cli/command.h"
#include "cli/ending.h"
#include "cli/policy_file.h"
#include "cli/recording_file.h"
#include "cli/targets.h"
#include "cli/watching.h"
#include "engine/actions/action_router.h"
#include "engine/actions/process_madvise.h"
#include "engine/machine/cgroup.h"
#include "engine/machine/memory.h"
#include "engine/monitors/monitor_kind.h"
#include "engine/reports/heatmap.h"
#include "engine/reports/status.h"
#include "engine/reports/summary.h"
#include "engine/reports/terminal.h"
#include "engine/session/session.h"
#include "engine/session/sight_check.h"
#include "schemes/policy/reader.h"
#include "schemes/quantity.h"

namespace damon_schemes {
namespace {

struct ApplyOptions {
    std::string policy;
    TargetWishes targets;
    std::vector<std::string> overrides;
    std::string duration;
    std::string record;
    std::string monitor = "auto";
    std::string loop = "auto";
    std::string color = "auto";
    bool dry_run = false;
    bool json = false;
    bool heatmap = false;
    std::string journal = default_lock_journal;
    bool no_status = false;
    bool allow_no_swap = false;
};

Result<Policy> load_policy(const ApplyOptions& options) {
    auto file = read_policy_file(options.policy);
    if (!file) return file.error();
    std::vector<PolicyError> warnings;
    auto policy = policy_of(*file, options.overrides, &warnings);
    print_warnings(warnings);
    return policy;
}

bool needs_swap(const Policy& policy, const ApplyOptions& options) {
    return policy.has(Action::pageout) && !options.allow_no_swap && !options.dry_run;
}

std::string without_target_message(const std::string& policy) {
    return "no target: name one on the command line\n"
           "  damon-schemes apply " +
           policy +
           " --pid 1234      (or --name redis-server, or -- COMMAND ARGS...)\n"
           "or in the policy\n"
           "  [[target]]\n"
           "  name = \"redis-server\"";
}

Result<LoopKind> loop_kind(const std::string& name) {
    if (name == "auto") return LoopKind::automatic;
    if (name == "io_uring") return LoopKind::io_uring;
    if (name == "epoll") return LoopKind::epoll;
    return Error{ErrorKind::usage, "--loop is one of auto, io_uring, epoll", 0};
}

Duration cpu_time_of_self() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto nanoseconds = [](const timeval& time) {
        return Duration(std::chrono::seconds(time.tv_sec)) +
               std::chrono::microseconds(time.tv_usec);
    };
    return nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime);
}

Bytes used_swap(const MachineMemory& memory) {
    return memory.swap_total - memory.swap_free;
}

// What is read of a target from time to time, and what was read first and at most.
struct TargetFigures {
    std::optional<ProcessMemory> first;
    std::optional<ProcessMemory> last;
    Bytes rss_peak;
    std::optional<std::string> cgroup;
    std::optional<WorkingsetRefaults> refaults_before;
    std::optional<WorkingsetRefaults> refaults_after;
};

// Of the whole session; nullopt: one of the two is not known.
std::optional<WorkingsetRefaults> refaults_between(const TargetFigures& figures) {
    if (!figures.refaults_before || !figures.refaults_after) return std::nullopt;
    return WorkingsetRefaults{
        figures.refaults_after->anonymous - figures.refaults_before->anonymous,
        figures.refaults_after->file - figures.refaults_before->file};
}

class ApplyRun {
  public:
    ApplyRun(EventLoop& loop, Policy policy, ApplyOptions options)
        : loop_(loop),
          ending_(loop, [this](const std::string& why) { session_->finish(why); }),
          options_(std::move(options)),
          policy_(std::move(policy)),
          terminal_(terminal_of(STDERR_FILENO)),
          status_(STDERR_FILENO, terminal_) {}

    int run(std::vector<Process> targets, std::optional<ChildCommand> command);

  private:
    Result<void> prepare(std::vector<Process> targets);
    void know(const SessionTarget& target, TargetFigures figures);
    Result<std::unique_ptr<ActionRouter>> make_router();
    void adopt_locks();
    void undo_locks();
    Result<void> record();
    Result<void> prove_sight();
    Result<void> prove_sight_first();
    Result<void> watch_time();
    void sight_known(const SightCheck::Outcome& outcome);
    void see(const Snapshot& snapshot);
    void session_finished();
    void finish_recording();
    void look();
    void look_at_targets(bool anew);
    std::string note() const;
    RunSummary summary() const;
    HeatmapStyle heatmap_style() const;
    void report();
    int exit_status() const;
    void say(const std::string& text);

    EventLoop& loop_;
    Ending ending_;
    ApplyOptions options_;
    Policy policy_;
    Terminal terminal_;
    StatusWriter status_;
    std::unique_ptr<Session> session_;
    ActionRouter* router_ = nullptr;  // the session's executor
    std::unique_ptr<SightCheck> sight_check_;
    MonitorKind monitor_kind_ = MonitorKind::automatic;
    bool proving_first_ = false;
    std::optional<SightCheck::Outcome> proved_;
    std::unique_ptr<Recorder> recorder_;
    std::optional<Error> recording_failure_;
    std::optional<std::string> observed_only_;
    std::vector<TargetFigures> figures_;
    std::vector<Heatmap> heatmaps_;
    std::optional<MachineMemory> machine_before_;
    std::optional<MachineMemory> machine_after_;
    std::optional<MonitorCost> monitor_cost_;
    std::optional<Error> failure_;
    Instant started_ = std::chrono::steady_clock::now();
    Duration elapsed_{};
    bool session_done_ = false;
    bool reported_ = false;
};

int ApplyRun::run(std::vector<Process> targets, std::optional<ChildCommand> command) {
    // First of all: the session's threads must start with the signals blocked.
    if (auto watched = ending_.watch_signals(); !watched) return fail(watched.error());
    if (auto ready = prepare(std::move(targets)); !ready) {
        if (router_ != nullptr) undo_locks();
        return fail(ready.error());
    }
    if (session_done_) return exit_status();  // ended before it began: a command was never run
    if (auto released = ending_.release(std::move(command)); !released)
        return fail(released.error());
    if (auto ran = loop_.run(); !ran) return fail(ran.error());
    if (failure_) return fail(*failure_);
    return exit_status();
}

Result<void> ApplyRun::prepare(std::vector<Process> targets) {
    const auto kind = monitor_kind(options_.monitor);
    if (!kind) return kind.error();
    auto opened = open_monitor(*kind);
    if (!opened) return opened.error();
    monitor_kind_ = opened->kind;
    const bool alone = opened->monitor->alone();
    Session::Parts parts;
    parts.monitor = std::move(opened->monitor);
    parts.dry_run = options_.dry_run;
    auto router = make_router();
    if (!router) return router.error();
    router_ = router->get();
    parts.executor = std::move(*router);
    machine_before_ = memory_of_machine();
    session_ = std::make_unique<Session>(loop_, policy_, std::move(parts));
    session_->on_decision = [this](const Snapshot& snapshot, const Plan&) { see(snapshot); };
    session_->on_child = [this](const SessionTarget& target) { know(target, {}); };
    session_->on_finished = [this] { session_finished(); };
    session_->on_error = [this](const Error& error) { failure_ = error; };
    for (auto& target : targets) {
        if (policy_.acts() && !options_.dry_run) {
            if (auto may = may_advise(target); !may) return may;
        }
        if (auto added = session_->add(std::move(target)); !added) return added;
    }
    for (const auto& target : session_->targets()) {
        TargetFigures figures;
        figures.first = memory_of(target.process.pid);
        figures.cgroup = cgroup_of(target.process.pid);
        if (figures.cgroup) figures.refaults_before = refaults_of(*figures.cgroup);
        know(target, std::move(figures));
    }
    if (auto checked = session_->check(); !checked) return checked;
    adopt_locks();
    if (alone) {
        if (auto proved = prove_sight_first(); !proved || session_done_) return proved;
    }
    if (auto recording = record(); !recording) return recording;
    if (auto watched = watch_time(); !watched) return watched;
    if (auto started = session_->start(); !started) return started;
    if (!alone) return prove_sight();
    if (proved_) sight_known(*proved_);
    return {};
}

Result<std::unique_ptr<ActionRouter>> ApplyRun::make_router() {
    ActionRouter::Options options;
    options.dry_run = options_.dry_run;
    options.journal = options_.journal;
    return damon_schemes::make_router(
        policy_, std::move(options),
        [this](const std::string& warning) { say("warning: " + warning); });
}

// What an earlier session locked and left is gone on with, or undone, before anything else.
void ApplyRun::adopt_locks() {
    std::vector<std::int32_t> pids;
    for (const auto& target : session_->targets()) pids.push_back(target.process.pid);
    const LockAdoption adoption = router_->adopt(pids);
    for (const std::string& note : adoption.notes) say(note);
    for (const AdoptedLock& lock : adoption.adopted)
        for (const AddressRange range : lock.ranges)
            session_->hold_lock(lock.scheme, lock.pid, range);
}

void ApplyRun::undo_locks() {
    for (const std::string& left : router_->finish()) say(left);
}

// figures_ and heatmaps_ are parallel to the session's targets.
void ApplyRun::know(const SessionTarget& target, TargetFigures figures) {
    figures_.push_back(std::move(figures));
    heatmaps_.emplace_back(target.process.name + " (" + std::to_string(target.process.pid) + ")");
}

// Nothing is acted on before the monitor was seen to see; until then the session observes.
Result<void> ApplyRun::prove_sight() {
    if (!policy_.acts()) return {};
    sight_check_ = std::make_unique<SightCheck>(
        loop_, [kind = monitor_kind_] { return open_another(kind); }, policy_.monitor);
    return sight_check_->start([this](const SightCheck::Outcome& outcome) {
        // Before the session has begun it waits for this.
        if (proving_first_) {
            proved_ = outcome;
            loop_.stop();
            return;
        }
        sight_known(outcome);
    });
}

// A monitor that has to be alone watches the canary first, and then the targets.
Result<void> ApplyRun::prove_sight_first() {
    if (!policy_.acts()) return {};
    proving_first_ = true;
    if (!options_.no_status) say("proving that it sees, before it watches");
    auto proving = prove_sight();
    // A signal ends it, too: the session that has not begun then finishes.
    if (proving) proving = loop_.run();
    proving_first_ = false;
    sight_check_.reset();
    return proving;
}

void ApplyRun::sight_known(const SightCheck::Outcome& outcome) {
    if (!outcome.sees) {
        observed_only_ = outcome.reason;
        say("observing only: " + outcome.reason);
        return;
    }
    if (auto allowed = session_->allow_acting(outcome.tlb); !allowed) {
        failure_ = allowed.error();
        session_->finish(failure_->message);
    }
}

Result<void> ApplyRun::watch_time() {
    const Duration interval =
        terminal_.interactive ? std::chrono::milliseconds(500) : std::chrono::seconds(1);
    auto ticks = loop_.on_timer(interval, true, [this] { look(); });
    if (!ticks) return ticks.error();
    return ending_.watch_time(*duration_asked(options_.duration));
}

Result<void> ApplyRun::record() {
    if (options_.record.empty()) return {};
    auto recorder = start_recording(*session_, {options_.record});
    if (!recorder) return recorder.error();
    recorder_ = std::move(*recorder);
    return {};
}

void ApplyRun::see(const Snapshot& snapshot) {
    if (recorder_) recorder_->see(snapshot);
    if (!options_.heatmap) return;
    for (const auto& seen : snapshot.targets) {
        for (std::size_t i = 0; i < heatmaps_.size(); ++i) {
            if (session_->targets()[i].id == seen.id)
                heatmaps_[i].add(seen, snapshot.time, snapshot.duration);
        }
    }
}

void ApplyRun::session_finished() {
    session_done_ = true;
    sight_check_.reset();
    // The figures of a run are taken at its end, not after the command has been waited for.
    elapsed_ = std::chrono::steady_clock::now() - started_;
    undo_locks();
    look_at_targets(/*anew=*/true);
    machine_after_ = memory_of_machine();
    if (const auto cost = session_->monitor_cost(); cost) monitor_cost_ = *cost;
    status_.clear();
    finish_recording();
    report();
    ending_.session_finished();
}

// Acting goes on without a recording; that it failed is in the exit status.
void ApplyRun::finish_recording() {
    if (!recorder_) return;
    if (auto finished = recorder_->finish(); !finished && !recording_failure_) {
        recording_failure_ = finished.error();
        say("the recording ended early: " + recording_failure_->message);
    }
    say(recording_summary(options_.record, recorder_->tally()));
    session_->on_action = nullptr;
    session_->on_child = nullptr;
    recorder_.reset();
}

// While it runs, what the session has surveyed: the loop must not wait for a target.
void ApplyRun::look_at_targets(bool anew) {
    for (std::size_t i = 0; i < figures_.size(); ++i) {
        const auto& target = session_->targets()[i];
        TargetFigures& figures = figures_[i];
        if (anew && figures.cgroup) figures.refaults_after = refaults_of(*figures.cgroup);
        const auto memory = anew && !target.exited ? memory_of(target.process.pid) : target.memory;
        if (!memory) continue;
        if (target.child && !figures.first) figures.first = memory;
        figures.last = memory;
        figures.rss_peak = std::max(figures.rss_peak, memory->rss);
    }
}

void ApplyRun::look() {
    if (session_done_) return;
    look_at_targets(/*anew=*/false);
    if (recorder_ && !recording_failure_ && (recording_failure_ = recorder_->failure()))
        say("the recording ended early: " + recording_failure_->message);
    if (options_.no_status) return;
    Status status;
    status.elapsed = std::chrono::steady_clock::now() - started_;
    status.targets = 0;
    status.regions = session_->regions();
    status.intervals = session_->tuned_intervals();
    Bytes rss;
    for (std::size_t i = 0; i < figures_.size(); ++i) {
        if (session_->targets()[i].exited) continue;
        ++status.targets;
        if (figures_[i].last) rss += figures_[i].last->rss;
    }
    status.rss = rss;
    for (const auto& totals : session_->totals()) *status.paged_out += totals.paged_out;
    if (policy_.has(Action::collapse)) status.huge = Bytes{};
    for (std::size_t i = 0; i < policy_.schemes.size(); ++i)
        if (policy_.schemes[i].action == Action::collapse)
            *status.huge += session_->totals()[i].confirmed;
    if (policy_.has(Action::mlock)) status.locked = router_->locked();
    if (recorder_) status.recorded = recorder_->tally().written;
    status.note = note();
    status_.show(status);
}

std::string ApplyRun::note() const {
    if (observed_only_) return "observing only";
    for (const auto& target : session_->targets()) {
        if (target.braked && !target.exited) return "brake: " + target.process.name;
    }
    if (const auto& resting = session_->resting()) return "resting: " + *resting;
    if (policy_.acts() && !session_->acting()) return "proving that it sees";
    return options_.dry_run ? "dry run" : "";
}

RunSummary ApplyRun::summary() const {
    RunSummary summary;
    summary.elapsed = elapsed_;
    summary.ended = session_->why_finished();
    summary.dry_run = options_.dry_run;
    summary.observed_only = observed_only_;
    if (!observed_only_ && policy_.acts() && !session_->acting()) {
        summary.observed_only = "it ended before the monitor was seen to see";
    }
    for (std::size_t i = 0; i < figures_.size(); ++i) {
        const auto& target = session_->targets()[i];
        const auto& figures = figures_[i];
        // There may be thousands.
        if (target.child && target.exited) continue;
        TargetSummary row;
        row.pid = target.process.pid;
        row.name = target.process.name;
        row.exited = target.exited;
        if (figures.first) row.rss_before = figures.first->rss;
        if (figures.last) {
            row.rss_after = figures.last->rss;
            row.rss_peak = figures.rss_peak;
            row.swapped = figures.last->swapped;
            if (figures.first)
                row.major_faults = figures.last->major_faults - figures.first->major_faults;
        }
        if (options_.heatmap && options_.json) row.heatmap = heatmaps_[i].draw(heatmap_style());
        row.cgroup_refaults = refaults_between(figures);
        if (target.braked) row.note = "left alone at the end: its major faults rose";
        summary.targets.push_back(std::move(row));
    }
    const auto controls = session_->controls();
    for (std::size_t i = 0; i < policy_.schemes.size(); ++i) {
        const Scheme& scheme = policy_.schemes[i];
        SchemeSummary row;
        static_cast<SchemeTotals&>(row) = session_->totals()[i];
        row.name = scheme.name;
        row.action = scheme.action;
        row.verify = scheme.verify;
        row.refault_window = policy_.refaults.window;
        if (i < controls.size()) {
            row.tuned_age = controls[i].tuned_age;
            row.mean_tuned_age = controls[i].mean_tuned_age;
            row.recent_refault_share = controls[i].refault_share;
        }
        if (row.verify)
            row.verify->idle = row.verify->idle_at(row.tuned_age ? row.tuned_age : scheme.age.min);
        summary.schemes.push_back(std::move(row));
    }
    if (machine_before_) {
        summary.used_before = machine_before_->used();
        summary.swap_used_before = used_swap(*machine_before_);
        summary.zram_before = machine_before_->zram;
    }
    if (machine_after_) {
        summary.used_after = machine_after_->used();
        summary.swap_used_after = used_swap(*machine_after_);
        summary.zram_after = machine_after_->zram;
    }
    summary.monitor = monitor_cost_;
    summary.monitor_kind = name_of(monitor_kind_);
    summary.sampling_interval = session_->attributes().sampling_interval;
    summary.aggregation_interval = session_->attributes().aggregation_interval;
    if (policy_.monitor.interval_goal) summary.interval_changes = session_->interval_changes();
    summary.engine_time = cpu_time_of_self();
    if (const auto self = memory_of(getpid())) summary.engine_rss = self->rss;
    summary.snapshots = session_->snapshots();
    summary.lost_snapshots = monitor_cost_ ? monitor_cost_->lost_snapshots : 0;
    return summary;
}

// Where stdout is no terminal but a file or a program, colour only if it is asked for by name.
HeatmapStyle ApplyRun::heatmap_style() const {
    const ColourChoice choice = options_.color == "always"  ? ColourChoice::always
                                : options_.color == "never" ? ColourChoice::never
                                                            : ColourChoice::automatic;
    const Terminal out = terminal_of(STDOUT_FILENO, choice);
    HeatmapStyle style;
    style.width = out.width;
    style.colour = out.colour;
    style.unicode = out.unicode;
    return style;
}

void ApplyRun::report() {
    if (reported_) return;
    reported_ = true;
    if (options_.json) {
        std::cout << summary_json(summary()) << std::endl;
        return;
    }
    const Terminal out = terminal_of(STDOUT_FILENO);
    std::cout << summary_table(summary(), out.width);
    if (options_.heatmap) {
        for (std::size_t i = 0; i < heatmaps_.size(); ++i) {
            const SessionTarget& target = session_->targets()[i];
            if (target.child && target.exited) continue;
            std::cout << "\n" << heatmaps_[i].draw(heatmap_style());
        }
    }
    std::cout.flush();
}

int ApplyRun::exit_status() const {
    if (recording_failure_) return exit_code(recording_failure_->kind);
    if (ending_.command_status()) return *ending_.command_status();
    return observed_only_ ? exit_unsupported : exit_ok;
}

void ApplyRun::say(const std::string& text) {
    status_.clear();
    std::cerr << "damon-schemes: " << text << std::endl;
}

int run_physical(const ApplyOptions& options, Policy policy, bool command, LoopKind kind) {
    const auto refused = [](const std::string& what) {
        return fail({ErrorKind::usage,
                     what + " goes by processes, and monitor.memory is \"physical\": leave one out",
                     0});
    };
    if (command || !options.targets.pids.empty() || !options.targets.names.empty())
        return refused("a target");
    if (!options.record.empty()) return refused("--record");
    if (options.heatmap) return refused("--heatmap");
    if (options.monitor == "module") {
        return fail({ErrorKind::unsupported,
                     "monitor.memory is \"physical\", which the module cannot do: take --monitor "
                     "mainline",
                     0});
    }
    PhysicalWishes wishes;
    wishes.policy = std::move(policy);
    wishes.duration = *duration_asked(options.duration);
    wishes.loop = kind;
    wishes.dry_run = options.dry_run;
    wishes.json = options.json;
    wishes.no_status = options.no_status;
    return apply_physical(std::move(wishes));
}

int run_apply(const ApplyOptions& options,
              const std::optional<std::vector<std::string>>& command_line) {
    auto policy = load_policy(options);
    if (!policy) return fail(policy.error());
    const auto kind = loop_kind(options.loop);
    if (!kind) return fail(kind.error());
    if (const auto duration = duration_asked(options.duration); !duration)
        return fail(duration.error());
    if (options.record == "-") {
        return fail(
            {ErrorKind::usage, "--record wants a file: standard output is for the summary", 0});
    }
    if (const auto monitor = monitor_kind(options.monitor); !monitor) return fail(monitor.error());
    if (needs_swap(*policy, options))
        if (auto swap = check_swap(); !swap) return fail(swap.error());
    if (policy->monitor.memory == WatchedMemory::physical)
        return run_physical(options, std::move(*policy), command_line.has_value(), *kind);
    auto chosen = choose_targets(options.targets, *policy, command_line,
                                 without_target_message(options.policy));
    if (!chosen) return fail(chosen.error());
    auto loop = make_event_loop(*kind);
    if (!loop) return fail(loop.error());
    return ApplyRun(**loop, std::move(*policy), options)
        .run(std::move(chosen->processes), std::move(chosen->command));
}

}  // namespace

void add_apply(CLI::App& root, Invocation& invocation) {
    auto options = std::make_shared<ApplyOptions>();
    CLI::App* app =
        root.add_subcommand("apply", "Apply a policy to running programs, or to a command");
    app->add_option("POLICY", options->policy, "Policy file (TOML); '-' reads it from stdin")
        ->required();
    add_target_options(*app, options->targets);
    app->add_option("-s,--set", options->overrides,
                    "KEY=VALUE over the policy's, e.g. scheme.cold.age.min=30s")
        ->take_all()
        ->allow_extra_args(false);
    app->add_option("-d,--duration", options->duration, "End after this time, e.g. 30s");
    app->add_option("--record", options->record,
                    "Record what is seen and done in this file (see record --help)");
    add_monitor_option(*app, options->monitor);
    app->add_option("--loop", options->loop, "What waits for events: auto, io_uring, epoll");
    app->add_flag("--dry-run", options->dry_run, "Decide as ever, act on nothing");
    app->add_flag("--json", options->json, "The summary as JSON");
    app->add_flag("--heatmap", options->heatmap,
                  "Draw what was seen, below the summary (with --json: in it)");
    app->add_option("--color", options->color,
                    "Colour in the heat map: auto (on a terminal), always, never")
        ->check(CLI::IsMember({"auto", "always", "never"}));
    app->add_flag("--no-status", options->no_status, "No status line while it runs");
    app->add_option("--journal", options->journal,
                    "Folder where is written down what is locked, so that it can be undone after a "
                    "crash (see restore --help)");
    app->add_flag("--allow-no-swap", options->allow_no_swap,
                  "Go on without swap: file pages alone can be paged out");
    app->footer(
        "Runs until its targets exit, --duration passes, or SIGINT or SIGTERM comes; then\n"
        "prints a summary. With '-- COMMAND' the exit status is the command's.\n\n"
        "examples:\n"
        "  damon-schemes apply policies/proactive-reclaim.toml --name redis-server\n"
        "  damon-schemes apply policies/observe.toml --duration 1min --heatmap -- ./program");
    app->callback([options, &invocation] {
        invocation.run = [options, &invocation] { return run_apply(*options, invocation.command); };
    });
}

}  // namespace damon_schemes
