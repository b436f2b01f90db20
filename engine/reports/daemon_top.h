// SPDX-License-Identifier: MIT
// The targets of a daemon, one a line, of an answer that says how it stands (daemon_status.h).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "schemes/result.h"

namespace damon_schemes {

// The largest first; by name, the first in the alphabet.
enum class TopOrder { paged_out, rss, swapped, refaulted, name };
// "paged-out", "rss", "swapped", "refaulted", "name"; nullopt: it is none.
std::optional<TopOrder> top_order(std::string_view word);

// Lines of at most `width` columns (60 at least are taken), a heading first; at most `lines` of
// them, where that is given, the last saying how many more there are.  Errors (runtime): it is no
// answer, or says what was refused.
Result<std::string> top_table(const std::string& answer, TopOrder order, std::size_t width,
                              std::optional<std::size_t> lines = std::nullopt);
// {"version", "targets": [{"name", "pid", "policy", "rss_bytes", "swapped_bytes",
// "paged_out_bytes", "refaulted_bytes", "state"}]}; "state" is what holds for the target: "paused",
// "guarded", "braked", "resting", "observing", or "" where it is acted on.
Result<std::string> top_json(const std::string& answer, TopOrder order);

}  // namespace damon_schemes
