// SPDX-License-Identifier: MIT
#include "engine/reports/daemon_top.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/reports/daemon_status.h"
#include "engine/reports/readable.h"
#include "schemes/observation.h"

namespace damon_schemes {
namespace {

using nlohmann::json;

constexpr std::size_t least_width = 60;
constexpr std::size_t pid_columns = 7;
constexpr std::size_t figure_columns = 8;
constexpr std::size_t state_columns = 9;
// Between columns, and of the figures a space before each.
constexpr std::size_t fixed_columns =
    1 + pid_columns + 1 + 4 * (figure_columns + 1) + 1 + state_columns;

constexpr std::array<std::pair<std::string_view, TopOrder>, 5> orders{
    {{"paged-out", TopOrder::paged_out},
     {"rss", TopOrder::rss},
     {"swapped", TopOrder::swapped},
     {"refaulted", TopOrder::refaulted},
     {"name", TopOrder::name}}};

struct Row {
    std::string name;
    std::int32_t pid = 0;
    std::string policy;
    std::optional<Bytes> rss;
    std::optional<Bytes> swapped;
    Bytes paged_out;
    Bytes refaulted;
    std::string state;
};

std::optional<Bytes> bytes_of(const json& target, const char* key) {
    const json& value = target.at(key);
    return value.is_number() ? std::optional(Bytes{value.get<std::uint64_t>()}) : std::nullopt;
}

// The strongest of what holds for it: what is paused is not even guarded.
std::string state_of(const json& status, const json& policy, const json& target) {
    for (const json* const what : {&status, &policy, &target})
        if (!what->at("paused").is_null()) return "paused";
    if (!target.at("guarded").empty()) return "guarded";
    if (target.at("braked").get<bool>()) return "braked";
    if (!policy.at("resting").is_null()) return "resting";
    if (!policy.at("observing").is_null()) return "observing";
    return "";
}

Row row_of(const json& status, const json& policy, const json& target) {
    Row row;
    row.name = target.at("name").get<std::string>();
    row.pid = target.at("pid").get<std::int32_t>();
    row.policy = policy.at("name").get<std::string>();
    row.rss = bytes_of(target, "rss_bytes");
    row.swapped = bytes_of(target, "swapped_bytes");
    row.paged_out = bytes_of(target, "paged_out_bytes").value_or(Bytes{});
    row.refaulted = bytes_of(target, "refaulted_bytes").value_or(Bytes{});
    row.state = state_of(status, policy, target);
    return row;
}

std::uint64_t rank_of(const Row& row, TopOrder order) {
    switch (order) {
        case TopOrder::paged_out:
            return row.paged_out.count;
        case TopOrder::rss:
            return row.rss.value_or(Bytes{}).count;
        case TopOrder::swapped:
            return row.swapped.value_or(Bytes{}).count;
        case TopOrder::refaulted:
            return row.refaulted.count;
        case TopOrder::name:
            break;
    }
    return 0;
}

// Equals stand by what they have in memory, and then by name and pid, so that lines stay.
bool comes_before(const Row& a, const Row& b, TopOrder order) {
    const std::uint64_t rss_a = a.rss.value_or(Bytes{}).count;
    const std::uint64_t rss_b = b.rss.value_or(Bytes{}).count;
    if (order == TopOrder::name) return std::tie(a.name, a.pid) < std::tie(b.name, b.pid);
    const std::uint64_t rank_a = rank_of(a, order), rank_b = rank_of(b, order);
    return std::tie(rank_b, rss_b, a.name, a.pid) < std::tie(rank_a, rss_a, b.name, b.pid);
}

Result<std::vector<Row>> rows_of(const std::string& answer, TopOrder order) {
    if (auto done = read_answer(answer); !done) return done.error();
    std::vector<Row> rows;
    try {
        const json parsed = json::parse(answer);
        const json& status = parsed.at("status");
        for (const json& policy : status.at("policies"))
            for (const json& target : policy.at("targets"))
                rows.push_back(row_of(status, policy, target));
    } catch (const json::exception& error) {
        return Error{ErrorKind::runtime,
                     std::string("the daemon's answer cannot be read: ") + error.what(), 0};
    }
    std::sort(rows.begin(), rows.end(),
              [order](const Row& a, const Row& b) { return comes_before(a, b, order); });
    return rows;
}

// "412.3M": a letter in place of readable()'s unit.
std::string compact(const std::optional<Bytes>& bytes) {
    if (!bytes) return "-";
    std::string text = readable(*bytes);
    const std::size_t space = text.find(' ');
    return text.substr(0, space) + text.substr(space + 1, 1);
}

std::string line_of(const std::array<std::string, 8>& cells, std::size_t name_columns,
                    std::size_t policy_columns) {
    std::string line = left(cells[0], name_columns) + " " + right(cells[1], pid_columns) + " " +
                       left(cells[2], policy_columns);
    for (std::size_t i = 3; i < 7; ++i) line += " " + right(cells[i], figure_columns);
    if (!cells[7].empty()) line += " " + cells[7];
    return line + "\n";
}

json json_of(const std::optional<Bytes>& bytes) {
    return bytes ? json(bytes->count) : json(nullptr);
}

}  // namespace

std::optional<TopOrder> top_order(std::string_view word) {
    for (const auto& [name, order] : orders)
        if (name == word) return order;
    return std::nullopt;
}

Result<std::string> top_table(const std::string& answer, TopOrder order, std::size_t width,
                              std::optional<std::size_t> lines) {
    const auto rows = rows_of(answer, order);
    if (!rows) return rows.error();
    const std::size_t names = std::max(width, least_width) - fixed_columns;
    const std::size_t policy_columns = names / 2;
    const std::size_t name_columns = names - policy_columns;
    std::string table = line_of({"NAME", "PID", "POLICY", "RSS", "SWAPPED", "OUT", "BACK", "STATE"},
                                name_columns, policy_columns);
    // The heading, and where not all fit, the line that says so.
    std::size_t shown = rows->size();
    if (lines && shown + 1 > *lines) shown = *lines > 2 ? *lines - 2 : 0;
    for (std::size_t i = 0; i < shown; ++i) {
        const Row& row = (*rows)[i];
        table += line_of(
            {printable(row.name), std::to_string(row.pid),
             printable(std::filesystem::path(row.policy).stem().string()), compact(row.rss),
             compact(row.swapped), compact(row.paged_out), compact(row.refaulted), row.state},
            name_columns, policy_columns);
    }
    if (shown < rows->size()) table += "and " + std::to_string(rows->size() - shown) + " more\n";
    return table;
}

Result<std::string> top_json(const std::string& answer, TopOrder order) {
    const auto rows = rows_of(answer, order);
    if (!rows) return rows.error();
    json targets = json::array();
    for (const Row& row : *rows)
        targets.push_back({{"name", row.name},
                           {"pid", row.pid},
                           {"policy", row.policy},
                           {"rss_bytes", json_of(row.rss)},
                           {"swapped_bytes", json_of(row.swapped)},
                           {"paged_out_bytes", row.paged_out.count},
                           {"refaulted_bytes", row.refaulted.count},
                           {"state", row.state}});
    return json{{"version", answer_version}, {"targets", std::move(targets)}}.dump(
        -1, ' ', false, json::error_handler_t::replace);
}

}  // namespace damon_schemes
