// SPDX-License-Identifier: MIT
#include "tests/fuzz/policy_reader.h"

#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "schemes/decide/decider.h"
#include "schemes/policy/reader.h"
#include "schemes/policy/warnings.h"

namespace damon_schemes {

namespace {

void require(bool promise, const char* what) {
    if (promise) return;
    std::cerr << "broken promise: " << what << '\n';
    std::abort();
}

}  // namespace

void exercise_policy_reader(const std::uint8_t* bytes, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(bytes), size);
    PolicyReadOptions options;
    options.source = "fuzz.toml";
    constexpr std::string_view separator = "\n--set\n";
    if (const auto at = text.find(separator); at != std::string_view::npos) {
        std::string_view rest = text.substr(at + separator.size());
        text = text.substr(0, at);
        while (!rest.empty() && options.overrides.size() < 16) {
            const auto end = rest.find('\n');
            options.overrides.emplace_back(rest.substr(0, end));
            if (end == std::string_view::npos) break;
            rest.remove_prefix(end + 1);
        }
    }

    const PolicyReading reading = read_policy(text, options);
    require(reading.errors.size() <= max_policy_errors + 17, "errors are bounded");
    for (const PolicyError& error : reading.errors) {
        require(!error.message.empty(), "every error has a message");
        require(error.source == "fuzz.toml" || error.source.starts_with("--set "),
                "every error has a source");
        const std::string shown = to_string(error);
        require(!shown.empty() && shown.back() != '\n', "no newline at the end");
        require(shown.size() < 8192, "messages are short");
    }
    require(reading.ok() || reading.warnings.empty(), "warnings are of sound policies");
    require(reading.warnings.size() <= max_warnings, "warnings are bounded");
    for (const PolicyError& warning : reading.warnings) {
        require(warning.warning && !warning.message.empty() && !warning.key.empty(),
                "every warning says what it is of");
        require(to_string(warning).size() < 8192, "warnings are short");
    }
    if (!reading.ok()) return;

    require(!reading.policy.schemes.empty(), "a sound policy has a scheme");
    // A sound policy can be decided by, whatever its numbers are.
    Decider decider(reading.policy);
    Snapshot snapshot;
    snapshot.aggregation_interval = reading.policy.monitor.aggregation_interval;
    TargetSnapshot target;
    target.id = {1};
    for (std::uint64_t i = 0; i < 8; ++i)
        target.regions.push_back(
            {{i << 30, (i + 1) << 30}, 20, static_cast<std::uint32_t>(i), 0, 1U << (4 * i)});
    snapshot.targets.push_back(target);
    Conditions conditions;
    conditions.sees = true;
    for (int step = 0; step < 3; ++step) {
        snapshot.time += reading.policy.monitor.update_interval;
        const Plan plan = decider.decide(snapshot, conditions);
        for (const PlannedRange& planned : plan.ranges)
            decider.report({planned.scheme,
                            {1},
                            planned.range,
                            planned.range.size(),
                            std::chrono::milliseconds(3),
                            snapshot.time});
    }
}

}  // namespace damon_schemes
