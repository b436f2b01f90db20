// SPDX-License-Identifier: MIT
// A session of the module as a test uses it: the bare ABI, every snapshot checked as it is read.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "kmod/uapi/damon_schemes.h"
#include "target.h"

namespace damon_schemes::vm {

struct TargetSnapshot {
    damon_schemes_snapshot_target record{};
    std::vector<damon_schemes_snapshot_region> regions;
};

struct Snapshot {
    damon_schemes_snapshot header{};
    std::vector<TargetSnapshot> targets;
    bool has(std::uint64_t id) const;
    // Of a target that is not in it: no regions.
    const TargetSnapshot& of(std::uint64_t id) const;
};

// Whether the bytes are one whole snapshot whose parts fit together; what does not is a test's
// failure. `max_regions` and `min_region_size` are the greatest and the smallest in force while it
// was made.
Snapshot parse(const std::vector<char>& bytes, std::uint32_t max_regions,
               std::uint64_t min_region_size);

// The intervals of most tests: long enough for an emulated machine, short enough for a suite.
damon_schemes_attrs scaled_attrs();

// Calls return 0 or the errno.
class Session {
  public:
    // Aborts the test where the device cannot be opened.
    explicit Session(int flags = O_NONBLOCK, const char* device = DAMON_SCHEMES_DEVICE);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    int fd() const { return fd_; }
    void close();
    int call(unsigned long command, void* argument = nullptr) const;

    damon_schemes_attrs attrs() const;
    int set(const damon_schemes_attrs& attrs);
    int add(pid_t pid, std::uint64_t* id = nullptr) const;
    int remove(std::uint64_t id) const;
    int start() const { return call(DAMON_SCHEMES_START); }
    int stop() const { return call(DAMON_SCHEMES_STOP); }
    damon_schemes_stats stats() const;
    // The states of the area's pages, of which there are none after an error.
    int scan(std::uint64_t id, std::uint64_t generation, const Area& area, bool clear,
             std::vector<std::uint8_t>* states) const;

    // Waits for a snapshot and reads it.
    Snapshot next();

    // Reads up to `bound` snapshots until `holds(snapshot)`.  Returns whether it did.
    template <typename Predicate>
    bool wait_for(int bound, const Predicate& holds) {
        for (int i = 0; i < bound; i++)
            if (holds(next())) return true;
        return false;
    }

  private:
    int fd_ = -1;
    std::uint32_t max_regions_ = 1000;
    std::uint64_t min_region_size_ = 4096;
    std::uint64_t last_sequence_ = 0, read_ = 0;
};

// Bytes of the area in regions for which `counts(region)` holds.
template <typename Predicate>
std::uint64_t bytes_in(const TargetSnapshot& target, const Area& area, const Predicate& counts) {
    std::uint64_t bytes = 0;
    for (const auto& region : target.regions) {
        const std::uint64_t start = region.start > area.start ? region.start : area.start;
        const std::uint64_t end = region.end < area.end ? region.end : area.end;
        if (start < end && counts(region)) bytes += end - start;
    }
    return bytes;
}

// The same as a percentage of the area.
template <typename Predicate>
double percent_in(const TargetSnapshot& target, const Area& area, const Predicate& counts) {
    return 100.0 * static_cast<double>(bytes_in(target, area, counts)) /
           static_cast<double>(area.bytes());
}

inline bool accessed(const damon_schemes_snapshot_region& region) {
    return region.accessed != 0;
}
inline bool idle(const damon_schemes_snapshot_region& region) {
    return region.sampled != 0 && region.accessed == 0;
}
inline bool nothing_there(const damon_schemes_snapshot_region& region) {
    return region.sampled != 0 && region.absent == region.sampled;
}

// What is known of the area, for a failure's message.
std::string describe(const TargetSnapshot& target, const Area& area);

// Skips the test where the module is not loaded.
#define NEEDS_MODULE()                                                            \
    do {                                                                          \
        if (access(DAMON_SCHEMES_DEVICE, F_OK) != 0)                              \
            GTEST_SKIP() << "the module is not loaded: no " DAMON_SCHEMES_DEVICE; \
    } while (false)

constexpr std::uint64_t mib = 1 << 20;

}  // namespace damon_schemes::vm
