// SPDX-License-Identifier: MIT
// How much memory a process may have locked: its RLIMIT_MEMLOCK, and who is above it.  Any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "schemes/observation.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace damon_schemes {

// As the kernel keeps it, in bytes; RLIM_INFINITY: none.
struct MemlockLimit {
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
    bool operator==(const MemlockLimit&) const = default;
};
// Errors: as prlimit(2) says.
Result<MemlockLimit> memlock_limit_of(std::int32_t pid);
Result<void> set_memlock_limit(std::int32_t pid, const MemlockLimit& limit);

// What a limit has to become for `needed` bytes to be locked, as far as that may be raised; the
// same where nothing has to be, or may be.
MemlockLimit raised_for(const MemlockLimit& limit, Bytes needed, RaiseMemlock raise);

// `process_folder` is an open /proc/PID.
// Whether no limit holds for it: it has CAP_IPC_LOCK in the machine's own user namespace.
bool locks_without_limit(int process_folder);
// VmLck: what it has locked, in bytes of address space, whoever asked for it; nullopt: not known.
std::optional<Bytes> locked_by(int process_folder);

}  // namespace damon_schemes
