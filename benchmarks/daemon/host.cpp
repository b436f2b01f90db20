// SPDX-License-Identifier: MIT
#include "benchmarks/daemon/host.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "engine/machine/cgroup.h"
#include "engine/machine/memory.h"

namespace damon_schemes::bench {
namespace {

constexpr const char* lru_gen = "/sys/kernel/mm/lru_gen/enabled";

std::string text_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

bool write_to(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text;
    return static_cast<bool>(file.flush());
}

double stalled_of(const std::string& pressure, const std::string& kind) {
    std::istringstream lines(pressure);
    for (std::string line; std::getline(lines, line);) {
        const auto total = line.find("total=");
        if (line.starts_with(kind) && total != std::string::npos)
            return std::stod(line.substr(total + 6)) / 1e6;
    }
    return 0;
}

void wait_ms(long milliseconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

}  // namespace

Cgroups::Cgroups(const std::string& name, unsigned count) {
    const auto mount = cgroup_folder("/");
    if (!mount) throw std::runtime_error("cgroup v2 is mounted nowhere");
    top_ = *mount + "/" + name;
    std::filesystem::create_directory(top_);
    write_to(*mount + "/cgroup.subtree_control", "+memory\n");
    if (!write_to(top_ + "/cgroup.subtree_control", "+memory\n"))
        throw std::runtime_error("there is no memory controller for " + top_);
    for (unsigned i = 0; i < count; ++i) {
        folders_.push_back(top_ + "/tenant-" + std::to_string(i));
        std::filesystem::create_directory(folders_.back());
    }
}

Cgroups::~Cgroups() {
    std::error_code ignored;
    for (const std::string& folder : folders_) std::filesystem::remove(folder, ignored);
    std::filesystem::remove(top_, ignored);
}

HostCounts HostCounts::now() {
    HostCounts counts;
    std::ifstream vmstat("/proc/vmstat");
    std::string key;
    for (std::uint64_t value = 0; vmstat >> key >> value;) {
        if (key == "pswpin") counts.swapped_in = value;
        if (key == "pswpout") counts.swapped_out = value;
        if (key == "pgscan_direct") counts.direct_scans = value;
        if (key == "oom_kill") counts.oom_kills = value;
    }
    const std::string pressure = text_of("/proc/pressure/memory");
    counts.stalled_s = stalled_of(pressure, "some");
    counts.stalled_full_s = stalled_of(pressure, "full");
    return counts;
}

LruGeneration::LruGeneration(bool on) : before_(text_of(lru_gen)) {
    if (before_.empty()) {
        if (on) throw std::runtime_error("this kernel has no multi-generation LRU");
        return;
    }
    if (!write_to(lru_gen, on ? "y\n" : "n\n"))
        throw std::runtime_error(std::string("cannot write ") + lru_gen);
}

LruGeneration::~LruGeneration() {
    if (!before_.empty()) write_to(lru_gen, before_);
}

ReclaimLoop::ReclaimLoop(std::vector<std::string> cgroups)
    : cgroups_(std::move(cgroups)), thread_([this] { run(); }) {}

ReclaimLoop::~ReclaimLoop() {
    ending_ = true;
    thread_.join();
}

void ReclaimLoop::run() {
    while (!ending_) {
        const auto memory = memory_of_machine();
        if (memory && memory->available.count < memory->total.count / 5)
            for (const std::string& cgroup : cgroups_) {
                std::uint64_t current = 0;
                std::istringstream(text_of(cgroup + "/memory.current")) >> current;
                // It may get less than it asked for (EAGAIN).
                write_to(cgroup + "/memory.reclaim", std::to_string(current / 100) + "\n");
            }
        for (int i = 0; i < 10 && !ending_; ++i) wait_ms(100);
    }
}

}  // namespace damon_schemes::bench
