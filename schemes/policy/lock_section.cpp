// SPDX-License-Identifier: MIT
#include <array>

#include "schemes/policy/sections.h"

namespace damon_schemes {

namespace {

constexpr auto raise_names = std::to_array<std::string_view>({"never", "soft", "hard"});
constexpr auto on_exit_names = std::to_array<std::string_view>({"keep", "restore"});

void read_budget(TableReader& reader, const Table& table, LockBudget& budget) {
    if (table.node->members.empty())
        reader.fail(table.place, table.shown, "this lock says neither target nor host",
                    "write for example { target = \"64MiB\", host = \"10%\" }");
    if (is_off(table.find("target"))) {
        budget.target.reset();
    } else if (const auto target = reader.size_of(table, "target")) {
        budget.target = *target;
        if (*target < least_size)
            reader.fail_at_value(table, "target",
                                 "'target' is less than a page, 4KiB, so nothing could be locked",
                                 "write at least \"4KiB\", or \"off\" for no limit");
    }
    if (is_off(table.find("host"))) {
        budget.host.reset();
    } else if (const auto host = reader.share_of(table, "host")) {
        budget.host = *host;
        if (*host == Share{})
            reader.fail_at_value(table, "host", "'host' is 0%, so nothing could be locked",
                                 "write a share above 0%, or \"off\" for no limit");
    }
}

// Why there is nothing that could be put back.
std::string why_not_restored(Action action) {
    switch (action) {
        case Action::hugepage:
        case Action::nohugepage:
            return "a flag of a mapping can be turned into the other, and never be taken off "
                   "again, so " +
                   quoted(name_of(action)) + " cannot be undone";
        case Action::collapse:
            return "nothing splits the huge pages that 'collapse' made back into what was there "
                   "before, so it cannot be undone";
        case Action::munlock:
            return "'munlock' takes away what 'mlock' schemes locked, and there is nothing to put "
                   "back";
        case Action::stat:
            return "a scheme that only counts has nothing to put back";
        default:
            return "what " + quoted(name_of(action)) +
                   " did needs no undoing: the kernel brings memory back when it is used";
    }
}

}  // namespace

std::string_view name_of(RaiseMemlock raise) {
    return raise_names[static_cast<std::size_t>(raise)];
}
std::string_view name_of(OnExit on_exit) {
    return on_exit_names[static_cast<std::size_t>(on_exit)];
}

void read_lock_controls(TableReader& reader, const Table& table, std::optional<Action> action,
                        const MonitorAttributes& monitor, Scheme& scheme) {
    const std::string name = action ? quoted(name_of(*action)) : std::string();
    const bool locking = !action || *action == Action::mlock;
    const std::string locks_none = name + " locks nothing";
    constexpr std::string_view use_mlock = "remove it, or use it with 'mlock'";
    if (goes_with(reader, table, "populate", locking, locks_none, use_mlock))
        if (const auto populate = reader.truth_of(table, "populate")) scheme.populate = *populate;
    if (goes_with(reader, table, "lock", locking, locks_none, use_mlock))
        if (const auto lock = reader.table_in(table, "lock"))
            read_budget(reader, *lock, scheme.lock);
    if (goes_with(reader, table, "unlock", locking, locks_none + " that could be unlocked",
                  use_mlock)) {
        if (is_off(table.find("unlock"))) {
            scheme.unlock_age.reset();
        } else if (const auto unlock = reader.table_in(table, "unlock")) {
            if (const auto age =
                    read_time_of_snapshots(reader, *unlock, "age", monitor.aggregation_interval))
                scheme.unlock_age = age;
        }
    }
    if (goes_with(reader, table, "raise_memlock", locking, locks_none, use_mlock))
        if (const auto raise = reader.word_of(table, "raise_memlock", "raise_memlock", raise_names))
            scheme.raise_memlock = static_cast<RaiseMemlock>(*raise);
    if (action == Action::mlock) scheme.on_exit = OnExit::restore;
    if (const auto on_exit = reader.word_of(table, "on_exit", "on_exit", on_exit_names)) {
        scheme.on_exit = static_cast<OnExit>(*on_exit);
        if (!locking && scheme.on_exit == OnExit::restore)
            reader.fail_at_value(table, "on_exit", why_not_restored(*action),
                                 "remove it, or write \"keep\"");
    }
}

}  // namespace damon_schemes
