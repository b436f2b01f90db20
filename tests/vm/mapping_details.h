// SPDX-License-Identifier: MIT
// What /proc/PID/smaps says of an area of a program.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

#include "target.h"

namespace damon_schemes::vm {

struct MappingDetails {
    std::uint64_t huge = 0;        // bytes; AnonHugePages
    std::uint64_t locked = 0;      // bytes of memory; Locked
    std::uint64_t hugepage = 0;    // bytes of mappings with the flag hg
    std::uint64_t nohugepage = 0;  // with nh
    std::uint64_t lock_flag = 0;   // with lo
};

// Of the mappings that lie in the area as a whole.
inline MappingDetails details_of(pid_t pid, const Area& area) {
    MappingDetails details;
    std::ifstream smaps("/proc/" + std::to_string(pid) + "/smaps");
    std::uint64_t size = 0;
    for (std::string line; std::getline(smaps, line);) {
        std::istringstream words(line);
        std::string key;
        words >> key;
        if (const auto dash = key.find('-'); dash != std::string::npos && key.back() != ':') {
            const std::uint64_t start = std::stoull(key.substr(0, dash), nullptr, 16);
            const std::uint64_t end = std::stoull(key.substr(dash + 1), nullptr, 16);
            size = area.start <= start && end <= area.end ? end - start : 0;
            continue;
        }
        if (size == 0) continue;
        std::uint64_t kilobytes = 0;
        if (key == "AnonHugePages:" && words >> kilobytes) details.huge += kilobytes << 10;
        if (key == "Locked:" && words >> kilobytes) details.locked += kilobytes << 10;
        if (key != "VmFlags:") continue;
        for (std::string flag; words >> flag;) {
            if (flag == "hg") details.hugepage += size;
            if (flag == "nh") details.nohugepage += size;
            if (flag == "lo") details.lock_flag += size;
        }
    }
    return details;
}

}  // namespace damon_schemes::vm
