// SPDX-License-Identifier: MIT
#include "cli/policy_folder.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "cli/policy_file.h"

namespace damon_schemes {
namespace {

namespace fs = std::filesystem;

bool counts(const fs::directory_entry& entry) {
    const std::string name = entry.path().filename();
    std::error_code ignored;
    return entry.path().extension() == ".toml" && !name.starts_with(".") &&
           !entry.is_directory(ignored);
}

}  // namespace

Result<std::vector<std::string>> policy_files_in(const std::string& folder) {
    const auto unreadable = [](const fs::path& path, const std::error_code& code) {
        return Error{ErrorKind::usage, path.string() + ": cannot be read: " + code.message(),
                     code.value()};
    };
    std::vector<std::string> files;
    std::error_code failed;
    const fs::path parts = fs::path(folder) / "policy.d";
    fs::directory_iterator entry(parts, failed);
    if (failed && failed != std::errc::no_such_file_or_directory) return unreadable(parts, failed);
    for (; !failed && entry != fs::directory_iterator(); entry.increment(failed))
        if (counts(*entry)) files.push_back(entry->path());
    std::sort(files.begin(), files.end());
    const fs::path whole = fs::path(folder) / "policy.toml";
    if (fs::exists(whole, failed)) files.push_back(whole);
    if (failed && failed != std::errc::no_such_file_or_directory) return unreadable(whole, failed);
    if (files.empty())
        return Error{ErrorKind::usage,
                     folder + " has no policy: write " + whole.string() + ", or " +
                         (parts / "NAME.toml").string() +
                         " for one service ('damon-schemes check' tells what a policy does)",
                     0};
    return files;
}

Result<std::vector<NamedPolicy>> read_policies(const std::string& path,
                                               std::vector<PolicyError>& warnings) {
    std::vector<std::string> files{path};
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
        auto found = policy_files_in(path);
        if (!found) return found.error();
        files = std::move(*found);
    }
    std::vector<NamedPolicy> policies;
    std::string wrong;
    for (const std::string& file : files) {
        auto text = read_policy_file(file);
        if (!text) {
            wrong += (wrong.empty() ? "" : "\n") + text.error().message;
            continue;
        }
        std::vector<PolicyError> of_it;
        auto policy = policy_of(*text, {}, &of_it);
        if (!policy) {
            wrong += (wrong.empty() ? "" : "\n") + policy.error().message;
            continue;
        }
        std::move(of_it.begin(), of_it.end(), std::back_inserter(warnings));
        policies.push_back({file, std::move(text->text), std::move(*policy)});
    }
    if (!wrong.empty()) return Error{ErrorKind::policy, wrong, 0};
    return policies;
}

}  // namespace damon_schemes
