// SPDX-License-Identifier: MIT
// The host that tenants share: their cgroups, what the kernel counts, and who keeps memory free.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace damon_schemes::bench {

// Folders below the mount point of cgroup v2, with the memory controller; taken away when it goes,
// by when they have to be empty.  Throws std::runtime_error.
class Cgroups {
  public:
    Cgroups(const std::string& name, unsigned count);
    ~Cgroups();
    Cgroups(const Cgroups&) = delete;
    Cgroups& operator=(const Cgroups&) = delete;

    const std::vector<std::string>& folders() const { return folders_; }

  private:
    std::string top_;
    std::vector<std::string> folders_;
};

// What the kernel has counted since it began.
struct HostCounts {
    std::uint64_t swapped_in = 0, swapped_out = 0;  // pages
    std::uint64_t direct_scans = 0;                 // pages that tasks looked at to get memory
    std::uint64_t oom_kills = 0;
    double stalled_s = 0;       // PSI of memory: some
    double stalled_full_s = 0;  // and full
    static HostCounts now();
};

// The kernel's multi-generation LRU, switched for as long as this is there.  Throws
// std::runtime_error where the kernel has none and `on` is asked for.
class LruGeneration {
  public:
    explicit LruGeneration(bool on);
    ~LruGeneration();
    LruGeneration(const LruGeneration&) = delete;
    LruGeneration& operator=(const LruGeneration&) = delete;

  private:
    std::string before_;
};

// A plain loop as people write it: once a second, while less than a fifth of the memory is
// available, each cgroup is told to give up a hundredth of what it has (memory.reclaim).
class ReclaimLoop {
  public:
    explicit ReclaimLoop(std::vector<std::string> cgroups);
    ~ReclaimLoop();
    ReclaimLoop(const ReclaimLoop&) = delete;
    ReclaimLoop& operator=(const ReclaimLoop&) = delete;

  private:
    void run();
    const std::vector<std::string> cgroups_;
    std::atomic<bool> ending_{false};
    std::thread thread_;
};

}  // namespace damon_schemes::bench
