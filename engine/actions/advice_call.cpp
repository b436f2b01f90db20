// SPDX-License-Identifier: MIT
#include "engine/actions/advice_call.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "engine/actions/chunk.h"
#include "engine/targets/process.h"
#include "engine/targets/waiting_child.h"

namespace damon_schemes {

namespace {

// Whether the kernel knows this advice for another process: what it does not know is EINVAL, and
// so are ranges that it cannot do it with, which these are not.
std::optional<bool> takes(int pidfd, const iovec& range, int advice) {
    if (advise_process(pidfd, &range, 1, advice) >= 0) return true;
    switch (errno) {
        case EINVAL:
            return false;
        case ENOMEM:  // no huge page to be had just now
        case EAGAIN:
        case EBUSY:
            return true;
        default:
            return std::nullopt;
    }
}

}  // namespace

ssize_t advise_process(int pidfd, const iovec* ranges, std::size_t count, int advice) {
    return ::syscall(SYS_process_madvise, pidfd, ranges, count, advice, 0U);
}

AdviceSupport try_advice() {
    AdviceSupport support;
    const std::size_t room = 2 * huge_page_size.count;
    void* memory = ::mmap(nullptr, room, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return support;
    const std::uint64_t first = reinterpret_cast<std::uint64_t>(memory);
    const std::uint64_t block = (first + huge_page_size.count - 1) & ~(huge_page_size.count - 1);
    {
        // Its own page, so that there is something to collapse.
        const WaitingChild child([block] { *reinterpret_cast<volatile char*>(block) = 1; });
        if (const auto process = open_process(child.pid())) {
            const iovec range{reinterpret_cast<void*>(block), huge_page_size.count};
            const int pidfd = process->pidfd.get();
            support.collapse = takes(pidfd, range, advice_collapse);
            support.hugepage = takes(pidfd, range, MADV_HUGEPAGE);
            support.nohugepage = takes(pidfd, range, MADV_NOHUGEPAGE);
        }
    }
    ::munmap(memory, room);
    return support;
}

}  // namespace damon_schemes
