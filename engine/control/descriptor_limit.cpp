// SPDX-License-Identifier: MIT
#include "engine/control/descriptor_limit.h"

#include <sys/resource.h>

namespace damon_schemes {

void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace damon_schemes
