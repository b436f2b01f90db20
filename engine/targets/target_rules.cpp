// SPDX-License-Identifier: MIT
#include "engine/targets/target_rules.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "engine/machine/cgroup.h"
#include "engine/targets/procfs.h"
#include "schemes/pattern.h"

namespace damon_schemes {

namespace {

// /proc/PID/cgroup has a line with a path for each hierarchy, and a dozen at most.
constexpr std::size_t longest_text = 64 * 1024;

using FileName = std::array<char, 32>;

FileName file_of(std::int32_t pid, const char* file) {
    FileName name{};
    std::snprintf(name.data(), name.size(), "%d/%s", pid, file);
    return name;
}

Result<std::uint32_t> uid_of(const std::string& user) {
    if (const auto uid = parse_number(user); uid && *uid < UINT32_MAX)
        return static_cast<std::uint32_t>(*uid);
    std::vector<char> memory(1024);
    passwd entry{};
    passwd* found = nullptr;
    int error = 0;
    while ((error = ::getpwnam_r(user.c_str(), &entry, memory.data(), memory.size(), &found)) ==
               ERANGE &&
           memory.size() < (1U << 20))
        memory.resize(memory.size() * 2);
    if (found != nullptr) return static_cast<std::uint32_t>(entry.pw_uid);
    // What says that there is none differs between the sources of users (getpwnam(3)).
    return Error{ErrorKind::usage,
                 "a target's user is '" + user +
                     "', whom this machine does not know. `getent passwd` "
                     "lists users; a uid in quotes does as well.",
                 error};
}

bool fits_name(const std::string& pattern, const ProcessFacts& facts) {
    if (matches_pattern(facts.name, pattern)) return true;
    const std::string_view path = facts.executable;
    return !path.empty() && matches_pattern(path.substr(path.rfind('/') + 1), pattern);
}

}  // namespace

std::string_view unit_of(std::string_view cgroup) {
    while (!cgroup.empty()) {
        const std::size_t slash = cgroup.rfind('/');
        std::string_view part = cgroup.substr(slash + 1);
        // systemd, cg_escape().
        if (part.starts_with('_')) part.remove_prefix(1);
        if (is_unit_name(part)) return part;
        if (slash == std::string_view::npos) break;
        cgroup = cgroup.substr(0, slash);
    }
    return {};
}

Result<TargetRules> TargetRules::make(const std::vector<TargetSelector>& selectors) {
    TargetRules rules;
    for (const TargetSelector& selector : selectors) {
        Rule rule{selector, std::nullopt};
        if (selector.user) {
            const auto uid = uid_of(*selector.user);
            if (!uid) return uid.error();
            rule.uid = *uid;
        }
        rules.asks_.executable |= selector.name || selector.executable;
        rules.asks_.user |= selector.user.has_value();
        rules.asks_.cgroup |= selector.unit || selector.cgroup;
        rules.rules_.push_back(std::move(rule));
    }
    return rules;
}

bool TargetRules::fits_but_for_size(std::size_t rule, const ProcessFacts& facts) const {
    const auto& [selector, uid] = rules_[rule];
    if (selector.pid && *selector.pid != facts.pid) return false;
    if (uid && *uid != facts.uid) return false;
    if (selector.name && !fits_name(*selector.name, facts)) return false;
    // What is not known is empty, which a lone * would fit.
    if (selector.executable &&
        (facts.executable.empty() || !matches_pattern(facts.executable, *selector.executable)))
        return false;
    if (selector.cgroup &&
        (facts.cgroup.empty() || !matches_pattern(facts.cgroup, *selector.cgroup)))
        return false;
    if (selector.unit) {
        const std::string_view unit = unit_of(facts.cgroup);
        if (unit.empty() || !matches_pattern(unit, *selector.unit)) return false;
    }
    return true;
}

std::optional<std::size_t> TargetRules::rule_of(const ProcessFacts& facts) const {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        const auto& least = rules_[i].selector.min_rss;
        if ((!least || facts.rss >= *least) && fits_but_for_size(i, facts)) return i;
    }
    return std::nullopt;
}

bool TargetRules::could_fit(const ProcessFacts& facts) const {
    for (std::size_t i = 0; i < rules_.size(); ++i)
        if (fits_but_for_size(i, facts)) return true;
    return false;
}

Result<FactsReader> FactsReader::open(const std::string& proc) {
    FactsReader reader;
    reader.proc_ = Descriptor(::open(proc.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!reader.proc_) {
        const int error = errno;
        return Error{ErrorKind::runtime, proc + ": " + std::strerror(error), error};
    }
    reader.buffer_.resize(longest_text);
    return reader;
}

std::string_view FactsReader::text_of(std::int32_t pid, const char* file) {
    const Descriptor opened(::openat(proc_.get(), file_of(pid, file).data(), O_RDONLY | O_CLOEXEC));
    std::size_t size = 0;
    while (opened && size < buffer_.size()) {
        const ssize_t got = ::read(opened.get(), buffer_.data() + size, buffer_.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return {};
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    return {buffer_.data(), size};
}

void FactsReader::read_executable(std::int32_t pid, std::string& path) {
    const ssize_t length =
        ::readlinkat(proc_.get(), file_of(pid, "exe").data(), buffer_.data(), buffer_.size());
    std::string_view target(buffer_.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    // What the kernel appends when the file was replaced, by a package update for example.
    constexpr std::string_view deleted = " (deleted)";
    if (target.ends_with(deleted)) target.remove_suffix(deleted.size());
    path = target;
}

bool FactsReader::read(std::int32_t pid, const AskedFacts& asked, ProcessFacts& facts) {
    const auto process = parse_process_stat(text_of(pid, "stat"));
    if (!process || process->kernel_thread || process->zombie()) return false;
    facts.pid = pid;
    facts.start_ticks = process->start_ticks;
    facts.name = process->comm;
    facts.rss = process->rss;
    if (asked.executable) read_executable(pid, facts.executable);
    if (asked.user) {
        // The folder's owner is the effective user, unlike its files' also of a process that
        // cannot be dumped (fs/proc/base.c, task_dump_owner()).
        struct stat folder {};
        if (::fstatat(proc_.get(), std::to_string(pid).c_str(), &folder, 0) != 0) return false;
        facts.uid = folder.st_uid;
    }
    if (asked.cgroup) {
        const auto cgroup = cgroup_in(text_of(pid, "cgroup"));
        facts.cgroup = cgroup.value_or(std::string_view());
    }
    return true;
}

}  // namespace damon_schemes
