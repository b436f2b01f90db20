// SPDX-License-Identifier: MIT
#include "engine/actions/dry_run.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>

#include "engine/actions/chunk.h"
#include "engine/actions/huge_pages.h"
#include "engine/actions/mappings.h"
#include "engine/actions/pagemap.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {

std::vector<ActionOutcome> DryRun::execute(const ActionRequest& request,
                                           const Cancelled& cancelled) {
    std::vector<ActionOutcome> outcomes(request.ranges.size());
    const std::string path = paths_.proc + "/" + std::to_string(request.pid);
    const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const bool gone = request.pidfd >= 0 && !alive(request.pidfd);
    const auto text = folder && !gone ? read_file_at(folder.get(), "maps") : std::nullopt;
    const int error = text ? 0 : gone ? ESRCH : errno;
    const std::vector<Mapping> mappings = text ? parse_mappings(*text) : std::vector<Mapping>{};

    const Bytes page_size{static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
    const bool keeps_huge_pages = !request.split_huge_pages && request.action != Action::willneed;
    const auto pagemap = keeps_huge_pages && folder ? Pagemap::open(folder.get()) : std::nullopt;
    const auto flags = keeps_huge_pages ? FrameFlags::open() : std::nullopt;
    HugePages huge_pages(folder.get(), pagemap ? &*pagemap : nullptr, flags ? &*flags : nullptr,
                         page_size);

    for (std::size_t index = 0; index < outcomes.size(); ++index) {
        ActionOutcome& outcome = outcomes[index];
        const AddressRange range = request.ranges[index];
        const auto lose = [&](Gap gap, Bytes bytes) {
            outcome.gaps[static_cast<std::size_t>(gap)] += bytes;
        };
        outcome.asked = range.size();
        if (error != 0) {
            outcome.last_errno = error;
            outcome.target_gone = error == ESRCH || error == ENOENT;
            lose(outcome.target_gone ? Gap::unmapped : Gap::refused, range.size());
            continue;
        }
        if (cancelled && cancelled()) {
            lose(Gap::cancelled, range.size());
            continue;
        }
        const Clipped clipped = clip(range, mappings, page_size);
        lose(Gap::unmapped, clipped.unmapped);
        lose(Gap::special, clipped.special);
        Bytes advisable;
        for (const MappedPart& part : clipped.parts) {
            Untorn untorn{part.range, {}};
            if (keeps_huge_pages) {
                untorn = without_torn_huge_pages(
                    part.range, [&](std::uint64_t block) { return huge_pages.at(block); });
            }
            lose(Gap::huge_page_cut, untorn.cut);
            advisable += untorn.range.size();
        }
        ranges_.fetch_add(1, std::memory_order_relaxed);
        advisable_.fetch_add(advisable.count, std::memory_order_relaxed);
    }
    return outcomes;
}

}  // namespace damon_schemes
