// SPDX-License-Identifier: MIT
// damon-schemes simulate: what policies would have done, on recordings.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cli/command.h"
#include "cli/policy_file.h"
#include "engine/recordings/recording.h"
#include "engine/reports/simulation.h"
#include "engine/reports/terminal.h"
#include "engine/simulation/simulator.h"
#include "schemes/quantity.h"

namespace damon_schemes {
namespace {

struct SimulateOptions {
    std::vector<std::string> files;  // the first a policy; the others policies by their ".toml"
    std::vector<std::string> overrides;
    std::string swap;
    std::string page_cost;
    std::string sampling;
    std::string aggregation;
    std::string format = "text";
    bool json = false;
    bool csv = false;
    bool plot = false;
};

struct NamedPolicy {
    std::string name;
    Policy policy;
};

Result<NamedPolicy> load(const std::string& path, const SimulateOptions& options) {
    auto file = read_policy_file(path);
    if (!file) return file.error();
    auto policy = policy_of(*file, options.overrides);
    if (!policy) return policy.error();
    return NamedPolicy{path, std::move(*policy)};
}

template <typename T>
Error wrong_value(const char* option, const std::string& text, const QuantityReading<T>& reading) {
    return {ErrorKind::usage,
            std::string(option) + ": '" + text + "': " + reading.message +
                (reading.suggestion.empty() ? "" : "; " + reading.suggestion),
            0};
}

Result<SimulationOptions> simulation_options(const SimulateOptions& options) {
    SimulationOptions result;
    if (!options.swap.empty()) {
        const auto swap = parse_bytes(options.swap);
        if (!swap) return wrong_value("--swap", options.swap, swap);
        result.swap = *swap.value;
    }
    if (!options.page_cost.empty()) {
        const auto cost = parse_duration(options.page_cost);
        if (!cost) return wrong_value("--page-cost", options.page_cost, cost);
        result.page_cost = *cost.value;
    }
    return result;
}

Result<ReadingOptions> reading_options(const SimulateOptions& options) {
    ReadingOptions reading;
    const std::pair<const std::string*, Duration*> intervals[] = {
        {&options.sampling, &reading.assumed.sampling_interval},
        {&options.aggregation, &reading.assumed.aggregation_interval}};
    for (const auto& [text, into] : intervals) {
        if (text->empty()) continue;
        const auto interval = parse_duration(*text);
        if (!interval || *interval.value <= Duration::zero())
            return wrong_value(text == &options.sampling ? "--sampling" : "--aggregation", *text,
                               interval);
        *into = *interval.value;
    }
    return reading;
}

// All policies at once, so that the recording is read once.
Result<std::vector<SimulatedRun>> simulate(const std::vector<NamedPolicy>& policies,
                                           const std::string& file,
                                           const SimulationOptions& simulation,
                                           const ReadingOptions& reading) {
    auto reader = open_recording(file, reading);
    if (!reader) return reader.error();
    std::vector<std::unique_ptr<Simulator>> simulators;
    for (const NamedPolicy& policy : policies)
        simulators.push_back(std::make_unique<Simulator>(policy.policy, simulation));
    for (;;) {
        auto event = (*reader)->next();
        if (!event) return event.error();
        if (!*event) break;
        for (const auto& simulator : simulators) {
            if (const auto* snapshot = std::get_if<Snapshot>(&**event)) {
                simulator->see(*snapshot);
            } else if (const auto* target = std::get_if<RecordedTarget>(&**event)) {
                simulator->see(*target);
            }
        }
    }
    if (const auto& damage = (*reader)->damage())
        std::fprintf(stderr, "damon-schemes: %s: %s\n", file.c_str(), damage->c_str());
    std::vector<SimulatedRun> runs;
    for (std::size_t i = 0; i < policies.size(); ++i)
        runs.push_back({policies[i].name, file, simulators[i]->result()});
    return runs;
}

void print(const std::vector<SimulatedRun>& runs, const SimulateOptions& options) {
    std::string text;
    if (options.format == "json") {
        text = simulation_json(runs) + "\n";
    } else if (options.format == "csv") {
        text = simulation_csv(runs);
    } else if (options.format == "svg") {
        text = svg_plots("Simulated policies", simulation_plots(runs));
    } else {
        const Terminal terminal = terminal_of(STDOUT_FILENO);
        if (options.plot) {
            PlotStyle style;
            style.width = terminal.width;
            style.unicode = terminal.unicode;
            for (const Plot& plot : simulation_plots(runs))
                text += terminal_plot(plot, style) + "\n";
        }
        text += simulation_table(runs, terminal.width);
    }
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

int run_simulate(SimulateOptions options) {
    if (options.json) options.format = "json";
    if (options.csv) options.format = "csv";
    const auto simulation = simulation_options(options);
    if (!simulation) return fail(simulation.error());
    const auto reading = reading_options(options);
    if (!reading) return fail(reading.error());
    std::vector<NamedPolicy> policies;
    std::vector<std::string> recordings;
    for (std::size_t i = 0; i < options.files.size(); ++i) {
        if (i > 0 && !options.files[i].ends_with(".toml")) {
            recordings.push_back(options.files[i]);
            continue;
        }
        auto policy = load(options.files[i], options);
        if (!policy) return fail(policy.error());
        policies.push_back(std::move(*policy));
    }
    if (recordings.empty()) {
        return fail({ErrorKind::usage,
                     "no recording: damon-schemes simulate POLICY.toml RECORDING; make one with "
                     "'damon-schemes record'",
                     0});
    }
    std::vector<SimulatedRun> runs;
    for (const std::string& file : recordings) {
        auto some = simulate(policies, file, *simulation, *reading);
        if (!some) return fail(some.error());
        std::move(some->begin(), some->end(), std::back_inserter(runs));
    }
    print(runs, options);
    return exit_ok;
}

}  // namespace

void add_simulate(CLI::App& root, Invocation& invocation) {
    auto options = std::make_shared<SimulateOptions>();
    CLI::App* app = root.add_subcommand("simulate", "What policies would have done, on recordings");
    app->add_option("POLICY FILE", options->files,
                    "A policy, further ones (.toml), and the recordings")
        ->required();
    app->add_option("-s,--set", options->overrides,
                    "KEY=VALUE over each policy's, e.g. scheme.cold.age.min=30s")
        ->take_all()
        ->allow_extra_args(false);
    app->add_option("--swap", options->swap,
                    "Size of the swap that fills, e.g. 2GiB; without it, it never does");
    app->add_option("--page-cost", options->page_cost,
                    "What acting on a page takes, for quotas of time (1500ns)");
    app->add_option("--sampling", options->sampling,
                    "Sampling interval to assume of a file in DAMON's format (5ms)");
    app->add_option("--aggregation", options->aggregation,
                    "Aggregation interval to assume of such a file (100ms)");
    app->add_option("-f,--format", options->format, "text, json, csv or svg")
        ->check(CLI::IsMember({"text", "json", "csv", "svg"}));
    app->add_flag("--json", options->json, "The same as --format json");
    app->add_flag("--csv", options->csv, "The same as --format csv");
    app->add_flag("--plot", options->plot, "Draw what is out over time in the terminal, too");
    app->footer(
        "Decides by the same code as apply does, on what was recorded.\n\n"
        "examples:\n"
        "  damon-schemes simulate policies/proactive-reclaim.toml redis.dsr\n"
        "  damon-schemes simulate mild.toml eager.toml redis.dsr --plot\n"
        "  damon-schemes simulate a.toml b.toml redis.dsr --format svg > compared.svg");
    app->callback(
        [options, &invocation] { invocation.run = [options] { return run_simulate(*options); }; });
}

}  // namespace damon_schemes
