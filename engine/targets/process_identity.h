// SPDX-License-Identifier: MIT
// What tells a process, and the program that it runs, from every other one: for what has to be
// known again after we have exited.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace damon_schemes {

struct ProcessIdentity {
    std::int32_t pid = 0;
    std::uint64_t start_ticks = 0;  // since boot
    // Where its code, stack, heap and arguments begin, as one number.  They lie elsewhere after
    // each exec, unless address space randomization is off for it; then the same program anew is
    // taken for the old one.
    std::uint64_t address_space = 0;
    bool operator==(const ProcessIdentity&) const = default;
};

// Of a line of /proc/PID/stat; nullopt: not a line of that form.
std::optional<ProcessIdentity> parse_process_identity(std::string_view stat);
// `process_folder` is an open /proc/PID.  nullopt: it has exited.  Any thread.
std::optional<ProcessIdentity> identity_of(int process_folder);

}  // namespace damon_schemes
