// SPDX-License-Identifier: MIT
// What is on its way to be verified: memory whose Accessed bits are cleared, that is then left
// alone for a while, and that is paged out where it stayed idle.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/actions/executor.h"
#include "schemes/observation.h"

namespace damon_schemes {

// Both halves of a verification are looks at every page, and the monitor that makes them has its
// regions to sample as well: a session looks at so much in a second at most.
inline constexpr Bytes verification_rate = mebibytes(1024);
// A plan is verified in portions of so much at most, so that no look holds up what else the
// target's jobs are.
inline constexpr Bytes verification_portion = mebibytes(64);
// The decider takes what it has not heard of for so long for lost, and plans it again: what would
// still be under way then is dropped before.
inline constexpr Duration longest_verification = std::chrono::seconds(50);

// One portion of one plan's ranges of one scheme in one target.
struct Verification {
    ActionRequest request;
    std::uint32_t scheme = 0;
    Instant planned_at{};
    Duration idle{};  // for so long each page has to stay idle
    // Whoever drops it last says what became of the ranges.
    std::shared_ptr<void> receipt;
};

// Ranges cut into portions of at most so many bytes each.
std::vector<std::vector<AddressRange>> portions_of(const std::vector<AddressRange>& ranges,
                                                   Bytes largest = verification_portion);

// Holds what waits, and knows no clock: for its turn to be marked (its bits cleared), for its idle
// time to pass, for its turn to be acted on.  What is dropped is gone, with its receipt.  Belongs
// to the loop's thread.
class Verifications {
  public:
    explicit Verifications(Bytes rate = verification_rate) : rate_(rate) {}

    void plan(Verification verification, Instant now);
    // Its bits have been cleared, and the last of them at `now`.
    void marked(Verification verification, Instant now);

    enum class Step { mark, act };
    struct Due {
        Step step = Step::mark;
        Verification verification;
    };
    // What is due, the earliest first, as much of it as the rate lets through; it waits here no
    // longer.  What could not end in time is dropped.
    std::vector<Due> take_due(Instant now);
    // When to ask again; nullopt: nothing waits.
    std::optional<Instant> next() const;

    void drop(TargetId target);
    void drop_all();
    // The target runs another program: addresses of an older generation mean nothing.
    void drop_older(TargetId target, std::uint64_t generation);
    std::size_t waiting() const { return waiting_.size(); }

  private:
    struct Waiting {
        Instant due{};
        Due what;
    };
    static Bytes size_of(const Verification& verification);

    Bytes rate_;
    Instant free_at_ = Instant::min();  // when the next look may begin
    std::vector<Waiting> waiting_;      // sorted by due
};

}  // namespace damon_schemes
