// SPDX-License-Identifier: MIT
// How many files the daemon may have open.
#pragma once

namespace damon_schemes {

// As many as the hard limit of this process allows.  The usual soft limit of 1,024 is for programs
// that call select(2); a target takes three and more descriptors, so some hundreds would fill it.
// Where it cannot be raised it stays as it is.
void raise_descriptor_limit();

}  // namespace damon_schemes
