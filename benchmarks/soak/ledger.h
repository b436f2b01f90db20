// SPDX-License-Identifier: MIT
// What the soak's processes share: who lives, what was done how often, what went wrong.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace damon_schemes::soak {

enum class Deed : std::uint8_t {
    // victims
    map,
    unmap,
    touch,
    advise,
    protect,
    move,
    grow_stack,
    fork,
    vfork,
    exec,
    exec_from_thread,
    exit,
    killed_victim,
    // watchers
    session,
    set_attributes,
    add,
    add_refused,  // gone, watched already, or no room
    remove,
    start,
    stop,
    read_stats,
    scan,
    scan_refused,  // gone, another program, stopped, or no flushes
    snapshot,
    lost_snapshot,
    close_while_running,
    end_without_close,
    inherited,
    killed_watcher,
    // the one session that nothing disturbs
    steady_snapshot,
    count_,
};
inline constexpr std::size_t deed_count = static_cast<std::size_t>(Deed::count_);
const char* name_of(Deed deed);

inline constexpr std::size_t max_victims = 12;
inline constexpr std::size_t max_failures = 16;
inline constexpr std::size_t failure_bytes = 240;

// Lies in a memfd that all processes map, also over an exec; so no pointer and no lock: any of them
// may be killed at any moment.
struct Ledger {
    std::array<std::atomic<std::uint64_t>, deed_count> deeds;
    std::array<std::atomic<pid_t>, max_victims> victims;  // 0: the place is free
    std::atomic<std::uint64_t> seeds;                     // the next process's stream
    std::atomic<std::uint32_t> failures;                  // how many; the first ones' texts follow
    std::array<std::array<char, failure_bytes>, max_failures> failure_texts;

    void count(Deed deed) { deeds[static_cast<std::size_t>(deed)]++; }
    std::uint64_t counted(Deed deed) const { return deeds[static_cast<std::size_t>(deed)]; }
    void fail(const std::string& what);

    // Takes a place for a process to be born; nullptr where all are taken.
    std::atomic<pid_t>* take_place();
    void leave(pid_t pid);
    // A victim's pid, perhaps of one that is gone already; 0: none lives.
    pid_t any_victim(std::uint64_t random) const;
};

// Makes the memory; the descriptor goes over exec.  Throws std::runtime_error.
int make_ledger();
Ledger* map_ledger(int descriptor);

}  // namespace damon_schemes::soak
