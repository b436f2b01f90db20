// SPDX-License-Identifier: MIT
// What would be acted on, without acting.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "engine/actions/executor.h"
#include "engine/machine/memory.h"

namespace damon_schemes {

// What a page costs to be acted on, where nothing is acted on and so nothing can be measured: about
// what compressing it into zram takes.  Quotas of time are held against it.
inline constexpr Duration assumed_page_cost = std::chrono::nanoseconds(1500);
constexpr Duration assumed_cost(Bytes bytes, Duration page_cost = assumed_page_cost) {
    return page_cost * static_cast<std::int64_t>(bytes.count / 4096);
}

// Reads the target's mappings, clips the ranges and asks the filters as ProcessMadvise does, and
// makes no call that changes anything: not even an Accessed bit is cleared, so nothing is verified.
// advised and paged_out stay 0; what would have been advised is asked less the gaps.  What only the
// call itself finds out (locked and hugetlb mappings, pages that stay) does not show.  Any thread.
class DryRun final : public Executor {
  public:
    explicit DryRun(MachinePaths paths = {}) : paths_(std::move(paths)) {}
    std::vector<ActionOutcome> execute(const ActionRequest& request,
                                       const Cancelled& cancelled) override;
    // Ranges that came here, and bytes of them that would have been advised, since it was made.
    std::uint64_t ranges() const { return ranges_.load(std::memory_order_relaxed); }
    Bytes advisable() const { return {advisable_.load(std::memory_order_relaxed)}; }

  private:
    MachinePaths paths_;
    std::atomic<std::uint64_t> ranges_{0};
    std::atomic<std::uint64_t> advisable_{0};
};

}  // namespace damon_schemes
