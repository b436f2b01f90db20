// SPDX-License-Identifier: MIT
#include "engine/monitors/mainline_monitor.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "engine/monitors/aggregation.h"
#include "engine/monitors/trace_instance.h"
#include "engine/targets/process.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {
namespace {

constexpr std::size_t most_targets = 512;
// So many snapshots fit into the trace buffer of one processor before the first is lost.
constexpr std::uint64_t kept_snapshots = 4;
constexpr std::uint64_t event_bytes = 64;
constexpr Bytes smallest_region = kibibytes(4);
constexpr Duration thread_time_interval = std::chrono::seconds(1);

const std::string module_instead =
    "load the damon_schemes module, which can ('./dev install' builds and loads it)";

// What a target's place in the list of targets is, and how it stands.
struct WatchedTarget {
    TargetId id;
    std::int32_t pid = 0;
    Descriptor pidfd;
    bool removed = false;
    bool exited = false;
};

class MainlineMonitor final : public Monitor {
  public:
    MainlineMonitor(MainlinePaths paths, std::shared_ptr<KernelFiles> files,
                    MainlineFormats formats, Descriptor epoll)
        : paths_(std::move(paths)),
          files_(std::move(files)),
          formats_(std::move(formats)),
          epoll_(std::move(epoll)),
          kdamond_(files_, paths_) {}
    ~MainlineMonitor() override { tear_down(); }
    MainlineMonitor(const MainlineMonitor&) = delete;
    MainlineMonitor& operator=(const MainlineMonitor&) = delete;

    bool alone() const override { return true; }
    bool flushes() const override { return false; }
    int descriptor() const override { return epoll_.get(); }

    Result<void> set_attributes(const MonitorAttributes& attributes) override;
    Result<TargetId> add_target(std::int32_t pid) override;
    Result<void> remove_target(TargetId id) override;
    Result<void> start() override;
    Result<void> stop() override;
    Result<std::optional<Snapshot>> take_snapshot() override;
    Result<MonitorCost> cost() const override;

  private:
    Result<void> claim();
    Result<void> turn_on();
    Result<void> check_targets() const;
    Result<void> commit();
    Result<void> watch(int descriptor, std::uint64_t what);
    Result<void> look_around();
    void note_exit(TargetId id);
    Result<void> kdamond_ended();
    void begin_aggregation();
    void tear_down();
    std::vector<std::int32_t> pids() const;
    bool all_exited() const;

    // What is readable in epoll_: the trace buffer, the kdamond's end, or, by its id, a target's.
    static constexpr std::uint64_t trace_events = 0, kdamond_end = UINT64_MAX;

    MainlinePaths paths_;
    std::shared_ptr<KernelFiles> files_;
    MainlineFormats formats_;
    Descriptor epoll_;
    MonitorAttributes attributes_;
    std::vector<WatchedTarget> targets_;
    std::uint64_t last_id_ = 0;
    Kdamond kdamond_;
    std::optional<TraceInstance> trace_;
    Aggregation aggregation_;
    Instant thread_time_noted_{};
};

// Attributes and targets --------------------------------------------------------------------------

Result<void> MainlineMonitor::set_attributes(const MonitorAttributes& attributes) {
    if (attributes.tlb != TlbPolicy::automatic) {
        return unsupported(
            "monitor.tlb is set, and mainline DAMON flushes nothing: take it out of the policy, "
            "or " +
            module_instead);
    }
    if (attributes.min_region_size != smallest_region) {
        return unsupported(
            "monitor.min_region_size is set, and mainline DAMON's regions are as small as a page "
            "always: take it out of the policy, or " +
            module_instead);
    }
    if (attributes.layout != RegionLayout::gaps) {
        return unsupported(
            "monitor.regions.layout is set, and mainline DAMON knows the layout \"gaps\" alone: "
            "take it out of the policy, or " +
            module_instead);
    }
    if (attributes.children) {
        return unsupported(
            "monitor.children is set, and mainline DAMON does not follow children: take it out of "
            "the policy, or " +
            module_instead);
    }
    if (attributes.interval_goal) {
        return unsupported(
            "monitor.interval_goal is set, and mainline DAMON takes other intervals over only at "
            "the end of the aggregation interval, which may be minutes: take it out of the policy, "
            "or " +
            module_instead);
    }
    if (attributes.min_regions < 3 || attributes.min_regions > attributes.max_regions ||
        attributes.sampling_interval < std::chrono::microseconds(1) ||
        attributes.sampling_interval > attributes.aggregation_interval) {
        return Error{ErrorKind::policy,
                     "mainline DAMON does not take these [monitor] values: 0 < sampling <= "
                     "aggregation, 3 <= regions.min <= regions.max",
                     EINVAL};
    }
    if (attributes == attributes_) return {};
    const MonitorAttributes before = std::exchange(attributes_, attributes);
    if (!kdamond_.running()) return {};
    auto committed = commit();
    if (!committed) attributes_ = before;
    return committed;
}

Result<TargetId> MainlineMonitor::add_target(std::int32_t pid) {
    const std::string process = "process " + std::to_string(pid);
    if (kdamond_.running()) {
        return unsupported("mainline DAMON takes no more targets while it runs: name " + process +
                               " before it starts, or " + module_instead,
                           EBUSY);
    }
    const auto known = std::find_if(targets_.begin(), targets_.end(), [pid](const auto& target) {
        return target.pid == pid && !target.removed && !target.exited;
    });
    if (known != targets_.end())
        return Error{ErrorKind::usage, process + " is a target already", EEXIST};
    if (targets_.size() >= most_targets) {
        return Error{ErrorKind::usage,
                     "too many targets: " + std::to_string(most_targets) + " at most", ENOSPC};
    }
    Descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    const auto stat = pidfd ? read_process_stat(pid, paths_.proc) : std::nullopt;
    if (!stat || stat->zombie()) {
        return Error{ErrorKind::usage, process + " does not exist (any more), or is a zombie",
                     ESRCH};
    }
    if (stat->kernel_thread) {
        return Error{ErrorKind::usage,
                     process + " is a kernel thread: it has no memory of its own to watch", EINVAL};
    }
    WatchedTarget target;
    target.id = {++last_id_};
    target.pid = pid;
    target.pidfd = std::move(pidfd);
    targets_.push_back(std::move(target));
    return targets_.back().id;
}

Result<void> MainlineMonitor::remove_target(TargetId id) {
    const auto found = std::find_if(targets_.begin(), targets_.end(), [id](const auto& target) {
        return target.id == id && !target.removed;
    });
    if (found == targets_.end())
        return Error{ErrorKind::runtime, "there is no such target", ENOENT};
    found->removed = true;
    // Places do not move while a kdamond looks at them; once it is off they are set up anew.
    if (!kdamond_.running()) targets_.erase(found);
    return {};
}

std::vector<std::int32_t> MainlineMonitor::pids() const {
    std::vector<std::int32_t> pids;
    for (const WatchedTarget& target : targets_) pids.push_back(target.pid);
    return pids;
}

bool MainlineMonitor::all_exited() const {
    return std::all_of(targets_.begin(), targets_.end(),
                       [](const WatchedTarget& target) { return !alive(target.pidfd.get()); });
}

// Setting up --------------------------------------------------------------------------------------

Result<void> MainlineMonitor::start() {
    if (kdamond_.running()) return {};
    for (;;) {
        std::erase_if(targets_, [](const WatchedTarget& target) {
            return target.removed || target.exited || !alive(target.pidfd.get());
        });
        if (targets_.empty()) return Error{ErrorKind::usage, "every target has exited", ESRCH};
        auto started = kdamond_.claimed() ? Result<void>() : claim();
        if (started) started = turn_on();
        if (started) return {};
        tear_down();
        // One that exited meanwhile is no reason not to watch the others.
        const bool fewer = started.error().code == ESRCH &&
                           std::any_of(targets_.begin(), targets_.end(), [](const auto& target) {
                               return !alive(target.pidfd.get());
                           });
        if (!fewer) return started;
    }
}

Result<void> MainlineMonitor::claim() {
    if (auto claimed = kdamond_.claim(virtual_setup(attributes_, pids())); !claimed) return claimed;
    const std::uint64_t regions = std::max<std::uint64_t>(attributes_.max_regions, 16);
    auto trace = TraceInstance::make(*files_, paths_.tracing, kdamond_.instance(),
                                     {kept_snapshots * event_bytes * regions});
    if (!trace) return trace.error();
    trace_.emplace(std::move(*trace));
    return watch(trace_->descriptor(), trace_events);
}

Result<void> MainlineMonitor::turn_on() {
    if (auto followed = trace_->follow(pids()); !followed) return followed;
    auto on = kdamond_.turn_on(virtual_setup(attributes_, pids()));
    // Each pid was taken by number only now; a process that still lives cannot have lost it.
    if (auto there = check_targets(); !there) return there;
    if (!on) return on;
    if (auto watched = watch(kdamond_.pidfd(), kdamond_end); !watched) return watched;
    for (const WatchedTarget& target : targets_) {
        if (auto watched = watch(target.pidfd.get(), target.id.value); !watched) return watched;
    }
    // What was left unread is of the kdamond before.
    if (auto read = trace_->drain(formats_, 0, aggregation_); !read) return read;
    begin_aggregation();
    return trace_->listen_to(kdamond_.pid());
}

void MainlineMonitor::begin_aggregation() {
    std::vector<std::pair<TargetId, std::int32_t>> places;
    for (const WatchedTarget& target : targets_) places.emplace_back(target.id, target.pid);
    aggregation_.begin(std::move(places), attributes_.sampling_interval,
                       attributes_.aggregation_interval);
}

Result<void> MainlineMonitor::check_targets() const {
    for (const WatchedTarget& target : targets_) {
        const auto stat = read_process_stat(target.pid, paths_.proc);
        if (alive(target.pidfd.get()) && stat && !stat->zombie()) continue;
        return Error{
            ErrorKind::usage,
            "process " + std::to_string(target.pid) + " has exited, or its first thread has",
            ESRCH};
    }
    return {};
}

Result<void> MainlineMonitor::watch(int descriptor, std::uint64_t what) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = what;
    // A target is watched through a rest, too.
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0 && errno != EEXIST)
        return Error{ErrorKind::runtime, std::string("epoll_ctl: ") + std::strerror(errno), errno};
    return {};
}

// While it runs, a kdamond takes over what the files say when its interval ends.
Result<void> MainlineMonitor::commit() {
    // It would end where one of them is gone.
    for (const WatchedTarget& target : targets_) {
        const auto stat = read_process_stat(target.pid, paths_.proc);
        if (!stat || !alive(target.pidfd.get())) {
            return unsupported(
                "mainline DAMON takes no other [monitor] values while one of its targets has "
                "exited",
                ESRCH);
        }
    }
    const auto runs = kdamond_.commit(virtual_setup(attributes_, pids()));
    if (!runs) return runs.error();
    if (!*runs) return kdamond_ended();
    // What was told before counts by the old intervals, and where they end is not told.
    if (auto cleared = trace_->clear(); !cleared) return cleared;
    begin_aggregation();
    return {};
}

// Ending ------------------------------------------------------------------------------------------

Result<void> MainlineMonitor::stop() {
    return kdamond_.turn_off();
}

void MainlineMonitor::tear_down() {
    trace_.reset();
    kdamond_.take_down();
}

// Reading -----------------------------------------------------------------------------------------

// It ends by itself when every target has exited; else somebody ended it.
Result<void> MainlineMonitor::kdamond_ended() {
    kdamond_.note_end();
    if (all_exited()) return {};
    return Error{ErrorKind::runtime,
                 "somebody turned the kdamond off, or changed it (what is there now: " +
                     kdamond_.tree().description() + ")",
                 ECANCELED};
}

void MainlineMonitor::note_exit(TargetId id) {
    for (WatchedTarget& target : targets_) {
        if (target.id != id) continue;
        // It would be readable for ever.
        (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, target.pidfd.get(), nullptr);
        target.exited = true;
    }
}

Result<void> MainlineMonitor::look_around() {
    std::array<epoll_event, 16> events{};
    for (;;) {
        const int count =
            ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
        bool trace = false;
        bool exited = false;
        bool ended = false;
        for (int i = 0; i < count; ++i) {
            const std::uint64_t what = events[static_cast<std::size_t>(i)].data.u64;
            if (what == trace_events) {
                trace = true;
            } else if (what == kdamond_end) {
                ended = true;
            } else {
                exited = true;
                note_exit({what});
            }
        }
        // With the last one the kdamond goes, and what it took.
        if (exited) kdamond_.note_thread_time();
        if (trace && trace_) {
            if (auto read = trace_->drain(formats_, kdamond_.pid(), aggregation_); !read)
                return read;
        }
        if (ended) {
            if (auto expected = kdamond_ended(); !expected) return expected;
        }
        if (count < static_cast<int>(events.size()) || !exited) return {};
    }
}

Result<std::optional<Snapshot>> MainlineMonitor::take_snapshot() {
    auto snapshot = aggregation_.take();
    if (!snapshot) {
        if (auto looked = look_around(); !looked) return looked.error();
        snapshot = aggregation_.take();
    }
    if (!snapshot) return std::optional<Snapshot>();
    if (elapsed(thread_time_noted_, snapshot->time) >= thread_time_interval) {
        thread_time_noted_ = snapshot->time;
        kdamond_.note_thread_time();
    }
    std::erase_if(snapshot->targets, [this](TargetSnapshot& seen) {
        const auto found =
            std::find_if(targets_.begin(), targets_.end(),
                         [&](const WatchedTarget& target) { return target.id == seen.id; });
        if (found == targets_.end() || found->removed) return true;
        // Mainline keeps the regions of what has exited, and finds them idle.
        if (found->exited || !alive(found->pidfd.get())) {
            seen.exited = true;
            seen.regions.clear();
        }
        return false;
    });
    return std::optional<Snapshot>(std::move(*snapshot));
}

Result<MonitorCost> MainlineMonitor::cost() const {
    MonitorCost cost;
    cost.thread = kdamond_.pid();
    cost.thread_time = kdamond_.thread_time();
    cost.passes = aggregation_.looks();
    cost.lost_snapshots = aggregation_.lost();
    cost.memory = trace_ ? trace_->memory() : Bytes{};
    cost.regions = aggregation_.regions();
    cost.tlb = TlbPolicy::none;
    return cost;
}

Result<MainlineFormats> usable_here(KernelFiles& files, const MainlinePaths& paths) {
    if (auto may = may_set_up_kdamond(files, paths); !may) return may.error();
    return read_formats(files, paths.tracing);
}

}  // namespace

Result<std::unique_ptr<Monitor>> open_mainline_monitor(const MainlinePaths& paths,
                                                       std::shared_ptr<KernelFiles> files) {
    auto formats = usable_here(*files, paths);
    if (!formats) return formats.error();
    Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll)
        return Error{ErrorKind::runtime, std::string("epoll_create1: ") + std::strerror(errno),
                     errno};
    return std::unique_ptr<Monitor>(std::make_unique<MainlineMonitor>(
        paths, std::move(files), std::move(*formats), std::move(epoll)));
}

MainlineState probe_mainline(const MainlinePaths& paths) {
    KernelFiles files;
    if (const auto formats = usable_here(files, paths); !formats)
        return {false, formats.error().message};
    const std::string there = kdamonds_there(files, paths);
    if (there == "none") return {true, "there, and nobody uses it"};
    return {true, "there; a damon-schemes that was killed left " + there +
                      ", which the next start takes down"};
}

}  // namespace damon_schemes
