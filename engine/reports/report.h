// SPDX-License-Identifier: MIT
// A report on a recording: what `damon-schemes report` prints.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/recordings/recording.h"
#include "engine/reports/cell_painter.h"
#include "engine/reports/course.h"
#include "engine/reports/raw.h"
#include "engine/reports/walk.h"
#include "schemes/result.h"

namespace damon_schemes {

enum class ReportKind { summary, heatmap, wss, regions, schemes, raw };
std::optional<ReportKind> report_kind(std::string_view name);

enum class ReportFormat { text, svg, html, heats, json, csv };
std::optional<ReportFormat> report_format(std::string_view name);

struct ReportRequest {
    ReportKind kind = ReportKind::summary;
    ReportFormat format = ReportFormat::text;
    ReportSelection selection;
    std::string area;  // a word of the user's, as area_named() takes it; empty: all
    std::optional<std::size_t> time_cells;     // heatmap as heats, JSON and CSV: 500, else 120
    std::optional<std::size_t> address_cells;  // likewise: 500, else 64 in each area
    bool guide = false;                        // heatmap: what the selection could be
    std::vector<std::uint64_t> percentiles = {0, 25, 50, 75, 100};
    std::optional<CourseOrder> order;
    bool plot = false;
    std::uint64_t skip = 20;  // as DAMON v12's tool does
    HeatmapStyle style;       // of everything in the terminal
};

// A recording is walked once or twice, from its beginning each time.
using OpenRecording = std::function<Result<std::unique_ptr<RecordingReader>>()>;

struct ReportOutcome {
    // What the reader should know beside the report: where the recording is damaged, what was left
    // out.
    std::vector<std::string> warnings;
};

// Errors: what opening, reading and writing say; a format that the kind does not have, a target or
// an area that the recording does not have (usage).
Result<ReportOutcome> make_report(const ReportRequest& request, const OpenRecording& open,
                                  const WriteText& write);

}  // namespace damon_schemes
