// SPDX-License-Identifier: MIT
#include "engine/actions/page_choice.h"

#include <algorithm>
#include <cerrno>

#include "engine/actions/chunk.h"

namespace damon_schemes {
namespace {

// Ranges this near to each other are looked at in one go: a look waits for the monitor once, and a
// page more costs it next to nothing.
constexpr std::uint64_t joined_gap = std::uint64_t{1} << 20;
constexpr std::uint64_t longest_look = std::uint64_t{16} << 20;

// One of no, yes, not known, as an index.
std::size_t digit(const std::optional<bool>& fact) {
    if (!fact.has_value()) return 2;
    return *fact ? 1 : 0;
}

// Verdicts on pages of a range that differ in these three facts alone.
class Verdicts {
  public:
    Verdicts(const std::vector<Filter>& filters, const FilterFacts& facts)
        : filters_(filters), facts_(facts) {}

    bool allows(const std::optional<bool>& anonymous, const std::optional<bool>& huge_page,
                const std::optional<bool>& young) {
        auto& known = known_[digit(anonymous) * 9 + digit(huge_page) * 3 + digit(young)];
        if (!known) {
            facts_.anonymous = anonymous;
            facts_.huge_page = huge_page;
            facts_.young = young;
            known = judge(filters_, facts_).kind == FilterVerdict::Kind::allowed;
        }
        return *known;
    }

  private:
    const std::vector<Filter>& filters_;
    FilterFacts facts_;
    std::array<std::optional<bool>, 27> known_;
};

}  // namespace

PageChoice::PageChoice(const ActionRequest& request, Bytes page_size)
    : request_(request),
      page_size_(page_size),
      filters_(request.scheme ? request.scheme->filters : no_filters_),
      asks_for_pages_(ask_for_pages(filters_)),
      asks_for_huge_pages_(ask_for_huge_pages(filters_)),
      asks_for_young_(ask_for_young(filters_)) {}

void PageChoice::know(const std::vector<Mapping>& mappings) {
    if (!filters_.empty()) areas_ = areas_of(mappings);
}

const MappedArea* PageChoice::area_at(std::uint64_t address) const {
    const auto found = std::partition_point(
        areas_.begin(), areas_.end(),
        [address](const MappedArea& area) { return area.range.end <= address; });
    return found != areas_.end() && found->range.start <= address ? &*found : nullptr;
}

void PageChoice::cut(AddressRange range, std::vector<Cut>& cuts) const {
    if (filters_.empty()) {
        cuts.push_back({range, FilterVerdict::Kind::allowed});
        return;
    }
    std::vector<FilterPiece> pieces;
    cut_for_filters(filters_, range, areas_, pieces);
    FilterFacts facts;
    facts.target_name = request_.target_name;
    if (request_.cgroup) facts.cgroup = *request_.cgroup;
    for (const FilterPiece& piece : pieces) {
        facts.range = piece.range;
        facts.mapping = piece.mapping;
        facts.unmapped = piece.mapping == nullptr;
        cuts.push_back({piece.range, judge(filters_, facts).kind});
    }
}

Result<void> PageChoice::look(std::span<const AddressRange> ranges,
                              std::vector<PageState>& states) const {
    constexpr PageState nothing_known{PageState::unknown_bit};
    Result<void> looked;
    for (std::size_t first = 0; first < ranges.size();) {
        AddressRange span = ranges[first];
        std::size_t end = first + 1;
        while (end < ranges.size() && ranges[end].start - span.end <= joined_gap &&
               ranges[end].end - span.start <= longest_look) {
            span.end = ranges[end].end;
            ++end;
        }
        auto found = request_.scanner
                         ? request_.scanner->scan(request_.target, request_.generation, span, false)
                         : Result<std::vector<PageState>>(
                               Error{ErrorKind::unsupported, "pages cannot be looked at", ENOTSUP});
        if (!found && looked) looked = found.error();
        for (; first < end; ++first) {
            const std::size_t pages = ranges[first].size().count / page_size_.count;
            const std::size_t at = (ranges[first].start - span.start) / page_size_.count;
            if (found && at + pages <= found->size()) {
                const auto begin = found->begin() + static_cast<std::ptrdiff_t>(at);
                states.insert(states.end(), begin, begin + static_cast<std::ptrdiff_t>(pages));
            } else {
                states.insert(states.end(), pages, nothing_known);
            }
        }
    }
    return looked;
}

void PageChoice::choose(AddressRange range, bool undecided, std::span<const PagemapEntry> entries,
                        std::span<const PageState> states, HugePages& huge_pages,
                        std::vector<Fate>& fates) const {
    const MappedArea* area = area_at(range.start);
    FilterFacts facts;
    facts.range = range;
    facts.target_name = request_.target_name;
    if (request_.cgroup) facts.cgroup = *request_.cgroup;
    facts.mapping = area;
    facts.unmapped = area == nullptr;
    Verdicts verdicts(filters_, facts);
    // Reading in is for what is not there; everything else is for what is.
    const bool needs_present = request_.action != Action::willneed;

    const std::size_t pages = range.size().count / page_size_.count;
    for (std::size_t page = 0; page < pages; ++page) {
        const PagemapEntry* entry = page < entries.size() ? &entries[page] : nullptr;
        const PageState* state = page < states.size() ? &states[page] : nullptr;
        const bool state_known = state != nullptr && !state->unknown();
        std::optional<bool> present;
        if (entry) present = entry->present();
        if (state_known) present = state->present();
        if (needs_present && present && !*present) {
            fates.push_back(Fate::absent);
            continue;
        }
        if (undecided) {
            std::optional<bool> anonymous;
            if (entry && entry->present()) {
                anonymous = !entry->file();
            } else if (entry && entry->swapped()) {
                anonymous = true;
            } else if (entry && area) {
                anonymous = !area->file && !area->shared;  // as it will be
            }
            std::optional<bool> huge;
            if (state_known) {
                huge = state->huge();
            } else if (present && !*present) {
                huge = false;
            } else if (asks_for_huge_pages_) {
                const std::uint64_t address = range.start + page * page_size_.count;
                huge = huge_pages.at(address & ~(huge_page_size.count - 1));
            }
            // A page of which nothing is known must never be taken for a cold one.
            std::optional<bool> young;
            if (state) young = !state_known || state->young();
            if (!verdicts.allows(anonymous, huge, young)) {
                fates.push_back(Fate::filtered);
                continue;
            }
        }
        if (request_.only_idle && !(state && state->idle())) {
            fates.push_back(Fate::not_idle);
            continue;
        }
        fates.push_back(Fate::take);
    }
}

}  // namespace damon_schemes
