// SPDX-License-Identifier: MIT
// The demo: redis-server holds much and uses little of it; a policy pages out the rest.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "benchmarks/demo/experiment.h"
#include "engine/reports/readable.h"
#include "engine/reports/terminal.h"

namespace damon_schemes::demo {
namespace {

struct Options {
    ExperimentPlan plan;
    std::string emulation = "auto";
    std::string json;
    bool scattered = false;
    double window_seconds = 2;
};

// What emulation does to times, and what therefore is set.  The measurements are those of the
// project's own lab: a 2-processor guest of QEMU without KVM.
struct Scaling {
    const char* setting;
    const char* why;
};
constexpr Scaling scalings[] = {
    {"scheme.cold.quota.time=200ms", "20 x 10 ms: a page takes 30 us, not 1.5"},
};

bool emulated(const Options& options) {
    if (options.emulation != "auto") return options.emulation == "yes";
    const char* accelerator = std::getenv("LAB_ACCEL");
    return accelerator != nullptr && std::string(accelerator) == "tcg";
}

void print(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

Narrator narrator_for(const Terminal& terminal) {
    Narrator narrator;
    narrator.say = [](const std::string& text) {
        print("\n");
        if (text.find('\n') != std::string::npos) return print(text);
        for (const std::string& line : wrapped(text, 80)) print(line + "\n");
    };
    narrator.progress = [interactive = terminal.interactive,
                         last = std::string()](const std::string& text) mutable {
        // Elsewhere than on a terminal only the last word of a step is worth a line.
        if (interactive && !text.empty()) print("\r\033[K  " + text);
        if (text.empty() && !last.empty()) print(interactive ? "\n" : "  " + last + "\n");
        last = text;
    };
    return narrator;
}

int fail(const Error& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "demo: %s\n", error.message.c_str());
    return static_cast<int>(error.kind);
}

std::string goal_line(const DemoFigures& figures) {
    if (figures.goal_time) {
        return "RSS was down by " + readable_percent(figures.goal_drop, 1) + " after " +
               readable(*figures.goal_time) + ".";
    }
    return "After " + readable(figures.goal_wait) + " RSS was down by " +
           readable_percent(std::max(figures.drop_at_goal_wait, 0.0), 1) + ".";
}

std::string cold_line(const DemoFigures& figures) {
    return readable(std::uint64_t{figures.cold_reads}) +
           " cold keys were read back at the end: each value as it was stored, in " +
           readable(figures.cold_read_p50) + " (median).";
}

void print_paragraph(const std::string& text) {
    for (const std::string& line : wrapped(text, 80)) print(line + "\n");
}

void explain_table() {
    print_paragraph(
        "Rates and latencies are medians of windows with the policy at work and with it ended, in "
        "turn; the cold memory is out in both. Faults and CPU shares are of the same windows.");
}

int run(const Options& options) {
    const Terminal terminal = terminal_of(STDOUT_FILENO);
    const Narrator narrator = narrator_for(terminal);
    ExperimentPlan plan = options.plan;
    plan.window =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options.window_seconds));
    if (emulated(options)) {
        print_paragraph(
            "This machine is emulated, so one figure of the policy is scaled; a real machine takes "
            "the policy as it is:");
        for (const Scaling& scaling : scalings) {
            plan.policy.settings.insert(
                plan.policy.settings.begin() + std::distance(std::begin(scalings), &scaling),
                scaling.setting);
            std::string line = "  ";
            line += scaling.setting;
            line.resize(std::max<std::size_t>(line.size() + 1, 37), ' ');
            print(line + scaling.why + "\n");
        }
    }

    auto together = run_experiment(plan, narrator);
    if (!together) return fail(together.error());
    std::optional<DemoFigures> scattered;
    if (options.scattered) {
        narrator.say(
            "Once more, with small values and the hot keys among the others, so that most pages "
            "hold a hot one.");
        ExperimentPlan other = plan;
        other.dataset.keys = 150'000;
        other.dataset.value_bytes = 128;
        other.dataset.scattered = true;
        auto figures = run_experiment(other, narrator);
        if (!figures) return fail(figures.error());
        scattered = std::move(*figures);
    }

    print("\n" + figures_table(*together) + "\n");
    explain_table();
    print_paragraph(goal_line(*together) + " " + cold_line(*together));
    if (scattered) {
        print("\nSmall scattered hot keys (128-byte values), where most pages are hot:\n");
        print(scattered_lines(*scattered));
        print_paragraph(goal_line(*scattered) + " " + cold_line(*scattered));
    }
    if (!together->heatmap.empty()) print("\n" + together->heatmap);

    if (!options.json.empty()) {
        nlohmann::json all = {{"emulated", emulated(options)},
                              {"settings", plan.policy.settings},
                              {"policy", plan.policy.policy},
                              {"together", figures_json(*together)}};
        all["scattered"] = scattered ? figures_json(*scattered) : nlohmann::json(nullptr);
        std::ofstream file(options.json);
        file << all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
        if (!file.flush()) {
            return fail(Error{ErrorKind::runtime, "cannot write " + options.json +
                                                      "; is its folder there, and the disk not "
                                                      "full?"});
        }
    }
    return 0;
}

}  // namespace
}  // namespace damon_schemes::demo

int main(int argc, char** argv) {
    using namespace damon_schemes::demo;
    Options options;
    ExperimentPlan& plan = options.plan;
    CLI::App app{"Shows what a policy does to a redis-server that uses little of what it holds.",
                 "redis_demo"};
    app.add_option("POLICY", plan.policy.policy, "Policy file (TOML) to apply")->required();
    app.add_option("--command", plan.policy.program, "The damon-schemes command")
        ->capture_default_str();
    app.add_option("--server", plan.server_program, "The redis-server program")
        ->capture_default_str();
    app.add_option("--set", plan.policy.settings, "KEY=VALUE over the policy's, handed to apply")
        ->take_all()
        ->allow_extra_args(false);
    app.add_option("--keys", plan.dataset.keys, "How many keys")
        ->capture_default_str()
        ->check(CLI::Range(1000U, 50'000'000U));
    app.add_option("--value-bytes", plan.dataset.value_bytes, "Bytes of each value")
        ->capture_default_str()
        ->check(CLI::Range(64U, 1U << 20U));
    app.add_option("--hot", plan.dataset.hot_percent, "Per cent of the keys that are read")
        ->capture_default_str()
        ->check(CLI::Range(1U, 50U));
    app.add_option("--connections", plan.connections, "Requests under way at once")
        ->capture_default_str()
        ->check(CLI::Range(1U, 64U));
    app.add_option("--turns", plan.turns, "How often the policy is measured, then ended")
        ->capture_default_str()
        ->check(CLI::Range(1U, 1000U));
    app.add_option("--windows", plan.windows, "Windows of each kind in a turn")
        ->capture_default_str()
        ->check(CLI::Range(1U, 1000U));
    app.add_option("--window", options.window_seconds, "Seconds of a window")
        ->capture_default_str()
        ->check(CLI::Range(0.1, 3600.0));
    app.add_option("--emulation", options.emulation,
                   "Scale the policy's times for emulation; auto: as LAB_ACCEL says")
        ->capture_default_str()
        ->check(CLI::IsMember({"auto", "yes", "no"}));
    app.add_flag("--scattered", options.scattered,
                 "Afterwards the case that is hard: small hot keys among cold ones");
    app.add_option("--json", options.json, "Write all figures to this file");
    app.footer(
        "Needs redis-server, swap, the damon_schemes module and root. './dev demo' brings all of "
        "it, in\na micro-VM; on a machine of your own:\n"
        "  build/benchmarks/demo/redis_demo policies/proactive-reclaim.toml \\\n"
        "      --command build/damon-schemes");
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wanted) {
        return app.exit(wanted);
    } catch (const CLI::ParseError& error) {
        std::fprintf(stderr, "demo: %s\nSee 'redis_demo --help'.\n", error.what());
        return static_cast<int>(damon_schemes::ErrorKind::usage);
    }
    return run(options);
}
