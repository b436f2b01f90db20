// SPDX-License-Identifier: MIT
#include "engine/monitors/damon_tree.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "engine/targets/procfs.h"

namespace damon_schemes {
namespace {

// The kernel only tries for the lock of all of DAMON's files: EBUSY mostly means that somebody else
// reads one of them right now.  The longest that it is held is an aggregation interval.
constexpr int busy_tries = 200;
constexpr int busy_pause_ms = 5;

template <typename Attempt>
auto patiently(const Attempt& attempt) {
    auto result = attempt();
    for (int i = 0; i < busy_tries && !result && result.error().code == EBUSY; ++i) {
        ::poll(nullptr, 0, busy_pause_ms);
        result = attempt();
    }
    return result;
}

}  // namespace

DamonTree::DamonTree(KernelFiles& files, std::string folder)
    : files_(files), folder_(std::move(folder)) {}

Result<std::string> DamonTree::read(const std::string& path) const {
    return patiently([&] { return files_.read(path); });
}

Result<void> DamonTree::put(const std::string& path, const std::string& text) {
    return patiently([&] { return files_.write(own_ + path, text); });
}

bool DamonTree::shows(const std::string& path, const std::string& text) const {
    const auto shown = read(own_ + path);
    return shown && *shown == text;
}

Result<std::uint64_t> DamonTree::kdamonds() const {
    const auto text = read(folder_ + "/kdamonds/nr_kdamonds");
    if (!text && (text.error().code == EACCES || text.error().code == EPERM)) {
        return Error{ErrorKind::unsupported,
                     "mainline DAMON's files are root's alone (" + folder_ + "): run as root",
                     text.error().code};
    }
    if (!text) {
        return Error{ErrorKind::unsupported,
                     "this kernel has no DAMON that can be used (no " + folder_ +
                         "): it is built without CONFIG_DAMON_SYSFS",
                     text.error().code};
    }
    const auto number = parse_number(*text);
    if (!number) {
        return Error{ErrorKind::unsupported,
                     folder_ + "/kdamonds/nr_kdamonds says '" + *text + "', which is no number",
                     EPROTO};
    }
    return *number;
}

std::string DamonTree::description() const {
    const auto count = kdamonds();
    if (!count) return count.error().message;
    std::string text;
    for (std::uint64_t index = 0; index < *count; ++index) {
        const std::string folder = folder_ + "/kdamonds/" + std::to_string(index);
        const auto state = read(folder + "/state");
        const auto pid = read(folder + "/pid");
        const auto operations = read(folder + "/contexts/0/operations");
        text += (index == 0 ? "" : "; ") + ("kdamond " + std::to_string(index));
        text += state ? " is " + *state : " cannot be read";
        if (pid && *pid != "-1") text += " (pid " + *pid + ")";
        if (operations) text += ", " + *operations;
        std::string pids;
        for (std::size_t place = 0;; ++place) {
            const auto target =
                read(folder + "/contexts/0/targets/" + std::to_string(place) + "/pid_target");
            if (!target) break;
            pids += (place == 0 ? "" : ", ") + *target;
        }
        if (!pids.empty() && operations && *operations != "paddr") text += ", watching pid " + pids;
    }
    return text.empty() ? "none" : text;
}

Result<void> DamonTree::hold() {
    const std::string path = folder_ + "/kdamonds/0";
    Descriptor held(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat status {};
    if (!held || ::fstat(held.get(), &status) != 0)
        return Error{ErrorKind::runtime, "cannot open " + path, errno};
    held_ = std::move(held);
    own_ = "/proc/self/fd/" + std::to_string(held_.get());
    inode_ = status.st_ino;
    return {};
}

Result<void> DamonTree::claim() {
    const auto count = kdamonds();
    if (!count) return count.error();
    if (*count != 0) return Error{ErrorKind::unsupported, "somebody set up a kdamond", EBUSY};
    const std::string file = folder_ + "/kdamonds/nr_kdamonds";
    if (auto written = patiently([&] { return files_.write(file, "1"); }); !written) return written;
    if (auto held = hold(); !held) return held;
    // Somebody may have claimed it in the same moment, and begun to set up another.
    if (ours() && shows("/contexts/nr_contexts", "0")) return {};
    held_ = Descriptor();
    inode_ = 0;
    return Error{ErrorKind::runtime, "somebody else set up a kdamond in the same moment", EBUSY};
}

bool DamonTree::adopt(std::uint64_t inode) {
    if (!hold()) return false;
    if (inode_ == inode && ours()) return true;
    held_ = Descriptor();
    inode_ = 0;
    return false;
}

bool DamonTree::ours() const {
    if (!held_) return false;
    const auto count = kdamonds();
    struct stat status {};
    return count && *count == 1 && ::stat((folder_ + "/kdamonds/0").c_str(), &status) == 0 &&
           status.st_ino == inode_;
}

DamonTree::Shown DamonTree::shown(const KdamondSetup& setup) const {
    bool all = true;
    for (const KdamondFile& file : setup) {
        const auto text = read(own_ + file.path);
        // In a folder that was not made yet.
        const bool missing = !text && text.error().code == ENOENT;
        if (!missing && (!text || (*text != file.text && *text != file.first))) return Shown::other;
        if (missing || *text != file.text) all = false;
    }
    return all ? Shown::all : Shown::part;
}

Result<void> DamonTree::write(const KdamondSetup& setup) {
    for (const KdamondFile& file : setup) {
        // Writing a number of folders deletes those that are there, also where it is the same.
        const bool folders = file.path.compare(file.path.rfind('/') + 1, 3, "nr_") == 0;
        if (folders && shows(file.path, file.text)) continue;
        auto written = put(file.path, file.text);
        if (!written && file.path.ends_with("/operations") && written.error().code == EINVAL) {
            return Error{ErrorKind::unsupported,
                         "this kernel's DAMON does not have the operations '" + file.text +
                             "': it is built without CONFIG_DAMON_VADDR or CONFIG_DAMON_PADDR",
                         written.error().code};
        }
        if (!written) return written;
    }
    if (ours() && shown(setup) == Shown::all) return {};
    return Error{ErrorKind::runtime,
                 "somebody else changes the kdamond that was being set up; what is there now: " +
                     description(),
                 EBUSY};
}

Result<bool> DamonTree::running() const {
    const auto state = read(own_ + "/state");
    if (!state) return state.error();
    return *state == "on";
}

Result<std::int32_t> DamonTree::pid() const {
    const auto text = read(own_ + "/pid");
    if (!text) return text.error();
    const auto number = parse_number(*text);
    if (!number || *number == 0 || *number > INT32_MAX)
        return Error{ErrorKind::runtime, "the kdamond does not run", ESRCH};
    return static_cast<std::int32_t>(*number);
}

Result<void> DamonTree::turn_on() {
    return put("/state", "on");
}

Result<void> DamonTree::turn_off() {
    auto off = put("/state", "off");
    // It ended by itself, or was never on.
    if (!off && (off.error().code == EPERM || off.error().code == EINVAL)) return {};
    return off;
}

Result<void> DamonTree::commit() {
    return put("/state", "commit");
}

Result<void> DamonTree::update_stats() {
    return put("/state", "update_schemes_stats");
}

Result<std::uint64_t> DamonTree::number_in(const std::string& path) const {
    const auto text = read(own_ + path);
    if (!text) return text.error();
    const auto number = parse_number(*text);
    if (!number) return Error{ErrorKind::runtime, path + " says '" + *text + "'", EPROTO};
    return *number;
}

Result<void> DamonTree::give_up() {
    if (ours()) {
        const std::string file = folder_ + "/kdamonds/nr_kdamonds";
        if (auto gone = patiently([&] { return files_.write(file, "0"); }); !gone) return gone;
    }
    held_ = Descriptor();
    inode_ = 0;
    return {};
}

}  // namespace damon_schemes
