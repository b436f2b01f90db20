// SPDX-License-Identifier: MIT
#include "engine/actions/remote_advice.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace damon_schemes {

namespace {

Gap gap_of(RemoteRefusal refusal) {
    switch (refusal) {
        case RemoteRefusal::gone:
            return Gap::unmapped;
        case RemoteRefusal::cancelled:
        case RemoteRefusal::address_space:
            return Gap::cancelled;
        default:
            return Gap::remote_refused;
    }
}

}  // namespace

RemoteAdvice advise_remotely(const RemoteAccess& remote, const ActionRequest& request,
                             RemoteOperation operation, MappedRequest& mapped,
                             const Cancelled& cancelled) {
    RemoteAdvice advice;
    if (!remote.allowed || remote.caller == nullptr) {
        mapped.give_up(Gap::remote_never);
        return advice;
    }
    const std::vector<MappedRequest::Part> parts = std::exchange(mapped.parts(), {});
    if (parts.empty()) return advice;
    RemoteRequest call;
    call.pid = request.pid;
    call.pidfd = request.pidfd;
    call.operation = operation;
    call.limits = remote.limits;
    for (const MappedRequest::Part& part : parts) call.ranges.push_back(part.range);
    const RemoteOutcome outcome = remote.caller->call(call, cancelled);

    // What concerns the request as a whole stands with its first part.
    ActionOutcome& first = mapped.outcome(parts.front().outcome);
    first.calls += outcome.calls;
    first.spent += outcome.stopped;
    first.remote.stops += outcome.stops;
    first.remote.stopped += outcome.stopped;
    first.remote.longest_stop = std::max(first.remote.longest_stop, outcome.longest_stop);

    for (std::size_t i = 0; i < parts.size(); ++i) {
        const MappedRequest::Part& part = parts[i];
        const RemoteOutcome::Range range =
            i < outcome.ranges.size() ? outcome.ranges[i] : RemoteOutcome::Range{};
        const Bytes done = std::min(range.done, part.range.size());
        const std::uint64_t border = part.range.start + done.count;
        ActionOutcome& of_part = mapped.outcome(part.outcome);
        of_part.advised += done;
        if (done.count != 0) advice.done.push_back({{part.range.start, border}, part.outcome});
        if (border == part.range.end) continue;
        const AddressRange rest{border, part.range.end};
        if (range.error != 0) {
            of_part.last_errno = range.error;
            advice.last_errno = range.error;
            advice.failed.push_back({rest, part.outcome});
            mapped.lose(part.outcome, Gap::refused, rest.size());
        } else if (outcome.refusal) {
            const Gap gap = gap_of(*outcome.refusal);
            mapped.lose(part.outcome, gap, rest.size());
            if (gap == Gap::remote_refused)
                of_part.remote.refused[static_cast<std::size_t>(*outcome.refusal)] += rest.size();
            of_part.target_gone |= *outcome.refusal == RemoteRefusal::gone;
        } else {
            mapped.lose(part.outcome, Gap::cancelled, rest.size());
        }
    }
    return advice;
}

}  // namespace damon_schemes
