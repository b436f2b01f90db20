// SPDX-License-Identifier: MIT
// Looks at single pages through our kernel module (SCAN in kmod/uapi/damon_schemes.h).
#pragma once

#include <memory>

#include "engine/monitors/page_scanner.h"
#include "engine/targets/process.h"

namespace damon_schemes {

// `device` is a session of the module that has the scanned targets.  It is owned together with the
// monitor, so that no scan ever uses a descriptor that was closed, or is another file by now.
std::shared_ptr<PageScanner> make_module_scanner(std::shared_ptr<const Descriptor> device);

}  // namespace damon_schemes
