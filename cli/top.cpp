// SPDX-License-Identifier: MIT
// damon-schemes top: targets, their heat and what schemes match, live.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/daemon_top.h"
#include "cli/policy_file.h"
#include "cli/screen/guard.h"
#include "cli/screen/screen.h"
#include "cli/targets.h"
#include "cli/watching.h"
#include "engine/reports/heatmap.h"
#include "engine/reports/overview.h"
#include "engine/reports/terminal.h"
#include "engine/session/session.h"

namespace damon_schemes {
namespace {

// The defaults; a policy file must have a scheme.
constexpr std::string_view watching_only =
    "version = 1\n[[scheme]]\nname = \"seen\"\naction = \"stat\"\n";

struct TopOptions {
    TargetWishes targets;
    std::string monitor = "auto";
    std::string policy;
    std::vector<std::string> overrides;
    DaemonTopOptions daemon;
};

class TopRun {
  public:
    TopRun(EventLoop& loop, Policy policy, std::string monitor)
        : loop_(loop), policy_(std::move(policy)), monitor_(std::move(monitor)) {}

    int run(std::vector<Process> targets);

  private:
    Result<void> prepare(std::vector<Process> targets);
    void know(const SessionTarget& target);
    Result<void> open_screen();
    void see(const Snapshot& snapshot);
    void press();
    bool press(Key key);
    void select(int step);
    void refresh();
    void paint();
    std::string heatmap_of_selected() const;

    EventLoop& loop_;
    Policy policy_;
    std::string monitor_;
    std::unique_ptr<Session> session_;
    std::unique_ptr<Screen> screen_;
    Terminal terminal_ = terminal_of(STDOUT_FILENO);
    std::vector<Heatmap> heatmaps_;  // parallel to the session's targets
    std::vector<MemoryUse> uses_;    // likewise, in the newest snapshot
    std::vector<std::size_t> regions_;
    Overview overview_;
    Instant started_ = std::chrono::steady_clock::now();
    std::optional<Error> failure_;
};

int TopRun::run(std::vector<Process> targets) {
    if (auto ready = prepare(std::move(targets)); !ready) return fail(ready.error());
    if (auto opened = open_screen(); !opened) return fail(opened.error());
    refresh();
    auto ran = loop_.run();
    screen_.reset();
    if (!ran) return fail(ran.error());
    if (failure_) return fail(*failure_);
    if (!session_->why_finished().empty()) std::cout << session_->why_finished() << std::endl;
    return exit_ok;
}

Result<void> TopRun::prepare(std::vector<Process> targets) {
    auto signals = loop_.on_signals({SIGINT, SIGTERM, SIGHUP, SIGWINCH}, [this](int signal) {
        if (signal != SIGWINCH) return loop_.stop();
        screen_->resize();
        paint();
    });
    if (!signals) return signals.error();
    // What it would do is not even tried: nothing may come to be planned.
    auto session = watching_session(loop_, policy_, std::move(targets), monitor_);
    if (!session) return session.error();
    session_ = std::move(*session);
    session_->on_decision = [this](const Snapshot& snapshot, const Plan&) { see(snapshot); };
    session_->on_finished = [this] { loop_.stop(); };
    session_->on_error = [this](const Error& error) { failure_ = error; };
    session_->on_child = [this](const SessionTarget& target) { know(target); };
    for (const auto& target : session_->targets()) know(target);
    overview_.selected = session_->targets().front().process.pid;
    auto ticks = loop_.on_timer(std::chrono::milliseconds(500), true, [this] { refresh(); });
    if (!ticks) return ticks.error();
    return session_->start();
}

void TopRun::know(const SessionTarget& target) {
    heatmaps_.emplace_back(target.process.name);
    uses_.emplace_back();
    regions_.emplace_back();
}

Result<void> TopRun::open_screen() {
    auto screen = Screen::open(terminal_.colour);
    if (!screen) return screen.error();
    screen_ = std::move(*screen);
    auto keys = loop_.on_readable(STDIN_FILENO, [this] { press(); });
    if (!keys) return keys.error();
    return {};
}

void TopRun::see(const Snapshot& snapshot) {
    for (const TargetSnapshot& seen : snapshot.targets) {
        for (std::size_t i = 0; i < heatmaps_.size(); ++i) {
            if (session_->targets()[i].id != seen.id) continue;
            heatmaps_[i].add(seen, snapshot.time, snapshot.duration);
            uses_[i] = use_of(seen, snapshot.aggregation_interval);
            regions_[i] = seen.regions.size();
        }
    }
}

// A terminal that was closed is readable all the time and has nothing to say.
void TopRun::press() {
    bool any = false;
    for (Key key = screen_->key(); key != Key::none; key = screen_->key()) {
        any = true;
        if (!press(key)) return loop_.stop();
    }
    if (!any) return loop_.stop();
    paint();
}

// False: enough.
bool TopRun::press(Key key) {
    switch (key) {
        case Key::quit:
            if (!overview_.help) return false;
            overview_.help = false;
            return true;
        case Key::up:
            select(-1);
            return true;
        case Key::down:
            select(1);
            return true;
        case Key::sort:
            overview_.order = overview_.order == OverviewOrder::size   ? OverviewOrder::cold
                              : overview_.order == OverviewOrder::cold ? OverviewOrder::name
                                                                       : OverviewOrder::size;
            return true;
        case Key::freeze:
            overview_.frozen = !overview_.frozen;
            return true;
        case Key::help:
            overview_.help = !overview_.help;
            return true;
        case Key::redraw:
            screen_->redraw();
            return true;
        case Key::none:
        case Key::other:
            return true;
    }
    return true;
}

void TopRun::select(int step) {
    const auto targets = in_order(overview_.targets, overview_.order);
    const auto now = std::find_if(targets.begin(), targets.end(), [this](const auto& target) {
        return target.pid == overview_.selected;
    });
    if (now == targets.end()) return;
    const auto next =
        std::clamp<std::ptrdiff_t>(now - targets.begin() + step, 0, std::ssize(targets) - 1);
    overview_.selected = targets[static_cast<std::size_t>(next)].pid;
    if (!overview_.frozen) overview_.heatmap = heatmap_of_selected();
}

std::string TopRun::heatmap_of_selected() const {
    for (std::size_t i = 0; i < heatmaps_.size(); ++i) {
        if (session_->targets()[i].process.pid != overview_.selected) continue;
        HeatmapStyle style;
        style.width = screen_->width();
        const std::size_t lines = heatmap_lines(overview_, screen_->height());
        // Its title, the areas' names, the axis, its marks and the legend are lines, too.
        style.rows = lines > 9 ? lines - 9 : 1;
        style.unicode = terminal_.unicode;
        return heatmaps_[i].draw(style);
    }
    return {};
}

// The figures anew; while it is frozen, those that are there stay.
void TopRun::refresh() {
    if (overview_.frozen) return paint();
    overview_.elapsed = std::chrono::steady_clock::now() - started_;
    if (const auto cost = session_->monitor_cost(); cost) overview_.cost = *cost;
    overview_.intervals = session_->tuned_intervals();
    overview_.targets.clear();
    for (std::size_t i = 0; i < heatmaps_.size(); ++i) {
        const SessionTarget& target = session_->targets()[i];
        // There may be thousands.
        if (target.child && target.exited) continue;
        OverviewTarget row;
        row.pid = target.process.pid;
        row.name = target.process.name;
        row.use = uses_[i];
        row.regions = regions_[i];
        if (target.exited) {
            row.state = "exited";
        } else if (const auto& memory = target.memory) {
            row.rss = memory->rss;
            row.swapped = memory->swapped;
        }
        overview_.targets.push_back(std::move(row));
    }
    overview_.schemes.clear();
    for (std::size_t i = 0; i < policy_.schemes.size(); ++i) {
        const SchemeTotals& totals = session_->totals()[i];
        overview_.schemes.push_back({policy_.schemes[i].name, policy_.schemes[i].action,
                                     totals.matched_regions, totals.matched});
    }
    overview_.heatmap = heatmap_of_selected();
    paint();
}

void TopRun::paint() {
    screen_->show(draw(overview_, screen_->width(), screen_->height()));
}

Result<Policy> load_policy(const TopOptions& options) {
    if (options.policy.empty())
        return policy_of({"<options>", std::string(watching_only)}, options.overrides);
    auto file = read_policy_file(options.policy);
    if (!file) return file.error();
    return policy_of(*file, options.overrides);
}

bool asks_daemon(const TopOptions& options) {
    return options.targets.pids.empty() && options.targets.names.empty() && options.policy.empty();
}

int run_top(const TopOptions& options) {
    if (asks_daemon(options)) return run_daemon_top(options.daemon);
    if (options.daemon.once || options.daemon.ask.json)
        return fail({ErrorKind::usage,
                     "--once and --json are of the daemon's targets; they go without --pid, --name "
                     "and --policy",
                     0});
    auto policy = load_policy(options);
    if (options.policy.empty() && policy) policy->schemes.clear();
    if (!policy) return fail(policy.error());
    if (const auto kind = monitor_kind(options.monitor); !kind) return fail(kind.error());
    const TargetWishes wishes = wishes_of(options.targets, *policy);
    if (wishes.pids.empty() && wishes.names.empty()) {
        return fail({ErrorKind::usage,
                     "no target: damon-schemes top --pid 1234 (or --name redis-server)", 0});
    }
    return under_guard([&] {
        auto targets = find_targets(wishes);
        if (!targets) return fail(targets.error());
        auto loop = make_event_loop(LoopKind::automatic);
        if (!loop) return fail(loop.error());
        return TopRun(**loop, std::move(*policy), options.monitor).run(std::move(*targets));
    });
}

}  // namespace

void add_top(CLI::App& root, Invocation& invocation) {
    auto options = std::make_shared<TopOptions>();
    CLI::App* app = root.add_subcommand(
        "top", "Show how programs use their memory, live, or what the daemon does to its targets");
    add_target_options(*app, options->targets);
    add_monitor_option(*app, options->monitor);
    app->add_option("--policy", options->policy,
                    "Show what its schemes match; nothing is acted on");
    app->add_option("-s,--set", options->overrides,
                    "KEY=VALUE over the policy's, e.g. monitor.sampling_interval=20ms")
        ->take_all()
        ->allow_extra_args(false);
    add_ask_options(*app, options->daemon.ask);
    app->add_flag("--once", options->daemon.once, "The daemon's targets once, also on a terminal");
    app->add_option("--sort", options->daemon.order,
                    "The daemon's targets by paged-out, rss, swapped, refaulted or name")
        ->capture_default_str();
    app->add_option("-i,--interval", options->daemon.interval,
                    "Ask the daemon so often, on a terminal")
        ->capture_default_str();
    app->footer(
        "Without a target or a policy it asks the daemon: of each process that is watched,\n"
        "what it has in memory (RSS) and in swap, what was paged out of it since it is\n"
        "watched (OUT), and what of that came back (BACK). ^C ends that.\n\n"
        "With a target it watches that itself, and only watches; press h for what the columns "
        "mean, q to quit.\n\n"
        "examples:\n"
        "  damon-schemes top\n"
        "  damon-schemes top --once --sort rss\n"
        "  damon-schemes top --name redis-server\n"
        "  damon-schemes top --pid 4242 --policy policies/proactive-reclaim.toml");
    app->callback(
        [options, &invocation] { invocation.run = [options] { return run_top(*options); }; });
}

}  // namespace damon_schemes
