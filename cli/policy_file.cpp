// SPDX-License-Identifier: MIT
#include "cli/policy_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "engine/targets/process.h"

namespace damon_schemes {
namespace {

Error unreadable(const std::string& source, int code) {
    std::string message = source + ": cannot be read: " + std::strerror(code) + ".";
    if (code == ENOENT)
        message += " Name a policy file, for example policies/proactive-reclaim.toml.";
    if (code == EACCES) message += " Give yourself read permission, or use a copy.";
    if (code == EISDIR) message += " Name a file in it.";
    return {ErrorKind::usage, std::move(message), code};
}

}  // namespace

Result<PolicyText> read_policy_file(const std::string& path) {
    const bool standard_input = path == "-";
    PolicyText result{standard_input ? "<stdin>" : path, {}};
    Descriptor opened;
    if (!standard_input) {
        opened = Descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
        if (!opened) return unreadable(result.source, errno);
    }
    const int descriptor = standard_input ? STDIN_FILENO : opened.get();
    std::array<char, 16384> part;
    while (result.text.size() <= max_policy_bytes) {
        const ssize_t got = read(descriptor, part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return unreadable(result.source, errno);
        if (got == 0) break;
        result.text.append(part.data(), static_cast<std::size_t>(got));
    }
    return result;
}

Result<Policy> policy_of(const PolicyText& text, const std::vector<std::string>& overrides,
                         std::vector<PolicyError>* warnings) {
    auto reading = read_policy(text.text, {text.source, overrides});
    if (reading.ok()) {
        if (warnings != nullptr) *warnings = std::move(reading.warnings);
        return std::move(reading.policy);
    }
    std::string message = "the policy cannot be used:";
    for (const auto& error : reading.errors) message += "\n" + to_string(error);
    return Error{ErrorKind::policy, message, 0};
}

void print_warnings(const std::vector<PolicyError>& warnings) {
    for (const PolicyError& warning : warnings)
        std::fprintf(stderr, "%s\n", to_string(warning).c_str());
}

}  // namespace damon_schemes
