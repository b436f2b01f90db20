// SPDX-License-Identifier: MIT
// damon-schemes explain: why a policy would, or would not, act on a program's memory now.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/asking.h"
#include "cli/command.h"
#include "cli/ending.h"
#include "cli/policy_file.h"
#include "cli/targets.h"
#include "cli/watching.h"
#include "engine/control/control_requests.h"
#include "engine/reports/daemon_status.h"
#include "engine/reports/decision.h"
#include "engine/reports/readable.h"
#include "engine/reports/terminal.h"
#include "engine/session/session.h"

namespace damon_schemes {
namespace {

constexpr Duration longest_unasked = std::chrono::minutes(1);

struct ExplainOptions {
    std::string policy;
    TargetWishes targets;
    std::string monitor = "auto";
    std::vector<std::string> overrides;
    std::string address;
    std::string duration;
    bool daemon = false;
    AskOptions ask;  // its --json is that of both
};

// Long enough for what is idle to come to the age that the policy asks for, and for the brake and
// the goals to have seen something.
Duration long_enough(const Policy& policy) {
    Duration longest = std::chrono::seconds(5);
    for (const Scheme& scheme : policy.schemes)
        longest = std::max(longest, scheme.age.min.value_or(Duration::zero()) +
                                        3 * policy.monitor.aggregation_interval);
    return std::min(longest, longest_unasked);
}

// Watches and acts on nothing until its time has passed; then makes one decision as if it had just
// begun to act, and explains that.
class ExplainRun {
  public:
    ExplainRun(EventLoop& loop, Policy policy, std::string monitor, Duration watching)
        : loop_(loop),
          policy_(std::move(policy)),
          monitor_(std::move(monitor)),
          watching_(watching) {}

    Result<Decision> run(std::vector<Process> targets);

  private:
    Result<void> prepare(std::vector<Process> targets);
    void decide();
    void name_targets(Conditions& conditions) const;

    EventLoop& loop_;
    Policy policy_;
    std::string monitor_;
    Duration watching_;
    std::unique_ptr<Session> session_;
    Instant began_ = std::chrono::steady_clock::now();
    std::optional<Decision> decision_;
    std::optional<Error> failure_;
};

Result<void> ExplainRun::prepare(std::vector<Process> targets) {
    auto signals = loop_.on_signals({SIGINT, SIGTERM}, [this](int) {
        failure_ = Error{ErrorKind::runtime, "interrupted before anything could be explained", 0};
        session_->finish("interrupted");
    });
    if (!signals) return signals.error();
    auto session = watching_session(loop_, policy_, std::move(targets), monitor_);
    if (!session) return session.error();
    session_ = std::move(*session);
    session_->on_finished = [this] { loop_.stop(); };
    session_->on_error = [this](const Error& error) { failure_ = error; };
    auto time = loop_.on_timer(watching_, false, [this] { decide(); });
    if (!time) return time.error();
    return session_->start();
}

void ExplainRun::decide() {
    session_->explain_next([this](const Session::Explained& explained) {
        decision_ = Decision{policy_,
                             explained.snapshot,
                             explained.conditions,
                             explained.plan,
                             explained.explanation,
                             session_->controls(),
                             std::chrono::steady_clock::now() - began_};
        name_targets(decision_->conditions);
        session_->finish("explained");
    });
}

// Names are only read where a filter asks for them.
void ExplainRun::name_targets(Conditions& conditions) const {
    for (const SessionTarget& target : session_->targets()) {
        auto known = std::find_if(conditions.targets.begin(), conditions.targets.end(),
                                  [&](const auto& seen) { return seen.id == target.id; });
        if (known == conditions.targets.end()) {
            Conditions::Target fresh;
            fresh.id = target.id;
            known = conditions.targets.insert(known, std::move(fresh));
        }
        known->name = target.process.name;
    }
}

Result<Decision> ExplainRun::run(std::vector<Process> targets) {
    if (auto ready = prepare(std::move(targets)); !ready) return ready.error();
    if (auto ran = loop_.run(); !ran) return ran.error();
    if (failure_) return *failure_;
    if (!decision_)
        return Error{ErrorKind::runtime,
                     session_->why_finished() + " before anything could be explained", 0};
    return std::move(*decision_);
}

Result<Decision> decision_asked(const ExplainOptions& options, Policy policy, Duration watching) {
    const auto wishes = wishes_of(options.targets, policy);
    auto targets = find_targets(wishes);
    if (!targets) return targets.error();
    if (targets->empty())
        return Error{ErrorKind::usage,
                     "there is nothing to explain: name a process with --pid or --name, or give "
                     "the policy a [[target]]",
                     0};
    auto loop = make_event_loop(LoopKind::automatic);
    if (!loop) return loop.error();
    if (isatty(STDERR_FILENO) != 0)
        std::cerr << "damon-schemes: watching for " << readable(watching)
                  << ", and acting on nothing" << std::endl;
    return ExplainRun(**loop, std::move(policy), options.monitor, watching)
        .run(std::move(*targets));
}

// The daemon's answer may come with the next snapshot only.
constexpr Duration patience_with_daemon = std::chrono::seconds(40);

int explain_by_daemon(const ExplainOptions& options) {
    const auto& targets = options.targets;
    if (targets.pids.size() != 1 || !targets.names.empty() || !options.policy.empty() ||
        !options.overrides.empty() || !options.duration.empty())
        return fail({ErrorKind::usage,
                     "--daemon goes with one --pid and an --address; the policy is the daemon's",
                     0});
    nlohmann::json fields{{"pid", targets.pids.front()},
                          {"format", options.ask.json ? "json" : "text"},
                          {"width", std::max<std::size_t>(terminal_of(STDOUT_FILENO).width, 60)}};
    if (!options.address.empty()) fields["address"] = options.address;
    const auto answer = ask(options.ask, "explain", std::move(fields), patience_with_daemon);
    if (!answer) return fail(answer.error());
    if (const auto read = read_answer(*answer); !read) return fail(read.error());
    if (options.ask.json)
        std::cout << *answer << std::endl;
    else
        std::cout << nlohmann::json::parse(*answer).value("text", std::string()) << std::flush;
    return exit_ok;
}

// Who is watched already is mostly the daemon's.
Error with_advice(Error error) {
    if (error.code == EBUSY)
        error.message +=
            "; if that is the daemon, ask it: 'damon-schemes explain --daemon --pid PID'";
    return error;
}

int explain(const ExplainOptions& options) {
    if (!options.daemon && options.policy.empty())
        return fail(
            {ErrorKind::usage,
             "name a policy's file, or say --daemon for the daemon's: damon-schemes explain "
             "policies/proactive-reclaim.toml --pid 4242",
             0});
    std::optional<std::uint64_t> address;
    if (!options.address.empty() && !(address = parse_address(options.address)))
        return fail({ErrorKind::usage,
                     "'" + printable(options.address) +
                         "' is no address; write one as /proc/PID/maps shows it, such as "
                         "0x7f12a4000000",
                     0});
    if (options.daemon) return explain_by_daemon(options);
    if (const auto kind = monitor_kind(options.monitor); !kind) return fail(kind.error());
    const auto duration = duration_asked(options.duration);
    if (!duration) return fail(duration.error());
    const auto text = read_policy_file(options.policy);
    if (!text) return fail(text.error());
    auto policy = policy_of(*text, options.overrides);
    if (!policy) return fail(policy.error());
    const Duration watching = duration->value_or(long_enough(*policy));
    const auto decision = decision_asked(options, std::move(*policy), watching);
    if (!decision) return fail(with_advice(decision.error()));
    if (address && !is_seen(*decision, *address))
        return fail({ErrorKind::usage,
                     "no region holds " + printable(options.address) +
                         ": it is not mapped, or lies in one of the large gaps that are left out "
                         "(see /proc/PID/maps)",
                     0});
    if (options.ask.json) {
        std::cout << decision_json(*decision, address) << std::endl;
        return exit_ok;
    }
    const std::size_t width = terminal_of(STDOUT_FILENO).width;
    std::cout << (address ? decision_table(*decision, *address, width)
                          : decision_table(*decision, width))
              << std::flush;
    return exit_ok;
}

}  // namespace

void add_explain(CLI::App& root, Invocation& invocation) {
    CLI::App* command = root.add_subcommand(
        "explain", "Say why a policy would, or would not, act on a program's memory");
    const auto options = std::make_shared<ExplainOptions>();
    command->add_option("POLICY", options->policy, "Policy file (TOML); '-' reads it from stdin");
    add_target_options(*command, options->targets);
    add_monitor_option(*command, options->monitor);
    command->add_option("--address", options->address,
                        "Of one address, e.g. 0x7f12a4000000; without, a summary over all");
    command
        ->add_option("-s,--set", options->overrides,
                     "KEY=VALUE over the policy's, e.g. scheme.cold.age.min=30s")
        ->take_all()
        ->allow_extra_args(false);
    command->add_option("-d,--duration", options->duration,
                        "Watch for so long before; by default as long as the policy's ages, at "
                        "most 1min");
    command->add_flag("--daemon", options->daemon,
                      "Ask the daemon, which watches that process by a policy of its own");
    command->add_option("--socket", options->ask.socket, "The daemon's")->capture_default_str();
    command->add_flag("--json", options->ask.json, "Every verdict of every region, as JSON");
    command->footer(
        "It acts on nothing. Ages count from when it began to watch, so what has been idle\n"
        "for longer than --duration counts as idle for that long. With --daemon it is the\n"
        "daemon's next decision, which it makes, tells and does not carry out.\n\n"
        "examples:\n"
        "  damon-schemes explain policies/proactive-reclaim.toml --name redis-server\n"
        "  damon-schemes explain my.toml --pid 4242 --address 0x7f12a4000000\n"
        "  damon-schemes explain --daemon --pid 4242");
    command->callback(
        [options, &invocation] { invocation.run = [options] { return explain(*options); }; });
}

}  // namespace damon_schemes
