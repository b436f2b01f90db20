// SPDX-License-Identifier: MIT
// The first half of verifying that memory is idle: from here on, every access can be seen.
#pragma once

#include "engine/actions/executor.h"
#include "engine/machine/memory.h"
#include "schemes/result.h"

namespace damon_schemes {

// Clears the Accessed bits of what the request's ranges have mapped and its filters do not reject,
// in bounded pieces; once it is back, whatever is accessed shows in the next look.  Called on an
// actor thread.  Errors by their code: as PageScanner says them, those of reading the target's
// mappings, ECANCELED where it was told to stop between pieces.  After an error some bits may have
// been cleared.
Result<void> clear_accessed(const ActionRequest& request, const Cancelled& cancelled,
                            const MachinePaths& paths = {});

}  // namespace damon_schemes
