// SPDX-License-Identifier: MIT
#include "engine/actions/huge_page_flags.h"

#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "engine/actions/mapped_request.h"
#include "engine/actions/mapping_flags.h"

namespace damon_schemes {

namespace {

using Part = MappedRequest::Part;

// One call a part, so that each has its own answer; what was done is taken out of the request.
std::vector<Part> advise_directly(const ActionRequest& request, int advice, MappedRequest& mapped,
                                  const Cancelled& cancelled) {
    std::vector<Part> done;
    const std::vector<Part> parts = std::exchange(mapped.parts(), {});
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const Part& part = parts[i];
        ActionOutcome& outcome = mapped.outcome(part.outcome);
        const bool stop = cancelled && cancelled();
        const iovec range{reinterpret_cast<void*>(part.range.start), part.range.size().count};
        const auto begin = std::chrono::steady_clock::now();
        const ssize_t result = stop ? -1 : advise_process(request.pidfd, &range, 1, advice);
        const int error = stop || result >= 0 ? 0 : errno;
        if (stop || error == ESRCH) {
            mapped.parts().assign(parts.begin() + static_cast<std::ptrdiff_t>(i), parts.end());
            mapped.give_up(stop ? Gap::cancelled : Gap::unmapped, error);
            break;
        }
        outcome.spent += std::chrono::steady_clock::now() - begin;
        ++outcome.calls;
        if (error == 0) {
            outcome.advised += part.range.size();
            done.push_back(part);
        } else {
            outcome.last_errno = error;
            mapped.lose(part.outcome, Gap::refused, part.range.size());
        }
    }
    return done;
}

}  // namespace

std::vector<ActionOutcome> HugePageFlags::execute(const ActionRequest& request,
                                                  const Cancelled& cancelled) {
    const bool wanted = request.action == Action::hugepage;
    const auto flag = wanted ? &MappingFlags::hugepage : &MappingFlags::nohugepage;
    const bool directly = (wanted ? support_.hugepage : support_.nohugepage).value_or(false);
    MappedRequest mapped(request, paths_);
    if (!mapped.open()) return mapped.take_outcomes();
    if (!directly && !remote_.allowed) {
        mapped.give_up(Gap::remote_never);
        return mapped.take_outcomes();
    }
    const auto begin = std::chrono::steady_clock::now();
    const auto before = read_mapping_flags(mapped.folder());
    Duration looking = std::chrono::steady_clock::now() - begin;
    if (!before) {
        mapped.give_up(Gap::unknown, errno);
        return mapped.take_outcomes();
    }
    mapped.keep_without(ranges_with(*before, &MappingFlags::device), Gap::special);
    mapped.keep_without(ranges_with(*before, flag), Gap::already);
    mapped.keep_huge_pages_whole();
    mapped.keep_room_for_mappings();
    if (dry_run_ || mapped.parts().empty()) return mapped.take_outcomes();

    const std::size_t first = mapped.parts().front().outcome;
    const std::vector<Part> done =
        directly
            ? advise_directly(request, wanted ? MADV_HUGEPAGE : MADV_NOHUGEPAGE, mapped, cancelled)
            : advise_remotely(remote_, request,
                              wanted ? RemoteOperation::hugepage : RemoteOperation::nohugepage,
                              mapped, cancelled)
                  .done;
    if (!done.empty()) {
        const auto again = std::chrono::steady_clock::now();
        const auto after = read_mapping_flags(mapped.folder());
        looking += std::chrono::steady_clock::now() - again;
        mapped.confirm(done, after ? ranges_with(*after, flag) : RangeSet{});
    }
    mapped.outcome(first).spent += looking;
    return mapped.take_outcomes();
}

}  // namespace damon_schemes
