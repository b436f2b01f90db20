// SPDX-License-Identifier: MIT
// A policy on physical memory, as mainline DAMON itself carries it out: its schemes (DAMOS), set up
// by sysfs (Documentation/mm/damon/design.rst).  No system call.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "engine/monitors/kdamond_setup.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace damon_schemes {

// The machine's memory, by the text of /proc/iomem.  Errors (unsupported): it names none, or hides
// where it is from this user.
Result<std::vector<AddressRange>> system_ram(std::string_view iomem);

// One target, all of `ram`, with the policy's schemes in their order; with `only_count` each counts
// what it would act on (the action `stat`).  Errors (unsupported) name the scheme and what of it
// mainline cannot do, or does not do alike; what to write instead.
Result<KdamondSetup> physical_setup(const Policy& policy, const std::vector<AddressRange>& ram,
                                    bool only_count);

// Of the scheme of that place, below the kdamond's folder.
std::string scheme_folder(std::size_t place);

}  // namespace damon_schemes
