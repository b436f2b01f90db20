// SPDX-License-Identifier: MIT
#include "engine/remote/helper/target_memory.h"

#include <unistd.h>

#include <cstring>
#include <ctime>

namespace damon_schemes::helper {

bool TargetMemory::read(std::uint64_t address, void* to, std::size_t size) const {
    return ::pread(descriptor_, to, size, static_cast<off_t>(address)) ==
           static_cast<ssize_t>(size);
}

TargetMemory::Found TargetMemory::call_instruction_at(std::uint64_t address) const {
    unsigned char found[sizeof architecture::call_instruction] = {};
    const ssize_t length = ::pread(descriptor_, found, sizeof found, static_cast<off_t>(address));
    if (length == 0) return Found::replaced;  // mem_rw() in fs/proc/base.c: no users of it are left
    return length == static_cast<ssize_t>(sizeof found) &&
                   std::memcmp(found, architecture::call_instruction, sizeof found) == 0
               ? Found::yes
               : Found::no;
}

std::uint64_t TargetMemory::length_of(const architecture::Timeout& timeout) const {
    using Kind = architecture::Timeout::Kind;
    std::uint64_t address = timeout.value;
    switch (timeout.kind) {
        case Kind::none:
            return 0;
        case Kind::milliseconds:
            return timeout.value * 1'000'000;
        case Kind::timespec_behind:
            if (!read(timeout.value, &address, sizeof address) || address == 0) return 0;
            break;
        case Kind::timespec_at:
            break;
    }
    timespec time{};
    if (!read(address, &time, sizeof time) || time.tv_sec < 0) return 0;
    constexpr std::uint64_t longest_seconds = 1'000'000'000;
    const auto seconds = static_cast<std::uint64_t>(time.tv_sec);
    if (seconds > longest_seconds) return longest_seconds * 1'000'000'000;
    return seconds * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace damon_schemes::helper
