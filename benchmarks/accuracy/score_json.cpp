// SPDX-License-Identifier: MIT
#include "benchmarks/accuracy/score_json.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

namespace damon_schemes::accuracy {
namespace {

nlohmann::json json_of(const std::optional<double>& share) {
    return share ? nlohmann::json(*share) : nlohmann::json();
}

nlohmann::json json_of(const std::optional<ChangeScore::Seen>& seen) {
    if (!seen) return {};
    return {{"intervals", seen->intervals}, {"time", seen->time}};
}

double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace

nlohmann::json json_of(const Score& score) {
    return {{"mapped", score.mapped},
            {"touched", score.touched},
            {"hot", score.hot},
            {"called_hot", score.called_hot},
            {"called_cold", score.called_cold},
            {"unknown", score.unknown},
            {"called_hot_hot", score.called_hot_hot},
            {"called_hot_touched", score.called_hot_touched},
            {"wrongly_cold", score.called_cold_touched},
            {"wrongly_cold_hot", score.called_cold_hot},
            {"recall", json_of(score.recall())},
            {"precision", json_of(score.precision())},
            {"strict_precision", json_of(score.strict_precision())},
            {"frequency_of_touched", json_of(score.frequency_of_touched())},
            {"weighted_recall", json_of(score.weighted_recall())},
            {"weighted_precision", json_of(score.weighted_precision())},
            {"wrongly_cold_of_mapped", json_of(score.wrongly_cold_of_mapped())},
            {"wrongly_cold_hot_of_mapped", json_of(score.wrongly_cold_hot_of_mapped())},
            {"wrongly_cold_of_touched", json_of(score.wrongly_cold_of_touched())},
            {"unknown_of_mapped", json_of(score.unknown_of_mapped())},
            {"working_set_error", json_of(score.working_set_error())}};
}

nlohmann::json json_of(const RunScore& run) {
    nlohmann::json snapshots = nlohmann::json::array(), changes = nlohmann::json::array();
    for (const SnapshotScore& each : run.snapshots) {
        nlohmann::json score = json_of(each.score);
        score["at_s"] = seconds(each.at);
        score["settled"] = each.settled;
        score["regions"] = each.regions;
        snapshots.push_back(std::move(score));
    }
    for (const ChangeScore& change : run.changes)
        changes.push_back({{"at_s", seconds(change.at)},
                           {"newly_hot", change.newly_hot},
                           {"newly_cold", change.newly_cold},
                           {"seen", json_of(change.seen)},
                           {"hot_seen", json_of(change.hot_seen)},
                           {"cold_seen", json_of(change.cold_seen)},
                           {"watched", json_of(std::optional(change.watched))}});
    nlohmann::json whole = json_of(run.whole), settled = json_of(run.settled);
    whole["snapshots"] = run.snapshots.size();
    settled["snapshots"] = run.settled_snapshots;
    return {{"whole", whole}, {"settled", settled}, {"changes", changes}, {"snapshots", snapshots}};
}

}  // namespace damon_schemes::accuracy
