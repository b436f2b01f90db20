// SPDX-License-Identifier: MIT
#include "engine/actions/memlock_limit.h"

#include <linux/capability.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "engine/targets/procfs.h"

namespace damon_schemes {

namespace {

// PROC_USER_INIT_INO (linux/proc_ns.h): the first user namespace has this number on every kernel.
constexpr std::string_view first_user_namespace = "user:[4026531837]";

Error failure(std::int32_t pid, const char* what) {
    const int error = errno;
    return {ErrorKind::runtime,
            "RLIMIT_MEMLOCK of process " + std::to_string(pid) + " cannot be " + what + ": " +
                std::strerror(error) + ".",
            error};
}

}  // namespace

Result<MemlockLimit> memlock_limit_of(std::int32_t pid) {
    rlimit limit{};
    if (::prlimit(pid, RLIMIT_MEMLOCK, nullptr, &limit) != 0) return failure(pid, "read");
    return MemlockLimit{limit.rlim_cur, limit.rlim_max};
}

Result<void> set_memlock_limit(std::int32_t pid, const MemlockLimit& limit) {
    const rlimit set{limit.soft, limit.hard};
    if (::prlimit(pid, RLIMIT_MEMLOCK, &set, nullptr) != 0) return failure(pid, "set");
    return {};
}

MemlockLimit raised_for(const MemlockLimit& limit, Bytes needed, RaiseMemlock raise) {
    MemlockLimit raised = limit;
    if (raise == RaiseMemlock::never || limit.soft == RLIM_INFINITY || needed.count <= limit.soft)
        return raised;
    if (raise == RaiseMemlock::hard && limit.hard != RLIM_INFINITY)
        raised.hard = std::max(limit.hard, needed.count);
    raised.soft = std::min<std::uint64_t>(needed.count, raised.hard);
    return raised;
}

bool locks_without_limit(int process_folder) {
    const auto status = read_file_at(process_folder, "status");
    const auto effective = status ? number_of(*status, "CapEff", 16) : std::nullopt;
    if (!effective || (*effective >> CAP_IPC_LOCK & 1) == 0) return false;
    std::array<char, 64> link{};
    const ssize_t size = ::readlinkat(process_folder, "ns/user", link.data(), link.size());
    return size > 0 &&
           std::string_view(link.data(), static_cast<std::size_t>(size)) == first_user_namespace;
}

std::optional<Bytes> locked_by(int process_folder) {
    const auto status = read_file_at(process_folder, "status");
    if (!status) return std::nullopt;
    return kilobytes_of(*status, "VmLck");
}

}  // namespace damon_schemes
