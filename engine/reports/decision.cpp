// SPDX-License-Identifier: MIT
#include "engine/reports/decision.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/reports/figure_table.h"
#include "engine/reports/readable.h"
#include "schemes/quantity.h"

namespace damon_schemes {
namespace {

std::string hexadecimal(std::uint64_t value) {
    std::array<char, 20> text{};
    std::snprintf(text.data(), text.size(), "0x%llx", static_cast<unsigned long long>(value));
    return text.data();
}

std::string percent(double share) {
    std::array<char, 32> text{};
    const int decimals = share == 0 || share >= 0.1 ? 0 : share >= 0.001 ? 2 : 4;
    std::snprintf(text.data(), text.size(), "%.*f%%", decimals, share * 100);
    return text.data();
}
double fraction(Share share) {
    return static_cast<double>(share.ppm) / 1e6;
}

const Conditions::Target* conditions_of(const Decision& decision, TargetId id) {
    for (const auto& target : decision.conditions.targets)
        if (target.id == id) return &target;
    return nullptr;
}

std::string name_of_target(const Decision& decision, const TargetSnapshot& target) {
    const auto* known = conditions_of(decision, target.id);
    const std::string pid = std::to_string(target.pid);
    return known == nullptr || known->name.empty() ? "process " + pid
                                                   : printable(known->name) + " (" + pid + ")";
}

Duration age_of(const Decision& decision, const Region& region) {
    return decision.snapshot.aggregation_interval * static_cast<std::int64_t>(region.age);
}

template <typename T>
std::string bounds(const Range<T>& range) {
    if (range.min && range.max)
        return "from " + to_string(*range.min) + " to " + to_string(*range.max);
    if (range.min) return "at least " + to_string(*range.min);
    if (range.max) return "at most " + to_string(*range.max);
    return "any";
}

Range<Duration> age_asked(const Decision& decision, std::uint32_t scheme) {
    Range<Duration> age = decision.policy.schemes[scheme].age;
    if (const auto tuned = decision.controls[scheme].tuned_age) age.min = tuned;
    return age;
}

std::string rest_in_words(SchemeControls::Rest rest, const Watermark& marks,
                          std::optional<Share> now, std::string_view what) {
    const std::string is =
        now ? percent(fraction(*now)) + " of " + std::string(what) + " is free" : "";
    switch (rest) {
        case SchemeControls::Rest::no: {
            std::string words = "at work: " + is;
            if (marks.high < Share{1'000'000}) words += "; rests above " + to_string(marks.high);
            if (marks.low > Share{}) words += "; rests below " + to_string(marks.low);
            return words;
        }
        case SchemeControls::Rest::too_much_free:
            return "rests: " + is + "; begins at " + to_string(marks.mid) + " and less";
        case SchemeControls::Rest::too_little_free:
            return "rests: " + is + ", less than " + to_string(marks.low);
        case SchemeControls::Rest::not_measured:
            return "rests: how much of " + std::string(what) + " is free is not known";
    }
    return "";
}

std::string_view word_of(SchemeControls::Rest rest) {
    switch (rest) {
        case SchemeControls::Rest::no:
            return "no";
        case SchemeControls::Rest::too_much_free:
            return "too_much_free";
        case SchemeControls::Rest::too_little_free:
            return "too_little_free";
        case SchemeControls::Rest::not_measured:
            return "not_measured";
    }
    return "?";
}

std::string goal_in_words(const QuotaGoal& goal, const SchemeControls::Goal& at) {
    const bool figure = goal.metric == GoalMetric::figure;
    const auto value = [&](double number) {
        if (!figure) return percent(number);
        std::array<char, 40> text{};
        std::snprintf(text.data(), text.size(), "%g", number);
        return std::string(text.data());
    };
    std::string words = std::string(name_of(goal.metric)) + (figure ? " in " + goal.file : "");
    words += at.current ? " is " + value(*at.current) : " is not known";
    return words + ", wanted " + value(at.target);
}

std::string harm_in_words(const HarmGuard::Pause& pause) {
    switch (pause.harm) {
        case Harm::refaults:
            return readable(Bytes{static_cast<std::uint64_t>(pause.measured)}) +
                   " a second came back";
        case Harm::pressure:
            return "its cgroup waited for memory " + percent(pause.measured) + " of the time";
        case Harm::figure:
            break;
    }
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%g", pause.measured);
    return "its figure is " + std::string(text.data());
}

void add_guard(FigureTable& table, const Decision& decision, std::uint32_t index) {
    if (!acts(decision.policy.schemes[index].action)) return;
    const SchemeControls& controls = decision.controls[index];
    const Limits& limits = decision.policy.limits;
    if (!limits.guard)
        table.words("guard", "off");
    else if (controls.guarded.empty())
        table.words("guard", "not on; it began " + std::to_string(controls.guard_pauses) +
                                 (controls.guard_pauses == 1 ? " pause" : " pauses"));
    for (const auto& guarded : controls.guarded) {
        const auto* known = conditions_of(decision, guarded.target);
        table.words("guard", "on for another " +
                                 readable(elapsed(decision.snapshot.time, guarded.pause.until)) +
                                 (known == nullptr ? "" : ": " + printable(known->name)) +
                                 ", since " + harm_in_words(guarded.pause));
    }
    if (decision.conditions.headroom && limits.min_headroom)
        table.words("headroom", percent(fraction(*decision.conditions.headroom)) +
                                    " of memory and swap can be had; the limit is " +
                                    to_string(*limits.min_headroom));
    if (decision.conditions.zram_saving && limits.min_zram_saving)
        table.words("zram", "saves " + percent(fraction(*decision.conditions.zram_saving)) +
                                " of what it holds; the limit is " +
                                to_string(*limits.min_zram_saving));
}

void add_pauses(FigureTable& table, const Decision& decision, std::uint32_t index) {
    for (const auto& pause : decision.controls[index].paused) {
        const auto* known = pause.target ? conditions_of(decision, *pause.target) : nullptr;
        table.words(
            "paused",
            (pause.until ? "for another " + readable(elapsed(decision.snapshot.time, *pause.until))
                         : std::string("until it is resumed")) +
                (known == nullptr ? "" : ": " + printable(known->name)));
    }
}

// Where the controllers of one scheme stand, in the order of their precedence.
void add_controls(FigureTable& table, const Decision& decision, std::uint32_t index) {
    const Scheme& scheme = decision.policy.schemes[index];
    const SchemeControls& controls = decision.controls[index];
    add_pauses(table, decision, index);
    if (!acts(scheme.action)) {
        // Nothing brakes what does nothing.
    } else if (!decision.policy.limits.brake) {
        table.words("brake", "off");
    } else if (controls.braked.empty()) {
        table.words("brake", "not on");
    }
    for (const auto& braked : controls.braked) {
        const auto* known = conditions_of(decision, braked.target);
        table.words("brake", "on for another " +
                                 readable(elapsed(decision.snapshot.time, braked.until)) +
                                 (known == nullptr ? "" : ": " + printable(known->name)));
    }
    add_guard(table, decision, index);
    if (scheme.action == Action::pageout) {
        const auto& least = decision.policy.limits.min_free_swap;
        const auto& free = decision.conditions.free_swap;
        table.words("swap", (free ? percent(fraction(*free)) + " is free"
                                  : "there is none, or its state is not known") +
                                std::string("; the guard is ") +
                                (least ? "at " + to_string(*least) : "off"));
    }
    if (scheme.watermarks) {
        if (controls.free_memory)
            table.words("free memory",
                        rest_in_words(*controls.free_memory, *scheme.watermarks->free_memory,
                                      decision.conditions.free_memory, "the memory"));
        if (controls.free_swap)
            table.words("free swap",
                        rest_in_words(*controls.free_swap, *scheme.watermarks->free_swap,
                                      decision.conditions.free_swap, "the swap"));
    }
    if (controls.next_apply && *controls.next_apply > decision.snapshot.time)
        table.words("apply interval",
                    "due in " + readable(elapsed(decision.snapshot.time, *controls.next_apply)));
    if (controls.quota_bytes && controls.bytes_left)
        table.words("quota, bytes",
                    readable(*controls.bytes_left) + " of " + readable(*controls.quota_bytes) +
                        " are left in this window of " + to_string(scheme.quota.per));
    if (controls.quota_time && controls.time_left) {
        std::string words = *controls.time_left < Duration::zero()
                                ? "overspent by " + readable(-*controls.time_left)
                                : readable(*controls.time_left) + " of " +
                                      readable(*controls.quota_time) + " are left";
        words += controls.bytes_per_second
                     ? ", for which it takes " +
                           readable(Bytes{static_cast<std::uint64_t>(*controls.bytes_per_second)}) +
                           " a second"
                     : "; what acting costs is not known yet";
        table.words("quota, time", words);
    }
    if (controls.goal_bytes)
        table.words("quota, goals", readable(*controls.goal_bytes) + " a window");
    for (std::size_t i = 0; i < controls.goals.size() && i < scheme.quota.goals.size(); ++i)
        table.words("", goal_in_words(scheme.quota.goals[i], controls.goals[i]));
    if (acts(scheme.action) && !controls.quota_bytes && !controls.quota_time &&
        !controls.goal_bytes)
        table.words("quota", "off");
    if (controls.least_score)
        table.words("priority", "what scores less than " + std::to_string(*controls.least_score) +
                                    " of 1000 has to wait");
    if (controls.tuned_age && scheme.tune) {
        std::string words = "at least " + readable(*controls.tuned_age) + ", tuned between " +
                            to_string(scheme.tune->min) + " and " + to_string(scheme.tune->max) +
                            "; ";
        words += controls.refault_share
                     ? percent(*controls.refault_share) + " of what was paged out came back"
                     : "too little was paged out to say what comes back";
        table.words("age", words + ", wanted " + to_string(scheme.tune->refaults));
        if (controls.half_age_share)
            table.words("", "at half of that age " + percent(*controls.half_age_share) +
                                " would, by how long memory stays idle");
    }
    if (scheme.verify)
        table.words("verify",
                    "pages are paged out if they stay idle for " +
                        readable(scheme.verify->idle_at(scheme.verify->of_age && controls.tuned_age
                                                            ? controls.tuned_age
                                                            : scheme.age.min)));
}

// What it would act on; of a scheme that only counts, what it counts.
Bytes would_take(const Decision& decision, std::uint32_t scheme) {
    const SchemeTally& tally = decision.plan.schemes[scheme];
    return acts(decision.policy.schemes[scheme].action) ? tally.planned : tally.matched;
}

void add_scheme(FigureTable& table, const Decision& decision, std::uint32_t index) {
    const Scheme& scheme = decision.policy.schemes[index];
    const bool acting = acts(scheme.action);
    table.line("Scheme " + scheme.name + " (" + std::string(name_of(scheme.action)) + ")");
    table.row(acting ? "would act on" : "counts", readable(would_take(decision, index)),
              acting ? "now, if nothing had been acted on before" : "that match");
    const auto& held_back = decision.plan.schemes[index].held_back;
    for (std::size_t i = 0; i < reason_count; ++i) {
        if (held_back[i].count == 0) continue;
        const auto reason = static_cast<Reason>(i);
        table.row(name_of(reason), readable(held_back[i]), explanation_of(reason), 4);
    }
    add_controls(table, decision, index);
}

// What a region's own figures say where they hold it back.
std::string figures_behind(const Decision& decision, const Verdict& verdict, const Region& region) {
    const Scheme& scheme = decision.policy.schemes[verdict.scheme];
    switch (*verdict.held_back) {
        case Reason::size:
            return "it has " + readable(region.range.size()) +
                   "; asked for: " + bounds(scheme.size);
        case Reason::frequency:
            return "accessed in " + percent(fraction(frequency(region))) +
                   " of the looks; asked for: " + bounds(scheme.frequency);
        case Reason::age:
            return "so for " + readable(age_of(decision, region)) +
                   "; asked for: " + bounds(age_asked(decision, verdict.scheme));
        case Reason::other_scheme:
            return verdict.other && *verdict.other < decision.policy.schemes.size()
                       ? "it is '" + decision.policy.schemes[*verdict.other].name + "'"
                       : "";
        case Reason::filter:
            return verdict.other ? "by filter " + std::to_string(*verdict.other + 1)
                                 : "no filter fits, and the last one allows";
        default:
            return "";
    }
}

template <typename Do>
void for_each_at(const Decision& decision, std::uint64_t address, Do&& act) {
    for (const TargetSnapshot& target : decision.snapshot.targets)
        for (std::size_t i = 0; i < target.regions.size(); ++i)
            if (target.regions[i].range.start <= address && address < target.regions[i].range.end)
                act(target, static_cast<std::uint32_t>(&target - decision.snapshot.targets.data()),
                    static_cast<std::uint32_t>(i));
}

nlohmann::json json_of(const Decision& decision, const Verdict& verdict) {
    const TargetSnapshot& target = decision.snapshot.targets[verdict.target];
    const Region& region = target.regions[verdict.region];
    nlohmann::json json = {{"scheme", decision.policy.schemes[verdict.scheme].name},
                           {"pid", target.pid},
                           {"start", verdict.range.start},
                           {"end", verdict.range.end},
                           {"region", {region.range.start, region.range.end}},
                           {"sampled", region.sampled},
                           {"accessed", region.accessed},
                           {"absent", region.absent},
                           {"age_ns", age_of(decision, region).count()},
                           {"held_back", nullptr}};
    if (verdict.held_back) {
        json["held_back"] = name_of(*verdict.held_back);
        json["because"] = explanation_of(*verdict.held_back);
        if (const auto figures = figures_behind(decision, verdict, region); !figures.empty())
            json["figures"] = figures;
    }
    return json;
}

nlohmann::json json_of(const Decision& decision, std::uint32_t index) {
    const Scheme& scheme = decision.policy.schemes[index];
    const SchemeControls& controls = decision.controls[index];
    const auto& held_back = decision.plan.schemes[index].held_back;
    nlohmann::json held = nlohmann::json::object();
    for (std::size_t i = 0; i < reason_count; ++i)
        held[std::string(name_of(static_cast<Reason>(i)))] = held_back[i].count;
    nlohmann::json json = {{"name", scheme.name},
                           {"action", name_of(scheme.action)},
                           {acts(scheme.action) ? "would_act_on_bytes" : "matched_bytes",
                            would_take(decision, index).count},
                           {"held_back_bytes", std::move(held)}};
    nlohmann::json stand = nlohmann::json::object();
    const auto number = [&](const char* key, const auto& value, auto&& form) {
        if (value) stand[key] = form(*value);
    };
    const auto count = [](auto value) { return value.count(); };
    const auto bytes = [](Bytes value) { return value.count; };
    const auto same = [](auto value) { return value; };
    number("free_memory_rest", controls.free_memory, word_of);
    number("free_swap_rest", controls.free_swap, word_of);
    if (controls.next_apply)
        stand["due_in_ns"] = elapsed(decision.snapshot.time, *controls.next_apply).count();
    number("quota_bytes", controls.quota_bytes, bytes);
    number("quota_bytes_left", controls.bytes_left, bytes);
    number("quota_time_ns", controls.quota_time, count);
    number("quota_time_left_ns", controls.time_left, count);
    number("bytes_per_second", controls.bytes_per_second, same);
    number("goal_bytes", controls.goal_bytes, bytes);
    number("least_score", controls.least_score, same);
    number("tuned_age_ns", controls.tuned_age, count);
    number("half_age_share", controls.half_age_share, same);
    number("refault_share", controls.refault_share, same);
    stand["goals"] = nlohmann::json::array();
    for (std::size_t i = 0; i < controls.goals.size() && i < scheme.quota.goals.size(); ++i) {
        const auto& goal = controls.goals[i];
        stand["goals"].push_back(
            {{"metric", name_of(scheme.quota.goals[i].metric)},
             {"current", goal.current ? nlohmann::json(*goal.current) : nullptr},
             {"target", goal.target},
             {"score", goal.score ? nlohmann::json(*goal.score) : nullptr}});
    }
    stand["braked"] = nlohmann::json::array();
    for (const auto& braked : controls.braked)
        stand["braked"].push_back(
            {{"target", braked.target.value},
             {"for_ns", elapsed(decision.snapshot.time, braked.until).count()}});
    stand["paused"] = nlohmann::json::array();
    for (const auto& pause : controls.paused)
        stand["paused"].push_back(
            {{"target", pause.target ? nlohmann::json(pause.target->value) : nullptr},
             {"for_ns", pause.until
                            ? nlohmann::json(elapsed(decision.snapshot.time, *pause.until).count())
                            : nullptr}});
    stand["guarded"] = nlohmann::json::array();
    for (const auto& guarded : controls.guarded)
        stand["guarded"].push_back(
            {{"target", guarded.target.value},
             {"harm", name_of(guarded.pause.harm)},
             {"measured", guarded.pause.measured},
             {"for_ns", elapsed(decision.snapshot.time, guarded.pause.until).count()}});
    stand["guard_pauses"] = controls.guard_pauses;
    json["controls"] = std::move(stand);
    return json;
}

}  // namespace

std::string decision_table(const Decision& decision, std::size_t width) {
    FigureTable table(width);
    for (const TargetSnapshot& target : decision.snapshot.targets) {
        Bytes seen;
        for (const Region& region : target.regions) seen += region.range.size();
        table.line(name_of_target(decision, target) + ": " + readable(seen) + " in " +
                   readable(std::uint64_t{target.regions.size()}) + " regions, watched for " +
                   readable(decision.watched));
    }
    for (std::uint32_t i = 0; i < decision.policy.schemes.size(); ++i) {
        table.blank();
        add_scheme(table, decision, i);
    }
    return table.finish();
}

std::string decision_table(const Decision& decision, std::uint64_t address, std::size_t width) {
    FigureTable table(width);
    for_each_at(
        decision, address,
        [&](const TargetSnapshot& target, std::uint32_t which, std::uint32_t index) {
            const Region& region = target.regions[index];
            table.line(hexadecimal(address) + " of " + name_of_target(decision, target));
            table.paragraph(
                "lies in the region " + hexadecimal(region.range.start) + " to " +
                    hexadecimal(region.range.end) + ", " + readable(region.range.size()) +
                    (region.known() ? ": accessed in " + std::to_string(region.accessed) + " of " +
                                          std::to_string(region.sampled) + " looks, absent in " +
                                          std::to_string(region.absent) + ", so for " +
                                          readable(age_of(decision, region)) + "."
                                    : ": not looked at in this interval."),
                2);
            for (const Verdict& verdict : decision.explanation.verdicts) {
                if (verdict.target != which || verdict.region != index) continue;
                if (address < verdict.range.start || verdict.range.end <= address) continue;
                const Scheme& scheme = decision.policy.schemes[verdict.scheme];
                std::string words;
                if (!verdict.held_back) {
                    words = acts(scheme.action) ? "would be acted on now (" +
                                                      std::string(name_of(scheme.action)) + ")"
                                                : "counts";
                } else {
                    words = std::string(name_of(*verdict.held_back)) + ": " +
                            std::string(explanation_of(*verdict.held_back));
                    if (const auto figures = figures_behind(decision, verdict, region);
                        !figures.empty())
                        words += " (" + figures + ")";
                }
                table.words(scheme.name, words);
            }
        });
    return table.finish();
}

bool is_seen(const Decision& decision, std::uint64_t address) {
    bool seen = false;
    for_each_at(decision, address,
                [&](const TargetSnapshot&, std::uint32_t, std::uint32_t) { seen = true; });
    return seen;
}

std::string decision_json(const Decision& decision, std::optional<std::uint64_t> address) {
    nlohmann::json targets = nlohmann::json::array();
    for (const TargetSnapshot& target : decision.snapshot.targets) {
        const auto* known = conditions_of(decision, target.id);
        targets.push_back({{"id", target.id.value},
                           {"pid", target.pid},
                           {"name", known == nullptr ? "" : known->name},
                           {"regions", target.regions.size()}});
    }
    nlohmann::json schemes = nlohmann::json::array();
    for (std::uint32_t i = 0; i < decision.policy.schemes.size(); ++i)
        schemes.push_back(json_of(decision, i));
    nlohmann::json verdicts = nlohmann::json::array();
    for (const Verdict& verdict : decision.explanation.verdicts) {
        if (address && (*address < verdict.range.start || verdict.range.end <= *address)) continue;
        verdicts.push_back(json_of(decision, verdict));
    }
    return nlohmann::json{{"watched_ns", decision.watched.count()},
                          {"targets", std::move(targets)},
                          {"schemes", std::move(schemes)},
                          {"verdicts", std::move(verdicts)}}
        .dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

namespace {

// Whether it says that a scheme's pattern is not met, or that this cannot be told.
bool matches(const Verdict& verdict) {
    return !verdict.held_back || *verdict.held_back > Reason::age;
}

SchemeTally tally_of(const std::vector<Verdict>& verdicts, std::uint32_t scheme, bool acting) {
    SchemeTally tally;
    std::optional<std::uint32_t> region;
    for (const Verdict& verdict : verdicts) {
        if (verdict.scheme != scheme) continue;
        const Bytes bytes = verdict.range.size();
        if (verdict.held_back)
            tally.held_back[static_cast<std::size_t>(*verdict.held_back)] += bytes;
        else if (acting)
            tally.planned += bytes;
        if (!matches(verdict)) continue;
        tally.matched += bytes;
        if (region != verdict.region) ++tally.matched_regions;
        region = verdict.region;
    }
    return tally;
}

}  // namespace

Decision decision_on(TargetId target, Decision decision) {
    auto& targets = decision.snapshot.targets;
    const auto found = std::find_if(targets.begin(), targets.end(), [target](const auto& seen) {
        return seen.id == target && !seen.exited;
    });
    const auto index = static_cast<std::uint32_t>(found - targets.begin());
    targets = found == targets.end() ? std::vector<TargetSnapshot>{} : std::vector{*found};
    std::erase_if(decision.conditions.targets,
                  [target](const auto& known) { return known.id != target; });
    if (decision.conditions.targets.empty()) {
        Conditions::Target known;
        known.id = target;
        decision.conditions.targets.push_back(std::move(known));
    }
    auto& verdicts = decision.explanation.verdicts;
    std::erase_if(verdicts, [index](const Verdict& verdict) { return verdict.target != index; });
    for (Verdict& verdict : verdicts) verdict.target = 0;
    std::erase_if(decision.plan.ranges,
                  [index](const PlannedRange& range) { return range.target != index; });
    for (PlannedRange& range : decision.plan.ranges) range.target = 0;
    for (std::uint32_t scheme = 0; scheme < decision.plan.schemes.size(); ++scheme)
        decision.plan.schemes[scheme] =
            tally_of(verdicts, scheme, acts(decision.policy.schemes[scheme].action));
    for (SchemeControls& controls : decision.controls) {
        const auto other = [target](const auto& left_alone) { return left_alone.target != target; };
        std::erase_if(controls.braked, other);
        std::erase_if(controls.guarded, other);
        std::erase_if(controls.paused, [target](const Pauses::Pause& pause) {
            return pause.target && *pause.target != target;
        });
    }
    return decision;
}

}  // namespace damon_schemes
