// SPDX-License-Identifier: MIT
// Quotas over a hundred windows, decided on made-up snapshots: is ever more let through than the
// limit, and does the coldest go first?  Needs neither module nor machine.
//
//     quota_windows [JSON]
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/controls/trial.h"
#include "benchmarks/json_file.h"
#include "schemes/decide/decider.h"

namespace {

using namespace damon_schemes;
using namespace damon_schemes::bench;
using namespace std::chrono_literals;

constexpr std::uint64_t page = 4096;
constexpr std::size_t regions = 1000;
constexpr std::uint64_t base = 0x7f0000000000;
constexpr Duration aggregation = 100ms;

// Regions of 1 to 64 pages, idle for one second to ten minutes; neighbours differ, as they do after
// merging.
class Memory {
  public:
    explicit Memory(std::uint64_t seed) : random_(seed) {
        std::uint64_t at = base;
        for (std::size_t i = 0; i < regions; ++i) {
            Region region;
            const std::uint64_t size = (1 + random_() % 64) * page;
            region.range = {at, at + size};
            region.sampled = 20;
            region.age = 10 + static_cast<std::uint32_t>(random_() % 6000);
            at += size;
            regions_.push_back(region);
        }
    }

    Snapshot snapshot(std::uint64_t sequence) const {
        Snapshot snapshot;
        snapshot.sequence = sequence;
        snapshot.time = Instant(aggregation * static_cast<std::int64_t>(sequence));
        snapshot.duration = snapshot.aggregation_interval = aggregation;
        snapshot.sampling_interval = 5ms;
        snapshot.passes = 20;
        TargetSnapshot target;
        target.id = {1};
        target.pid = 1;
        target.generation = 1;
        target.regions = regions_;
        snapshot.targets.push_back(std::move(target));
        return snapshot;
    }
    void grow_older() {
        for (Region& region : regions_) ++region.age;
    }
    const std::vector<Region>& all() const { return regions_; }
    std::uint64_t bytes() const { return regions_.back().range.end - base; }

  private:
    std::mt19937_64 random_;
    std::vector<Region> regions_;
};

Policy policy(std::uint64_t bytes, const std::string& more) {
    return policy_from(
        "version = 1\n[[scheme]]\nname = \"cold\"\naction = \"pageout\"\n"
        "frequency = { max = \"0%\" }\nage = { min = \"500ms\" }\n" +
        more + "[scheme.quota]\nbytes = " + std::to_string(bytes) +
        "\ntime = \"off\"\nper = \"1s\"\n[limits]\nbrake = \"off\"\nguard = \"off\"\n");
}

Conditions seeing() {
    Conditions conditions;
    conditions.sees = true;
    conditions.free_swap = Share{900'000};
    return conditions;
}

std::uint64_t carry_out(Decider& decider, const Snapshot& snapshot, const Plan& plan) {
    std::uint64_t planned = 0;
    for (const PlannedRange& range : plan.ranges) {
        ActionReport report;
        report.scheme = range.scheme;
        report.target = snapshot.targets[range.target].id;
        report.range = range.range;
        report.advised = range.range.size();
        report.spent = 1us;
        report.time = snapshot.time;
        decider.report(report);
        planned += range.range.size().count;
    }
    return planned;
}

// The most that one of 100 windows let through.
std::uint64_t fullest_window(const Memory& given, std::uint64_t limit) {
    Memory memory = given;
    Decider decider(policy(limit, "cool_down = \"3s\"\n"));
    std::map<std::int64_t, std::uint64_t> windows;
    for (std::uint64_t i = 1; i <= 1000; ++i, memory.grow_older()) {
        const Snapshot snapshot = memory.snapshot(i);
        const Plan plan = decider.decide(snapshot, seeing());
        windows[static_cast<std::int64_t>((i - 1) / 10)] += carry_out(decider, snapshot, plan);
    }
    std::uint64_t most = 0;
    for (const auto& [window, bytes] : windows) most = std::max(most, bytes);
    return windows.size() == 100 ? most : ~std::uint64_t{0};
}

// Ranks, equal values sharing the mean of theirs.
std::vector<double> ranks(const std::vector<double>& values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    std::vector<double> ranks(values.size());
    for (std::size_t i = 0; i < order.size();) {
        std::size_t end = i;
        while (end < order.size() && values[order[end]] == values[order[i]]) ++end;
        for (std::size_t k = i; k < end; ++k)
            ranks[order[k]] = static_cast<double>(i + end - 1) / 2;
        i = end;
    }
    return ranks;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
    const double n = static_cast<double>(a.size());
    const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / n;
    const double mean_b = std::accumulate(b.begin(), b.end(), 0.0) / n;
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        ab += (a[i] - mean_a) * (b[i] - mean_b);
        aa += (a[i] - mean_a) * (a[i] - mean_a);
        bb += (b[i] - mean_b) * (b[i] - mean_b);
    }
    return ab / std::sqrt(aa * bb);
}

struct Order {
    double share_of_coldest = 0;  // of the bytes let through, those of the coldest half
    double rank_correlation = 0;  // age against the window in which a region went, coldest first
};

Order order_under_a_quota(const Memory& memory) {
    // Half of the candidates, in one window.
    std::vector<Region> by_age = memory.all();
    std::sort(by_age.begin(), by_age.end(),
              [](const Region& a, const Region& b) { return a.age > b.age; });
    const std::uint64_t half = memory.bytes() / 2 / page * page;
    std::uint64_t taken = 0;
    std::uint32_t border = 0;
    for (const Region& region : by_age) {
        if (taken >= half) break;
        taken += region.range.size().count;
        border = region.age;
    }
    const auto age_at = [&](std::uint64_t address) {
        const auto found = std::upper_bound(
            memory.all().begin(), memory.all().end(), address,
            [](std::uint64_t wanted, const Region& region) { return wanted < region.range.end; });
        return found->age;
    };
    Order order;
    {
        Decider decider(
            policy(half, "[scheme.quota.priority]\nsize = 0\nfrequency = 0\nage = 1\n"));
        const Plan plan = decider.decide(memory.snapshot(1), seeing());
        std::uint64_t all = 0, coldest = 0;
        for (const PlannedRange& planned : plan.ranges)
            for (std::uint64_t at = planned.range.start; at < planned.range.end; at += page) {
                all += page;
                if (age_at(at) >= border) coldest += page;
            }
        order.share_of_coldest = static_cast<double>(coldest) / static_cast<double>(all);
    }
    // A fiftieth of it a window: in which does each go?
    const std::uint64_t part = std::max(page, memory.bytes() / 50 / page * page);
    Decider decider(policy(part, "cool_down = \"10min\"\n"));
    std::map<std::uint64_t, double> window_of;  // by the region's start
    for (std::uint64_t i = 1; i <= 600; ++i) {
        const Snapshot snapshot = memory.snapshot(i);
        const Plan plan = decider.decide(snapshot, seeing());
        carry_out(decider, snapshot, plan);
        for (const PlannedRange& planned : plan.ranges)
            for (const Region& region : memory.all())
                if (region.range.start < planned.range.end &&
                    planned.range.start < region.range.end)
                    window_of.emplace(region.range.start, static_cast<double>(i));
    }
    std::vector<double> youth, windows;
    for (const Region& region : memory.all()) {
        const auto found = window_of.find(region.range.start);
        if (found == window_of.end()) continue;
        youth.push_back(-static_cast<double>(region.age));
        windows.push_back(found->second);
    }
    order.rank_correlation = correlation(ranks(youth), ranks(windows));
    return order;
}

int run(const std::string& json) {
    const Memory memory(42);
    nlohmann::json limits = nlohmann::json::array();
    for (const std::uint64_t limit :
         {std::uint64_t{4096}, std::uint64_t{5000}, std::uint64_t{1} << 20,
          std::uint64_t{10'000'000}, std::uint64_t{100} << 20}) {
        const std::uint64_t most = fullest_window(memory, limit);
        std::printf("limit %9llu: at most %9llu in a window\n",
                    static_cast<unsigned long long>(limit), static_cast<unsigned long long>(most));
        limits.push_back({{"limit", limit}, {"most", most}});
    }
    const Order order = order_under_a_quota(memory);
    std::printf(
        "a quota of half: %.2f %% of what went is of the coldest half; rank correlation of "
        "age and turn %.4f\n",
        order.share_of_coldest * 100, order.rank_correlation);
    write_json(json, nlohmann::json{{"windows", limits},
                                    {"share_of_coldest", order.share_of_coldest},
                                    {"rank_correlation", order.rank_correlation}}
                         .dump(2));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 2) {
        std::fputs("usage: quota_windows [JSON]\n", stderr);
        return 2;
    }
    try {
        return run(argc == 2 ? argv[1] : "");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "quota_windows: %s\n", error.what());
        return 1;
    }
}
