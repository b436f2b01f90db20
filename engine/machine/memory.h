// SPDX-License-Identifier: MIT
// The machine's memory, its swap, and what compressed swap takes of the memory itself.  Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes {

// Where procfs and sysfs are mounted; tests lay out their own.
struct MachinePaths {
    std::string proc = "/proc";
    std::string sys = "/sys";
};

struct MachineMemory {
    Bytes total;
    Bytes free;
    Bytes available;  // the kernel's estimate of what programs could still get without swapping
    Bytes
        page_cache;  // Buffers + Cached - Shmem + SReclaimable: can be given back without swapping
    Bytes swap_total;
    Bytes swap_free;
    Bytes swap_cached;  // in swap and in memory at once
    Bytes zram;         // memory that zram devices take for what they hold

    // What cannot be had back without swapping or killing: total - free - page cache.  It holds
    // zram's own memory, which zram takes from the same total; so its fall is net of zram's growth.
    // Not total - available: that estimate also takes watermarks and half of the page cache away,
    // and jumps with them.
    Bytes used() const;
    // Of all swap; nothing (0) where there is no swap.
    Share free_swap_share() const;
    // MemFree of MemTotal, as DAMON's watermarks mean it: the page cache does not count.
    Share free_memory_share() const;
    // What can still be had: available and free swap, of all memory and all swap.
    Share headroom_share() const;
};
std::optional<MachineMemory> parse_meminfo(std::string_view text);
// nullopt: /proc/meminfo cannot be read (ProcSubset=pid hides it, for example).
std::optional<MachineMemory> memory_of_machine(const MachinePaths& paths = {});

// What all zram devices together hold.  Reading it may wait for one that is being reset.
struct ZramUse {
    Bytes given;       // as it was before it was compressed (orig_data_size)
    Bytes compressed;  // what became of it (compr_data_size)
    Bytes taken;       // of memory (mem_used_total)
    // Of what was given; nullopt: that is too little to say.  Not of what is taken: where much came
    // back, that is full of holes, which the next pages fill.
    std::optional<Share> saving() const;
};
ZramUse zram_use(const MachinePaths& paths = {});

struct SwapDevice {
    std::string name;  // path of the device or file
    std::string type;  // "partition" or "file"
    Bytes size;
    Bytes used;
    std::int32_t priority = 0;
    bool zram = false;
};
std::vector<SwapDevice> parse_swaps(std::string_view text);
std::vector<SwapDevice> swap_devices(const MachinePaths& paths = {});

}  // namespace damon_schemes
