// SPDX-License-Identifier: MIT
// damon-schemes check: is a policy sound, and what would it do?
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/command.h"
#include "cli/description.h"
#include "cli/policy_file.h"
#include "cli/policy_folder.h"
#include "engine/monitors/physical_setup.h"
#include "engine/reports/terminal.h"
#include "schemes/policy/reader.h"

namespace damon_schemes {
namespace {

struct CheckOptions {
    std::vector<std::string> files;
    std::vector<std::string> overrides;
    bool json = false;
};

nlohmann::json json_of(const PolicyError& error) {
    return {{"source", error.source},
            {"line", error.line},
            {"column", error.column},
            {"key", error.key},
            {"text", error.text},
            {"message", error.message},
            {"suggestion", error.suggestion}};
}

nlohmann::json json_of(const std::vector<PolicyError>& errors) {
    nlohmann::json array = nlohmann::json::array();
    for (const PolicyError& error : errors) array.push_back(json_of(error));
    return array;
}

nlohmann::json json_of(const Policy& policy) {
    nlohmann::json schemes = nlohmann::json::array();
    for (const Scheme& scheme : policy.schemes)
        schemes.push_back({{"name", scheme.name}, {"action", name_of(scheme.action)}});
    nlohmann::json targets = nlohmann::json::array();
    const auto text = [](const std::optional<std::string>& asked) {
        return asked ? nlohmann::json(*asked) : nlohmann::json(nullptr);
    };
    for (const TargetSelector& target : policy.targets) {
        targets.push_back({{"pid", target.pid ? nlohmann::json(*target.pid) : nullptr},
                           {"name", text(target.name)},
                           {"executable", text(target.executable)},
                           {"user", text(target.user)},
                           {"unit", text(target.unit)},
                           {"cgroup", text(target.cgroup)},
                           {"min_rss_bytes", target.min_rss ? nlohmann::json(target.min_rss->count)
                                                            : nlohmann::json(nullptr)},
                           {"all", target.all}});
    }
    return {{"schemes", std::move(schemes)}, {"targets", std::move(targets)}};
}

// What reads well may still be more than the kernel's own DAMON can do.
void check_physical(PolicyReading& reading, const std::string& source) {
    if (!reading.ok() || reading.policy.monitor.memory != WatchedMemory::physical) return;
    const auto setup = physical_setup(reading.policy, {}, false);
    if (setup) return;
    PolicyError error;
    error.source = source;
    error.message = setup.error().message;
    reading.errors.push_back(std::move(error));
}

// Those of folders in place of them.
Result<std::vector<std::string>> files_of(const std::vector<std::string>& paths) {
    std::vector<std::string> files;
    for (const std::string& path : paths) {
        std::error_code ignored;
        if (path == "-" || !std::filesystem::is_directory(path, ignored)) {
            files.push_back(path);
            continue;
        }
        const auto found = policy_files_in(path);
        if (!found) return found.error();
        files.insert(files.end(), found->begin(), found->end());
    }
    return files;
}

int check(const CheckOptions& options) {
    int status = exit_ok;
    const auto files = files_of(options.files);
    if (!files) return fail(files.error());
    nlohmann::json report = nlohmann::json::array();
    const std::size_t width = terminal_of(STDOUT_FILENO).width;
    for (const std::string& file : *files) {
        const auto text = read_policy_file(file);
        if (!text) {
            status = std::max(status, exit_code(text.error().kind));
            if (options.json) {
                PolicyError error;
                error.source = file;
                error.message = text.error().message;
                report.push_back({{"file", file},
                                  {"ok", false},
                                  {"errors", nlohmann::json::array({json_of(error)})},
                                  {"warnings", nlohmann::json::array()}});
            } else {
                fail(text.error());
            }
            continue;
        }
        PolicyReading reading = read_policy(text->text, {text->source, options.overrides});
        check_physical(reading, text->source);
        if (!reading.ok()) status = std::max(status, int{exit_policy});
        if (options.json) {
            nlohmann::json entry = {{"file", file},
                                    {"ok", reading.ok()},
                                    {"errors", json_of(reading.errors)},
                                    {"warnings", json_of(reading.warnings)}};
            if (reading.ok()) entry.update(json_of(reading.policy));
            report.push_back(std::move(entry));
            continue;
        }
        if (reading.ok()) {
            const std::size_t schemes = reading.policy.schemes.size();
            std::printf("%s: ok, %zu %s\n%s", text->source.c_str(), schemes,
                        schemes == 1 ? "scheme" : "schemes",
                        describe(reading.policy, width).c_str());
            // Where both go to one place, a warning stands below its policy.
            std::fflush(stdout);
            print_warnings(reading.warnings);
            continue;
        }
        for (const PolicyError& error : reading.errors)
            std::fprintf(stderr, "%s\n", to_string(error).c_str());
        const std::size_t count = reading.errors.size();
        std::fprintf(stderr, "%s: %zu %s; nothing can be applied before %s put right.\n",
                     text->source.c_str(), count, count == 1 ? "error" : "errors",
                     count == 1 ? "it is" : "they are");
    }
    if (options.json) {
        std::printf("%s\n",
                    report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    }
    return status;
}

}  // namespace

void add_check(CLI::App& root, Invocation& invocation) {
    CLI::App* command = root.add_subcommand(
        "check", "Check policy files: every error with its place, or what they will do");
    const auto options = std::make_shared<CheckOptions>();
    command
        ->add_option("FILE", options->files,
                     "Policy files, or folders as the daemon has them; - is standard input")
        ->required();
    command
        ->add_option("--set", options->overrides,
                     "Set a key over what the file says: monitor.sampling_interval=100ms, "
                     "scheme.cold.age.min=30s (repeatable)")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    command->add_flag("--json", options->json, "One JSON array with an object for each file");
    command->footer(
        "Examples:\n"
        "  damon-schemes check policies/proactive-reclaim.toml\n"
        "  damon-schemes check policies/*.toml && echo all sound\n"
        "  damon-schemes check my.toml --set scheme.cold.age.min=1min\n"
        "  damon-schemes check /etc/damon-schemes\n"
        "\n"
        "Warnings (on stderr) are of what hardly can be meant, such as schemes in each other's "
        "way.\n"
        "Exit status: 0 all are sound, 2 a file cannot be read, 3 a policy has errors.");
    command->callback(
        [options, &invocation] { invocation.run = [options] { return check(*options); }; });
}

}  // namespace damon_schemes
