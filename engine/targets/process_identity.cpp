// SPDX-License-Identifier: MIT
#include "engine/targets/process_identity.h"

#include <algorithm>

#include "engine/targets/procfs.h"

namespace damon_schemes {

std::optional<ProcessIdentity> parse_process_identity(std::string_view text) {
    const auto stat = parse_process_stat(text);
    if (!stat || stat->zombie()) return std::nullopt;
    ProcessIdentity identity{stat->pid, stat->start_ticks, 0xcbf29ce484222325};
    // Numbered as proc(5) does; comm is 2.
    std::string_view rest = text.substr(text.rfind(')') + 1);
    for (int field = 3; field <= 48; ++field) {
        rest.remove_prefix(std::min(rest.find_first_not_of(" \n"), rest.size()));
        const std::string_view word = rest.substr(0, rest.find_first_of(" \n"));
        rest.remove_prefix(word.size());
        // startcode, startstack, start_brk and arg_start; mixed as FNV-1a does.
        if (field != 26 && field != 28 && field != 47 && field != 48) continue;
        for (const char c : word) {
            identity.address_space ^= static_cast<unsigned char>(c);
            identity.address_space *= 0x100000001b3;
        }
        identity.address_space = (identity.address_space ^ ' ') * 0x100000001b3;
    }
    return identity;
}

std::optional<ProcessIdentity> identity_of(int process_folder) {
    const auto text = read_file_at(process_folder, "stat");
    if (!text) return std::nullopt;
    return parse_process_identity(*text);
}

}  // namespace damon_schemes
