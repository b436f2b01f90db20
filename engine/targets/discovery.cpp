// SPDX-License-Identifier: MIT
#include "engine/targets/discovery.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#include "engine/targets/procfs.h"
#include "schemes/pattern.h"

namespace damon_schemes {

namespace {

// Of systemd's, and what everything else on the machine talks to.
constexpr auto core_units = std::to_array<std::string_view>(
    {"init.scope", "systemd-journald*.service", "systemd-udevd.service", "systemd-logind.service",
     "elogind.service", "dbus.service", "dbus-broker.service"});
// Our programs' names begin like this.
constexpr std::string_view own_name = "damon-schemes";

constexpr AskedFacts all_of_place{.executable = true, .cgroup = true};

// When its first turn is: each process has a time of its own, so that what was found at once is
// not read at once for ever.
Duration first_turn_of(std::int32_t pid, Duration round) {
    const std::uint32_t mixed = static_cast<std::uint32_t>(pid) * 2654435761U;  // Knuth
    return round / 65536 * (mixed >> 16);
}

}  // namespace

Result<std::unique_ptr<Discovery>> Discovery::make(const std::vector<TargetSelector>& rules,
                                                   const std::string& proc,
                                                   const std::vector<Kept>& kept) {
    auto made = TargetRules::make(rules);
    if (!made) return made.error();
    auto reader = FactsReader::open(proc);
    if (!reader) return reader.error();
    std::unique_ptr<Discovery> discovery(new Discovery(std::move(*made), std::move(*reader), proc));
    if (!discovery->folder_)
        return Error{ErrorKind::runtime, proc + " cannot be listed: too many open files?", EMFILE};
    for (const Kept& each : kept) discovery->kept_[each.pid] = each;
    return discovery;
}

Discovery::Discovery(TargetRules rules, FactsReader reader, std::string proc)
    : rules_(std::move(rules)),
      reader_(std::move(reader)),
      proc_(std::move(proc)),
      folder_(::open(proc_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
      loadavg_(::open((proc_ + "/loadavg").c_str(), O_RDONLY | O_CLOEXEC)),
      buffer_(32 * 1024) {
    if (reader_.read(static_cast<std::int32_t>(::getpid()), all_of_place, facts_))
        own_executable_ = facts_.executable;
}

Discovery::Found Discovery::look(Instant now) {
    Found found;
    if (!list(now)) return found;
    know(now);
    std::int64_t waiting = 0;
    for (Known& known : known_) {
        if (now >= known.next_read) look_at(known, now, found);
        if (known.waits) ++waiting;
    }
    waiting_ = waiting;
    return found;
}

// nullopt: it is not known here.
std::optional<std::int32_t> Discovery::last_pid() const {
    std::array<char, 128> text{};
    const ssize_t size = ::pread(loadavg_.get(), text.data(), text.size(), 0);
    std::string_view line(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    if (line.ends_with('\n')) line.remove_suffix(1);
    const auto pid = parse_number(line.substr(line.rfind(' ') + 1));
    if (!pid || *pid == 0 || *pid > INT32_MAX) return std::nullopt;
    return static_cast<std::int32_t>(*pid);
}

// False: what there is is not known.
bool Discovery::list(Instant now) {
    const auto last = last_pid();
    const std::int32_t known = last_pids_.front();
    const bool upwards =
        last && std::is_sorted(last_pids_.begin(), last_pids_.end()) && last_pids_.back() <= *last;
    std::rotate(last_pids_.begin(), last_pids_.begin() + 1, last_pids_.end());
    last_pids_.back() = last.value_or(0);

    listing_.clear();
    whole_ = !upwards || known == 0 || !offset_ || now >= next_whole_;
    if (!whole_) return known == *last || list_from(known + 1, *last);
    next_whole_ = later(now, whole_each);
    return list_from(0, INT32_MAX);
}

// Those from `pid` on, at least up to `last`.
bool Discovery::list_from(std::int32_t pid, std::int32_t last) {
    if (::lseek(folder_.get(), whole_ ? 0 : *offset_ + pid, SEEK_SET) < 0) return false;
    std::optional<std::int64_t> offset;
    bool steady = true;
    // What lies behind `last` is not worth much.
    const std::size_t space = whole_ ? buffer_.size() : 2048;
    std::int64_t next = -1;
    for (;;) {
        const ssize_t size = ::getdents64(folder_.get(), buffer_.data(), space);
        if (size < 0) return false;
        if (size == 0) break;
        for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
            const char* const entry = buffer_.data() + at;
            Listed listed;
            unsigned short length = 0;
            std::memcpy(&length, entry + offsetof(dirent64, d_reclen), sizeof length);
            std::memcpy(&listed.inode, entry + offsetof(dirent64, d_ino), sizeof listed.inode);
            at += length;
            const char* const name = entry + offsetof(dirent64, d_name);
            const char* const end = name + std::strlen(name);
            const auto [stop, error] = std::from_chars(name, end, listed.pid);
            if (error == std::errc() && stop == end && listed.pid > 0) {
                listing_.push_back(listed);
                // In procfs the place of a process is its pid and a constant
                // (fs/proc/base.c, proc_pid_readdir()).
                if (next >= 0 && !offset) offset = next - listed.pid;
                steady = steady && (next < 0 || next - listed.pid == *offset);
                std::memcpy(&next, entry + offsetof(dirent64, d_off), sizeof next);
            }
        }
        if (!listing_.empty() && listing_.back().pid > last) break;
    }
    if (whole_) offset_ = steady ? offset : std::nullopt;
    // procfs lists them so.
    const auto by_pid = [](const Listed& a, const Listed& b) { return a.pid < b.pid; };
    if (!std::is_sorted(listing_.begin(), listing_.end(), by_pid))
        std::sort(listing_.begin(), listing_.end(), by_pid);
    return true;
}

// What was listed is known; what is new, or looks so, is to be read now.
void Discovery::know(Instant now) {
    if (!whole_ && listing_.empty()) return;
    next_.clear();
    auto before = known_.begin();
    const auto pass_to = [&](std::int32_t pid) {
        for (; before != known_.end() && before->listed.pid < pid; ++before)
            if (!whole_) next_.push_back(std::move(*before));
    };
    for (const Listed& listed : listing_) {
        pass_to(listed.pid);
        if (before != known_.end() && before->listed.pid == listed.pid) {
            next_.push_back(std::move(*before++));
            if (next_.back().listed.inode == listed.inode) continue;
            next_.back().listed.inode = listed.inode;
        } else {
            next_.emplace_back();
            next_.back().listed = listed;
        }
        next_.back().next_read = now;
        next_.back().has_turn = false;
    }
    pass_to(INT32_MAX);
    known_.swap(next_);
}

void Discovery::look_at(Known& known, Instant now, Found& found) {
    ++read_;
    const bool there = reader_.read(known.listed.pid, rules_.asks(), facts_);
    if (known.young_until == Instant{} || (there && known.start_ticks != facts_.start_ticks)) {
        Known another;
        another.listed = known.listed;
        another.start_ticks = there ? facts_.start_ticks : 0;
        another.young_until = later(now, young_for);
        known = std::move(another);
    }
    std::optional<std::size_t> rule = there ? rule_now(known) : std::nullopt;
    if (rule && !may_be_found(known)) rule.reset();
    if (rule && rule != known.rule)
        found.newcomers.push_back({known.listed.pid, known.start_ticks, *rule});
    else if (there && !rule && known.rule)
        found.unfit.push_back(known.listed.pid);
    known.rule = rule;

    const bool waits = there && !rule && !known.spared && rules_.could_fit(facts_);
    const bool had_turn = known.has_turn && known.waits == waits;
    known.waits = waits;
    known.has_turn = now >= known.young_until;
    if (!known.has_turn) {
        known.next_read = now;
        return;
    }
    const Duration round =
        waits ? std::clamp(waiting_each * waiting_, shortest_waiting, longest_unread)
              : longest_unread;
    known.next_read = later(now, had_turn ? round : first_turn_of(known.listed.pid, round));
}

// By `facts_`.  One that was found keeps its rule however small it becomes, until an earlier one
// fits.
std::optional<std::size_t> Discovery::rule_now(const Known& known) {
    const auto rule = rules_.rule_of(facts_);
    const auto had = known.rule ? known.rule : rule_kept();
    if (!had || (rule && *rule < *had)) return rule;
    return rules_.fits_but_for_size(*had, facts_) ? had : rule;
}

// Of one that was found by other rules: the first of its policy's that fits but for size.
std::optional<std::size_t> Discovery::rule_kept() {
    const auto found = kept_.find(facts_.pid);
    if (found == kept_.end()) return std::nullopt;
    const Kept kept = found->second;
    kept_.erase(found);
    if (kept.start_ticks != facts_.start_ticks) return std::nullopt;
    for (std::size_t rule = kept.first_rule; rule < kept.first_rule + kept.rules; ++rule)
        if (rules_.fits_but_for_size(rule, facts_)) return rule;
    return std::nullopt;
}

// Of one that fits.  What is asked for is dear, so only once for each program that it runs.
bool Discovery::may_be_found(Known& known) {
    if (known.judged && known.judged_name == facts_.name) return !known.spared;
    known.spared = is_spared();
    known.judged_name = facts_.name;
    // It was another, or has exited, somewhere in between: the next look knows.
    known.judged = again_.start_ticks == facts_.start_ticks;
    return known.judged && !known.spared;
}

// Of the process in `facts_`; `again_` is what it is like afterwards.
bool Discovery::is_spared() {
    const auto refused = refusal(facts_.pid, proc_);
    again_.start_ticks = 0;
    if (!reader_.read(facts_.pid, all_of_place, again_) || refused) return true;
    const std::string_view path = again_.executable;
    if (path.substr(path.rfind('/') + 1).starts_with(own_name)) return true;
    if (!path.empty() && path == own_executable_) return true;
    const std::string_view unit = unit_of(again_.cgroup);
    return std::any_of(core_units.begin(), core_units.end(),
                       [&](std::string_view core) { return matches_pattern(unit, core); });
}

std::optional<Process> open_newcomer(const Discovery::Newcomer& newcomer, const std::string& proc) {
    auto process = open_process(newcomer.pid);
    if (!process) return std::nullopt;
    // It may have exited meanwhile, and the pid be another's; after this it cannot.
    const auto stat = read_process_stat(newcomer.pid, proc);
    if (!stat || stat->start_ticks != newcomer.start_ticks || !process->alive())
        return std::nullopt;
    return std::move(*process);
}

}  // namespace damon_schemes
