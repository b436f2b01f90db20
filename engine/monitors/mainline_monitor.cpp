// SPDX-License-Identifier: MIT
#include "engine/monitors/mainline_monitor.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>
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
#include "engine/monitors/damon_tree.h"
#include "engine/monitors/mainline_record.h"
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

Error unsupported(std::string message, int code = 0) {
    return {ErrorKind::unsupported, std::move(message), code};
}

std::string admin_of(const MainlinePaths& paths) {
    return paths.sys + "/kernel/mm/damon/admin";
}

std::string first_line(const std::optional<std::string>& text) {
    return text ? text->substr(0, text->find('\n')) : std::string();
}

std::string boot_id(const MainlinePaths& paths) {
    return first_line(read_file(paths.proc + "/sys/kernel/random/boot_id"));
}

// DAMON_RECLAIM and DAMON_LRU_SORT let nobody else use DAMON while they run.
std::string excluding_user(const MainlinePaths& paths) {
    for (const char* name : {"damon_reclaim", "damon_lru_sort"}) {
        const std::string file = paths.sys + "/module/" + std::string(name) + "/parameters/enabled";
        if (first_line(read_file(file)) == "Y") return name;
    }
    return {};
}

Error excluded_by(const std::string& user) {
    return unsupported(
        user +
            " is enabled, and the kernel lets nobody else use DAMON while it is: turn "
            "it off (echo N > /sys/module/" +
            user + "/parameters/enabled), or load the damon_schemes module",
        EBUSY);
}

Error used_by(const std::string& description) {
    return unsupported(
        "somebody else has set up the kernel's DAMON (" + description +
            "). Setting up another would delete it, also where it is off, so it is left alone. If "
            "nobody needs it: echo off > /sys/kernel/mm/damon/admin/kdamonds/0/state; echo 0 > "
            "/sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds. Or load the damon_schemes module",
        EBUSY);
}

// Whether what it names may still be at work.
bool owner_lives(const MainlineRecord& record, const MainlinePaths& paths) {
    if (record.boot_id != boot_id(paths) || record.owner == ::getpid()) return false;
    const auto stat = read_process_stat(record.owner, paths.proc);
    return stat && !stat->zombie() && stat->start_ticks == record.owner_start;
}

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
          tree_(*files_, admin_of(paths_)),
          epoll_(std::move(epoll)) {}
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
    Result<void> take_down_leftover();
    Result<void> turn_on();
    Result<void> check_targets() const;
    Result<void> commit();
    Result<void> watch(int descriptor, std::uint64_t what);
    Result<void> look_around();
    Result<void> kdamond_ended();
    void begin_aggregation();
    void tear_down();
    void end_kdamond();
    Duration thread_time() const;
    void note_thread_time();
    Error setting_up_failed(const Error& error) const;
    std::vector<std::int32_t> pids() const;
    bool all_exited() const;

    // What is readable in epoll_: the trace buffer, the kdamond's end, a target's end.
    static constexpr std::uint64_t trace_events = 0, kdamond_end = 1, first_target = 2;

    MainlinePaths paths_;
    std::shared_ptr<KernelFiles> files_;
    MainlineFormats formats_;
    DamonTree tree_;
    Descriptor epoll_;
    MonitorAttributes attributes_;
    std::vector<WatchedTarget> targets_;
    std::uint64_t last_id_ = 0;

    std::optional<RecordKeeper> keeper_;
    MainlineRecord record_;
    std::optional<TraceInstance> trace_;
    Aggregation aggregation_;
    Descriptor kdamond_;  // pidfd
    bool running_ = false;
    // What a kdamond that has ended had taken is not to be read any more.
    Duration earlier_thread_time_{};
    Duration last_thread_time_{};
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
    if (attributes.min_regions < 3 || attributes.min_regions > attributes.max_regions ||
        attributes.sampling_interval < std::chrono::microseconds(1) ||
        attributes.sampling_interval > attributes.aggregation_interval) {
        return Error{ErrorKind::policy,
                     "mainline DAMON does not take these [monitor] values: 0 < sampling <= "
                     "aggregation, 3 <= regions.min <= regions.max",
                     EINVAL};
    }
    if (attributes == attributes_) return {};
    attributes_ = attributes;
    return running_ ? commit() : Result<void>();
}

Result<TargetId> MainlineMonitor::add_target(std::int32_t pid) {
    const std::string process = "process " + std::to_string(pid);
    if (running_) {
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
    if (!running_) targets_.erase(found);
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

Error MainlineMonitor::setting_up_failed(const Error& error) const {
    Error told = error;
    told.message = "mainline DAMON could not be set up: " + error.message;
    return told;
}

Result<void> MainlineMonitor::start() {
    if (running_) return {};
    for (;;) {
        std::erase_if(targets_, [](const WatchedTarget& target) {
            return target.removed || target.exited || !alive(target.pidfd.get());
        });
        if (targets_.empty()) return Error{ErrorKind::usage, "every target has exited", ESRCH};
        auto started = keeper_ ? Result<void>() : claim();
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

// From nobody's DAMON to a kdamond of ours that does not run yet.
Result<void> MainlineMonitor::claim() {
    if (const std::string user = excluding_user(paths_); !user.empty()) return excluded_by(user);
    auto keeper = RecordKeeper::lock(paths_.state);
    if (!keeper) return keeper.error();
    keeper_ = std::move(*keeper);
    if (auto gone = take_down_leftover(); !gone) {
        keeper_.reset();  // the record of what is left stays
        return gone;
    }
    record_ = {};
    record_.boot_id = boot_id(paths_);
    record_.owner = ::getpid();
    if (const auto self = read_process_stat(record_.owner, paths_.proc))
        record_.owner_start = self->start_ticks;
    record_.instance = "damon-schemes-" + std::to_string(record_.owner);
    record_.setup = setup_of(attributes_, pids());
    if (auto written = keeper_->write(record_); !written) return written;

    const std::uint64_t regions = std::max<std::uint64_t>(attributes_.max_regions, 16);
    auto trace = TraceInstance::make(*files_, paths_.tracing, record_.instance,
                                     {kept_snapshots * event_bytes * regions});
    if (!trace) return trace.error();
    trace_.emplace(std::move(*trace));
    if (auto watched = watch(trace_->descriptor(), trace_events); !watched) return watched;
    if (auto claimed = tree_.claim(); !claimed) {
        if (claimed.error().code != EBUSY) return setting_up_failed(claimed.error());
        return used_by(tree_.description());
    }
    record_.inode = tree_.inode();
    return keeper_->write(record_);
}

// Of an engine that was killed.  Only what is exactly as it was recorded is taken for its work.
Result<void> MainlineMonitor::take_down_leftover() {
    const auto count = tree_.kdamonds();
    if (!count) return count.error();
    const auto left = keeper_->read();
    if (left && owner_lives(*left, paths_)) {
        return unsupported("another damon-schemes (pid " + std::to_string(left->owner) +
                               ") has set up the kernel's DAMON",
                           EBUSY);
    }
    if (left && left->boot_id == boot_id(paths_)) {
        // Before it had the number of its folder, it had nothing in it either.
        struct stat status {};
        const bool unnumbered = left->inode == 0 && *count == 1 &&
                                ::stat((admin_of(paths_) + "/kdamonds/0").c_str(), &status) == 0;
        const std::uint64_t inode = unnumbered ? status.st_ino : left->inode;
        if (*count == 1 && inode != 0 && tree_.adopt(inode)) {
            const auto shown = tree_.shown(left->setup);
            const auto running = tree_.running();
            const auto pid = tree_.pid();
            bool its_own = shown == DamonTree::Shown::all ||
                           (shown == DamonTree::Shown::part && running && !*running);
            // Whoever turned it off and on again uses it.
            if (left->kdamond != 0 && pid) its_own = its_own && *pid == left->kdamond;
            if (unnumbered) its_own = its_own && shown == DamonTree::Shown::part && !pid;
            if (its_own) {
                if (auto off = tree_.turn_off(); !off) return setting_up_failed(off.error());
                if (auto gone = tree_.give_up(); !gone) return setting_up_failed(gone.error());
            }
        }
        (void)TraceInstance::remove(*files_, paths_.tracing, left->instance);
    }
    const auto now = tree_.kdamonds();
    if (!now) return now.error();
    if (*now != 0) return used_by(tree_.description());
    keeper_->remove();
    return {};
}

Result<void> MainlineMonitor::turn_on() {
    record_.setup = setup_of(attributes_, pids());
    record_.kdamond = 0;
    if (auto written = keeper_->write(record_); !written) return written;
    if (auto followed = trace_->follow(record_.setup.targets); !followed) return followed;
    if (auto written = tree_.write(record_.setup); !written)
        return setting_up_failed(written.error());
    if (auto on = tree_.turn_on(); !on) {
        if (on.error().code == EBUSY) {
            const std::string user = excluding_user(paths_);
            return excluded_by(user.empty() ? "another user of DAMON (damon_reclaim?)" : user);
        }
        if (auto there = check_targets(); !there) return there;
        return setting_up_failed(on.error());
    }
    const auto kdamond = tree_.pid();
    if (!kdamond) return setting_up_failed(kdamond.error());
    record_.kdamond = *kdamond;
    running_ = true;
    if (auto written = keeper_->write(record_); !written) return written;
    if (tree_.shown(record_.setup) != DamonTree::Shown::all)
        return setting_up_failed({ErrorKind::runtime, "somebody else changed it meanwhile", EBUSY});
    kdamond_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, *kdamond, 0)));
    const auto stat = read_process_stat(*kdamond, paths_.proc);
    if (!kdamond_ || !stat || !stat->comm.starts_with("kdamond")) {
        return unsupported(
            "the kdamond (pid " + std::to_string(*kdamond) +
                " to the kernel) cannot be seen here: pids mean others inside of a container; run "
                "it outside",
            ESRCH);
    }
    // Each pid was taken by number only now; a process that still lives cannot have lost it.
    if (auto there = check_targets(); !there) return there;
    if (auto watched = watch(kdamond_.get(), kdamond_end); !watched) return watched;
    for (std::size_t place = 0; place < targets_.size(); ++place) {
        if (auto watched = watch(targets_[place].pidfd.get(), first_target + place); !watched)
            return watched;
    }
    // What was left unread is of the kdamond before.
    if (auto read = trace_->drain(formats_, 0, aggregation_); !read) return read;
    begin_aggregation();
    return trace_->listen_to(*kdamond);
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
    const bool added = ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0;
    // After a rest a target may stand in another place.
    const bool known = !added && errno == EEXIST &&
                       ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, descriptor, &event) == 0;
    if (!added && !known)
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
    const KdamondSetup setup = setup_of(attributes_, pids());
    record_.setup = setup;
    if (auto written = keeper_->write(record_); !written) return written;
    if (!tree_.ours()) return kdamond_ended();
    if (auto written = tree_.write(setup); !written) return setting_up_failed(written.error());
    if (auto committed = tree_.commit(); !committed) return setting_up_failed(committed.error());
    const auto kdamond = tree_.pid();
    if (!kdamond || *kdamond != record_.kdamond) return kdamond_ended();
    // What was told before counts by the old intervals, and where they end is not told.
    if (auto cleared = trace_->clear(); !cleared) return cleared;
    begin_aggregation();
    return {};
}

// Ending ------------------------------------------------------------------------------------------

void MainlineMonitor::end_kdamond() {
    if (!running_) return;
    note_thread_time();
    running_ = false;
    earlier_thread_time_ += last_thread_time_;
    last_thread_time_ = {};
    // Closing a pidfd takes it out of epoll.
    kdamond_ = Descriptor();
}

Result<void> MainlineMonitor::stop() {
    if (!running_) return {};
    end_kdamond();
    auto off = tree_.turn_off();
    // It may be gone already, with all that it was.
    if (!off && !tree_.ours()) return {};
    return off;
}

void MainlineMonitor::tear_down() {
    trace_.reset();
    end_kdamond();
    if (!keeper_) return;
    bool gone = true;
    // Whoever has changed what we set up uses it now.
    if (tree_.ours() && tree_.shown(record_.setup) != DamonTree::Shown::other) {
        const auto pid = tree_.pid();
        if (!pid || record_.kdamond == 0 || *pid == record_.kdamond) {
            gone = tree_.turn_off().ok();
            gone = gone && tree_.give_up().ok();
        }
    }
    // What could not be taken away stays on record for the next start.
    if (gone) keeper_->remove();
    keeper_.reset();
}

// Reading -----------------------------------------------------------------------------------------

// It ends by itself when every target has exited; else somebody ended it.
Result<void> MainlineMonitor::kdamond_ended() {
    end_kdamond();
    if (all_exited()) return {};
    return Error{ErrorKind::runtime,
                 "somebody turned the kdamond off, or changed it (what is there now: " +
                     tree_.description() + ")",
                 ECANCELED};
}

Result<void> MainlineMonitor::look_around() {
    std::array<epoll_event, 16> events{};
    for (;;) {
        const int count =
            ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
        bool trace = false;
        bool other = false;
        bool ended = false;
        for (int i = 0; i < count; ++i) {
            const std::uint64_t what = events[static_cast<std::size_t>(i)].data.u64;
            if (what == trace_events) {
                trace = true;
            } else if (what == kdamond_end) {
                ended = true;
            } else if (what - first_target < targets_.size()) {
                WatchedTarget& target = targets_[what - first_target];
                (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, target.pidfd.get(), nullptr);
                target.exited = true;
                other = true;
                note_thread_time();  // with the last one the kdamond goes, and what it took
            }
        }
        if (trace && trace_) {
            if (auto read = trace_->drain(formats_, record_.kdamond, aggregation_); !read)
                return read;
        }
        if (ended) {
            if (auto expected = kdamond_ended(); !expected) return expected;
        }
        if (count < static_cast<int>(events.size()) || !other) return {};
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
        note_thread_time();
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

Duration MainlineMonitor::thread_time() const {
    const std::string folder = paths_.proc + "/" + std::to_string(record_.kdamond);
    // Nanoseconds on a processor, waiting for one, and turns; not on every kernel.
    const auto precise = read_file(folder + "/schedstat");
    const auto number =
        precise ? parse_number(precise->substr(0, precise->find(' '))) : std::nullopt;
    if (number) return Duration(static_cast<std::int64_t>(*number));
    const auto stat = read_process_stat(record_.kdamond, paths_.proc);
    if (!stat) return {};
    const auto ticks = static_cast<std::int64_t>(stat->user_ticks + stat->system_ticks);
    return Duration(std::chrono::seconds(1)) * ticks / ::sysconf(_SC_CLK_TCK);
}

void MainlineMonitor::note_thread_time() {
    if (running_) last_thread_time_ = std::max(last_thread_time_, thread_time());
}

Result<MonitorCost> MainlineMonitor::cost() const {
    MonitorCost cost;
    cost.thread = running_ ? record_.kdamond : 0;
    cost.thread_time = earlier_thread_time_;
    if (running_) cost.thread_time += std::max(last_thread_time_, thread_time());
    cost.passes = aggregation_.looks();
    cost.lost_snapshots = aggregation_.lost();
    cost.memory = trace_ ? trace_->memory() : Bytes{};
    cost.regions = aggregation_.regions();
    cost.tlb = TlbPolicy::none;
    return cost;
}

Result<MainlineFormats> usable_here(KernelFiles& files, const MainlinePaths& paths) {
    DamonTree tree(files, admin_of(paths));
    const auto count = tree.kdamonds();
    if (!count) return count.error();
    auto formats = read_formats(files, paths.tracing);
    if (!formats) return formats.error();
    if (const std::string user = excluding_user(paths); !user.empty()) return excluded_by(user);
    // What a killed engine left is looked at more closely when it is taken down.
    const auto left = read_record(paths.state);
    const bool perhaps_left = left && left->boot_id == boot_id(paths) && !owner_lives(*left, paths);
    if (*count != 0 && !perhaps_left) {
        const bool engine = left && left->boot_id == boot_id(paths);
        return used_by(tree.description() +
                       (engine ? "; by damon-schemes, pid " + std::to_string(left->owner) : ""));
    }
    return formats;
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
    MainlineState state;
    DamonTree tree(files, admin_of(paths));
    const auto count = tree.kdamonds();
    const auto formats = usable_here(files, paths);
    if (formats) {
        state.usable = true;
        state.found = *count == 0 ? "there, and nobody uses it"
                                  : "there; a damon-schemes that was killed left " +
                                        tree.description() + ", which the next start takes down";
        return state;
    }
    state.found = formats.error().message;
    return state;
}

}  // namespace damon_schemes
