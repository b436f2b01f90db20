// SPDX-License-Identifier: MIT
// The parts of a request, acted on by system calls that the target makes itself.
#pragma once

#include <vector>

#include "engine/actions/executor.h"
#include "engine/actions/mapped_request.h"
#include "engine/remote/remote_caller.h"

namespace damon_schemes {

// Whether targets may be made to call the kernel themselves, by whom, and how long they may be
// held.
struct RemoteAccess {
    bool allowed = false;            // by the policy
    RemoteCaller* caller = nullptr;  // borrowed; in a dry run there is none
    RemoteLimits limits{};
};

// What came of it: the parts that were done, cut to what was; and those where a call failed, from
// the byte on at which it did.
struct RemoteAdvice {
    std::vector<MappedRequest::Part> done;
    std::vector<MappedRequest::Part> failed;
    int last_errno = 0;
};

// Asks for the operation on all parts, and takes them out of the request: what was done is advised,
// the rest is counted for its reason, all of it where the policy does not allow it.  Waits until
// the last stop is over.
RemoteAdvice advise_remotely(const RemoteAccess& remote, const ActionRequest& request,
                             RemoteOperation operation, MappedRequest& mapped,
                             const Cancelled& cancelled);

}  // namespace damon_schemes
