// SPDX-License-Identifier: MIT
// A self-tuned age against fixed ones: three programs with different phases, and one whose pace
// changes in the middle.
//
//     self_tuning SECONDS JSON [PROGRAM]...
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/controls/trial.h"
#include "benchmarks/json_file.h"
#include "schemes/quantity.h"

namespace {

using namespace damon_schemes;
using namespace damon_schemes::bench;
using namespace std::chrono_literals;

constexpr std::size_t mib = (1 << 20) / 4096;  // in pages
constexpr Duration never{};

// The programs, fixed before any of them was run.
struct Program {
    std::string name, what;
    Pacing pacing;
};

PacedPhase phase(Duration length, const std::vector<std::pair<std::size_t, Duration>>& areas) {
    PacedPhase phase;
    phase.length = length;
    for (const auto& [pages, period] : areas) append(phase, pages, period);
    return phase;
}

std::vector<Program> programs() {
    std::vector<Program> all;
    all.push_back({"scanning",
                   "16 MiB each 0.1 s, 48 MiB each 4 s, 32 MiB never",
                   {phase(1h, {{16 * mib, 100ms}, {48 * mib, 4s}, {32 * mib, never}})}});
    Pacing rotating;
    for (std::size_t active = 0; active < 4; ++active) {
        PacedPhase part;
        part.length = 12s;
        for (std::size_t i = 0; i < 4; ++i)
            append(part, 24 * mib, i == active ? Duration(500ms) : never);
        rotating.push_back(part);
    }
    all.push_back({"rotating", "four areas of 24 MiB, another one each 0.5 s in each phase of 12 s",
                   rotating});
    all.push_back({"graded",
                   "16 MiB each 0.2 s, 1 s, 3 s, 8 s, 25 s and never",
                   {phase(1h, {{16 * mib, 200ms},
                               {16 * mib, 1s},
                               {16 * mib, 3s},
                               {16 * mib, 8s},
                               {16 * mib, 25s},
                               {16 * mib, never}})}});
    return all;
}

// In its middle what was touched each second is touched each six seconds.
Program step_change(Duration length) {
    return {"step",
            "48 MiB each 1 s, in the second half each 6 s; 48 MiB never",
            {phase(length / 2, {{48 * mib, 1s}, {48 * mib, never}}),
             phase(length, {{48 * mib, 6s}, {48 * mib, never}})}};
}

Policy policy(Duration age, bool tuned) {
    return reclaiming(
        age, "aggregation_interval = \"200ms\"\nregions = { min = 100, max = 1000 }\n",
        std::string("quota = \"off\"\n") +
            (tuned ? "tune = { refaults = \"1%\", age = { min = \"500ms\", max = \"30s\" } }\n"
                   : ""),
        "[refaults]\nwindow = \"10s\"\n");
}

nlohmann::json json_of(const TrialFigures& figures, double touching_alone) {
    nlohmann::json course = nlohmann::json::array();
    for (const auto& moment : figures.course)
        course.push_back(
            {std::chrono::duration<double>(moment.at).count(), moment.rss.count,
             moment.tuned_age ? std::chrono::duration<double>(*moment.tuned_age).count() : 0.0,
             moment.refault_share.value_or(-1)});
    return {{"saved_bytes", figures.saved_mean()},
            {"saved_share", figures.saved_mean() / static_cast<double>(figures.rss_full.count)},
            {"slow_down", figures.touching_share - touching_alone},
            {"major_faults", figures.major_faults},
            {"wrong_pages", figures.wrong},
            {"course", course}};
}

void say(const std::string& program, const std::string& how, const nlohmann::json& figures) {
    std::printf("%-9s %-7s saved %5.1f %%, time lost %6.3f %%, %6llu major faults\n",
                program.c_str(), how.c_str(), figures["saved_share"].get<double>() * 100,
                figures["slow_down"].get<double>() * 100,
                static_cast<unsigned long long>(figures["major_faults"].get<std::uint64_t>()));
    std::fflush(stdout);
}

int run(Duration length, const std::string& json, const std::vector<std::string>& chosen) {
    const std::vector<Duration> ages = {500ms, 1s, 2s, 5s, 10s, 20s};
    const Trial trial{length, length / 3};
    nlohmann::json all = nlohmann::json::array();
    const auto wanted = [&](const std::string& name) {
        return chosen.empty() || std::find(chosen.begin(), chosen.end(), name) != chosen.end();
    };
    for (const Program& program : programs()) {
        if (!wanted(program.name)) continue;
        const double alone = run_trial(program.pacing, nullptr, trial).touching_share;
        nlohmann::json fixed = nlohmann::json::array();
        for (const Duration age : ages) {
            const Policy given = policy(age, false);
            auto figures = json_of(run_trial(program.pacing, &given, trial), alone);
            figures.erase("course");
            figures["age_s"] = std::chrono::duration<double>(age).count();
            say(program.name, to_string(age), figures);
            fixed.push_back(std::move(figures));
        }
        const Policy tuned = policy(2s, true);
        auto figures = json_of(run_trial(program.pacing, &tuned, trial), alone);
        say(program.name, "tuned", figures);
        all.push_back({{"name", program.name},
                       {"what", program.what},
                       {"touching_alone", alone},
                       {"fixed", std::move(fixed)},
                       {"tuned", std::move(figures)}});
    }
    nlohmann::json step;
    if (wanted("step")) {
        const Program program = step_change(2 * length);
        const double alone =
            run_trial(program.pacing, nullptr, {length, length / 3}).touching_share;
        const Policy tuned = policy(2s, true);
        step = json_of(run_trial(program.pacing, &tuned, {2 * length, length / 3}), alone);
        step["what"] = program.what;
        step["change_at_s"] = std::chrono::duration<double>(length).count();
        say(program.name, "tuned", step);
    }
    write_json(json, nlohmann::json{{"seconds", std::chrono::duration<double>(length).count()},
                                    {"programs", all},
                                    {"step", step}}
                         .dump(2));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    unsigned seconds = 0;
    const char* end = argc > 1 ? argv[1] + std::strlen(argv[1]) : nullptr;
    if (argc < 3 || std::from_chars(argv[1], end, seconds).ptr != end || seconds == 0) {
        std::fputs("usage: self_tuning SECONDS JSON [PROGRAM]...\n", stderr);
        return 2;
    }
    try {
        return run(std::chrono::seconds(seconds), argv[2], {argv + 3, argv + argc});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "self_tuning: %s\n", error.what());
        return 1;
    }
}
