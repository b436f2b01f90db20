// SPDX-License-Identifier: MIT
// A request, put against what its target has mapped: what of it can be acted on, and where the rest
// is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/actions/executor.h"
#include "engine/actions/huge_pages.h"
#include "engine/actions/mappings.h"
#include "engine/actions/page_choice.h"
#include "engine/actions/pagemap.h"
#include "engine/machine/memory.h"
#include "engine/targets/process.h"
#include "schemes/range_set.h"

namespace damon_schemes {

// Belongs to one thread; the request is borrowed.
class MappedRequest {
  public:
    // A part of a planned range that lies in one mapping and that filters let through.
    struct Part {
        AddressRange range;  // whole pages, not empty
        std::size_t outcome = 0;
    };

    MappedRequest(const ActionRequest& request, const MachinePaths& paths);
    MappedRequest(const MappedRequest&) = delete;
    MappedRequest& operator=(const MappedRequest&) = delete;

    // Reads the mappings and finds the parts; what is not mapped, the kernel's own, or rejected is
    // counted.  Filters go by mappings alone: private mappings of files are taken whole.  False:
    // that cannot be had, and everything is counted for the reason.
    bool open();

    std::vector<Part>& parts() { return parts_; }
    const std::vector<Mapping>& mappings() const { return mappings_; }
    int folder() const { return folder_.get(); }
    Bytes page_size() const { return page_size_; }
    const Pagemap* pagemap() const { return pagemap_ ? &*pagemap_ : nullptr; }
    // Which 2 MiB are huge pages.  The answers are of the first time they were asked for, until
    // look_anew().
    HugePages& huge_pages();
    void look_anew() { huge_pages_.reset(); }

    // Whether all of the range, of which the request may have but a part, lies in one mapping and
    // is let through by filters.
    bool may_take(AddressRange range) const;

    // Parts are cut down: to what lies in the set, the rest being lost for this gap; or to what
    // does not.
    void keep_within(const RangeSet& set, Gap otherwise);
    void keep_without(const RangeSet& set, Gap otherwise);
    // Takes off either end what would tear a huge page, where the policy does not let them be
    // split.
    void keep_huge_pages_whole();
    // Lets through, in order, no more than so many bytes.
    void keep_at_most(Bytes most, Gap otherwise);
    // Each part may make two mappings more of one, and a process may have sysctl vm.max_map_count
    // of them: the better half of that is the target's own.  What does not fit is left.
    void keep_room_for_mappings();
    // All that is left of the parts is lost.
    void give_up(Gap gap, int error = 0);

    ActionOutcome& outcome(std::size_t index) { return outcomes_[index]; }
    void lose(std::size_t outcome, Gap gap, Bytes bytes) {
        outcomes_[outcome].gaps[static_cast<std::size_t>(gap)] += bytes;
    }
    RangeSet ranges() const;  // of all parts
    // Counts the bytes of `done` as confirmed where a look found them in `found`, else as without
    // effect.
    void confirm(const std::vector<Part>& done, const RangeSet& found);
    std::vector<ActionOutcome> take_outcomes() { return std::move(outcomes_); }

  private:
    const ActionRequest& request_;
    const MachinePaths& paths_;
    const Bytes page_size_;
    std::vector<ActionOutcome> outcomes_;
    Descriptor folder_;
    std::vector<Mapping> mappings_;
    std::optional<Pagemap> pagemap_;
    std::optional<FrameFlags> frame_flags_;
    std::optional<HugePages> huge_pages_;
    PageChoice choice_;
    std::vector<Part> parts_;
};

}  // namespace damon_schemes
