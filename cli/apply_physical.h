// SPDX-License-Identifier: MIT
// damon-schemes apply of a policy on physical memory, which the kernel's own DAMON carries out.
#pragma once

#include <optional>

#include "engine/events/loop.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"

namespace damon_schemes {

struct PhysicalWishes {
    Policy policy;
    std::optional<Duration> duration;
    LoopKind loop = LoopKind::automatic;
    bool dry_run = false;  // each scheme counts what it would act on
    bool json = false;
    bool no_status = false;
};

// Until it is told to stop; returns the exit status.  Nothing is acted on before the monitor was
// seen to see.
int apply_physical(PhysicalWishes wishes);

}  // namespace damon_schemes
