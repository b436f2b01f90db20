// SPDX-License-Identifier: MIT
// How memory of another process is acted on.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/monitors/page_scanner.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace damon_schemes {

// Why bytes of a range were not advised, or were advised and did not leave memory.
enum class Gap : std::uint8_t {
    unmapped,       // no mapping there (any more)
    special,        // device memory, hugetlb, locked or otherwise not to be advised
    refused,        // the call failed for this part; errno is in the outcome
    huge_page_cut,  // a part of a huge page, which the policy does not let be split
    cancelled,      // the session ended, or the plan grew stale, before its turn
    absent,         // nothing was there to be paged out
    shared,         // also mapped by another process (a fork's child, say)
    file,           // file pages that the engine may not page out
    swap_full,      // no swap was left
    cgroup_swap,    // the target's cgroup may not swap (more)
    pinned,         // pinned or locked by the kernel or a device
    touched,        // was accessed again before it could leave, or came back since
    filtered,       // the scheme's filters reject it, looked at page by page
    not_idle,       // was accessed while it was verified, or could not be verified
    unknown,        // stayed, and none of the causes above was found
    count_,
};
inline constexpr std::size_t gap_count = static_cast<std::size_t>(Gap::count_);
std::string_view name_of(Gap gap);         // stable, for --json
std::string_view explanation_of(Gap gap);  // for people

// What verification came to: the look right before the act, at pages that had been given time to
// be used.
struct Verified {
    Bytes looked;  // pages that were there when they were looked at: idle + not_idle
    Bytes idle;
    Bytes not_idle;
    // From before the look at a call's first page until the call was back: an access in that time
    // was not seen.  Each call's counts once.
    Duration longest{};
    Duration total{};
    std::uint64_t acts = 0;

    Verified& operator+=(const Verified& other) {
        looked += other.looked;
        idle += other.idle;
        not_idle += other.not_idle;
        longest = std::max(longest, other.longest);
        total += other.total;
        acts += other.acts;
        return *this;
    }
};

// What became of one planned range.
struct ActionOutcome {
    Bytes asked;      // size of the range
    Bytes advised;    // what the system call said it did
    Bytes paged_out;  // what really left memory: present before, swapped or gone after (sampled)
    std::array<Bytes, gap_count> gaps{};  // where the rest is
    Duration spent{};                     // in the acting system calls
    std::uint64_t calls = 0;
    int last_errno = 0;
    bool target_gone = false;
    // Pages that left memory for swap, in runs; filled where the request asks for it.
    std::vector<AddressRange> left;
    Verified verified;  // where the request was for idle pages only
};

// May be asked between chunks whether to go on; true: stop here.
using Cancelled = std::function<bool()>;

struct ActionRequest {
    Action action = Action::stat;
    std::int32_t pid = 0;
    int pidfd = -1;  // borrowed
    bool split_huge_pages = false;
    std::vector<AddressRange> ranges;  // sorted, disjoint

    std::shared_ptr<const Scheme> scheme;  // for its filters; null: none
    std::string target_name;               // for them
    std::optional<std::string> cgroup;     // for them

    // Looks at single pages (verification, and the filter 'young'); null: cannot be had.
    std::shared_ptr<PageScanner> scanner;
    TargetId target;               // as the scanner knows it
    std::uint64_t generation = 0;  // likewise
    bool only_idle = false;        // leave what the scanner does not find idle right before
    bool tell_what_left = false;   // fill ActionOutcome::left
};

// Called on an actor thread, one call at a time per target; different targets in parallel.
class Executor {
  public:
    virtual ~Executor() = default;
    // One outcome a range, in order.
    virtual std::vector<ActionOutcome> execute(const ActionRequest& request,
                                               const Cancelled& cancelled) = 0;
};

}  // namespace damon_schemes
