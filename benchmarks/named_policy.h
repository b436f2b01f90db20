// SPDX-License-Identifier: MIT
// A policy file as one of several ways that an experiment compares, named as its file is.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/demo/policy_run.h"

namespace damon_schemes::bench {

// The lab says how its guest runs; elsewhere it is a machine.
inline bool emulated() {
    const char* accelerator = std::getenv("LAB_ACCEL");
    return accelerator != nullptr && std::string_view(accelerator) == "tcg";
}

struct NamedPolicy {
    std::string name;  // the file's, without folder and ".toml"
    demo::PolicyCommand command;
};

// `settings` are NAME:KEY=VALUE; those of other names are left out.
inline NamedPolicy named_policy(const std::string& file, const std::vector<std::string>& settings,
                                const std::string& program) {
    NamedPolicy policy{std::filesystem::path(file).stem(), {program, file, {}}};
    for (const std::string& setting : settings)
        if (setting.starts_with(policy.name + ":"))
            policy.command.settings.push_back(setting.substr(policy.name.size() + 1));
    return policy;
}

}  // namespace damon_schemes::bench
