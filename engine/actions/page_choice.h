// SPDX-License-Identifier: MIT
// Which pages of a target may be acted on: what the scheme's filters let through, by fresh mappings
// first and then page by page, and what a look right before the act finds idle.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/actions/executor.h"
#include "engine/actions/huge_pages.h"
#include "engine/actions/mappings.h"
#include "engine/actions/pagemap.h"
#include "schemes/decide/filters.h"

namespace damon_schemes {

// Belongs to one thread and one request, which is borrowed.
class PageChoice {
  public:
    PageChoice(const ActionRequest& request, Bytes page_size);
    PageChoice(const PageChoice&) = delete;
    PageChoice& operator=(const PageChoice&) = delete;

    // Before any of what follows, and again when the mappings were read anew.
    void know(const std::vector<Mapping>& mappings);

    // Whether single pages are asked about: without, cut() decides all.
    bool asks_for_pages() const { return asks_for_pages_ || request_.only_idle; }
    // Whether look() is needed for that.
    bool looks() const { return request_.only_idle || asks_for_young_; }

    // A part of a range for which the answer is the same, or for which pages must be asked about.
    struct Cut {
        AddressRange range;
        FilterVerdict::Kind verdict = FilterVerdict::Kind::allowed;
    };
    // The range lies within one mapping.  The parts cover it.
    void cut(AddressRange range, std::vector<Cut>& cuts) const;

    // Looks at the pages of sorted ranges, appends one state a page.  Nothing is cleared.  What
    // cannot be looked at is unknown; the error is the first one's (ESRCH, ESTALE: no further look
    // makes sense).
    Result<void> look(std::span<const AddressRange> ranges, std::vector<PageState>& states) const;

    enum class Fate : std::uint8_t { take, filtered, not_idle, absent };
    // One fate a page of a range that cut() gave.  `entries` has one a page, none where pagemap
    // cannot be read; `states` likewise, none where nothing was looked at.  What is not known is
    // not acted on.
    void choose(AddressRange range, bool undecided, std::span<const PagemapEntry> entries,
                std::span<const PageState> states, HugePages& huge_pages,
                std::vector<Fate>& fates) const;

  private:
    const MappedArea* area_at(std::uint64_t address) const;

    const ActionRequest& request_;
    const Bytes page_size_;
    const std::vector<Filter> no_filters_;
    const std::vector<Filter>& filters_;
    bool asks_for_pages_ = false;
    bool asks_for_huge_pages_ = false;
    bool asks_for_young_ = false;
    std::vector<MappedArea> areas_;
};

}  // namespace damon_schemes
