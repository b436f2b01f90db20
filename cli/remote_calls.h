// SPDX-License-Identifier: MIT
// The program that makes remote system calls, started where a subcommand needs one.
#pragma once

#include "engine/actions/action_router.h"

namespace damon_schemes {

ActionRouter::StartRemoteCaller remote_caller_starter();

}  // namespace damon_schemes
