// SPDX-License-Identifier: MIT
#include "engine/reports/daemon_status.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/reports/figure_table.h"
#include "engine/reports/readable.h"
#include "schemes/decide/plan.h"

namespace damon_schemes {
namespace {

using nlohmann::json;

// What holds back most comes first; so many are told.
constexpr std::size_t reasons_told = 3;
constexpr std::size_t targets_told = 3;

json json_of(const std::optional<Bytes>& bytes) {
    return bytes ? json(bytes->count) : json(nullptr);
}

json json_of(const std::string& why) {
    return why.empty() ? json(nullptr) : json(why);
}

json json_of(const std::optional<DaemonStatus::Paused>& paused) {
    if (!paused) return nullptr;
    return {{"ago_ns", paused->ago.count()},
            {"left_ns", paused->left ? json(paused->left->count()) : json(nullptr)},
            {"by_pid", paused->by_pid},
            {"by_uid", paused->by_uid},
            {"released", paused->released}};
}

json json_of(const DaemonStatus::OfScheme& scheme) {
    json held_back = json::object();
    for (std::size_t i = 0; i < reason_count; ++i)
        if (const Bytes held = scheme.totals.held_back[i]; held.count > 0)
            held_back[std::string(name_of(static_cast<Reason>(i)))] = held.count;
    return {{"name", scheme.name},
            {"action", name_of(scheme.action)},
            {"matched_bytes", scheme.totals.matched.count},
            {"planned_bytes", scheme.totals.planned.count},
            {"advised_bytes", scheme.totals.advised.count},
            {"paged_out_bytes", scheme.totals.paged_out.count},
            {"confirmed_bytes", scheme.totals.confirmed.count},
            {"refaulted_bytes", scheme.totals.refaulted.count},
            {"guard_pauses", scheme.guard_pauses},
            {"tuned_age_ns", scheme.tuned_age ? json(scheme.tuned_age->count()) : json(nullptr)},
            {"held_back_bytes", std::move(held_back)}};
}

json json_of(const DaemonStatus::Target& target) {
    json guarded = json::array();
    for (const auto& each : target.guarded)
        guarded.push_back({{"scheme", each.scheme},
                           {"harm", name_of(each.harm)},
                           {"measured", each.measured},
                           {"left_ns", each.left.count()}});
    // Field by field: a list in braces is made of arrays first, and there may be hundreds of these.
    json::object_t told;
    told.emplace("pid", target.pid);
    told.emplace("name", target.name);
    told.emplace("rss_bytes", json_of(target.rss));
    told.emplace("swapped_bytes", json_of(target.swapped));
    told.emplace("paged_out_bytes", target.paged_out.count);
    told.emplace("refaulted_bytes", target.refaulted.count);
    told.emplace("paused", json_of(target.paused));
    told.emplace("braked", target.braked);
    told.emplace("guarded", std::move(guarded));
    return told;
}

json json_of(const DaemonStatus::OfPolicy& policy) {
    json targets = json::array();
    for (const auto& target : policy.targets) targets.push_back(json_of(target));
    json schemes = json::array();
    for (const auto& scheme : policy.schemes) schemes.push_back(json_of(scheme));
    return {
        {"name", policy.name},
        {"observing", json_of(policy.observing)},
        {"resting", json_of(policy.resting)},
        {"paused", json_of(policy.paused)},
        {"snapshots", policy.snapshots},
        {"lost_snapshots", policy.monitor ? json(policy.monitor->lost_snapshots) : json(nullptr)},
        {"regions", policy.regions},
        {"targets", std::move(targets)},
        {"schemes", std::move(schemes)}};
}

// A process's name need not be UTF-8.
std::string line_of(const json& answer) {
    return answer.dump(-1, ' ', false, json::error_handler_t::replace);
}

Bytes sum_of(const json& targets, const char* key) {
    Bytes sum;
    for (const json& target : targets)
        sum += Bytes{target.value(key, json(0)).is_number() ? target[key].get<std::uint64_t>() : 0};
    return sum;
}

std::string held_back_in_words(const json& held_back) {
    std::vector<std::pair<std::uint64_t, std::string>> reasons;
    for (const auto& [reason, bytes] : held_back.items())
        reasons.emplace_back(bytes.get<std::uint64_t>(), reason);
    std::sort(reasons.rbegin(), reasons.rend());
    std::string words;
    for (std::size_t i = 0; i < std::min(reasons.size(), reasons_told); ++i)
        words += (i == 0 ? "held back: " : ", ") + reasons[i].second + " " +
                 readable(Bytes{reasons[i].first});
    return words;
}

void add_scheme(FigureTable& table, const json& scheme) {
    const auto bytes = [&](const char* key) { return Bytes{scheme.at(key).get<std::uint64_t>()}; };
    const std::string action = scheme.at("action").get<std::string>();
    std::string words;
    Bytes figure = bytes("confirmed_bytes");
    if (action == "pageout") {
        figure = bytes("paged_out_bytes");
        words = "paged out; " + readable(bytes("refaulted_bytes")) + " of it came back";
    } else if (action == "stat") {
        figure = bytes("matched_bytes");
        words = "matches now";
    } else if (figure.count == 0) {
        figure = bytes("advised_bytes");
        words = "advised";
    } else {
        words = "done";
    }
    if (const json& age = scheme.at("tuned_age_ns"); age.is_number())
        words += "; age " + readable(Duration(age.get<Duration::rep>()));
    if (const std::string held = held_back_in_words(scheme.at("held_back_bytes")); !held.empty())
        words += "; " + held;
    table.row(printable(scheme.at("name").get<std::string>()) + ", " + action, readable(figure),
              words);
}

// "redis-server (3412, refaults, for 8 s)", as many as fit into a line, and how many more.
std::string guarded_in_words(const json& targets) {
    std::string words;
    std::size_t told = 0, more = 0;
    for (const json& target : targets) {
        const json guarded = target.value("guarded", json::array());
        if (guarded.empty()) continue;
        if (told == targets_told) {
            ++more;
            continue;
        }
        const json& first = guarded.front();
        words += (told++ == 0 ? "" : ", ") + printable(target.at("name").get<std::string>()) +
                 " (" + std::to_string(target.at("pid").get<int>()) + ", " +
                 first.at("harm").get<std::string>() + ", for " +
                 readable(Duration(first.at("left_ns").get<Duration::rep>())) + ")";
    }
    return more == 0 ? words : words + " and " + std::to_string(more) + " more";
}

std::optional<DaemonStatus::Paused> paused_of(const json& paused) {
    if (!paused.is_object()) return std::nullopt;
    DaemonStatus::Paused read;
    read.ago = Duration(paused.at("ago_ns").get<Duration::rep>());
    if (const json& left = paused.at("left_ns"); left.is_number())
        read.left = Duration(left.get<Duration::rep>());
    read.by_pid = paused.at("by_pid").get<std::int32_t>();
    read.by_uid = paused.at("by_uid").get<std::uint32_t>();
    read.released = paused.at("released").get<bool>();
    return read;
}

void add_paused(FigureTable& table, const json& told) {
    if (const auto paused = paused_of(told)) table.words("paused", in_words(*paused));
}

// Targets that are paused by themselves, as many as are told.
void add_paused_targets(FigureTable& table, const json& targets) {
    std::size_t told = 0, more = 0;
    for (const json& target : targets) {
        const auto paused = paused_of(target.at("paused"));
        if (!paused) continue;
        if (told == targets_told) {
            ++more;
            continue;
        }
        ++told;
        table.words("paused target", printable(target.at("name").get<std::string>()) + " (" +
                                         std::to_string(target.at("pid").get<int>()) + ") " +
                                         in_words(*paused));
    }
    if (more > 0) table.words("paused target", "and " + std::to_string(more) + " more");
}

void add_policy(FigureTable& table, const json& policy) {
    table.line(printable(policy.at("name").get<std::string>()));
    const json& targets = policy.at("targets");
    const auto braked = std::count_if(targets.begin(), targets.end(), [](const json& target) {
        return target.at("braked").get<bool>();
    });
    std::string words = std::to_string(targets.size()) +
                        (targets.size() == 1 ? " process" : " processes") + " in memory; " +
                        readable(sum_of(targets, "swapped_bytes")) + " in swap";
    if (braked > 0) words += "; " + std::to_string(braked) + " left alone by the brake";
    if (const std::string guarded = guarded_in_words(targets); !guarded.empty())
        words += "; left alone by the guard: " + guarded;
    table.row("targets", readable(sum_of(targets, "rss_bytes")), words);
    if (const json& why = policy.at("observing"); why.is_string())
        table.words("observing only", why.get<std::string>());
    if (const json& why = policy.at("resting"); why.is_string())
        table.words("resting", why.get<std::string>());
    add_paused(table, policy.at("paused"));
    add_paused_targets(table, targets);
    for (const json& scheme : policy.at("schemes")) add_scheme(table, scheme);
}

// As parsed; an object that says "ok": true.
Result<json> done(const std::string& answer, const json::parser_callback_t& wanted = nullptr) {
    const json parsed = json::parse(answer, wanted, false);
    if (!parsed.is_object() || !parsed.contains("ok") || !parsed["ok"].is_boolean() ||
        parsed.value("version", json(0)) != json(answer_version))
        return Error{
            ErrorKind::runtime,
            "what answered there is no daemon of this version: " + shortened(printable(answer), 80),
            0};
    if (!parsed["ok"].get<bool>())
        return Error{ErrorKind::runtime,
                     "the daemon refused: " + parsed.value("error", std::string("no reason given")),
                     0};
    return parsed;
}

}  // namespace

std::string answer_of(const DaemonStatus& status) {
    json policies = json::array();
    for (const auto& policy : status.policies) policies.push_back(json_of(policy));
    return line_of({{"version", answer_version},
                    {"ok", true},
                    {"status",
                     {{"elapsed_ns", status.elapsed.count()},
                      {"dry_run", status.dry_run},
                      {"paused", json_of(status.paused)},
                      {"releasing", status.releasing},
                      {"policies", std::move(policies)}}}});
}

std::string answer_done() {
    return line_of({{"version", answer_version}, {"ok", true}});
}

std::string answer_done(std::string_view done) {
    return line_of({{"version", answer_version}, {"ok", true}, {"done", done}});
}

std::string answer_refused(std::string_view error) {
    return line_of({{"version", answer_version}, {"ok", false}, {"error", error}});
}

Result<void> read_answer(const std::string& answer) {
    // Of what was asked for nothing is looked at, and it may be long.
    const auto parsed =
        done(answer, [](int depth, json::parse_event_t, json&) { return depth <= 1; });
    return parsed ? Result<void>() : Result<void>(parsed.error());
}

Result<std::string> read_done(const std::string& answer) {
    const auto parsed = done(answer);
    if (!parsed) return parsed.error();
    return parsed->value("done", std::string("done"));
}

std::string in_words(const DaemonStatus::Paused& paused) {
    return (paused.left ? "for another " + readable(*paused.left)
                        : std::string("until it is resumed")) +
           ", told " + readable(paused.ago) + " ago by process " + std::to_string(paused.by_pid) +
           " of user " + std::to_string(paused.by_uid) +
           (paused.released ? ", with its memory brought back" : "");
}

Result<std::string> status_table(const std::string& answer, std::size_t width) {
    const auto parsed = done(answer);
    if (!parsed) return parsed.error();
    try {
        const json& status = parsed->at("status");
        FigureTable table(width);
        table.paragraph(
            "At work for " + readable(Duration(status.at("elapsed_ns").get<Duration::rep>())) +
            "." + (status.at("dry_run").get<bool>() ? " A dry run: nothing is acted on." : ""));
        add_paused(table, status.at("paused"));
        if (const auto releasing = status.at("releasing").get<std::size_t>(); releasing > 0)
            table.words("releasing", "the memory of " + std::to_string(releasing) +
                                         (releasing == 1 ? " process" : " processes") +
                                         " is on its way back from swap");
        for (const json& policy : status.at("policies")) {
            table.blank();
            add_policy(table, policy);
        }
        return table.finish();
    } catch (const json::exception& error) {
        return Error{ErrorKind::runtime,
                     std::string("the daemon's answer cannot be read: ") + error.what(), 0};
    }
}

}  // namespace damon_schemes
