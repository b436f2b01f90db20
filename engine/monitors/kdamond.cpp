// SPDX-License-Identifier: MIT
#include "engine/monitors/kdamond.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "engine/monitors/trace_instance.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {
namespace {

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
    return unsupported(user +
                           " is enabled, and the kernel lets nobody else use DAMON while it is: "
                           "turn it off (echo N > /sys/module/" +
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

Error setting_up_failed(const Error& error) {
    Error told = error;
    told.message = "mainline DAMON could not be set up: " + error.message;
    return told;
}

// Whether what it names may still be at work.
bool owner_lives(const MainlineRecord& record, const MainlinePaths& paths) {
    if (record.boot_id != boot_id(paths) || record.owner == ::getpid()) return false;
    const auto stat = read_process_stat(record.owner, paths.proc);
    return stat && !stat->zombie() && stat->start_ticks == record.owner_start;
}

}  // namespace

Result<void> may_set_up_kdamond(KernelFiles& files, const MainlinePaths& paths) {
    const DamonTree tree(files, admin_of(paths));
    const auto count = tree.kdamonds();
    if (!count) return count.error();
    if (const std::string user = excluding_user(paths); !user.empty()) return excluded_by(user);
    if (*count == 0) return {};
    // What a killed engine left is looked at more closely when it is taken down.
    const auto left = read_record(paths.state);
    const bool engines = left && left->boot_id == boot_id(paths);
    if (engines && !owner_lives(*left, paths)) return {};
    return used_by(tree.description() +
                   (engines ? "; by damon-schemes, pid " + std::to_string(left->owner) : ""));
}

std::string kdamonds_there(KernelFiles& files, const MainlinePaths& paths) {
    return DamonTree(files, admin_of(paths)).description();
}

Kdamond::Kdamond(std::shared_ptr<KernelFiles> files, MainlinePaths paths)
    : files_(std::move(files)), paths_(std::move(paths)), tree_(*files_, admin_of(paths_)) {}

Result<void> Kdamond::claim(const KdamondSetup& setup) {
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
    record_.setup = setup;
    Result<void> claimed = keeper_->write(record_);
    if (claimed) {
        claimed = tree_.claim();
        if (!claimed && claimed.error().code == EBUSY) claimed = used_by(tree_.description());
    }
    if (claimed) {
        record_.inode = tree_.inode();
        claimed = keeper_->write(record_);
    }
    if (!claimed) take_down();
    return claimed;
}

// Of an engine that was killed.  Only what is exactly as it was recorded is taken for its work.
Result<void> Kdamond::take_down_leftover() {
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

Result<void> Kdamond::turn_on(const KdamondSetup& setup) {
    record_.setup = setup;
    record_.kdamond = 0;
    if (auto written = keeper_->write(record_); !written) return written;
    if (auto written = tree_.write(setup); !written) return setting_up_failed(written.error());
    if (auto on = tree_.turn_on(); !on) {
        if (on.error().code != EBUSY) return setting_up_failed(on.error());
        const std::string user = excluding_user(paths_);
        return excluded_by(user.empty() ? "another user of DAMON (damon_reclaim?)" : user);
    }
    const auto pid = tree_.pid();
    if (!pid) return setting_up_failed(pid.error());
    record_.kdamond = *pid;
    running_ = true;
    if (auto written = keeper_->write(record_); !written) return written;
    if (tree_.shown(setup) != DamonTree::Shown::all)
        return setting_up_failed({ErrorKind::runtime, "somebody else changed it meanwhile", EBUSY});
    pidfd_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
    const auto stat = read_process_stat(*pid, paths_.proc);
    if (!pidfd_ || !stat || !stat->comm.starts_with("kdamond")) {
        return unsupported("the kdamond (pid " + std::to_string(*pid) +
                               " to the kernel) cannot be seen here: pids mean others inside of a "
                               "container; run it outside",
                           EXDEV);
    }
    return {};
}

Result<bool> Kdamond::commit(const KdamondSetup& setup) {
    record_.setup = setup;
    if (auto written = keeper_->write(record_); !written) return written.error();
    if (!tree_.ours()) return false;
    if (auto written = tree_.write(setup); !written) return setting_up_failed(written.error());
    if (auto committed = tree_.commit(); !committed) return setting_up_failed(committed.error());
    const auto pid = tree_.pid();
    return pid && *pid == record_.kdamond;
}

void Kdamond::note_end() {
    if (!running_) return;
    note_thread_time();
    running_ = false;
    earlier_time_ += std::exchange(noted_time_, Duration());
    pidfd_ = Descriptor();
}

Result<void> Kdamond::turn_off() {
    if (!running_) return {};
    note_end();
    auto off = tree_.turn_off();
    // It may be gone already, with all that it was.
    if (!off && !tree_.ours()) return {};
    return off;
}

void Kdamond::take_down() {
    note_end();
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
    if (gone) keeper_->remove();
    keeper_.reset();
}

Duration Kdamond::time_of_thread() const {
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

void Kdamond::note_thread_time() {
    if (running_) noted_time_ = std::max(noted_time_, time_of_thread());
}

Duration Kdamond::thread_time() const {
    return earlier_time_ + (running_ ? std::max(noted_time_, time_of_thread()) : Duration());
}

}  // namespace damon_schemes
