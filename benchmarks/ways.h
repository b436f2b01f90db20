// SPDX-License-Identifier: MIT
// An experiment that compares several ways: some of its own, and each policy that it is given.
#pragma once

#include <sys/types.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/demo/policy_run.h"
#include "benchmarks/interruption.h"
#include "benchmarks/named_policy.h"

namespace damon_schemes::bench {

// What a person says of them.
struct WayOptions {
    unsigned turns = 3;
    std::vector<std::string> policies;
    std::vector<std::string> ways;      // only these; none: all
    std::vector<std::string> settings;  // NAME:KEY=VALUE
    std::vector<std::string> emulated_settings;
    std::string program = "damon-schemes";
    std::string json;
    bool quick = false;
};

// `own` names the experiment's own ways, `quick` says what is small then.
inline void add_way_options(CLI::App& app, WayOptions& options, const std::string& own,
                            const std::string& quick) {
    const auto add_list = [&](const char* name, std::vector<std::string>& list,
                              const std::string& text) {
        app.add_option(name, list, text)->take_all()->allow_extra_args(false);
    };
    app.add_option("POLICY", options.policies, "Policy files (TOML), each a way of its own");
    add_list("--set", options.settings, "NAME:KEY=VALUE, over what the policy file NAME.toml says");
    add_list("--set-emulated", options.emulated_settings,
             "The same, but only in a guest that is emulated");
    add_list("--way", options.ways,
             "Only this: " + own + ", or a policy's name; may be given several times");
    app.add_option("--command", options.program, "The damon-schemes command")
        ->capture_default_str();
    app.add_option("--turns", options.turns, "How often each way is measured")
        ->capture_default_str()
        ->check(CLI::Range(1U, 100U));
    app.add_flag("--quick", options.quick, quick + ", to see whether all of it works");
    app.add_option("--json", options.json, "Write all figures to this file");
}

// The settings in force here: a person's go over what emulation needs.
inline std::vector<std::string> settings_of(const WayOptions& options) {
    std::vector<std::string> settings;
    if (emulated()) settings = options.emulated_settings;
    settings.insert(settings.end(), options.settings.begin(), options.settings.end());
    return settings;
}

// Those asked for, in the order of that turn: so that none has the machine always as another left
// it.  A Way has a name and an optional policy, which `of_policy` makes one of.  Throws
// std::runtime_error.
template <typename Way, typename OfPolicy>
std::vector<Way> ways_of(std::vector<Way> own, const WayOptions& options, unsigned turn,
                         const OfPolicy& of_policy) {
    std::vector<Way> all = std::move(own);
    for (const std::string& policy : options.policies)
        all.push_back(of_policy(named_policy(policy, settings_of(options), options.program)));
    if (!options.ways.empty()) {
        std::erase_if(all, [&](const Way& each) {
            return std::find(options.ways.begin(), options.ways.end(), each.name) ==
                   options.ways.end();
        });
    }
    if (all.empty()) throw std::runtime_error("none of these ways is known");
    std::rotate(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(turn % all.size()),
                all.end());
    return all;
}

// Returns when it may act; nullopt: this way has no policy.  Throws std::runtime_error.
inline std::optional<demo::PolicyRun> start_policy(
    const std::optional<demo::PolicyCommand>& command, pid_t pid) {
    if (!command) return std::nullopt;
    auto run = demo::PolicyRun::start(*command, pid, demo::PolicyRun::Show::nothing);
    if (!run) throw std::runtime_error(run.error().message);
    std::optional<demo::PolicyRun> policy(std::move(*run));
    if (const auto acting = policy->wait_until_acting(); !acting)
        throw std::runtime_error(acting.error().message);
    return policy;
}

// Its summary, at its end.  Throws std::runtime_error.
inline nlohmann::json finish_policy(demo::PolicyRun& policy) {
    auto summary = policy.finish();
    if (!summary) throw std::runtime_error(summary.error().message);
    return std::move(*summary);
}

// `run()`, and what a program says where that threw; the exit status.
template <typename Run>
int run_experiment(const char* name, const Run& run) {
    note_interruptions();
    try {
        run();
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", name, error.what());
        return 1;
    }
}

}  // namespace damon_schemes::bench
