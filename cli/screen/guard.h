// SPDX-License-Identifier: MIT
// Gives a terminal back whatever becomes of the program that uses it.
#pragma once

#include <functional>

namespace damon_schemes {

// Runs `program` in a child and waits for it; returns its exit status.  Where the child is killed
// (a crash, kill -9, the machine out of memory), or ends without giving the terminal back, the
// terminal's settings are put back as they were found, and the ordinary screen and the cursor come
// back; what killed it is said on stderr.
// Without a terminal on standard input it is called right here.  Call it before other threads
// start.
int under_guard(const std::function<int()>& program);

}  // namespace damon_schemes
