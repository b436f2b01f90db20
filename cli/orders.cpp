// SPDX-License-Identifier: MIT
// damon-schemes pause, resume, release and set-goal: what a daemon is told beyond its policies.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/asking.h"
#include "cli/command.h"

namespace damon_schemes {
namespace {

struct OrderOptions {
    AskOptions ask;
    std::string policy;
    std::optional<std::int32_t> pid;
    std::string time;
    bool force = false;
};

void add_scope_options(CLI::App& app, OrderOptions& options) {
    add_ask_options(app, options.ask);
    CLI::Option* policy =
        app.add_option("--policy", options.policy,
                       "Of this policy: its file's name, with or without folder and .toml");
    app.add_option("--pid", options.pid, "Of this process alone")
        ->check(CLI::PositiveNumber)
        ->excludes(policy);
}

nlohmann::json scope_of(const OrderOptions& options) {
    nlohmann::json fields = nlohmann::json::object();
    if (!options.policy.empty()) fields["policy"] = options.policy;
    if (options.pid) fields["pid"] = *options.pid;
    return fields;
}

int order(const OrderOptions& options, const char* command) {
    auto fields = scope_of(options);
    const auto time = time_asked("--for", options.time);
    if (!time) return fail(time.error());
    if (*time) fields["for_ns"] = (*time)->count();
    if (options.force) fields["force"] = true;
    return tell(options.ask, command, std::move(fields));
}

struct GoalOptions {
    AskOptions ask;
    std::string policy;
    std::string scheme;
    std::string file;
    std::optional<double> value;
    bool clear = false;
};

int set_goal(const GoalOptions& options) {
    if (options.value.has_value() == options.clear)
        return fail({ErrorKind::usage,
                     "name the value that the goal goes by, or say --clear to have its file count "
                     "again",
                     0});
    nlohmann::json fields{{"policy", options.policy}, {"scheme", options.scheme}};
    if (!options.file.empty()) fields["file"] = options.file;
    if (options.value)
        fields["value"] = *options.value;
    else
        fields["clear"] = true;
    return tell(options.ask, "set-goal", std::move(fields));
}

}  // namespace

void add_pause(CLI::App& root, Invocation& invocation) {
    auto options = std::make_shared<OrderOptions>();
    CLI::App* app = root.add_subcommand(
        "pause", "Have the daemon act on nothing, or not on one policy's or one process's memory");
    add_scope_options(*app, *options);
    app->add_option("--for", options->time, "For so long, e.g. 10min; without, until resume");
    app->footer(
        "Nothing new is planned, what is under way ends at its next chunk, and monitoring\n"
        "goes on. It lasts through a reload, not through the daemon's end; 'status' shows it.\n\n"
        "examples:\n"
        "  damon-schemes pause\n"
        "  damon-schemes pause --policy 50-web --for 1h\n"
        "  damon-schemes pause --pid 4242 --for 10min");
    app->callback([options, &invocation] {
        invocation.run = [options] { return order(*options, "pause"); };
    });
}

void add_resume(CLI::App& root, Invocation& invocation) {
    auto options = std::make_shared<OrderOptions>();
    CLI::App* app = root.add_subcommand("resume", "End pauses: all of them, or one");
    add_scope_options(*app, *options);
    app->footer(
        "examples:\n"
        "  damon-schemes resume\n"
        "  damon-schemes resume --policy 50-web");
    app->callback([options, &invocation] {
        invocation.run = [options] { return order(*options, "resume"); };
    });
}

void add_release(CLI::App& root, Invocation& invocation) {
    auto options = std::make_shared<OrderOptions>();
    CLI::App* app = root.add_subcommand(
        "release", "Have the daemon bring memory back from swap, and leave it there for a while");
    add_scope_options(*app, *options);
    app->add_option("--for", options->time,
                    "Pause these processes for so long; 10min unless it is said");
    app->add_flag("--force", options->force, "Also where there is hardly memory for it");
    app->footer(
        "Answers at once and goes on behind; 'top' shows what is still in swap. Without a\n"
        "policy or a process: everything that the daemon watches.\n\n"
        "examples:\n"
        "  damon-schemes release --pid 4242\n"
        "  damon-schemes release --policy 50-web --for 1h");
    app->callback([options, &invocation] {
        invocation.run = [options] { return order(*options, "release"); };
    });
}

void add_set_goal(CLI::App& root, Invocation& invocation) {
    auto options = std::make_shared<GoalOptions>();
    CLI::App* app = root.add_subcommand(
        "set-goal", "Tell the daemon the figure that a scheme's quota goal goes by");
    add_ask_options(*app, options->ask);
    app->add_option("--policy", options->policy, "The policy's file name")->required();
    app->add_option("--scheme", options->scheme, "The scheme's name")->required();
    app->add_option("--file", options->file, "Which goal, by its file, where there are several");
    app->add_option("VALUE", options->value, "The figure as it stands now");
    app->add_flag("--clear", options->clear, "The file counts again");
    app->footer(
        "It stands in for what the goal's file holds, for all of that policy, until the\n"
        "policy is replaced.\n\n"
        "examples:\n"
        "  damon-schemes set-goal --policy 50-web --scheme cold 12.5\n"
        "  damon-schemes set-goal --policy 50-web --scheme cold --clear");
    app->callback(
        [options, &invocation] { invocation.run = [options] { return set_goal(*options); }; });
}

}  // namespace damon_schemes
