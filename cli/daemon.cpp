// SPDX-License-Identifier: MIT
// damon-schemes daemon: policies at work on whatever processes fit their rules.
#include "engine/control/daemon.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "cli/acting.h"
#include "cli/command.h"
#include "cli/policy_file.h"
#include "cli/policy_folder.h"
#include "engine/actions/action_router.h"
#include "engine/control/audit.h"
#include "engine/control/control_requests.h"
#include "engine/control/control_socket.h"
#include "engine/control/descriptor_limit.h"
#include "engine/control/exporter.h"
#include "engine/control/line_budget.h"
#include "engine/control/permissions.h"
#include "engine/control/service_manager.h"
#include "engine/monitors/monitor_kind.h"

namespace damon_schemes {
namespace {

struct DaemonOptions {
    std::string policies = default_policy_folder;
    std::string socket = default_control_socket;
    std::string metrics = "none";
    std::string metrics_file;
    bool dry_run = false;
    bool allow_no_swap = false;
    std::string audit = "off";
};

// To stderr, as journald reads levels where it is there, else with a time.
class Log {
  public:
    Log() : logger_("daemon", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
        journal_ = std::getenv("JOURNAL_STREAM") != nullptr;
        logger_.set_pattern(journal_ ? "%v" : "%Y-%m-%d %H:%M:%S %L %v");
        logger_.flush_on(spdlog::level::info);
    }
    void write(Daemon::Level level, const std::string& text) {
        const auto now = std::chrono::steady_clock::now();
        if (const std::uint64_t lost = budget_.left_out(now); lost > 0)
            put(Daemon::Level::warning, std::to_string(lost) + " lines were left out: more than " +
                                            std::to_string(LineBudget::lines_a_second) +
                                            " a second");
        if (budget_.take(now)) put(level, text);
    }
    // What has a budget of its own.
    void write_at_once(const std::string& text) { put(Daemon::Level::info, text); }

  private:
    void put(Daemon::Level level, const std::string& text) {
        const auto severity = level == Daemon::Level::error     ? spdlog::level::err
                              : level == Daemon::Level::warning ? spdlog::level::warn
                                                                : spdlog::level::info;
        // sd-daemon(3): the kernel's levels.
        const char* prefix = level == Daemon::Level::error     ? "<3>"
                             : level == Daemon::Level::warning ? "<4>"
                                                               : "<6>";
        logger_.log(severity, "{}{}", journal_ ? prefix : "", text);
    }

    spdlog::logger logger_;
    bool journal_ = false;
    LineBudget budget_;
};

class DaemonRun {
  public:
    DaemonRun(EventLoop& loop, DaemonOptions options)
        : loop_(loop),
          options_(std::move(options)),
          daemon_(loop, parts()),
          requests_(
              daemon_, [this] { return reload(); },
              [this](Daemon::Level level, const std::string& text) { log_.write(level, text); }),
          manager_(loop, [this] { return one_line(daemon_.status()); }) {}

    int run() {
        // First of all: the sessions' threads must start with the signals blocked.
        auto watched = loop_.on_signals({SIGINT, SIGTERM, SIGHUP}, [this](int signal) {
            if (signal == SIGHUP) {
                if (audit_) audit_->reopen();
                (void)reload();
            } else {
                finish(signal == SIGINT ? "interrupted" : "told to end");
            }
        });
        if (!watched) return fail(watched.error());
        daemon_.on_finished = [this] { loop_.stop(); };
        if (auto opened = open_audit(); !opened) return fail(opened.error());
        auto policies = read();
        if (!policies) return fail(policies.error());
        if (options_.socket != "none") {
            auto opened = ControlSocket::open(loop_, options_.socket,
                                              [this](const std::string& request, const Peer& peer,
                                                     const ControlSocket::Reply& reply) {
                                                  requests_.answer(request, peer, reply);
                                              });
            if (!opened) return fail(opened.error());
            socket_ = std::move(*opened);
        }
        if (auto exporting = export_metrics(); !exporting) return fail(exporting.error());
        if (auto started = daemon_.start(std::move(*policies)); !started)
            return fail(started.error());
        if (auto told = manager_.ready(); !told) return fail(told.error());
        if (auto ran = loop_.run(); !ran) return fail(ran.error());
        log_.write(Daemon::Level::info, "ended");
        return exit_ok;
    }

  private:
    Daemon::Parts parts() {
        Daemon::Parts parts;
        parts.open_monitor = []() -> Result<std::unique_ptr<Monitor>> {
            auto opened = open_monitor(MonitorKind::automatic);
            if (!opened) return opened.error();
            return std::move(opened->monitor);
        };
        parts.make_executor = [this](const Policy& policy) { return make_executor(policy); };
        if (!options_.dry_run) parts.may_act = [] { return may_act_on_others(); };
        parts.say = [this](Daemon::Level level, const std::string& text) {
            log_.write(level, text);
        };
        if (options_.audit != "off")
            parts.audit = [this](const AuditEntry& entry) {
                if (audit_) audit_->write(entry);
            };
        parts.dry_run = options_.dry_run;
        return parts;
    }

    Result<void> export_metrics() {
        Exporter::Parts parts;
        parts.status = [this] { return daemon_.status(); };
        parts.inform = [this](const std::string& text) { log_.write(Daemon::Level::info, text); };
        parts.warn = [this](const std::string& text) { log_.write(Daemon::Level::warning, text); };
        parts.version = DAMON_SCHEMES_VERSION;
        exporter_ = std::make_unique<Exporter>(loop_, std::move(parts));
        if (options_.metrics != "none")
            if (auto served = exporter_->serve(options_.metrics); !served) return served;
        if (!options_.metrics_file.empty()) return exporter_->write_to(options_.metrics_file);
        return {};
    }

    // Its thread, too, must start with the signals blocked.
    Result<void> open_audit() {
        if (options_.audit == "off") return {};
        if (options_.audit == "log") {
            audit_ = Audit::to_log([this](const std::string& line) { log_.write_at_once(line); });
            return {};
        }
        auto opened = Audit::to_file(options_.audit, [this](const Error& error) {
            loop_.post([this, error] { log_.write(Daemon::Level::error, error.message); });
        });
        if (!opened) return opened.error();
        audit_ = std::move(*opened);
        return {};
    }

    Result<std::unique_ptr<Executor>> make_executor(const Policy& policy) {
        ActionRouter::Options options;
        options.dry_run = options_.dry_run;
        auto router = make_router(policy, std::move(options), [this](const std::string& warning) {
            log_.write(Daemon::Level::warning, warning);
        });
        if (!router) return router.error();
        return std::unique_ptr<Executor>(std::move(*router));
    }

    Result<std::vector<NamedPolicy>> read() {
        std::vector<PolicyError> warnings;
        auto policies = read_policies(options_.policies, warnings);
        for (const PolicyError& warning : warnings)
            log_.write(Daemon::Level::warning, to_string(warning));
        if (!policies) return policies;
        if (needs_swap(*policies))
            if (auto swap = check_swap(); !swap) return swap.error();
        return policies;
    }

    bool needs_swap(const std::vector<NamedPolicy>& policies) const {
        return !options_.allow_no_swap && !options_.dry_run &&
               std::any_of(policies.begin(), policies.end(),
                           [](const auto& named) { return named.policy.has(Action::pageout); });
    }

    void finish(const std::string& why) {
        manager_.stopping(why);
        daemon_.finish(why);
    }

    Result<void> reload() {
        manager_.reloading();
        auto policies = read();
        auto reloaded =
            policies ? daemon_.reload(std::move(*policies)) : Result<void>(policies.error());
        exporter_->reloaded(reloaded.ok());
        if (reloaded)
            log_.write(Daemon::Level::info, "reloaded " + options_.policies);
        else
            log_.write(Daemon::Level::error,
                       "not reloaded, everything goes on as before: " + reloaded.error().message);
        manager_.reloaded(reloaded);
        return reloaded;
    }

    EventLoop& loop_;
    DaemonOptions options_;
    Log log_;
    std::unique_ptr<Audit> audit_;
    Daemon daemon_;
    ControlRequests requests_;
    ServiceManager manager_;
    std::unique_ptr<ControlSocket> socket_;
    std::unique_ptr<Exporter> exporter_;
};

int run_daemon(const DaemonOptions& options) {
    raise_descriptor_limit();
    auto loop = make_event_loop(LoopKind::automatic);
    if (!loop) return fail(loop.error());
    return DaemonRun(**loop, options).run();
}

}  // namespace

void add_daemon(CLI::App& root, Invocation& invocation) {
    auto options = std::make_shared<DaemonOptions>();
    CLI::App* app = root.add_subcommand(
        "daemon", "Apply policies to all processes that fit their rules, as they come and go");
    app->add_option("-P,--policies", options->policies,
                    "A folder with policy.d/*.toml and policy.toml, or one file")
        ->capture_default_str();
    app->add_option("--socket", options->socket,
                    "Where 'status', 'pause' and their like ask it; none: nowhere")
        ->capture_default_str();
    app->add_option("--metrics", options->metrics,
                    "Where Prometheus gets metrics: ADDRESS:PORT, or a\n"
                    "PORT of 127.0.0.1 (0: any); none: nowhere")
        ->capture_default_str();
    app->add_option("--metrics-textfile", options->metrics_file,
                    "FILE.prom for node_exporter, written every 15 s");
    app->add_flag("--dry-run", options->dry_run, "Decide as ever, act on nothing");
    app->add_flag("--allow-no-swap", options->allow_no_swap,
                  "Go on without swap: file pages alone can be paged out");
    app->add_option("--audit", options->audit,
                    "A line for each action: off, log, or a file for lines of JSON, which SIGHUP "
                    "opens anew")
        ->capture_default_str();
    app->footer(
        "Each file is a policy of its own; a process belongs to the first that has a rule\n"
        "([[target]]) for it: policy.d in the order of names, then policy.toml.\n"
        "SIGHUP, or 'damon-schemes reload', reads them again: a bad file changes nothing,\n"
        "and what has not changed goes on as it is. 'damon-schemes status' says how it\n"
        "stands. SIGTERM ends it. docs/operate.md tells how to begin.\n\n"
        "examples:\n"
        "  damon-schemes check /etc/damon-schemes\n"
        "  damon-schemes daemon --dry-run\n"
        "  damon-schemes daemon --policies my-policy.toml");
    app->callback(
        [options, &invocation] { invocation.run = [options] { return run_daemon(*options); }; });
}

}  // namespace damon_schemes
