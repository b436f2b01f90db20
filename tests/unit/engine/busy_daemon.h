// SPDX-License-Identifier: MIT
// A daemon's state, made up, in which every metric has a value.
#pragma once

#include "engine/control/daemon_metrics.h"
#include "engine/reports/daemon_status.h"

namespace damon_schemes::testing {

// Two policies: one that acts on services by a rule each, with all that a scheme can have, and one
// that could not prove yet that it sees.
DaemonStatus busy_daemon();
EngineFigures busy_engine();

}  // namespace damon_schemes::testing
