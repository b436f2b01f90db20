// SPDX-License-Identifier: MIT
#include "engine/machine/cgroup.h"

#include <algorithm>
#include <sstream>
#include <vector>

#include "engine/targets/procfs.h"

namespace damon_schemes {

namespace {

std::string_view first_line(std::string_view text) {
    return text.substr(0, text.find('\n'));
}

// The process's path in the unified hierarchy: the line "0::PATH" of /proc/PID/cgroup.
std::optional<std::string> unified_path(std::string_view text) {
    while (!text.empty()) {
        const std::string_view line = first_line(text);
        if (line.starts_with("0::/")) return std::string(line.substr(3));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> cgroup2_mount(std::string_view mountinfo) {
    while (!mountinfo.empty()) {
        const std::string_view line = first_line(mountinfo);
        // id parent major:minor root mount-point options [fields] - type source options; proc(5).
        const auto dash = line.find(" - ");
        if (dash != std::string_view::npos && line.substr(dash + 3).starts_with("cgroup2 ")) {
            std::istringstream words{std::string(line)};
            std::string id, parent, device, root, point;
            if (words >> id >> parent >> device >> root >> point) return point;
        }
        mountinfo.remove_prefix(std::min(line.size() + 1, mountinfo.size()));
    }
    return std::nullopt;
}

std::optional<CgroupSwapLimit> tightest_swap_limit(std::int32_t pid, const MachinePaths& paths) {
    const auto membership = read_file(paths.proc + "/" + std::to_string(pid) + "/cgroup");
    const auto mountinfo = read_file(paths.proc + "/self/mountinfo");
    if (!membership || !mountinfo) return std::nullopt;
    auto path = unified_path(*membership);
    const auto mount = cgroup2_mount(*mountinfo);
    // A path outside of our own cgroup namespace starts with "/..": it cannot be reached from here.
    if (!path || !mount || path->starts_with("/..")) return std::nullopt;

    std::optional<CgroupSwapLimit> tightest;
    while (!path->empty()) {
        const std::string folder = *mount + (*path == "/" ? "" : *path);
        const auto max = read_file(folder + "/memory.swap.max");
        const auto current = read_file(folder + "/memory.swap.current");
        if (max && current) {
            // "max" is no number, and no limit.
            const auto limit = parse_number(first_line(*max));
            const auto used = parse_number(first_line(*current));
            if (limit && used) {
                const CgroupSwapLimit found{*path, Bytes{*limit}, Bytes{*used}};
                if (!tightest || found.left() < tightest->left()) tightest = found;
            }
        }
        if (*path == "/") break;
        path->resize(path->rfind('/'));
        if (path->empty()) *path = "/";
    }
    return tightest;
}

}  // namespace damon_schemes
