// SPDX-License-Identifier: MIT
#include "benchmarks/device/device_session.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace damon_schemes::bench {
namespace {

template <typename Record>
bool copy_record(const char* bytes, std::size_t size, std::uint64_t offset, Record* record) {
    if (offset > size || size - offset < sizeof(*record)) return false;
    std::memcpy(record, bytes + offset, sizeof(*record));
    return true;
}

std::optional<std::string> take_regions(const char* bytes, std::size_t size,
                                        const damon_schemes_snapshot& header, SeenTarget* target) {
    std::uint64_t last = 0;
    for (std::uint32_t i = 0; i < target->record.nr_regions; i++) {
        const std::uint64_t index = std::uint64_t{target->record.first_region} + i;
        damon_schemes_snapshot_region region{};
        if (!copy_record(bytes, size, header.regions_offset + index * header.region_size, &region))
            return "a region record past the end";
        if (region.start >= region.end) return "a region that ends before it starts";
        if (region.start < last) return "regions that overlap or are not sorted";
        if (std::uint64_t{region.accessed} + region.absent > region.sampled)
            return "a region with more findings than looks";
        last = region.end;
        target->regions.push_back(region);
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> take_apart(const char* bytes, std::size_t size, SeenSnapshot* snapshot) {
    *snapshot = {};
    auto& header = snapshot->header;
    if (!copy_record(bytes, size, 0, &header)) return "less than a header";
    if (header.total_bytes != size) return "a size that is not the snapshot's";
    std::uint32_t next = 0;
    for (std::uint32_t i = 0; i < header.nr_targets; i++) {
        SeenTarget target;
        if (!copy_record(bytes, size, header.targets_offset + std::uint64_t{i} * header.target_size,
                         &target.record))
            return "a target record past the end";
        if (target.record.first_region != next) return "regions of a target that are not together";
        if (auto wrong = take_regions(bytes, size, header, &target)) return wrong;
        if ((target.record.flags & DAMON_SCHEMES_TARGET_EXITED) && !target.regions.empty())
            return "an exited target with regions";
        next += target.record.nr_regions;
        snapshot->targets.push_back(std::move(target));
    }
    if (next != header.nr_regions) return "regions that belong to no target";
    return std::nullopt;
}

int DeviceSession::open() {
    close();
    fd_ = ::open(DAMON_SCHEMES_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    return fd_ < 0 ? errno : 0;
}

void DeviceSession::close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

int DeviceSession::call(unsigned long command, void* argument) const {
    return ioctl(fd_, command, argument) < 0 ? errno : 0;
}

int DeviceSession::set(damon_schemes_attrs attrs) const {
    return call(DAMON_SCHEMES_SET_ATTRS, &attrs);
}

int DeviceSession::add(pid_t pid, std::uint64_t* id) const {
    damon_schemes_target target{};
    target.pid = pid;
    const int error = call(DAMON_SCHEMES_ADD_TARGET, &target);
    if (id) *id = target.id;
    return error;
}

int DeviceSession::remove(std::uint64_t id) const {
    damon_schemes_target target{};
    target.id = id;
    return call(DAMON_SCHEMES_REMOVE_TARGET, &target);
}

bool DeviceSession::wait(int milliseconds) const {
    pollfd waiting{fd_, POLLIN, 0};
    return poll(&waiting, 1, milliseconds) == 1 && (waiting.revents & POLLIN) != 0;
}

int DeviceSession::read(SeenSnapshot* snapshot) {
    if (buffer_.empty()) buffer_.resize(sizeof(damon_schemes_snapshot));
    for (;;) {
        const auto got = ::read(fd_, buffer_.data(), buffer_.size());
        if (got >= 0) {
            const auto wrong = take_apart(buffer_.data(), static_cast<std::size_t>(got), snapshot);
            complaint_ = wrong.value_or("");
            return wrong ? EBADMSG : 0;
        }
        if (errno != EMSGSIZE) return errno;
        damon_schemes_snapshot header{};
        std::memcpy(&header, buffer_.data(), sizeof(header));
        if (header.total_bytes <= buffer_.size()) {
            complaint_ = "EMSGSIZE although the buffer was large enough";
            return EBADMSG;
        }
        buffer_.resize(header.total_bytes);
    }
}

std::uint64_t irq_off_percentile_ns(const damon_schemes_stats& stats, double share) {
    std::uint64_t total = 0, so_far = 0;
    for (const auto count : stats.irq_off_log2_ns) total += count;
    for (unsigned n = 0; n < DAMON_SCHEMES_IRQ_OFF_BUCKETS && total > 0; n++) {
        so_far += stats.irq_off_log2_ns[n];
        if (static_cast<double>(so_far) >= share * static_cast<double>(total))
            return std::uint64_t{2} << n;
    }
    return 0;
}

}  // namespace damon_schemes::bench
