// SPDX-License-Identifier: MIT
// Policy text as the command line names it.
#pragma once

#include <string>
#include <vector>

#include "schemes/policy/model.h"
#include "schemes/policy/reader.h"
#include "schemes/result.h"

namespace damon_schemes {

struct PolicyText {
    std::string source;  // for messages: the file's name as given, "<stdin>" for "-"
    std::string text;
};

// "-" is stdin.  Of a file that is too large only as much is read as read_policy() needs to refuse
// it, so that a device that never ends does no harm.  Errors (usage): there is no such file, it is
// a folder, it may not be read.
Result<PolicyText> read_policy_file(const std::string& path);

// The policy with KEY=VALUE set over it.  Error (policy): all that is wrong with it, a line each.
// `warnings`, where given, is set to those of a policy that may be used.
Result<Policy> policy_of(const PolicyText& text, const std::vector<std::string>& overrides,
                         std::vector<PolicyError>* warnings = nullptr);

// To stderr, with their places.
void print_warnings(const std::vector<PolicyError>& warnings);

}  // namespace damon_schemes
