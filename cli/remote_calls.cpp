// SPDX-License-Identifier: MIT
#include "cli/remote_calls.h"

#include "engine/remote/helper_remote_caller.h"

namespace damon_schemes {

ActionRouter::StartRemoteCaller remote_caller_starter() {
    return [] { return start_remote_caller(); };
}

}  // namespace damon_schemes
