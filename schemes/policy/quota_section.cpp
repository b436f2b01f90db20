// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cmath>

#include "schemes/policy/sections.h"

namespace damon_schemes {

namespace {

constexpr auto metric_names = std::to_array<std::string_view>(
    {"pressure", "cgroup_pressure", "refaults", "free_memory", "figure"});
constexpr auto tuner_names = std::to_array<std::string_view>({"consistent", "temporal"});
constexpr std::uint64_t heaviest_weight = 1000;
constexpr std::size_t most_goals = 16;

void read_amounts(TableReader& reader, const Table& table, std::optional<Action> action,
                  Quota& quota) {
    const Bytes least = action ? grain_of(*action) : least_size;
    if (is_off(table.find("bytes"))) {
        quota.bytes.reset();
    } else if (const auto bytes = reader.size_of(table, "bytes")) {
        quota.bytes = *bytes;
        if (*bytes < least)
            reader.fail_at_value(
                table, "bytes",
                std::string("'bytes' is less than a ") +
                    (least == least_size ? "page" : "huge page") + ", " + to_string(least) +
                    ", so the scheme could never act",
                "write at least \"" + to_string(least) + "\", or \"off\" for no limit");
    }
    if (const auto per = reader.duration_of(table, "per")) {
        if (*per < std::chrono::milliseconds(1))
            reader.fail_at_value(
                table, "per", "'per' is " + to_string(*per) + ", which is too short for a window",
                "write at least \"1ms\"");
        else
            quota.per = *per;
    }
    if (is_off(table.find("time"))) {
        quota.time.reset();
    } else if (const auto time = reader.duration_of(table, "time")) {
        quota.time = *time;
        if (*time <= Duration::zero())
            reader.fail_at_value(table, "time", "'time' is 0, so the scheme could never act",
                                 "write for example \"10ms\", or \"off\" for no limit");
    }
    if (quota.time && *quota.time > quota.per)
        reader.fail_at_value(table, table.find("time") != nullptr ? "time" : "per",
                             "'time' (" + to_string(*quota.time) +
                                 ") is more than the whole window, 'per' (" + to_string(quota.per) +
                                 ")",
                             "write less, or time = \"off\"");
}

void read_priority(TableReader& reader, const Table& table, Priority& priority) {
    const auto weight = [&](std::string_view key, std::uint32_t& into) {
        if (const auto number = reader.number_of(table, key, 0, heaviest_weight))
            into = static_cast<std::uint32_t>(*number);
    };
    weight("size", priority.size);
    weight("frequency", priority.frequency);
    weight("age", priority.age);
}

void read_figure_goal(TableReader& reader, const Table& table, QuotaGoal& goal) {
    if (const auto figure = reader.figure_of(table, "target")) {
        goal.figure = *figure;
        if (!(*figure > 0) || !std::isfinite(*figure))
            reader.fail_at_value(table, "target", "the target of a figure is a number above 0",
                                 "write for example target = 20");
    }
    const std::string* file = reader.text_of(table, "file");
    if (file != nullptr) {
        goal.file = *file;
        if (!file->starts_with('/') || file->find('\0') != std::string::npos)
            reader.fail_at_value(table, "file", "'file' is not an absolute path",
                                 "write the whole path, such as \"/run/latency_ms\"");
    } else if (table.find("file") == nullptr) {
        reader.fail(table.place, table.shown_as("file"),
                    "a goal on a figure needs the file that it is kept in",
                    "add file = \"/run/latency_ms\", whichever it is");
    }
}

void read_share_goal(TableReader& reader, const Table& table, QuotaGoal& goal) {
    if (const auto share = reader.share_of(table, "target")) {
        goal.share = *share;
        if (*share == Share{})
            reader.fail_at_value(table, "target", "a target of 0% can never be met",
                                 "write a share above 0%, such as \"0.5%\"");
    }
    if (table.find("file") != nullptr)
        reader.fail_at_key(table, "file",
                           "'file' goes with metric = \"figure\"; " + quoted(name_of(goal.metric)) +
                               " is measured without",
                           "remove it");
}

// nullopt: it is not known what it is about.
std::optional<QuotaGoal> read_goal(TableReader& reader, const Table& table,
                                   std::optional<Action> action) {
    if (table.find("metric") == nullptr)
        reader.fail(table.place, table.shown_as("metric"), "this goal has no metric",
                    "add metric = \"pressure\", or whatever is to be kept");
    if (table.find("target") == nullptr)
        reader.fail(table.place, table.shown_as("target"), "this goal has no target",
                    "add target = \"0.5%\", or whatever the metric is to be");
    const auto metric = reader.word_of(table, "metric", "metric", metric_names);
    if (!metric) return std::nullopt;
    QuotaGoal goal;
    goal.metric = static_cast<GoalMetric>(*metric);
    if (goal.metric == GoalMetric::figure)
        read_figure_goal(reader, table, goal);
    else
        read_share_goal(reader, table, goal);
    if (goal.metric == GoalMetric::refaults && action && *action != Action::pageout)
        reader.fail_at_value(
            table, "metric",
            quoted(name_of(*action)) + " pages nothing out, so nothing could come back",
            "remove the goal, or use it with 'pageout'");
    return goal;
}

void read_goals(TableReader& reader, const Table& table, std::optional<Action> action,
                Quota& quota) {
    for (const Table& element : reader.tables_in(table, "goal")) {
        if (quota.goals.size() == most_goals) {
            reader.fail(element.place, element.shown,
                        "this is more than the " + std::to_string(most_goals) +
                            " goals that a quota can have",
                        "the one that is missed by most counts, so fewer will do");
            break;
        }
        auto goal = read_goal(reader, element, action);
        if (!goal) continue;
        const bool taken =
            std::any_of(quota.goals.begin(), quota.goals.end(), [&](const QuotaGoal& other) {
                return other.metric == goal->metric && other.file == goal->file;
            });
        if (taken)
            reader.fail_at_value(element, "metric", "another goal of this quota is on the same",
                                 "keep one of them: the one that is missed by more counts");
        quota.goals.push_back(std::move(*goal));
    }
    if (const auto tuner = reader.word_of(table, "tuner", "tuner", tuner_names))
        quota.tuner = static_cast<GoalTuner>(*tuner);
    if (table.find("tuner") != nullptr && table.find("goal") == nullptr)
        reader.fail_at_key(table, "tuner", "there is no goal that a tuner could follow",
                           "add a goal, or remove 'tuner'");
}

}  // namespace

std::string_view name_of(GoalMetric metric) {
    return metric_names[static_cast<std::size_t>(metric)];
}

Quota read_quota(TableReader& reader, const Table& scheme, std::optional<Action> action) {
    Quota quota;
    if (action) quota = default_quota(*action);
    if (is_off(scheme.find("quota"))) return {};
    const auto table = reader.table_in(scheme, "quota");
    if (!table) return quota;
    if (action == Action::stat)
        reader.fail_at_key(scheme, "quota", "a scheme that only counts cannot have a quota",
                           "remove it, or give the scheme an action that does something");
    read_amounts(reader, *table, action, quota);
    if (const auto priority = reader.table_in(*table, "priority"))
        read_priority(reader, *priority, quota.priority);
    read_goals(reader, *table, action, quota);
    if (quota.bytes || quota.time || table->find("goal") != nullptr) return quota;
    if (table->find("per") != nullptr)
        reader.fail_at_key(*table, "per",
                           "a window without a limit of bytes or time limits nothing",
                           "set bytes or time, or remove 'per'");
    if (table->find("priority") != nullptr)
        reader.fail_at_key(*table, "priority",
                           "without a limit everything is acted on, so nothing goes first",
                           "set bytes, time or a goal, or remove 'priority'");
    return quota;
}

}  // namespace damon_schemes
