// SPDX-License-Identifier: MIT
// How much of what is hot is found, and with how many looks, from 64 MiB to 1 TiB: the module's
// core over a model of page tables and of a processor's caches of translations.
//
//     hot_share [JSON [FREQUENCY [MIB,...]]]
//
// A program accesses a few hot spots, in cold memory, at random; sampling 5 ms, aggregation 200 ms,
// 10 to 1,000 regions.  One case is a phase file's, with the intervals that it is measured with in
// a guest, so that model and guest can be held side by side.  An emulated processor makes fewer
// accesses: FREQUENCY is the share of the guest's looks in which a hot page was touched, by the
// workload's own account (default: 1).  And a process has more than that memory: MIB is what else
// was watched of it, cold memory and holes, in each of the guest's runs (default: 0).
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "benchmarks/accuracy/scale/simulated_monitor.h"
#include "benchmarks/accuracy/touch_set.h"

namespace damon_schemes::scale {
namespace {

constexpr std::uint64_t kib = 1 << 10, mib = kib << 10, gib = mib << 10;
constexpr std::uint64_t base = 0x100000000000;
// As many as one core makes in 5 ms where each misses its caches.
constexpr std::uint64_t accesses_per_pass = 50'000;
constexpr unsigned intervals = 60, counted = 20, settling = 10;
constexpr std::uint64_t guests_spots_seed = 13;  // the phase file's
// What samples alone find is a matter of chance: for comparing means more runs are needed.
constexpr std::uint64_t seeds = 3, seeds_of_guests_case = 15;

struct Range {
    std::uint64_t start, end;
};

// Hot spots of one size, anywhere.
struct Case {
    const char* name;
    std::uint64_t spots;
    std::uint64_t (*size)(std::uint64_t space);
    unsigned passes = 40;  // in an interval
    bool guests = false;   // measured in a guest, too, in 1 GiB
};

const Case cases[] = {
    {"16 spots, together a 1,024th", 16, [](std::uint64_t space) { return space / 1024 / 16; }},
    {"16 spots of 2 MiB", 16, [](std::uint64_t) { return 2 * mib; }},
    {"100 spots of 256 KiB", 100, [](std::uint64_t) { return 256 * kib; }},
    {"one spot, a 100th", 1, [](std::uint64_t space) { return space / 100 / 4096 * 4096; }},
    // phases/scattered-in-a-gibibyte.toml, with its spots where the workload puts them
    {"48 spots of 128 KiB", 48, [](std::uint64_t) { return 128 * kib; }, 20, true},
};

// What is known of the guest's runs.
struct Guest {
    double frequency = 1;                     // with which hot pages are touched between two looks
    std::vector<std::uint64_t> beside = {0};  // bytes that are watched besides
};

std::vector<Range> place(std::uint64_t space, const Case& what, ds_random& random) {
    std::vector<Range> spots;
    const auto size = what.size(space);
    if (what.guests) {
        // As the workload places them: each somewhere in its own share of the area, and so none
        // close to many others.
        accuracy::Access access;
        access.spots = accuracy::Spots{what.spots, Bytes(size), guests_spots_seed};
        const accuracy::TouchSet touched(access, Bytes(space), ds_random_next(&random));
        const auto touches = touched.touches() / what.spots;
        for (std::uint64_t spot = 0; spot < what.spots; ++spot) {
            const auto start = base + touched.offset(spot * touches);
            spots.push_back({start, start + size});
        }
        return spots;
    }
    while (spots.size() < what.spots) {
        const auto start = base + ds_random_below(&random, (space - size) / 4096) * 4096;
        const Range spot{start, start + size};
        if (std::none_of(spots.begin(), spots.end(), [&](const Range& other) {
                return spot.start < other.end && other.start < spot.end;
            }))
            spots.push_back(spot);
    }
    std::sort(spots.begin(), spots.end(),
              [](const Range& a, const Range& b) { return a.start < b.start; });
    return spots;
}

struct Score {
    double sampled = 0;    // of the hot bytes, those in regions whose samples were accessed
    double found = 0;      // those, and those in regions of which a search said so
    double precision = 0;  // of the bytes of all these regions, the hot ones
    double regions = 0;
    double looks = 0;    // at samples, an interval
    double entries = 0;  // that searches looked at, an interval
    double after = 0;    // intervals until nine tenths were found
    double settled = 0;  // sampled, in the mean of all intervals from the tenth on
};

Score score(std::span<const ds_region> regions, const std::vector<Range>& spots) {
    std::uint64_t hot = 0, sampled = 0, found = 0, accessed = 0;
    for (const Range& spot : spots) hot += spot.end - spot.start;
    for (const ds_region& region : regions) {
        std::uint64_t of_it = 0;
        for (const Range& spot : spots) {
            const auto start = std::max<std::uint64_t>(region.start, spot.start);
            const auto end = std::min<std::uint64_t>(region.end, spot.end);
            if (start < end) of_it += end - start;
        }
        if (region.accessed == 0 && (region.search & DS_SEARCH_HIT) == 0) continue;
        if (region.accessed != 0) sampled += of_it;
        found += of_it;
        accessed += region.end - region.start;
    }
    const auto share = [](std::uint64_t part, std::uint64_t whole) {
        return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
    };
    return {share(sampled, hot),
            share(found, hot),
            share(found, accessed),
            static_cast<double>(regions.size()),
            0,
            0,
            0,
            0};
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

// So many that each page is one of them in so many of the passes: of n accesses at random to m
// pages none is to a given one with the probability (1 - 1/m)^n.
std::uint64_t accesses_for(double frequency, std::uint64_t pages) {
    if (frequency >= 1) return accesses_per_pass;
    const double accesses = std::log(1 - frequency) / std::log1p(-1 / static_cast<double>(pages));
    return std::min(accesses_per_pass, static_cast<std::uint64_t>(std::llround(accesses)));
}

// The medians of the last intervals.
Score run(std::uint64_t size, const Case& what, const Guest& guest, bool search,
          std::uint64_t seed) {
    ds_random random{};
    ds_random_seed(&random, seed);
    const auto spots = place(size, what, random);
    const bool as_in_guest = what.guests && size == gib;
    const std::uint64_t beside = as_in_guest ? guest.beside[seed % guest.beside.size()] : 0;
    AddressSpace space(base, base + size + beside);
    const ds_limits limits{.min_regions = 10,
                           .max_regions = 1000,
                           .max_nr_accesses = what.passes,
                           .min_region_size = 4096,
                           .search = search};
    SimulatedMonitor monitor(space, limits, seed);
    const auto spot_size = spots.front().end - spots.front().start;
    std::vector<double> sampled, found, precision, regions;
    const auto accesses =
        accesses_for(as_in_guest ? guest.frequency : 1, spot_size * spots.size() / 4096);
    unsigned after = intervals;
    double settled = 0;
    for (unsigned interval = 0; interval < intervals;) {
        if (monitor.pass()) {
            const Score now = score(monitor.regions(), spots);
            if (++interval < after && now.found >= 0.9) after = interval;
            if (interval > settling) settled += now.sampled / (intervals - settling);
            if (interval > intervals - counted) {
                sampled.push_back(now.sampled);
                found.push_back(now.found);
                precision.push_back(now.precision);
                regions.push_back(now.regions);
            }
            continue;
        }
        for (std::uint64_t i = 0; i < accesses; ++i) {
            const auto at = ds_random_below(&random, spot_size * spots.size());
            space.access(spots[at / spot_size].start + at % spot_size);
        }
    }
    return {median(sampled),
            median(found),
            median(precision),
            median(regions),
            static_cast<double>(monitor.looks().samples) / intervals,
            static_cast<double>(monitor.looks().entries) / intervals,
            static_cast<double>(after),
            settled};
}

nlohmann::json measure(const Guest& guest) {
    nlohmann::json rows = nlohmann::json::array();
    std::printf("%-28s %9s %-6s %7s %6s %6s %5s %7s %7s %7s\n", "", "space", "search", "sampled",
                "found", "prec.", "after", "regions", "looks", "entries");
    for (const Case& what : cases)
        for (const std::uint64_t size : {64 * mib, gib, 10 * gib, 100 * gib, 1024 * gib})
            for (const bool search : {false, true}) {
                std::vector<Score> scores;
                const auto runs = what.guests && size == gib ? seeds_of_guests_case : seeds;
                double settled = 0;
                for (std::uint64_t seed = 1; seed <= runs; ++seed) {
                    scores.push_back(run(size, what, guest, search, seed));
                    settled += scores.back().settled / static_cast<double>(runs);
                }
                const auto middle = [&](double Score::*figure) {
                    std::vector<double> values;
                    for (const Score& each : scores) values.push_back(each.*figure);
                    return median(values);
                };
                std::printf(
                    "%-28s %5llu MiB %-6s %6.1f%% %5.1f%% %5.1f%% %5.0f %7.0f %7.0f %7.0f\n",
                    what.name, static_cast<unsigned long long>(size / mib), search ? "yes" : "no",
                    100 * middle(&Score::sampled), 100 * middle(&Score::found),
                    100 * middle(&Score::precision), middle(&Score::after), middle(&Score::regions),
                    middle(&Score::looks), middle(&Score::entries));
                std::fflush(stdout);
                rows.push_back({{"case", what.name},
                                {"bytes", size},
                                {"search", search},
                                {"sampled", middle(&Score::sampled)},
                                {"found", middle(&Score::found)},
                                {"after", middle(&Score::after)},
                                {"settled", settled},
                                {"precision", middle(&Score::precision)},
                                {"regions", middle(&Score::regions)},
                                {"looks", middle(&Score::looks)},
                                {"entries", middle(&Score::entries)}});
            }
    return rows;
}

// nullopt: wrong usage.
std::optional<Guest> guest_of(int argc, char** argv) {
    Guest guest;
    if (argc > 2) guest.frequency = std::strtod(argv[2], nullptr);
    if (argc > 3) {
        guest.beside.clear();
        std::istringstream text(argv[3]);
        for (std::string number; std::getline(text, number, ',');)
            guest.beside.push_back(std::strtoull(number.c_str(), nullptr, 10) * mib);
    }
    if (argc > 4 || guest.beside.empty() || !(guest.frequency > 0 && guest.frequency <= 1))
        return std::nullopt;
    return guest;
}

}  // namespace
}  // namespace damon_schemes::scale

int main(int argc, char** argv) {
    const auto guest = damon_schemes::scale::guest_of(argc, argv);
    if (!guest) {
        std::fputs("usage: hot_share [JSON [FREQUENCY [MIB,...]]]    FREQUENCY: to 1\n", stderr);
        return 2;
    }
    const auto rows = damon_schemes::scale::measure(*guest);
    if (argc > 1) std::ofstream(argv[1]) << rows.dump(1) << '\n';
    return 0;
}
