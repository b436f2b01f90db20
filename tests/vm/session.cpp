// SPDX-License-Identifier: MIT
#include "session.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace damon_schemes::vm {
namespace {

// Long past any doubt: a test fails rather than hangs.
constexpr int patience_ms = 60'000;

template <typename Record>
Record record_at(const std::vector<char>& bytes, std::uint64_t offset) {
    Record record{};
    if (offset + sizeof(record) > bytes.size()) throw std::runtime_error("a record past the end");
    std::memcpy(&record, bytes.data() + offset, sizeof(record));
    return record;
}

}  // namespace

bool Snapshot::has(std::uint64_t id) const {
    return std::any_of(targets.begin(), targets.end(),
                       [id](const auto& target) { return target.record.id == id; });
}

const TargetSnapshot& Snapshot::of(std::uint64_t id) const {
    static const TargetSnapshot none;
    for (const auto& target : targets)
        if (target.record.id == id) return target;
    return none;
}

std::string describe(const TargetSnapshot& target, const Area& area) {
    const auto percent = [&](const auto& counts) {
        return std::to_string(static_cast<int>(percent_in(target, area, counts)));
    };
    return percent(accessed) + " % accessed, " + percent(idle) + " % idle, " +
           percent(nothing_there) + " % absent, " +
           percent([](const auto& region) { return region.sampled == 0; }) + " % unknown, " +
           std::to_string(target.regions.size()) + " regions in all";
}

Snapshot parse(const std::vector<char>& bytes, std::uint32_t max_regions,
               std::uint64_t min_region_size) {
    Snapshot snapshot;
    snapshot.header = record_at<damon_schemes_snapshot>(bytes, 0);
    const auto& header = snapshot.header;
    EXPECT_EQ(header.total_bytes, bytes.size());
    EXPECT_EQ(header.reserved, 0U);
    EXPECT_GE(header.target_size, sizeof(damon_schemes_snapshot_target));
    EXPECT_GE(header.region_size, sizeof(damon_schemes_snapshot_region));
    EXPECT_LE(header.nr_regions, max_regions);
    EXPECT_GT(header.max_nr_accesses, 0U);
    EXPECT_NE(header.tlb_policy, static_cast<__u32>(DAMON_SCHEMES_TLB_AUTO));
    EXPECT_GT(header.duration_ns, 0U);

    std::uint32_t next_region = 0;
    for (std::uint32_t t = 0; t < header.nr_targets; t++) {
        auto& target = snapshot.targets.emplace_back();
        target.record = record_at<damon_schemes_snapshot_target>(
            bytes, header.targets_offset + std::uint64_t{t} * header.target_size);
        const auto& record = target.record;
        EXPECT_EQ(record.first_region, next_region) << "regions of a target are not together";
        next_region = record.first_region + record.nr_regions;
        if (record.flags & DAMON_SCHEMES_TARGET_EXITED) {
            EXPECT_EQ(record.nr_regions, 0U);
        }
        std::uint64_t last = 0;
        for (std::uint32_t r = record.first_region; r < next_region; r++) {
            const auto region = record_at<damon_schemes_snapshot_region>(
                bytes, header.regions_offset + std::uint64_t{r} * header.region_size);
            EXPECT_LT(region.start, region.end);
            EXPECT_GE(region.start, last) << "regions overlap or are not sorted";
            EXPECT_EQ(region.start % min_region_size, 0U);
            EXPECT_EQ(region.end % min_region_size, 0U);
            EXPECT_LE(std::uint64_t{region.accessed} + region.absent, region.sampled);
            last = region.end;
            target.regions.push_back(region);
        }
    }
    EXPECT_EQ(next_region, header.nr_regions);
    return snapshot;
}

damon_schemes_attrs scaled_attrs() {
    damon_schemes_attrs attrs{};
    attrs.sampling_interval_us = 10'000;
    attrs.aggregation_interval_us = 200'000;
    attrs.update_interval_us = 400'000;
    attrs.min_regions = 10;
    attrs.max_regions = 1000;
    attrs.min_region_size = 4096;
    return attrs;
}

Session::Session(int flags, const char* device) : fd_(open(device, O_RDWR | O_CLOEXEC | flags)) {
    if (fd_ < 0)
        throw std::runtime_error(std::string("cannot open ") + device + ": " +
                                 std::strerror(errno));
}

Session::~Session() {
    close();
}

void Session::close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

int Session::call(unsigned long command, void* argument) const {
    return ioctl(fd_, command, argument) < 0 ? errno : 0;
}

damon_schemes_attrs Session::attrs() const {
    damon_schemes_attrs attrs{};
    EXPECT_EQ(call(DAMON_SCHEMES_GET_ATTRS, &attrs), 0);
    return attrs;
}

int Session::set(const damon_schemes_attrs& attrs) {
    auto copy = attrs;
    const int error = call(DAMON_SCHEMES_SET_ATTRS, &copy);
    if (error == 0) {
        max_regions_ = std::max(max_regions_, attrs.max_regions);
        min_region_size_ = std::min(min_region_size_, std::uint64_t{attrs.min_region_size});
    }
    return error;
}

int Session::add(pid_t pid, std::uint64_t* id) const {
    damon_schemes_target target{};
    target.pid = pid;
    const int error = call(DAMON_SCHEMES_ADD_TARGET, &target);
    if (error == 0) {
        EXPECT_NE(target.id, 0U);
    }
    if (id) *id = target.id;
    return error;
}

int Session::remove(std::uint64_t id) const {
    damon_schemes_target target{};
    target.id = id;
    return call(DAMON_SCHEMES_REMOVE_TARGET, &target);
}

damon_schemes_stats Session::stats() const {
    damon_schemes_stats stats{};
    EXPECT_EQ(call(DAMON_SCHEMES_GET_STATS, &stats), 0);
    return stats;
}

int Session::scan(std::uint64_t id, std::uint64_t generation, const Area& area, bool clear,
                  std::vector<std::uint8_t>* states) const {
    // Any byte that is not written is none that the module may write.
    states->assign(area.bytes() / 4096, 0xff);
    damon_schemes_scan scan{};
    scan.target_id = id;
    scan.generation = generation;
    scan.start = area.start;
    scan.end = area.end;
    scan.states = reinterpret_cast<std::uintptr_t>(states->data());
    scan.flags = clear ? DAMON_SCHEMES_SCAN_CLEAR : 0;
    const int error = call(DAMON_SCHEMES_SCAN, &scan);
    if (error != 0) states->clear();
    return error;
}

Snapshot Session::next() {
    std::vector<char> bytes(sizeof(damon_schemes_snapshot) + 4096);
    for (;;) {
        pollfd waiting{fd_, POLLIN, 0};
        if (poll(&waiting, 1, patience_ms) == 0) throw std::runtime_error("no snapshot comes");
        const auto got = read(fd_, bytes.data(), bytes.size());
        if (got >= 0) {
            bytes.resize(static_cast<std::size_t>(got));
            break;
        }
        if (errno == EMSGSIZE) {
            const auto needed = record_at<damon_schemes_snapshot>(bytes, 0).total_bytes;
            EXPECT_GT(needed, bytes.size());
            bytes.resize(needed + needed / 2);
        } else if (errno != EAGAIN && errno != EINTR) {
            throw std::runtime_error(std::string("read: ") + std::strerror(errno));
        }
    }
    auto snapshot = parse(bytes, max_regions_, min_region_size_);
    EXPECT_GT(snapshot.header.sequence, last_sequence_);
    last_sequence_ = snapshot.header.sequence;
    // Each number was read or is counted as lost.
    EXPECT_EQ(snapshot.header.sequence, ++read_ + snapshot.header.lost);
    return snapshot;
}

}  // namespace damon_schemes::vm
