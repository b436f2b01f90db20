// SPDX-License-Identifier: MIT
// A session of the module by its bare ABI, for programs that measure or torment the module itself.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kmod/uapi/damon_schemes.h"

namespace damon_schemes::bench {

struct SeenTarget {
    damon_schemes_snapshot_target record{};
    std::vector<damon_schemes_snapshot_region> regions;
};

struct SeenSnapshot {
    damon_schemes_snapshot header{};
    std::vector<SeenTarget> targets;
};

// One open file of the device.  Calls return 0 or the errno.  Not thread-safe but for what the
// module itself allows: the calls without state of ours (all but read()).
class DeviceSession {
  public:
    DeviceSession() = default;
    ~DeviceSession() { close(); }
    DeviceSession(const DeviceSession&) = delete;
    DeviceSession& operator=(const DeviceSession&) = delete;

    int open();
    void close();
    int descriptor() const { return fd_; }

    int call(unsigned long command, void* argument = nullptr) const;
    int set(damon_schemes_attrs attrs) const;
    int add(pid_t pid, std::uint64_t* id = nullptr) const;
    int remove(std::uint64_t id) const;
    int start() const { return call(DAMON_SCHEMES_START); }
    int stop() const { return call(DAMON_SCHEMES_STOP); }
    int stats(damon_schemes_stats* stats) const { return call(DAMON_SCHEMES_GET_STATS, stats); }

    // Waits until a snapshot can be read; false when none came in time.
    bool wait(int milliseconds) const;
    // Reads one.  EAGAIN where none waits; EBADMSG where what came is no whole snapshot, and
    // complaint() says what is wrong with it.
    int read(SeenSnapshot* snapshot);
    const std::string& complaint() const { return complaint_; }

  private:
    int fd_ = -1;
    std::vector<char> buffer_;
    std::string complaint_;
};

// What contradicts itself in the bytes of one read(2); nullopt: nothing, and `snapshot` is filled.
std::optional<std::string> take_apart(const char* bytes, std::size_t size, SeenSnapshot* snapshot);

// The upper bound of the log2 bucket in which this share of the batches had ended; 0: there was
// none.
std::uint64_t irq_off_percentile_ns(const damon_schemes_stats& stats, double share);

}  // namespace damon_schemes::bench
