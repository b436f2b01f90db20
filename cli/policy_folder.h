// SPDX-License-Identifier: MIT
// The policies of a daemon, as a folder keeps them.
#pragma once

#include <string>
#include <vector>

#include "engine/control/daemon.h"
#include "schemes/policy/reader.h"
#include "schemes/result.h"

namespace damon_schemes {

inline constexpr const char* default_policy_folder = "/etc/damon-schemes";

// What counts in a folder: policy.d/*.toml in the order of their names, so that what is for one
// service goes before what is for all, and policy.toml last.  Other names, and those that begin
// with a dot, do not.  Errors (usage): there is none, or the folder cannot be read.
Result<std::vector<std::string>> policy_files_in(const std::string& folder);

// Those of the folder, or the one that `path` is.  `warnings` is set to what they say of policies
// that may be used.  Errors: all that is wrong with any of them.
Result<std::vector<NamedPolicy>> read_policies(const std::string& path,
                                               std::vector<PolicyError>& warnings);

}  // namespace damon_schemes
