// SPDX-License-Identifier: MIT
// Remote system calls without a remote: the target of the test is the test itself, which makes the
// calls that it is asked for.
#pragma once

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <optional>
#include <vector>

#include "engine/remote/remote_caller.h"

namespace damon_schemes::testing {

class SelfCaller final : public RemoteCaller {
  public:
    RemoteOutcome call(const RemoteRequest& request, const RemoteCancelled& cancelled) override {
        requests.push_back(request);
        if (on_call) on_call(request);
        RemoteOutcome outcome;
        outcome.ranges.resize(request.ranges.size());
        if (refuse) {
            outcome.refusal = refuse;
            return outcome;
        }
        for (std::size_t i = 0; i < request.ranges.size(); ++i) {
            if (cancelled && cancelled()) {
                outcome.refusal = RemoteRefusal::cancelled;
                return outcome;
            }
            const AddressRange range = request.ranges[i];
            const bool failed = call_one(request.operation, range) != 0;
            outcome.ranges[i] = {failed ? Bytes{} : range.size(), failed ? errno : 0};
            ++outcome.calls;
            ++outcome.stops;
            outcome.stopped += std::chrono::microseconds(50);
            outcome.longest_stop = std::chrono::microseconds(50);
        }
        return outcome;
    }

    std::vector<RemoteRequest> requests;
    std::optional<RemoteRefusal> refuse;
    std::function<void(const RemoteRequest&)> on_call;  // before it is carried out

  private:
    // By their numbers: AddressSanitizer's mlock() does nothing.
    static long call_one(RemoteOperation operation, AddressRange range) {
        constexpr long onfault = 1;  // MLOCK_ONFAULT
        const auto size = static_cast<long>(range.size().count);
        switch (operation) {
            case RemoteOperation::hugepage:
                return ::syscall(SYS_madvise, range.start, size, MADV_HUGEPAGE);
            case RemoteOperation::nohugepage:
                return ::syscall(SYS_madvise, range.start, size, MADV_NOHUGEPAGE);
            case RemoteOperation::mlock:
                return ::syscall(SYS_mlock, range.start, size);
            case RemoteOperation::mlock_onfault:
                return ::syscall(SYS_mlock2, range.start, size, onfault);
            case RemoteOperation::munlock:
                return ::syscall(SYS_munlock, range.start, size);
        }
        errno = EINVAL;
        return -1;
    }
};

}  // namespace damon_schemes::testing
