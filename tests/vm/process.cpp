// SPDX-License-Identifier: MIT
#include "process.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>

namespace damon_schemes::vm {

std::vector<pid_t> processes_by_name(const std::string& name) {
    std::vector<pid_t> pids;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", gone)) {
        const auto number = entry.path().filename().string();
        if (!std::all_of(number.begin(), number.end(),
                         [](unsigned char c) { return std::isdigit(c); }))
            continue;
        std::string command;
        std::ifstream comm(entry.path() / "comm");
        if (std::getline(comm, command) && command.starts_with(name))
            pids.push_back(static_cast<pid_t>(std::stol(number)));
    }
    return pids;
}

}  // namespace damon_schemes::vm
