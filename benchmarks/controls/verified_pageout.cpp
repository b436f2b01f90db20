// SPDX-License-Identifier: MIT
// Verified against blind pageout: one page in 64 of a cold area is touched again and again, at
// different periods.
//
//     verified_pageout SECONDS TURNS JSON [PERIOD-MS]...
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

constexpr std::size_t pages = (96 << 20) / 4096;
constexpr std::size_t stride = 64;
constexpr Duration idle = 2s;

constexpr const char* intervals = "aggregation_interval = \"400ms\"\n";
constexpr const char* unlimited = "quota = \"off\"\n";

Pacing scattered(Duration period) {
    PacedPhase phase;
    phase.length = 1h;
    phase.periods.assign(pages, Duration::zero());
    for (std::size_t at = stride / 2; at < pages; at += stride) phase.periods[at] = period;
    return {phase};
}

struct Side {
    std::vector<double> refaults, saved, touching;
    std::uint64_t not_idle = 0, wrong = 0;

    void take(const TrialFigures& figures) {
        refaults.push_back(static_cast<double>(figures.major_faults));
        saved.push_back(figures.saved_mean());
        touching.push_back(figures.touching_share);
        not_idle += figures.totals.front().gaps[static_cast<std::size_t>(Gap::not_idle)].count;
        wrong += figures.wrong;
    }
    nlohmann::json json() const {
        return {{"refaults", median(refaults)},
                {"saved_bytes", median(saved)},
                {"touching_share", median(touching)},
                {"not_idle_bytes", not_idle},
                {"wrong_pages", wrong},
                {"each_refaults", refaults},
                {"each_saved_bytes", saved}};
    }
};

int run(Duration length, unsigned turns, const std::string& json,
        const std::vector<Duration>& periods) {
    const Policy policies[] = {
        reclaiming(1s, intervals, unlimited),
        reclaiming(1s, intervals,
                   std::string(unlimited) + "verify = { idle = \"" + to_string(idle) + "\" }\n")};
    nlohmann::json rows = nlohmann::json::array();
    for (const Duration period : periods) {
        Side sides[2];
        for (unsigned turn = 0; turn < turns; ++turn)
            for (std::size_t which = 0; which < 2; ++which)
                sides[which].take(
                    run_trial(scattered(period), &policies[which], {length, length / 3}));
        const double ms = std::chrono::duration<double, std::milli>(period).count();
        std::printf(
            "touched again every %6.0f ms: refaults %7.0f blind, %6.0f verified; saved %6.1f MiB "
            "blind, %6.1f verified\n",
            ms, median(sides[0].refaults), median(sides[1].refaults),
            median(sides[0].saved) / (1 << 20), median(sides[1].saved) / (1 << 20));
        std::fflush(stdout);
        rows.push_back(
            {{"period_ms", ms}, {"blind", sides[0].json()}, {"verified", sides[1].json()}});
    }
    write_json(json,
               nlohmann::json{{"idle_ms", std::chrono::duration<double, std::milli>(idle).count()},
                              {"pages", pages},
                              {"stride", stride},
                              {"seconds", std::chrono::duration<double>(length).count()},
                              {"turns", turns},
                              {"rows", rows}}
                   .dump(2));
    return 0;
}

template <typename Number>
bool read(const char* text, Number& number) {
    const char* end = text + std::strlen(text);
    return std::from_chars(text, end, number).ptr == end && number > 0;
}

}  // namespace

int main(int argc, char** argv) {
    unsigned seconds = 0, turns = 0;
    std::vector<Duration> periods;
    bool good = argc >= 4 && read(argv[1], seconds) && read(argv[2], turns);
    for (int i = 4; good && i < argc; ++i) {
        unsigned ms = 0;
        good = read(argv[i], ms);
        periods.push_back(std::chrono::milliseconds(ms));
    }
    if (!good) {
        std::fputs("usage: verified_pageout SECONDS TURNS JSON [PERIOD-MS]...\n", stderr);
        return 2;
    }
    if (periods.empty()) periods = {100ms, 200ms, 500ms, 1s, 2s, 5s, 10s, 20s};
    try {
        return run(std::chrono::seconds(seconds), turns, argv[3], periods);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "verified_pageout: %s\n", error.what());
        return 1;
    }
}
