// SPDX-License-Identifier: MIT
// What simulations came to, side by side: a table and plots for people, data for programs.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/reports/plot.h"
#include "engine/simulation/simulator.h"

namespace damon_schemes {

struct SimulatedRun {
    std::string policy;     // as given
    std::string recording;  // likewise
    SimulationResult result;
};

// A line a run, grouped by recording, then for each run its schemes and what held them back.  At
// most `width` columns wide (not less than 80); each line ended by a newline.
std::string simulation_table(const std::vector<SimulatedRun>& runs, std::size_t width = 80);

// What is out of memory over time, a plot a run, all of one recording with the same axes.
std::vector<Plot> simulation_plots(const std::vector<SimulatedRun>& runs);

// One JSON array with an object a run, indented, without a newline at its end.  Keys are stable;
// bytes and nanoseconds are integers:
//   policy, recording, snapshots, length_ns, present_mean_bytes, out_mean_bytes, out_peak_bytes,
//   out_at_end_bytes, left_bytes, returned_bytes{within_10_seconds, within_a_minute, later},
//   left_out[] (controls of the policy that need more than a recording has, in words),
//   schemes[]: name, action, planned_bytes, paged_out_bytes, spent_ns, quota_exceeded_snapshots,
//              matched_mean_bytes, held_back_mean_bytes{reason}
//   course[]: at_ns, out_bytes, left_bytes, returned_bytes
std::string simulation_json(const std::vector<SimulatedRun>& runs);

// The courses, a line a moment: policy, recording, at_ns, out_bytes, left_bytes, returned_bytes.
std::string simulation_csv(const std::vector<SimulatedRun>& runs);

}  // namespace damon_schemes
