// SPDX-License-Identifier: MIT
// The demo's course: fill a server, measure, apply the policy, measure with and without it.
#pragma once

#include <functional>
#include <string>

#include "benchmarks/demo/dataset.h"
#include "benchmarks/demo/figures.h"
#include "benchmarks/demo/policy_run.h"
#include "schemes/result.h"

namespace damon_schemes::demo {

struct ExperimentPlan {
    std::string server_program = "redis-server";
    DatasetShape dataset;
    PolicyCommand policy;
    unsigned connections = 2;
    // The policy is started and ended so often in the steady state, and each time some windows are
    // measured with it, then as many without.
    unsigned turns = 5;
    unsigned windows = 3;  // of a turn, of each kind; before the policy, `turns` in all
    Duration window = std::chrono::seconds(2);
    // After it may act.  A policy that has just started splits its regions at each of its first
    // aggregation intervals; those of its proof and these together are enough for it to cost what
    // it goes on costing.
    Duration settling = std::chrono::seconds(4);
    double goal_drop = 0.6;
    Duration goal_wait = std::chrono::seconds(60);
    std::uint32_t cold_reads = 200;
};

// Tells a person what happens: a line of its own, and a line that replaces itself.
struct Narrator {
    std::function<void(const std::string&)> say;
    std::function<void(const std::string&)> progress;
};

// Needs the rights that apply needs.  Errors say what to do; whatever was started is ended.
Result<DemoFigures> run_experiment(const ExperimentPlan& plan, const Narrator& narrator);

}  // namespace damon_schemes::demo
