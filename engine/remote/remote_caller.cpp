// SPDX-License-Identifier: MIT
#include "engine/remote/remote_caller.h"

#include <array>

namespace damon_schemes {

namespace {

struct Words {
    std::string_view name;
    std::string_view explanation;
};

constexpr std::array<Words, remote_refusal_count> words = {{
    {"gone", "it has exited, or is exiting"},
    {"permission",
     "the kernel does not let us trace it; CAP_SYS_PTRACE is needed, and Yama "
     "(kernel.yama.ptrace_scope), a security module or a service's filter of system calls may "
     "forbid it all the same"},
    {"traced", "another process traces it, a debugger for example; there can be only one"},
    {"stopped", "it is stopped (SIGSTOP, or a job that was put aside), and is left so"},
    {"seccomp",
     "a filter watches its system calls, and might end it for one that it never makes itself"},
    {"foreign_code", "it is not a 64-bit program of this architecture"},
    {"no_call_site", "no syscall instruction was found in its code"},
    {"no_safe_thread",
     "none of its threads was at a place where it can be stopped without being noticed"},
    {"address_space", "it runs another program now, and the addresses are the old one's"},
    {"cancelled", "it was called off"},
    {"helper_lost",
     "the helper process (damon-schemes-remote) died or does not answer; nothing is asked of it "
     "any more"},
}};

}  // namespace

std::string_view name_of(RemoteRefusal refusal) {
    return words.at(static_cast<std::size_t>(refusal)).name;
}

std::string_view explanation_of(RemoteRefusal refusal) {
    return words.at(static_cast<std::size_t>(refusal)).explanation;
}

}  // namespace damon_schemes
