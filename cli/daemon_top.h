// SPDX-License-Identifier: MIT
// damon-schemes top of a daemon: its targets as a table, again and again.
#pragma once

#include <string>

#include "cli/asking.h"

namespace damon_schemes {

struct DaemonTopOptions {
    AskOptions ask;
    std::string order = "paged-out";
    std::string interval = "2s";
    bool once = false;
};

// On a terminal until it is interrupted, unless `once`; elsewhere one table.  Returns the exit
// status.
int run_daemon_top(const DaemonTopOptions& options);

}  // namespace damon_schemes
