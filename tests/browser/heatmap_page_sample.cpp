// SPDX-License-Identifier: MIT
// Prints the page of a made-up recording, for heatmap_page.py.
#include <cstdio>

#include "tests/unit/engine/phase_recording.h"

int main() {
    using namespace damon_schemes;
    ReportRequest request;
    request.kind = ReportKind::heatmap;
    request.format = ReportFormat::html;
    const std::string page =
        phase_recording::report_of(phase_recording::phases_with_mappings(), request);
    std::fputs(page.c_str(), stdout);
}
