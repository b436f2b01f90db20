// SPDX-License-Identifier: MIT
#include "engine/control/permissions.h"

#include <linux/capability.h>

#include <string>

#include "engine/machine/probes.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {

Result<void> may_act_on_others(const MachinePaths& paths) {
    const auto status = read_file(paths.proc + "/self/status");
    const auto capabilities = status ? parse_capabilities(*status) : std::nullopt;
    if (!capabilities)
        return unsupported("it cannot be told what this process may do: " + paths.proc +
                           "/self/status cannot be read");
    const bool nice = capabilities->has(CAP_SYS_NICE);
    const bool ptrace = capabilities->has(CAP_SYS_PTRACE);
    if (nice && ptrace) return {};
    const std::string missing = !nice && !ptrace ? "CAP_SYS_NICE and CAP_SYS_PTRACE are"
                                : nice           ? "CAP_SYS_PTRACE is"
                                                 : "CAP_SYS_NICE is";
    return unsupported("the memory of other users' processes may not be acted on, as " + missing +
                       " missing: run it as root, or give it both (in its unit: "
                       "AmbientCapabilities= and CapabilityBoundingSet=)");
}

}  // namespace damon_schemes
