// SPDX-License-Identifier: MIT
#include "engine/reports/physical_summary.h"

#include <nlohmann/json.hpp>

#include "engine/reports/figure_table.h"
#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

double in_seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

Bytes used_swap_of(const MachineMemory& memory) {
    return memory.swap_total - memory.swap_free;
}

std::string from_to(Bytes before, Bytes after) {
    return "from " + readable(before) + " to " + readable(after);
}

std::string change(Bytes before, Bytes after) {
    return readable_change(static_cast<std::int64_t>(after.count) -
                           static_cast<std::int64_t>(before.count));
}

}  // namespace

std::string physical_summary_table(const PhysicalSummary& summary, std::size_t width) {
    FigureTable table(width);
    table.paragraph("Physical memory, by the kernel's own DAMON, for " + readable(summary.elapsed) +
                    (summary.dry_run ? " (dry run)" : "") + "; " + summary.ended + ".");
    for (const auto& scheme : summary.schemes) {
        table.line(scheme.name + " (" + std::string(name_of(scheme.action)) + ")");
        const PhysicalTotals& totals = scheme.totals;
        table.row(
            "tried", readable(totals.tried),
            "in " + readable(totals.tried_regions) + " regions: what matched, as often as it did");
        if (acts(scheme.action) && !summary.dry_run) {
            table.row("applied", readable(totals.applied),
                      "in " + readable(totals.applied_regions) +
                          " regions: of that, what the "
                          "action took");
        }
        if (totals.quota_exceeded != 0)
            table.row("quota", readable(totals.quota_exceeded), "times it was exceeded");
    }
    if (summary.before && summary.after) {
        const MachineMemory& before = *summary.before;
        const MachineMemory& after = *summary.after;
        table.line("Machine");
        table.row("memory used", change(before.used(), after.used()),
                  from_to(before.used(), after.used()));
        table.row("swap used", change(used_swap_of(before), used_swap_of(after)),
                  from_to(used_swap_of(before), used_swap_of(after)));
        if (before.zram.count != 0 || after.zram.count != 0)
            table.row("zram's memory", change(before.zram, after.zram),
                      from_to(before.zram, after.zram));
    }
    table.line("Cost");
    table.row("kdamond",
              readable_percent(in_seconds(summary.thread_time), in_seconds(summary.elapsed)),
              "of one CPU");
    return table.finish();
}

std::string physical_summary_json(const PhysicalSummary& summary) {
    using nlohmann::json;
    json schemes = json::array();
    for (const auto& scheme : summary.schemes) {
        schemes.push_back({{"name", scheme.name},
                           {"action", name_of(scheme.action)},
                           {"tried_regions", scheme.totals.tried_regions},
                           {"tried_bytes", scheme.totals.tried.count},
                           {"applied_regions", scheme.totals.applied_regions},
                           {"applied_bytes", scheme.totals.applied.count},
                           {"quota_exceeded", scheme.totals.quota_exceeded}});
    }
    json system = nullptr;
    if (summary.before && summary.after) {
        system = {{"used_before_bytes", summary.before->used().count},
                  {"used_after_bytes", summary.after->used().count},
                  {"swap_used_before_bytes", used_swap_of(*summary.before).count},
                  {"swap_used_after_bytes", used_swap_of(*summary.after).count},
                  {"zram_before_bytes", summary.before->zram.count},
                  {"zram_after_bytes", summary.after->zram.count}};
    }
    const double elapsed = in_seconds(summary.elapsed);
    const json root = {
        {"elapsed_ns", summary.elapsed.count()},
        {"ended", summary.ended},
        {"dry_run", summary.dry_run},
        {"memory", "physical"},
        {"schemes", std::move(schemes)},
        {"system", std::move(system)},
        {"monitor",
         {{"kind", "mainline"},
          {"thread_ns", summary.thread_time.count()},
          {"cpu_share", elapsed > 0 ? in_seconds(summary.thread_time) / elapsed : 0.0}}}};
    return root.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace damon_schemes
