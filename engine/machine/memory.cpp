// SPDX-License-Identifier: MIT
#include "engine/machine/memory.h"

#include <dirent.h>

#include <algorithm>
#include <memory>
#include <sstream>

#include "engine/targets/procfs.h"

namespace damon_schemes {

namespace {

// What zram needs for itself weighs more than what it saves of less than that.
constexpr Bytes least_given = mebibytes(16);

Bytes difference(Bytes from, Bytes what) {
    return from > what ? from - what : Bytes{};
}

Share share_of(Bytes part, Bytes whole) {
    if (whole.count == 0) return {0};
    // In double: bytes times a million may overflow on the largest machines.
    const double share = static_cast<double>(part.count) / static_cast<double>(whole.count);
    return {static_cast<std::uint32_t>(std::clamp(share, 0.0, 1.0) * 1'000'000)};
}

}  // namespace

Bytes MachineMemory::used() const {
    return difference(total, free + page_cache);
}

Share MachineMemory::free_swap_share() const {
    return share_of(swap_free, swap_total);
}

Share MachineMemory::free_memory_share() const {
    return share_of(free, total);
}

Share MachineMemory::headroom_share() const {
    return share_of(available + swap_free, total + swap_total);
}

std::optional<MachineMemory> parse_meminfo(std::string_view text) {
    const auto total = kilobytes_of(text, "MemTotal");
    const auto free = kilobytes_of(text, "MemFree");
    const auto available = kilobytes_of(text, "MemAvailable");
    if (!total || !free || !available) return std::nullopt;
    const auto amount = [&](std::string_view key) {
        return kilobytes_of(text, key).value_or(Bytes{});
    };

    MachineMemory memory;
    memory.total = *total;
    memory.free = *free;
    memory.available = *available;
    memory.page_cache =
        difference(amount("Buffers") + amount("Cached") + amount("SReclaimable"), amount("Shmem"));
    memory.swap_total = amount("SwapTotal");
    memory.swap_free = amount("SwapFree");
    memory.swap_cached = amount("SwapCached");
    return memory;
}

std::optional<MachineMemory> memory_of_machine(const MachinePaths& paths) {
    const auto text = read_file(paths.proc + "/meminfo");
    if (!text) return std::nullopt;
    auto memory = parse_meminfo(*text);
    if (memory) memory->zram = zram_use(paths).taken;
    return memory;
}

ZramUse zram_use(const MachinePaths& paths) {
    struct Close {
        void operator()(DIR* folder) const { ::closedir(folder); }
    };
    const std::string block = paths.sys + "/block";
    const std::unique_ptr<DIR, Close> folder(::opendir(block.c_str()));
    ZramUse sum;
    if (!folder) return sum;
    while (const dirent* entry = ::readdir(folder.get())) {
        const std::string_view name = entry->d_name;
        if (!name.starts_with("zram")) continue;
        const auto text = read_file(block + "/" + std::string(name) + "/mm_stat");
        if (!text) continue;
        // orig_data_size compr_data_size mem_used_total …, all in bytes
        // (Documentation/admin-guide/blockdev/zram.rst).
        std::istringstream numbers(*text);
        std::uint64_t stored = 0, compressed = 0, used = 0;
        if (!(numbers >> stored >> compressed >> used)) continue;
        sum.given += Bytes{stored};
        sum.compressed += Bytes{compressed};
        sum.taken += Bytes{used};
    }
    return sum;
}

std::optional<Share> ZramUse::saving() const {
    if (given < least_given) return std::nullopt;
    return share_of(difference(given, compressed), given);
}

std::vector<SwapDevice> parse_swaps(std::string_view text) {
    std::vector<SwapDevice> devices;
    std::istringstream lines{std::string(text)};
    std::string line;
    std::getline(lines, line);  // the headings
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        SwapDevice device;
        std::uint64_t size = 0, used = 0;
        if (!(words >> device.name >> device.type >> size >> used >> device.priority)) continue;
        device.size = kibibytes(size);
        device.used = kibibytes(used);
        device.zram = device.name.find("/zram") != std::string::npos;
        devices.push_back(std::move(device));
    }
    return devices;
}

std::vector<SwapDevice> swap_devices(const MachinePaths& paths) {
    const auto text = read_file(paths.proc + "/swaps");
    return text ? parse_swaps(*text) : std::vector<SwapDevice>{};
}

}  // namespace damon_schemes
