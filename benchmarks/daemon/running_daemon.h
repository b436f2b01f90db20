// SPDX-License-Identifier: MIT
// damon-schemes daemon, as it is measured.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace damon_schemes::bench {

// Since its start.
struct CpuTime {
    double user_s = 0;
    double system_s = 0;
    double all_s() const { return user_s + system_s; }
};

// Of the threads that the module has at work for anybody.
CpuTime cpu_time_of_module();

// damon-schemes daemon on a policy, from when it is at work on to its end, by SIGTERM.  Throws
// std::runtime_error that says what it said.
class RunningDaemon {
  public:
    RunningDaemon(const std::string& program, const std::string& policy);
    ~RunningDaemon();
    RunningDaemon(const RunningDaemon&) = delete;
    RunningDaemon& operator=(const RunningDaemon&) = delete;

    std::string status() const;  // its answer in JSON; empty: none
    void reload() const;         // throws std::runtime_error where it refuses
    std::size_t descriptors() const;
    CpuTime cpu_time() const;
    std::uint64_t rss_bytes() const;

  private:
    std::string said() const;
    std::string program_;
    pid_t pid_ = -1;
};

}  // namespace damon_schemes::bench
