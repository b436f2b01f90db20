// SPDX-License-Identifier: MIT
#include "engine/remote/helper/rests.h"

namespace damon_schemes::helper {

bool Rests::may_stop(pid_t tid, std::uint64_t now) const {
    for (const Rest& rest : rests_) {
        if (rest.tid != tid) continue;
        const bool call_may_go_on = now < rest.last + rest.timeout;
        return !call_may_go_on || now < rest.first + rest.timeout;
    }
    return true;
}

void Rests::note(pid_t tid, std::uint64_t timeout, std::uint64_t now) {
    Rest* place = &rests_[0];
    for (Rest& rest : rests_) {
        if (rest.tid == tid) {
            if (now >= rest.last + rest.timeout) rest.first = now;
            rest.last = now;
            rest.timeout = timeout;
            return;
        }
        // Else the one that has had its rest for longest.
        if (rest.last + rest.timeout < place->last + place->timeout) place = &rest;
    }
    *place = {tid, now, now, timeout};
}

}  // namespace damon_schemes::helper
