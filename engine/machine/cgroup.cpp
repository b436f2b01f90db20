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
std::optional<std::string_view> unified_path(std::string_view text) {
    while (!text.empty()) {
        const std::string_view line = first_line(text);
        if (line.starts_with("0::/")) return line.substr(3);
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string_view> cgroup_in(std::string_view membership) {
    const auto path = unified_path(membership);
    // A path outside of our own cgroup namespace starts with "/..": it cannot be reached from here.
    if (!path || path->starts_with("/..")) return std::nullopt;
    return path;
}

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

namespace {

std::optional<std::string> reachable_path(const std::optional<std::string>& membership) {
    const auto path = membership ? cgroup_in(*membership) : std::nullopt;
    if (!path) return std::nullopt;
    return std::string(*path);
}

// A line "key value" of a flat keyed file (Documentation/admin-guide/cgroup-v2.rst).
std::optional<std::uint64_t> keyed_value(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const std::string_view line = first_line(text);
        if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
            return parse_number(line.substr(key.size() + 1));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> cgroup_of(std::int32_t pid, const MachinePaths& paths) {
    return reachable_path(read_file(paths.proc + "/" + std::to_string(pid) + "/cgroup"));
}

std::optional<std::string> cgroup_of_process(int process_folder) {
    return reachable_path(read_file_at(process_folder, "cgroup"));
}

std::optional<std::string> cgroup_folder(const std::string& cgroup, const MachinePaths& paths) {
    const auto mountinfo = read_file(paths.proc + "/self/mountinfo");
    const auto mount = mountinfo ? cgroup2_mount(*mountinfo) : std::nullopt;
    if (!mount) return std::nullopt;
    return *mount + (cgroup == "/" ? "" : cgroup);
}

std::optional<WorkingsetRefaults> refaults_of(const std::string& cgroup,
                                              const MachinePaths& paths) {
    const auto folder = cgroup_folder(cgroup, paths);
    const auto text = folder ? read_file(*folder + "/memory.stat") : std::nullopt;
    if (!text) return std::nullopt;
    const auto anonymous = keyed_value(*text, "workingset_refault_anon");
    const auto file = keyed_value(*text, "workingset_refault_file");
    if (!anonymous || !file) return std::nullopt;
    return WorkingsetRefaults{*anonymous, *file};
}

std::optional<CgroupSwapLimit> tightest_swap_limit(std::int32_t pid, const MachinePaths& paths) {
    auto path = cgroup_of(pid, paths);
    const auto mount = cgroup_folder("/", paths);
    if (!path || !mount) return std::nullopt;

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
