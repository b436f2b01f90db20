// SPDX-License-Identifier: MIT
#include "engine/actions/dry_run.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>

#include "engine/actions/chunk.h"
#include "engine/actions/huge_pages.h"
#include "engine/actions/mappings.h"
#include "engine/actions/page_choice.h"
#include "engine/actions/pagemap.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {

namespace {

// What of a range the filters let through, found out as for the act itself: page by page where they
// ask for that.  What they reject, or what is absent, is counted under its gap.
std::vector<AddressRange> let_through(const PageChoice& choice, AddressRange range,
                                      const Pagemap* pagemap, HugePages& huge_pages,
                                      Bytes page_size, ActionOutcome& outcome) {
    std::vector<AddressRange> through;
    const auto lose = [&](Gap gap, Bytes bytes) {
        outcome.gaps[static_cast<std::size_t>(gap)] += bytes;
    };
    const auto add = [&through](AddressRange part) {
        if (!through.empty() && through.back().end == part.start) {
            through.back().end = part.end;
        } else {
            through.push_back(part);
        }
    };
    std::vector<PageChoice::Cut> cuts;
    choice.cut(range, cuts);
    std::vector<PagemapEntry> entries;
    std::vector<PageState> states;
    std::vector<PageChoice::Fate> fates;
    for (const PageChoice::Cut& cut : cuts) {
        if (cut.verdict == FilterVerdict::Kind::rejected) {
            lose(Gap::filtered, cut.range.size());
            continue;
        }
        if (cut.verdict == FilterVerdict::Kind::allowed) {
            add(cut.range);
            continue;
        }
        for (AddressRange rest = cut.range; !rest.empty();) {
            AddressRange piece = rest;
            piece.end = std::min(rest.end, rest.start + largest_chunk.count);
            rest.start = piece.end;
            entries.clear();
            states.clear();
            fates.clear();
            if (pagemap) pagemap->read(piece, page_size, entries);
            if (choice.looks()) (void)choice.look({&piece, 1}, states);
            choice.choose(piece, true, entries, states, huge_pages, fates);
            for (std::size_t page = 0; page < fates.size(); ++page) {
                const std::uint64_t start = piece.start + page * page_size.count;
                switch (fates[page]) {
                    case PageChoice::Fate::take:
                        add({start, start + page_size.count});
                        break;
                    case PageChoice::Fate::absent:
                        lose(Gap::absent, page_size);
                        break;
                    case PageChoice::Fate::filtered:
                        lose(Gap::filtered, page_size);
                        break;
                    case PageChoice::Fate::not_idle:
                        lose(Gap::not_idle, page_size);
                        break;
                }
            }
        }
    }
    return through;
}

}  // namespace

std::vector<ActionOutcome> DryRun::execute(const ActionRequest& request,
                                           const Cancelled& cancelled) {
    std::vector<ActionOutcome> outcomes(request.ranges.size());
    const auto folder = open_process_folder(request.pid, request.pidfd, paths_.proc);
    const auto text = folder ? read_file_at(folder->get(), "maps") : std::nullopt;
    const int error = text ? 0 : folder ? errno : folder.error().code;
    const std::vector<Mapping> mappings = text ? parse_mappings(*text) : std::vector<Mapping>{};

    const Bytes page_size{static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
    const bool keeps_huge_pages = !request.split_huge_pages && request.action != Action::willneed;
    PageChoice choice(request, page_size);
    choice.know(mappings);
    const auto pagemap = (keeps_huge_pages || choice.asks_for_pages()) && folder
                             ? Pagemap::open(folder->get())
                             : std::nullopt;
    const auto flags = keeps_huge_pages ? FrameFlags::open() : std::nullopt;
    HugePages huge_pages(folder ? folder->get() : -1, pagemap ? &*pagemap : nullptr,
                         flags ? &*flags : nullptr, page_size);

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
            for (const AddressRange through :
                 let_through(choice, part.range, pagemap ? &*pagemap : nullptr, huge_pages,
                             page_size, outcome)) {
                Untorn untorn{through, {}};
                if (keeps_huge_pages) {
                    untorn = without_torn_huge_pages(
                        through, [&](std::uint64_t block) { return huge_pages.at(block); });
                }
                lose(Gap::huge_page_cut, untorn.cut);
                advisable += untorn.range.size();
            }
        }
        ranges_.fetch_add(1, std::memory_order_relaxed);
        advisable_.fetch_add(advisable.count, std::memory_order_relaxed);
    }
    return outcomes;
}

}  // namespace damon_schemes
