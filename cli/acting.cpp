// SPDX-License-Identifier: MIT
#include "cli/acting.h"

#include <algorithm>
#include <utility>

#include "cli/remote_calls.h"
#include "engine/actions/action_warnings.h"
#include "engine/machine/memory.h"

namespace damon_schemes {

Result<void> check_swap() {
    const auto memory = memory_of_machine();
    if (!memory || memory->swap_total.count > 0) return {};
    return Error{ErrorKind::unsupported,
                 "this machine has no swap, so anonymous memory cannot be paged out: set up swap "
                 "(zram, a partition or a file), or page out file pages alone with "
                 "--allow-no-swap",
                 0};
}

Result<std::unique_ptr<ActionRouter>> make_router(
    const Policy& policy, ActionRouter::Options options,
    const std::function<void(const std::string&)>& warn) {
    options.start_remote_caller = remote_caller_starter();
    const bool tried =
        std::any_of(policy.schemes.begin(), policy.schemes.end(), [](const Scheme& scheme) {
            return scheme.action == Action::collapse || flags_huge_pages(scheme.action);
        });
    if (tried) options.support = try_advice();
    for (const std::string& warning : action_warnings(policy, options.support)) warn(warning);
    return ActionRouter::make(policy, std::move(options));
}

}  // namespace damon_schemes
