// SPDX-License-Identifier: MIT
#include "engine/monitors/module_monitor.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "engine/monitors/module_scanner.h"
#include "engine/targets/process.h"
#include "kmod/uapi/damon_schemes.h"

namespace damon_schemes {
namespace {

constexpr auto no_module_advice =
    "load it with 'modprobe damon_schemes'; if it is not installed yet, './dev install' in the "
    "source tree "
    "builds and loads it";

std::string reason_for(int code) {
    return std::strerror(code);
}

Error device_error(int code) {
    const std::string device = DAMON_SCHEMES_DEVICE;
    if (code == ENOENT || code == ENODEV || code == ENXIO) {
        return unsupported(
            "the damon_schemes module is not loaded (no " + device + "): " + no_module_advice,
            code);
    }
    if (code == EACCES || code == EPERM) {
        return unsupported(
            "may not open " + device + ": run as root, or give the device to a group you are in",
            code);
    }
    return unsupported("cannot open " + device + ": " + reason_for(code), code);
}

std::uint64_t microseconds(Duration duration) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

Duration from_microseconds(std::uint64_t count) {
    return std::chrono::microseconds(static_cast<std::int64_t>(count));
}

Duration from_nanoseconds(std::uint64_t count) {
    return Duration(static_cast<std::int64_t>(count));
}

std::uint32_t to_uapi(TlbPolicy policy) {
    switch (policy) {
        case TlbPolicy::none:
            return DAMON_SCHEMES_TLB_NONE;
        case TlbPolicy::page:
            return DAMON_SCHEMES_TLB_PAGE;
        case TlbPolicy::full:
            return DAMON_SCHEMES_TLB_FULL;
        case TlbPolicy::automatic:
            break;
    }
    return DAMON_SCHEMES_TLB_AUTO;
}

TlbPolicy from_uapi(std::uint32_t policy) {
    switch (policy) {
        case DAMON_SCHEMES_TLB_NONE:
            return TlbPolicy::none;
        case DAMON_SCHEMES_TLB_PAGE:
            return TlbPolicy::page;
        case DAMON_SCHEMES_TLB_FULL:
            return TlbPolicy::full;
        default:
            return TlbPolicy::automatic;
    }
}

Error add_error(std::int32_t pid, int code) {
    const std::string process = "process " + std::to_string(pid);
    switch (code) {
        case ESRCH:
            return {ErrorKind::usage, process + " does not exist (any more), or is a zombie", code};
        case EINVAL:
            return {ErrorKind::usage,
                    process + " is a kernel thread: it has no memory of its own to watch", code};
        case EPERM:
            return {ErrorKind::unsupported,
                    "may not watch " + process +
                        ": that needs CAP_SYS_ADMIN, or CAP_SYS_PTRACE over it",
                    code};
        case EBUSY:
            return {
                ErrorKind::runtime,
                process + " is being watched already: end the other damon-schemes that watches it",
                code};
        case ENOSPC:
            return {ErrorKind::usage,
                    "too many targets for this number of regions: raise monitor.regions.max (three "
                    "a target)",
                    code};
        default:
            return {ErrorKind::runtime, "cannot watch " + process + ": " + reason_for(code), code};
    }
}

// A record at an offset, if it lies within the bytes.  A longer record of a later module is taken
// as far as it is known; what a shorter one of an earlier module does not say is zero.
template <typename Record>
std::optional<Record> record_at(std::span<const std::byte> bytes, std::uint64_t offset,
                                std::size_t size = sizeof(Record)) {
    size = std::min(size, sizeof(Record));
    if (offset > bytes.size() || bytes.size() - offset < size) return std::nullopt;
    Record record{};
    std::memcpy(&record, bytes.data() + offset, size);
    return record;
}

// One of a later module is not told apart here.
RegionKind kind_from_uapi(std::uint16_t kind) {
    switch (kind) {
        case DAMON_SCHEMES_KIND_ANONYMOUS:
            return RegionKind::anonymous;
        case DAMON_SCHEMES_KIND_HEAP:
            return RegionKind::heap;
        case DAMON_SCHEMES_KIND_STACK:
            return RegionKind::stack;
        case DAMON_SCHEMES_KIND_FILE:
            return RegionKind::file;
        case DAMON_SCHEMES_KIND_SHARED:
            return RegionKind::shared;
        default:
            return RegionKind::any;
    }
}

Region to_region(const damon_schemes_snapshot_region& record) {
    return {{record.start, record.end},
            record.sampled,
            record.accessed,
            record.absent,
            record.age,
            (record.search & DAMON_SCHEMES_SEARCH_HIT) != 0,
            kind_from_uapi(record.kind)};
}

// The records' first versions were shorter.
constexpr std::size_t least_region_size = offsetof(damon_schemes_snapshot_region, kind);

std::optional<TargetSnapshot> parse_target(std::span<const std::byte> bytes,
                                           const damon_schemes_snapshot& header,
                                           std::uint32_t which) {
    const auto record = record_at<damon_schemes_snapshot_target>(
        bytes, header.targets_offset + std::uint64_t{which} * header.target_size);
    if (!record || std::uint64_t{record->first_region} + record->nr_regions > header.nr_regions) {
        return std::nullopt;
    }
    TargetSnapshot target;
    target.id = {record->id};
    target.pid = record->pid;
    target.generation = record->generation;
    target.exited = (record->flags & DAMON_SCHEMES_TARGET_EXITED) != 0;
    target.unseen_accesses = (record->flags & DAMON_SCHEMES_TARGET_UNSEEN_ACCESSES) != 0;
    target.denied = (record->flags & DAMON_SCHEMES_TARGET_DENIED) != 0;
    target.regions.reserve(record->nr_regions);
    for (std::uint64_t i = record->first_region;
         i < std::uint64_t{record->first_region} + record->nr_regions; ++i) {
        const auto region = record_at<damon_schemes_snapshot_region>(
            bytes, header.regions_offset + i * header.region_size, header.region_size);
        if (!region) return std::nullopt;
        target.regions.push_back(to_region(*region));
    }
    return target;
}

class ModuleMonitor final : public Monitor {
  public:
    // `features`: DAMON_SCHEMES_FEATURE_* bits of the module.
    ModuleMonitor(Descriptor device, std::uint64_t features)
        : device_(std::make_shared<const Descriptor>(std::move(device))),
          features_(features),
          buffer_(64 << 10) {
        if ((features & DAMON_SCHEMES_FEATURE_SCAN) != 0) scanner_ = make_module_scanner(device_);
    }
    // Who still has the scanner keeps the session, but nothing is sampled for nobody any more.
    ~ModuleMonitor() override { call(DAMON_SCHEMES_STOP, nullptr); }
    ModuleMonitor(const ModuleMonitor&) = delete;
    ModuleMonitor& operator=(const ModuleMonitor&) = delete;

    Result<void> set_attributes(const MonitorAttributes& attributes) override {
        damon_schemes_attrs attrs{};
        attrs.sampling_interval_us = microseconds(attributes.sampling_interval);
        attrs.aggregation_interval_us = microseconds(attributes.aggregation_interval);
        attrs.update_interval_us = microseconds(attributes.update_interval);
        attrs.min_regions = attributes.min_regions;
        attrs.max_regions = attributes.max_regions;
        attrs.min_region_size = attributes.min_region_size.count;
        attrs.tlb_policy = to_uapi(attributes.tlb);
        if (attributes.search && (features_ & DAMON_SCHEMES_FEATURE_SEARCH) != 0)
            attrs.flags |= DAMON_SCHEMES_ATTR_SEARCH;
        if (attributes.layout == RegionLayout::mappings) {
            if ((features_ & DAMON_SCHEMES_FEATURE_MAPPINGS) == 0)
                return too_old("regions by mappings (monitor.regions.layout)");
            attrs.flags |= DAMON_SCHEMES_ATTR_MAPPINGS;
        }
        if (attributes.children) {
            if ((features_ & DAMON_SCHEMES_FEATURE_CHILDREN) == 0)
                return too_old("following children (monitor.children)");
            attrs.flags |= DAMON_SCHEMES_ATTR_CHILDREN;
        }
        if (call(DAMON_SCHEMES_SET_ATTRS, &attrs) == 0) return {};
        if (errno == EINVAL) {
            return Error{
                ErrorKind::policy,
                "the module does not take these [monitor] values: intervals from 100 us to 24 h "
                "with "
                "sampling <= aggregation <= update, 3 <= regions.min <= regions.max <= 1048576, "
                "min_region_size a power of two from 4 KiB to 1 GiB",
                errno};
        }
        return failure("set the monitoring attributes");
    }

    Result<TargetId> add_target(std::int32_t pid) override {
        damon_schemes_target target{};
        target.pid = pid;
        if (call(DAMON_SCHEMES_ADD_TARGET, &target) != 0) return add_error(pid, errno);
        return TargetId{target.id};
    }

    Result<void> remove_target(TargetId id) override {
        damon_schemes_target target{};
        target.id = id.value;
        if (call(DAMON_SCHEMES_REMOVE_TARGET, &target) != 0)
            return failure("stop watching a target");
        return {};
    }

    Result<void> start() override {
        if (call(DAMON_SCHEMES_START, nullptr) != 0) return failure("start monitoring");
        return {};
    }

    Result<void> stop() override {
        if (call(DAMON_SCHEMES_STOP, nullptr) != 0) return failure("stop monitoring");
        return {};
    }

    int descriptor() const override { return device_->get(); }

    Result<std::optional<Snapshot>> take_snapshot() override {
        for (;;) {
            const ssize_t bytes = ::read(device_->get(), buffer_.data(), buffer_.size());
            if (bytes >= 0) return parse(static_cast<std::size_t>(bytes));
            if (errno == EAGAIN) return std::optional<Snapshot>{};
            if (errno == EINTR) continue;
            if (errno != EMSGSIZE) return failure("read a snapshot");
            damon_schemes_snapshot header;
            std::memcpy(&header, buffer_.data(), sizeof(header));
            // Some room to grow, so that a rising number of regions is not read twice each time.
            buffer_.resize(header.total_bytes + header.total_bytes / 4);
        }
    }

    Result<MonitorCost> cost() const override {
        damon_schemes_stats stats{};
        if (call(DAMON_SCHEMES_GET_STATS, &stats) != 0) return failure("read the monitor's cost");
        MonitorCost cost;
        cost.thread = stats.thread_pid;
        cost.thread_time = from_nanoseconds(stats.thread_ns);
        cost.passes = stats.passes;
        cost.late_passes = stats.late_passes;
        cost.lost_snapshots = stats.lost;
        cost.flush_ipis = stats.flush_ipis;
        cost.irq_off_max = from_nanoseconds(stats.irq_off_max_ns);
        cost.lock_max = from_nanoseconds(stats.lock_max_ns);
        cost.memory = {stats.memory_bytes};
        cost.regions = stats.nr_regions;
        cost.children = stats.children;
        cost.children_unwatched = stats.children_unwatched;
        cost.tlb = from_uapi(stats.tlb_policy);
        return cost;
    }

    std::shared_ptr<PageScanner> page_scanner() override { return scanner_; }

  private:
    int call(unsigned long command, void* argument) const {
        return ::ioctl(device_->get(), command, argument);
    }

    static Error too_old(const std::string& what) {
        return unsupported("the loaded damon_schemes module is older than " + what +
                               ": install both from one source with './dev install'",
                           0);
    }

    static Error failure(const std::string& what) {
        return {ErrorKind::runtime,
                "the damon_schemes module could not " + what + ": " + reason_for(errno), errno};
    }

    Result<std::optional<Snapshot>> parse(std::size_t bytes) const {
        auto snapshot = parse_module_snapshot({buffer_.data(), bytes});
        if (!snapshot) {
            return Error{ErrorKind::runtime,
                         "the damon_schemes module's snapshot contradicts itself: module and "
                         "command are not of "
                         "one version; install both anew with './dev install'",
                         EPROTO};
        }
        return snapshot;
    }

    std::shared_ptr<const Descriptor> device_;
    std::uint64_t features_;
    std::shared_ptr<PageScanner> scanner_;
    std::vector<std::byte> buffer_;
};

Result<Descriptor> open_device() {
    Descriptor device(::open(DAMON_SCHEMES_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (!device) return device_error(errno);
    return device;
}

Result<damon_schemes_features> features_of(const Descriptor& device) {
    damon_schemes_features features{};
    if (::ioctl(device.get(), DAMON_SCHEMES_GET_FEATURES, &features) != 0 ||
        features.abi_version != DAMON_SCHEMES_ABI_VERSION) {
        return unsupported(
            "the loaded damon_schemes module speaks another version of its interface (" +
                std::to_string(features.abi_version) + ", this command needs " +
                std::to_string(DAMON_SCHEMES_ABI_VERSION) +
                "): install both from one source with './dev install'",
            errno);
    }
    return features;
}

}  // namespace

std::optional<Snapshot> parse_module_snapshot(std::span<const std::byte> bytes) {
    const auto header = record_at<damon_schemes_snapshot>(bytes, 0);
    if (!header || header->total_bytes > bytes.size() ||
        header->target_size < sizeof(damon_schemes_snapshot_target) ||
        header->region_size < least_region_size) {
        return std::nullopt;
    }
    Snapshot snapshot;
    snapshot.sequence = header->sequence;
    snapshot.lost = header->lost;
    snapshot.time = Instant(from_nanoseconds(header->time_ns));
    snapshot.duration = from_nanoseconds(header->duration_ns);
    snapshot.sampling_interval = from_microseconds(header->sampling_interval_us);
    snapshot.aggregation_interval = from_microseconds(header->aggregation_interval_us);
    snapshot.passes = header->passes;
    for (std::uint32_t i = 0; i < header->nr_targets; ++i) {
        auto target = parse_target(bytes, *header, i);
        if (!target) return std::nullopt;
        snapshot.targets.push_back(std::move(*target));
    }
    return snapshot;
}

Result<std::unique_ptr<Monitor>> open_module_monitor() {
    auto device = open_device();
    if (!device) return device.error();
    const auto features = features_of(*device);
    if (!features) return features.error();
    return std::unique_ptr<Monitor>(
        std::make_unique<ModuleMonitor>(std::move(*device), features->flags));
}

ModuleState probe_module() {
    auto device = open_device();
    if (!device) {
        ModuleState state;
        state.found = device.error().message;
        const bool missing = device.error().code == ENOENT || device.error().code == ENODEV;
        if (missing && !std::filesystem::exists("/proc/modules")) {
            state.advice =
                "this kernel cannot load modules at all: use another kernel, or a virtual machine";
        } else if (missing) {
            state.advice = no_module_advice;
        } else {
            state.advice = "run as root";
        }
        return state;
    }
    const auto features = features_of(*device);
    if (!features)
        return {false, false, features.error().message, "install both anew with './dev install'"};
    const bool untested = (features->flags & DAMON_SCHEMES_FEATURE_UNTESTED_KERNEL) != 0;
    return {true, untested,
            std::string("loaded, interface version ") + std::to_string(features->abi_version) +
                (untested ? ", on a kernel it was not tested on" : ""),
            ""};
}

}  // namespace damon_schemes
