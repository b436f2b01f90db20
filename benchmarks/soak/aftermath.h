// SPDX-License-Identifier: MIT
// What must be left when every session's process is gone: nothing.
#pragma once

#include <string>
#include <vector>

namespace damon_schemes::soak {

// Each an error's text; empty: all is well.  Says on standard output what it looked at.
std::vector<std::string> look_at_aftermath();

// Where everything stands, for the log of a soak that got stuck: each process's state and, where
// the kernel tells, what it waits for.
std::string where_everything_stands();

}  // namespace damon_schemes::soak
