// SPDX-License-Identifier: MIT
#include "engine/machine/pressure.h"

#include <algorithm>

#include "engine/machine/cgroup.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {

// some avg10=0.00 avg60=0.00 avg300=0.00 total=1234
std::optional<Duration> parse_stalled(std::string_view text) {
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        const auto total = line.find(" total=");
        if (line.starts_with("some ") && total != std::string_view::npos) {
            const auto microseconds = parse_number(line.substr(total + 7));
            if (!microseconds || *microseconds > static_cast<std::uint64_t>(INT64_MAX / 1000))
                return std::nullopt;
            return std::chrono::microseconds(static_cast<std::int64_t>(*microseconds));
        }
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return std::nullopt;
}

std::optional<Duration> memory_stalled(const MachinePaths& paths) {
    const auto text = read_file(paths.proc + "/pressure/memory");
    return text ? parse_stalled(*text) : std::nullopt;
}

std::optional<Duration> memory_stalled_of(const std::string& cgroup, const MachinePaths& paths) {
    const auto folder = cgroup_folder(cgroup, paths);
    const auto text = folder ? read_file(*folder + "/memory.pressure") : std::nullopt;
    return text ? parse_stalled(*text) : std::nullopt;
}

}  // namespace damon_schemes
