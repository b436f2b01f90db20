// SPDX-License-Identifier: MIT
// What a kdamond of ours is set up with, as the files below its folder in sysfs say it.  No system
// call.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schemes/policy/model.h"

namespace damon_schemes {

struct KdamondFile {
    std::string path;   // below the kdamond's folder: "/contexts/nr_contexts"
    std::string text;   // what it is to say
    std::string first;  // what the kernel has there first

    bool operator==(const KdamondFile&) const = default;
};
// In the order in which they are written.  A file nr_… makes so many folders beside it, in which
// later ones are, and deletes those that were there.
using KdamondSetup = std::vector<KdamondFile>;

// The intervals and the numbers of regions, with "vaddr" or "paddr" as operations.
KdamondSetup monitored_setup(const std::string& operations, const MonitorAttributes& attributes);

// Of these processes' virtual addresses.
KdamondSetup virtual_setup(const MonitorAttributes& attributes,
                           const std::vector<std::int32_t>& pids);

}  // namespace damon_schemes
