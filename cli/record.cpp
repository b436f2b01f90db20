// SPDX-License-Identifier: MIT
// damon-schemes record: what programs use of their memory, over time, in a file.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/ending.h"
#include "cli/policy_file.h"
#include "cli/recording_file.h"
#include "cli/targets.h"
#include "cli/watching.h"
#include "engine/reports/readable.h"
#include "engine/reports/status.h"
#include "engine/reports/terminal.h"
#include "engine/session/session.h"
#include "schemes/policy/reader.h"

namespace damon_schemes {
namespace {

struct RecordOptions {
    TargetWishes targets;
    std::string monitor = "auto";
    std::string policy;
    std::string output = "damon.dsr";
    std::string format = "own";
    std::string sampling;
    std::string aggregation;
    std::string update;
    std::string min_regions;
    std::string max_regions;
    std::string layout;
    std::string tlb;
    std::string duration;
    bool force = false;
    bool children = false;
    bool json = false;
    bool no_status = false;
};

// An option that stands for a key of [monitor].
struct MonitorOption {
    const char* name;
    const char* key;
    std::string RecordOptions::*value;
    bool text;  // in TOML's eyes
};
constexpr MonitorOption monitor_options[] = {
    {"--sampling", "monitor.sampling_interval", &RecordOptions::sampling, true},
    {"--aggregation", "monitor.aggregation_interval", &RecordOptions::aggregation, true},
    {"--update", "monitor.update_interval", &RecordOptions::update, true},
    {"--min-regions", "monitor.regions.min", &RecordOptions::min_regions, false},
    {"--max-regions", "monitor.regions.max", &RecordOptions::max_regions, false},
    {"--layout", "monitor.regions.layout", &RecordOptions::layout, true},
    {"--tlb", "monitor.tlb", &RecordOptions::tlb, true},
};

// In the command line's words: what is set for a policy's key was given as an option here.
std::string message_of(const PolicyError& error, bool policy_given) {
    for (const auto& option : monitor_options) {
        if (!error.source.starts_with(std::string("--set ") + option.key + "=")) continue;
        return std::string(option.name) + ": " + error.message +
               (error.suggestion.empty() ? "" : "; " + error.suggestion);
    }
    return policy_given ? to_string(error)
                        : error.message + (error.suggestion.empty() ? "" : "; " + error.suggestion);
}

// What is watched and how, by a policy file or the defaults, with the options over it.  What the
// policy would do is left out: nothing is acted on.
Result<Policy> load_policy(const RecordOptions& options) {
    PolicyText text{"<options>", "version = 1\n[[scheme]]\nname = \"seen\"\naction = \"stat\"\n"};
    if (!options.policy.empty()) {
        auto file = read_policy_file(options.policy);
        if (!file) return file.error();
        text = std::move(*file);
    }
    std::vector<std::string> overrides;
    for (const auto& option : monitor_options) {
        const std::string& value = options.*option.value;
        if (value.empty()) continue;
        const std::string quote = option.text ? "\"" : "";
        overrides.push_back(option.key + ("=" + quote) + value + quote);
    }
    if (options.children) overrides.emplace_back("monitor.children=true");
    auto reading = read_policy(text.text, {text.source, overrides});
    if (reading.ok()) {
        reading.policy.schemes.clear();
        return std::move(reading.policy);
    }
    std::string message;
    for (const auto& error : reading.errors)
        message += (message.empty() ? "" : "\n") + message_of(error, !options.policy.empty());
    return Error{options.policy.empty() ? ErrorKind::usage : ErrorKind::policy, message, 0};
}

constexpr const char* no_target_message =
    "no target: name one\n"
    "  damon-schemes record --pid 1234      (or --name redis-server, or -- COMMAND ARGS...)";

class RecordRun {
  public:
    RecordRun(EventLoop& loop, Policy policy, RecordOptions options, RecordingFormat format)
        : loop_(loop),
          ending_(loop, [this](const std::string& why) { session_->finish(why); }),
          options_(std::move(options)),
          format_(format),
          policy_(std::move(policy)),
          terminal_(terminal_of(STDERR_FILENO)),
          status_(STDERR_FILENO, terminal_) {}

    int run(ChosenTargets chosen);

  private:
    Result<void> prepare(std::vector<Process> targets);
    void session_finished();
    void failed(const Error& error);
    void look();
    std::optional<Bytes> rss() const;
    void report();

    EventLoop& loop_;
    Ending ending_;
    RecordOptions options_;
    RecordingFormat format_;
    Policy policy_;
    Terminal terminal_;
    StatusWriter status_;
    std::unique_ptr<Session> session_;
    std::unique_ptr<Recorder> recorder_;
    std::optional<Error> failure_;
    Instant started_ = std::chrono::steady_clock::now();
    Duration elapsed_{};
    std::uint64_t lost_ = 0;
    bool session_done_ = false;
};

int RecordRun::run(ChosenTargets chosen) {
    // First of all: the session's threads must start with the signals blocked.
    if (auto watched = ending_.watch_signals(); !watched) return fail(watched.error());
    if (auto ready = prepare(std::move(chosen.processes)); !ready) return fail(ready.error());
    if (auto released = ending_.release(std::move(chosen.command)); !released)
        return fail(released.error());
    if (auto ran = loop_.run(); !ran) return fail(ran.error());
    if (failure_) return exit_code(failure_->kind);
    return ending_.command_status().value_or(exit_ok);
}

Result<void> RecordRun::prepare(std::vector<Process> targets) {
    auto session = watching_session(loop_, policy_, std::move(targets), options_.monitor);
    if (!session) return session.error();
    session_ = std::move(*session);
    // Not before here: an old recording is set aside only for one that has targets.
    auto recorder = start_recording(
        *session_, {options_.output, format_,
                    options_.force ? OldRecording::overwrite : OldRecording::rename});
    if (!recorder) return recorder.error();
    recorder_ = std::move(*recorder);
    session_->on_decision = [this](const Snapshot& snapshot, const Plan&) {
        lost_ = snapshot.lost;
        recorder_->see(snapshot);
    };
    session_->on_finished = [this] { session_finished(); };
    session_->on_error = [this](const Error& error) { failed(error); };

    const Duration interval =
        terminal_.interactive ? std::chrono::milliseconds(500) : std::chrono::seconds(1);
    auto ticks = loop_.on_timer(interval, true, [this] { look(); });
    if (!ticks) return ticks.error();
    if (auto watched = ending_.watch_time(*duration_asked(options_.duration)); !watched)
        return watched;
    return session_->start();
}

void RecordRun::session_finished() {
    session_done_ = true;
    elapsed_ = std::chrono::steady_clock::now() - started_;
    if (const auto cost = session_->monitor_cost(); cost) lost_ = cost->lost_snapshots;
    if (auto finished = recorder_->finish(); !finished) failed(finished.error());
    status_.clear();
    report();
    ending_.session_finished();
}

// Said at once: a command may go on for long before its status ends the run.
void RecordRun::failed(const Error& error) {
    if (failure_) return;
    failure_ = error;
    status_.clear();
    fail(error);
}

std::optional<Bytes> RecordRun::rss() const {
    std::optional<Bytes> sum;
    for (const auto& target : session_->targets()) {
        if (target.exited) continue;
        if (target.memory) sum = sum.value_or(Bytes{}) + target.memory->rss;
    }
    return sum;
}

void RecordRun::look() {
    if (session_done_) return;
    if (const auto failure = recorder_->failure()) {
        failed(*failure);
        session_->finish("the recording cannot be written");
        return;
    }
    if (options_.no_status) return;
    Status status;
    status.elapsed = std::chrono::steady_clock::now() - started_;
    status.targets = 0;
    for (const auto& target : session_->targets()) status.targets += target.exited ? 0 : 1;
    status.regions = session_->regions();
    status.intervals = session_->tuned_intervals();
    status.rss = rss();
    status.paged_out.reset();
    status.recorded = recorder_->tally().written;
    status_.show(status);
}

void RecordRun::report() {
    const RecorderTally tally = recorder_->tally();
    // Where the recording itself goes to standard output, all that is for people goes elsewhere.
    std::ostream& out = options_.output == "-" ? std::cerr : std::cout;
    if (options_.json) {
        const nlohmann::json root = {{"file", options_.output},
                                     {"format", name_of(format_)},
                                     {"elapsed_ns", elapsed_.count()},
                                     {"ended", session_->why_finished()},
                                     {"targets", session_->targets().size()},
                                     {"snapshots", tally.snapshots},
                                     {"bytes", tally.written.count},
                                     {"lost_snapshots", lost_},
                                     {"dropped", tally.dropped}};
        out << root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
        return;
    }
    const std::string name = options_.output == "-" ? "<stdout>" : options_.output;
    out << recording_summary(name, tally) << " in " << readable(elapsed_) << "; "
        << session_->why_finished() << ".";
    if (lost_ != 0) out << " " << readable(lost_) << " snapshots were lost before they were read.";
    out << std::endl;
}

int run_record(const RecordOptions& options,
               const std::optional<std::vector<std::string>>& command_line) {
    auto policy = load_policy(options);
    if (!policy) return fail(policy.error());
    const auto format = writable_format(options.format);
    if (!format) return fail(format.error());
    if (const auto duration = duration_asked(options.duration); !duration)
        return fail(duration.error());
    if (const auto kind = monitor_kind(options.monitor); !kind) return fail(kind.error());
    if (auto output = check_output(options.output); !output) return fail(output.error());
    if (options.output == "-" && command_line) {
        return fail({ErrorKind::usage,
                     "standard output is the command's own: record in a file with -o FILE", 0});
    }
    auto chosen = choose_targets(options.targets, *policy, command_line, no_target_message);
    if (!chosen) return fail(chosen.error());
    auto loop = make_event_loop(LoopKind::automatic);
    if (!loop) return fail(loop.error());
    return RecordRun(**loop, std::move(*policy), options, *format).run(std::move(*chosen));
}

}  // namespace

void add_record(CLI::App& root, Invocation& invocation) {
    const auto options = std::make_shared<RecordOptions>();
    CLI::App* app = root.add_subcommand(
        "record", "Record how programs, or a command, use their memory over time");
    add_target_options(*app, options->targets);
    add_monitor_option(*app, options->monitor);
    app->add_option("-o,--output", options->output,
                    "File to record in, damon.dsr if not given; an old one is renamed to FILE.old; "
                    "'-' is stdout");
    app->add_flag("--force", options->force, "Replace an old file instead of renaming it");
    app->add_option("--format", options->format,
                    "own (the default), or DAMON's: damon-1 (pids), damon-2 (8-byte ids)");
    app->add_option("-s,--sampling", options->sampling, "Sampling interval, 5ms if not given");
    app->add_option("-A,--aggregation", options->aggregation,
                    "Aggregation interval, 100ms if not given: a snapshot each");
    app->add_option("-u,--update", options->update,
                    "Interval for looking at the mappings, 1s if not given");
    app->add_option("--min-regions", options->min_regions, "Least number of regions");
    app->add_option("--max-regions", options->max_regions, "Greatest number of regions");
    app->add_option("--layout", options->layout,
                    "Where regions are: gaps (the default), or mappings: borders at mappings");
    app->add_flag("--children", options->children, "Also what the targets fork");
    app->add_option("--tlb", options->tlb, "What is flushed: auto, none, page, full");
    app->add_option("--policy", options->policy,
                    "Take [monitor] and the targets from this policy; its schemes do nothing");
    app->add_option("-d,--duration", options->duration, "End after this time, e.g. 30s");
    app->add_flag("--json", options->json, "The summary as JSON");
    app->add_flag("--no-status", options->no_status, "No status line while it runs");
    app->footer(
        "Runs until its targets exit, --duration passes, or SIGINT or SIGTERM comes. With\n"
        "'-- COMMAND' the exit status is the command's. If it is killed, what was recorded\n"
        "before can be read. To record what a policy does, use apply --record.\n\n"
        "examples:\n"
        "  damon-schemes record -- ./program\n"
        "  damon-schemes record --name redis-server --duration 1min -o redis.dsr\n"
        "  damon-schemes record --pid 4242 -s 10ms -A 200ms --format damon-1 -o damon.data");
    app->callback([options, &invocation] {
        invocation.run = [options, &invocation] {
            return run_record(*options, invocation.command);
        };
    });
}

}  // namespace damon_schemes
