// SPDX-License-Identifier: MIT
// A service whose hot set jumps to memory that was paged out: how long its requests take then, with
// the daemon and its guard, and how the daemon tells of it.
#include <sys/mman.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "benchmarks/daemon/running_daemon.h"
#include "benchmarks/interruption.h"
#include "benchmarks/json_file.h"
#include "benchmarks/random.h"
#include "benchmarks/sharing_child.h"
#include "engine/targets/process.h"

namespace {

using namespace damon_schemes;
using namespace damon_schemes::bench;
using Clock = std::chrono::steady_clock;

constexpr std::size_t page = 4096;
constexpr std::size_t parts = 2;
constexpr std::size_t most_requests = 1 << 20;

struct Shared {
    std::atomic<bool> ready{false};
    std::atomic<unsigned> hot{0};  // which part is used
    std::atomic<std::size_t> requests{0};
    // When each ended, and how long it took; times since the service began.
    std::array<std::uint32_t, most_requests> ended_ms{}, took_us{};
};

struct Options {
    std::string policy;
    std::string daemon = "damon-schemes";
    std::string out;
    std::size_t part_mib = 16;
    std::size_t pages_of_request = 64;
    double between_ms = 10;
    double calm = 20;
    double within = 5;  // so soon it is to be as it was
    double after = 25;
    unsigned turns = 3;
};

[[noreturn]] void serve(Shared& shared, const Options& options) {
    const std::size_t pages = options.part_mib * 256;
    void* mapped = mmap(nullptr, parts * pages * page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) _exit(1);
    madvise(mapped, parts * pages * page, MADV_NOHUGEPAGE);
    auto* memory = static_cast<volatile std::uint64_t*>(mapped);
    Random random(1);
    for (std::size_t i = 0; i < parts * pages; ++i)
        for (std::size_t word = 0; word < page / 8; ++word)
            memory[i * (page / 8) + word] = word < 128 ? random.next() : i;
    shared.ready = true;
    const auto began = Clock::now();
    for (std::size_t request = 0; request < most_requests;) {
        const std::size_t first = shared.hot * pages;
        const auto start = Clock::now();
        for (std::size_t i = 0; i < options.pages_of_request; ++i)
            (void)memory[(first + random.below(pages)) * (page / 8)];
        const auto end = Clock::now();
        using std::chrono::duration_cast;
        shared.ended_ms[request] = static_cast<std::uint32_t>(
            duration_cast<std::chrono::milliseconds>(end - began).count());
        shared.took_us[request] = static_cast<std::uint32_t>(
            duration_cast<std::chrono::microseconds>(end - start).count());
        shared.requests = ++request;
        std::this_thread::sleep_for(seconds_of(options.between_ms / 1e3));
    }
    for (;;) pause();
}

double p99_of(const Shared& shared, std::size_t first, std::size_t last) {
    std::vector<std::uint32_t> took(shared.took_us.begin() + static_cast<std::ptrdiff_t>(first),
                                    shared.took_us.begin() + static_cast<std::ptrdiff_t>(last));
    if (took.empty()) return 0;
    std::sort(took.begin(), took.end());
    return took[std::min(took.size() - 1, took.size() * 99 / 100)] / 1e3;
}

// The 99th percentile of each second from the request `first` on.
std::vector<double> by_second(const Shared& shared, std::size_t first, std::size_t last) {
    std::vector<double> found;
    const std::uint32_t began = first < last ? shared.ended_ms[first] : 0;
    for (std::size_t from = first; from < last;) {
        std::size_t to = from;
        while (to < last && shared.ended_ms[to] < began + (found.size() + 1) * 1000) ++to;
        found.push_back(p99_of(shared, from, to));
        from = to;
    }
    return found;
}

template <typename Condition>
void wait_until(const Condition& condition, double seconds, const std::string& otherwise) {
    for (const auto until = Clock::now() + seconds_of(seconds); !condition();) {
        if (Clock::now() > until) throw std::runtime_error(otherwise);
        sleep_unless_interrupted(std::chrono::milliseconds(200));
    }
}

nlohmann::json target_in(const RunningDaemon& daemon) {
    const auto answer = nlohmann::json::parse(daemon.status(), nullptr, false);
    if (!answer.is_object()) return nullptr;
    for (const auto& policy : answer["status"]["policies"])
        for (const auto& target : policy["targets"])
            if (target["name"] == "jumper") return target;
    return nullptr;
}

nlohmann::json run_once(const Options& options) {
    const SharingChild<Shared> service("jumper", [&](Shared& shared) { serve(shared, options); });
    Shared& shared = service.shared();
    service.wait_for([&] { return shared.ready.load(); }, "the service ended");
    const RunningDaemon daemon(options.daemon, options.policy);
    const std::uint64_t part = options.part_mib << 20;
    wait_until(
        [&] {
            const auto memory = memory_of(service.pid());
            return memory && memory->swapped.count >= part * 9 / 10;
        },
        120, "what is idle was not paged out");
    wait_until(
        [&] {
            const auto target = target_in(daemon);
            return target.is_object() && target["guarded"].empty();
        },
        120, "the guard did not let go before the jump");
    sleep_unless_interrupted(seconds_of(5));
    std::size_t first = shared.requests;
    sleep_unless_interrupted(seconds_of(options.calm));
    const double calm = p99_of(shared, first, shared.requests);

    first = shared.requests;
    shared.hot = 1;
    nlohmann::json told = nullptr;
    for (const auto until = Clock::now() + seconds_of(options.after); Clock::now() < until;) {
        sleep_unless_interrupted(std::chrono::milliseconds(250));
        const auto target = told.is_null() ? target_in(daemon) : nlohmann::json(nullptr);
        if (target.is_object() && !target["guarded"].empty()) {
            told = target["guarded"][0];
            told["after_ms"] = shared.ended_ms[shared.requests - 1] - shared.ended_ms[first];
        }
    }
    const auto memory = memory_of(service.pid());
    std::size_t back = first;
    const double within_ms = options.within * 1e3;
    while (back < shared.requests && shared.ended_ms[back] < shared.ended_ms[first] + within_ms)
        ++back;
    return {{"calm_p99_ms", calm},
            {"hit_p99_ms", p99_of(shared, first, back)},
            {"back_p99_ms", p99_of(shared, back, shared.requests)},
            {"p99_ms_by_second", by_second(shared, first, shared.requests)},
            {"told", told},
            {"rss_bytes_at_end", memory ? memory->rss.count : 0}};
}

void run(const Options& options) {
    nlohmann::json turns = nlohmann::json::array();
    for (unsigned turn = 0; turn < options.turns; ++turn) {
        turns.push_back(run_once(options));
        std::printf("%s\n", turns.back().dump().c_str());
        std::fflush(stdout);
    }
    write_json(options.out, nlohmann::json{{"turns", turns},
                                           {"within_s", options.within},
                                           {"part_bytes", options.part_mib << 20}}
                                .dump(1));
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("A service whose hot set jumps to what was paged out, under the daemon's guard");
    Options options;
    app.add_option("policy", options.policy, "What the daemon goes by")->required();
    app.add_option("--turns", options.turns);
    app.add_option("--calm", options.calm, "Seconds before the jump that are measured");
    app.add_option("--after", options.after, "Seconds behind it");
    app.add_option("--part", options.part_mib, "MiB of each of the two parts");
    app.add_option("--daemon", options.daemon, "The command damon-schemes");
    app.add_option("--out", options.out, "A file for the figures, in JSON");
    CLI11_PARSE(app, argc, argv);
    note_interruptions();
    try {
        run(options);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "hot_jump: %s\n", error.what());
        return 1;
    }
}
