// SPDX-License-Identifier: MIT
#include "benchmarks/demo/experiment.h"

#include <algorithm>
#include <thread>

#include "benchmarks/demo/load.h"
#include "benchmarks/demo/redis_server.h"
#include "engine/reports/readable.h"

namespace damon_schemes::demo {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Paging out has come to its end once RSS fell by less than `quiet_share` of what it was at first
// for so long.
constexpr Duration quiet_time = 5s;
constexpr double quiet_share = 0.01;
constexpr Duration look_interval = 250ms;

Error server_gone() {
    return Error{ErrorKind::runtime,
                 "redis-server has ended; was it out of memory? (dmesg says so)"};
}

std::string rate_of(const WindowFigures& window) {
    return readable(static_cast<std::uint64_t>(window.requests_per_second));
}

class Experiment {
  public:
    Experiment(const ExperimentPlan& plan, const Narrator& narrator, RedisServer server)
        : plan_(plan), narrator_(narrator), dataset_(plan.dataset), server_(std::move(server)) {}

    Result<DemoFigures> run();

  private:
    Result<void> fill();
    Result<void> measure_before();
    Result<void> page_out();
    Result<void> measure_in_turn();
    Result<void> read_cold();
    Result<WindowFigures> measure(const PolicyRun* policy);
    Result<void> measure_windows(const PolicyRun* policy, std::vector<WindowFigures>& to);
    Result<MemoryFigures> look() const;

    const ExperimentPlan& plan_;
    const Narrator& narrator_;
    Dataset dataset_;
    RedisServer server_;
    std::unique_ptr<Load> load_;
    std::optional<PolicyRun> policy_;
    DemoFigures figures_;
};

Result<MemoryFigures> Experiment::look() const {
    const auto memory = memory_figures(server_.pid());
    if (!memory || !server_.alive()) return server_gone();
    return *memory;
}

Result<DemoFigures> Experiment::run() {
    figures_.dataset = plan_.dataset;
    figures_.goal_drop = plan_.goal_drop;
    figures_.goal_wait = plan_.goal_wait;
    for (const auto step : {&Experiment::fill, &Experiment::measure_before, &Experiment::page_out,
                            &Experiment::measure_in_turn, &Experiment::read_cold}) {
        if (auto done = (this->*step)(); !done) return done.error();
    }
    return std::move(figures_);
}

Result<void> Experiment::fill() {
    const std::uint32_t keys = plan_.dataset.keys;
    narrator_.say("redis-server (pid " + std::to_string(server_.pid()) + ") gets " +
                  readable(std::uint64_t{keys}) + " keys of " +
                  readable(Bytes{plan_.dataset.value_bytes}) + ": " +
                  readable(dataset_.value_bytes()) + " of values.");
    auto told = Clock::now();
    auto filled = server_.fill(dataset_, [&](std::uint32_t done) {
        if (Clock::now() - told < 500ms && done != keys) return;
        told = Clock::now();
        narrator_.progress(readable(std::uint64_t{done}) + " keys inserted");
    });
    narrator_.progress("");
    return filled;
}

Result<WindowFigures> Experiment::measure(const PolicyRun* policy) {
    const auto before = look();
    if (!before) return before.error();
    const auto engine = policy ? policy->engine_time() : std::nullopt;
    const auto monitoring = policy ? PolicyRun::monitoring_time() : std::nullopt;
    auto window = load_->measure(plan_.window);
    if (!window) return window.error();
    WindowFigures figures;
    if (policy) {
        const auto engine_end = policy->engine_time();
        const auto monitoring_end = PolicyRun::monitoring_time();
        if (engine && engine_end) figures.engine_time = *engine_end - *engine;
        if (monitoring && monitoring_end) figures.monitoring_time = *monitoring_end - *monitoring;
    }
    const auto after = look();
    if (!after) return after.error();
    figures.length = window->length;
    figures.requests_per_second = window->requests_per_second();
    figures.p50 = window->latencies.percentile(0.5);
    figures.p99 = window->p99();
    figures.major_faults = after->server.major_faults - before->server.major_faults;
    return figures;
}

Result<void> Experiment::measure_windows(const PolicyRun* policy, std::vector<WindowFigures>& to) {
    for (unsigned i = 0; i < plan_.windows; ++i) {
        auto window = measure(policy);
        if (!window) return window.error();
        to.push_back(*window);
    }
    return {};
}

Result<void> Experiment::measure_before() {
    const std::string share = std::to_string(plan_.dataset.hot_percent) + " %";
    narrator_.say("A client keeps reading " +
                  (plan_.dataset.scattered ? share + " of the keys, evenly among the others"
                                           : share + " of the keys, inserted together") +
                  ". No policy yet: " + std::to_string(plan_.turns) + " windows of " +
                  readable(plan_.window) + ".");
    auto load = Load::start(server_, dataset_, plan_.connections);
    if (!load) return load.error();
    load_ = std::move(*load);
    for (unsigned i = 0; i < plan_.turns; ++i) {
        auto window = measure(nullptr);
        if (!window) return window.error();
        figures_.before.push_back(*window);
        narrator_.progress(readable(std::uint64_t{i + 1}) + " of " + std::to_string(plan_.turns) +
                           ": " + rate_of(*window) + " requests per second");
    }
    narrator_.progress("");
    const auto memory = look();
    if (!memory) return memory.error();
    figures_.memory_before = *memory;
    return {};
}

Result<void> Experiment::page_out() {
    narrator_.say("Now the policy, until RSS falls no more or " + readable(plan_.goal_wait) +
                  " have passed:");
    narrator_.say(typed(plan_.policy, server_.pid(), 78));
    const auto started = Clock::now();
    auto policy =
        PolicyRun::start(plan_.policy, server_.pid(), PolicyRun::Show::status_and_heatmap);
    if (!policy) return policy.error();
    policy_.emplace(std::move(*policy));

    const auto first = static_cast<double>(figures_.memory_before.server.rss.count);
    double least_rss = first;  // when RSS last fell by enough to count
    auto last_fall = started;
    while (policy_->running()) {
        const auto memory = look();
        if (!memory) return memory.error();
        if (auto reads = load_->state(); !reads) return reads;
        const auto now = Clock::now();
        const auto rss = static_cast<double>(memory->server.rss.count);
        figures_.drop_at_goal_wait = 1 - rss / first;
        if (!figures_.goal_time && figures_.drop_at_goal_wait >= plan_.goal_drop)
            figures_.goal_time = now - started;
        if (rss < least_rss - quiet_share * first) {
            least_rss = rss;
            last_fall = now;
        }
        const bool quiet = least_rss < first && now - last_fall >= quiet_time;
        if (now - started >= plan_.goal_wait || (quiet && figures_.goal_time)) return {};
        std::this_thread::sleep_for(look_interval);
    }
    // It ended by itself, which it should not have: its own words are the error.
    auto ended = policy_->finish();
    if (!ended) return ended.error();
    return Error{ErrorKind::runtime, "damon-schemes apply ended before it was told to"};
}

Result<void> Experiment::measure_in_turn() {
    for (unsigned turn = 0; turn < plan_.turns; ++turn) {
        if (turn > 0) {
            auto policy = PolicyRun::start(plan_.policy, server_.pid(), PolicyRun::Show::nothing);
            if (!policy) return policy.error();
            policy_.emplace(std::move(*policy));
            if (auto acting = policy_->wait_until_acting(); !acting) return acting;
            std::this_thread::sleep_for(plan_.settling);
        }
        if (auto measured = measure_windows(&*policy_, figures_.applied); !measured)
            return measured;
        if (turn == 0) {
            const auto memory = look();
            if (!memory) return memory.error();
            figures_.memory_applied = *memory;
        }
        auto summary = policy_->finish();
        if (!summary) return summary.error();
        policy_.reset();
        if (turn == 0) {
            figures_.paging_out = std::move(*summary);
            auto& targets = figures_.paging_out["targets"];
            if (targets.is_array() && !targets.empty() && targets[0]["heatmap"].is_string()) {
                figures_.heatmap = targets[0]["heatmap"].get<std::string>();
                targets[0].erase("heatmap");
            }
            narrator_.say("The steady state: " + std::to_string(plan_.turns) + " times " +
                          std::to_string(plan_.windows) + " windows of " + readable(plan_.window) +
                          " with the policy, then as many without.");
        }
        if (auto measured = measure_windows(nullptr, figures_.paused); !measured) return measured;
        narrator_.progress(readable(std::uint64_t{turn + 1}) + " of " +
                           std::to_string(plan_.turns) + ": " + rate_of(figures_.applied.back()) +
                           " requests per second with the policy, " +
                           rate_of(figures_.paused.back()) + " without");
    }
    narrator_.progress("");
    return {};
}

Result<void> Experiment::read_cold() {
    load_.reset();
    auto connection = server_.connect();
    if (!connection) return connection.error();
    LatencyHistogram latencies;
    for (std::uint32_t n = 0; n < plan_.cold_reads; ++n) {
        const std::uint32_t index = dataset_.cold_index(n);
        const auto sent = Clock::now();
        auto reply = connection->ask({"GET", Dataset::key(index)});
        if (!reply) return reply.error();
        latencies.add(Clock::now() - sent);
        if (reply->text != dataset_.value(index)) {
            return Error{ErrorKind::runtime, "the value read for " + Dataset::key(index) +
                                                 ", which was paged out, is not the one that was "
                                                 "stored"};
        }
    }
    figures_.cold_reads = plan_.cold_reads;
    figures_.cold_read_p50 = latencies.percentile(0.5);
    return {};
}

}  // namespace

Result<DemoFigures> run_experiment(const ExperimentPlan& plan, const Narrator& narrator) {
    auto server = RedisServer::start(plan.server_program);
    if (!server) return server.error();
    return Experiment(plan, narrator, std::move(*server)).run();
}

}  // namespace damon_schemes::demo
