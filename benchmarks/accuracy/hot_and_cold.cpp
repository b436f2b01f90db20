// SPDX-License-Identifier: MIT
// How much of what is hot, and of what is cold, is reported so: a process touches 64 MiB all the
// time and holds 256 MiB that it never touches again.
//
//     hot_and_cold base|huge SCALE SNAPSHOTS [JSON]
//
// Intervals are SCALE times the defaults; the figures are of SNAPSHOTS snapshots after convergence:
// from when the medians of five were both right, at the latest after 120.  In the lab's guest, as
// root, the module loaded.
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/device/device_session.h"

namespace damon_schemes::bench {
namespace {

constexpr std::size_t page = 4096, huge = 2 << 20;
constexpr std::size_t hot_bytes = 64 << 20, cold_bytes = 256 << 20;
constexpr double enough = 0.95;
constexpr unsigned patience = 120;  // snapshots

struct Area {
    std::uint64_t start = 0, bytes = 0;
};

// What the child tells of itself.
struct Shared {
    std::atomic<std::uint64_t> hot, cold, rounds;
};

char* map_area(std::size_t bytes, bool huge_pages) {
    // Aligned to a huge page and surrounded by a gap, so that it is a mapping of its own.
    void* memory = mmap(nullptr, bytes + 2 * huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) _exit(1);
    const auto start = (reinterpret_cast<std::uintptr_t>(memory) + huge) & ~(huge - 1);
    auto* area = reinterpret_cast<char*>(start);
    if (mprotect(area, bytes, PROT_READ | PROT_WRITE) != 0) _exit(1);
    madvise(area, bytes, huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    for (std::size_t at = 0; at < bytes; at += page) static_cast<volatile char*>(area)[at] = 1;
    return area;
}

[[noreturn]] void use_memory(Shared* shared, bool huge_pages) {
    shared->cold = reinterpret_cast<std::uintptr_t>(map_area(cold_bytes, huge_pages));
    char* hot = map_area(hot_bytes, huge_pages);
    shared->hot = reinterpret_cast<std::uintptr_t>(hot);
    for (;;) {
        for (std::size_t at = 0; at < hot_bytes; at += page)
            static_cast<volatile char*>(hot)[at] = 1;
        shared->rounds++;
    }
}

// Kept alive as long as this object.
class User {
  public:
    explicit User(bool huge_pages) {
        void* memory =
            mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::runtime_error("no memory to share");
        shared_ = static_cast<Shared*>(memory);
        const pid_t parent = getpid();
        pid_ = fork();
        if (pid_ < 0) throw std::runtime_error("no process");
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent) _exit(0);
            use_memory(shared_, huge_pages);
        }
        while (shared_->rounds == 0) {
            if (waitpid(pid_, nullptr, WNOHANG) == pid_)
                throw std::runtime_error("no 320 MiB for the process that is watched");
            const timespec moment{0, 10'000'000};
            nanosleep(&moment, nullptr);
        }
    }
    ~User() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        munmap(shared_, page);
    }
    User(const User&) = delete;
    User& operator=(const User&) = delete;

    pid_t pid() const { return pid_; }
    Area hot() const { return {shared_->hot, hot_bytes}; }
    Area cold() const { return {shared_->cold, cold_bytes}; }
    // Of what it holds, how much is in huge pages.
    double huge_share() const {
        std::ifstream rollup("/proc/" + std::to_string(pid_) + "/smaps_rollup");
        for (std::string word; rollup >> word;)
            if (word == "AnonHugePages:") {
                double kib = 0;
                rollup >> kib;
                return kib * 1024 / static_cast<double>(hot_bytes + cold_bytes);
            }
        return 0;
    }

  private:
    Shared* shared_ = nullptr;
    pid_t pid_ = -1;
};

double share_in(const SeenTarget& target, const Area& area, bool accessed) {
    std::uint64_t bytes = 0;
    for (const auto& region : target.regions) {
        if (region.sampled == 0 || (region.accessed != 0) != accessed) continue;
        const auto start = std::max<std::uint64_t>(region.start, area.start);
        const auto end = std::min<std::uint64_t>(region.end, area.start + area.bytes);
        if (start < end) bytes += end - start;
    }
    return static_cast<double>(bytes) / static_cast<double>(area.bytes);
}

double quantile(std::vector<double> values, double share) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

double newest_median(const std::vector<double>& values) {
    if (values.size() < 5) return 0;
    return quantile({values.end() - 5, values.end()}, 0.5);
}

void check(const char* what, int error) {
    if (error != 0) throw std::runtime_error(std::string(what) + ": " + std::strerror(error));
}

struct Options {
    bool huge_pages = false;
    unsigned scale = 1, snapshots = 0;
    std::string json;
};

int run(const Options& options) {
    const User user(options.huge_pages);
    DeviceSession session;
    damon_schemes_attrs attrs{};
    attrs.sampling_interval_us = 5'000ULL * options.scale;
    attrs.aggregation_interval_us = 100'000ULL * options.scale;
    attrs.update_interval_us = 1'000'000ULL * options.scale;
    attrs.min_regions = 10;
    attrs.max_regions = 1000;
    attrs.min_region_size = page;
    check("open " DAMON_SCHEMES_DEVICE, session.open());
    check("SET_ATTRS", session.set(attrs));
    check("ADD_TARGET", session.add(user.pid()));
    check("START", session.start());

    std::vector<double> hot, cold, regions;
    const auto look = [&] {
        SeenSnapshot snapshot;
        if (!session.wait(60'000)) throw std::runtime_error("no snapshot comes");
        check("read", session.read(&snapshot));
        hot.push_back(share_in(snapshot.targets.at(0), user.hot(), true));
        cold.push_back(share_in(snapshot.targets.at(0), user.cold(), false));
        regions.push_back(snapshot.header.nr_regions);
    };
    unsigned converged = 0;
    do {
        look();
        converged++;
    } while (converged < patience && (newest_median(hot) < enough || newest_median(cold) < enough));
    hot.clear();
    cold.clear();
    regions.clear();
    for (unsigned i = 0; i < options.snapshots; i++) look();

    const double huge_share = user.huge_share();
    std::printf(
        "%s pages (%.0f %% of it huge), intervals x %u: converged after %u snapshots; then, of %u: "
        "hot told right %.2f %% (median; least %.2f), cold %.2f %% (least %.2f), %.0f regions\n",
        options.huge_pages ? "huge" : "base", huge_share * 100, options.scale, converged,
        options.snapshots, quantile(hot, 0.5) * 100, quantile(hot, 0) * 100,
        quantile(cold, 0.5) * 100, quantile(cold, 0) * 100, quantile(regions, 0.5));
    if (options.json.empty()) return 0;
    const nlohmann::json all = {{"huge_pages", options.huge_pages},
                                {"huge_share", huge_share},
                                {"scale", options.scale},
                                {"convergence_snapshots", converged},
                                {"converged", converged < patience},
                                {"snapshots", options.snapshots},
                                {"hot_median", quantile(hot, 0.5)},
                                {"hot_least", quantile(hot, 0)},
                                {"cold_median", quantile(cold, 0.5)},
                                {"cold_least", quantile(cold, 0)},
                                {"regions_median", quantile(regions, 0.5)}};
    std::ofstream file(options.json);
    file << all.dump(2) << "\n";
    if (!file.flush()) throw std::runtime_error("cannot write " + options.json);
    return 0;
}

bool parse(const char* text, unsigned* number) {
    const char* end = text + std::strlen(text);
    return std::from_chars(text, end, *number).ptr == end && *number > 0;
}

}  // namespace
}  // namespace damon_schemes::bench

int main(int argc, char** argv) {
    using namespace damon_schemes::bench;
    Options options;
    const bool kind_known =
        argc > 1 && (std::strcmp(argv[1], "base") == 0 || std::strcmp(argv[1], "huge") == 0);
    if (argc < 4 || argc > 5 || !kind_known || !parse(argv[2], &options.scale) ||
        !parse(argv[3], &options.snapshots)) {
        std::fputs("usage: hot_and_cold base|huge SCALE SNAPSHOTS [JSON]\n", stderr);
        return 2;
    }
    options.huge_pages = std::strcmp(argv[1], "huge") == 0;
    if (argc == 5) options.json = argv[4];
    try {
        return run(options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "hot_and_cold: %s\n", error.what());
        return 1;
    }
}
