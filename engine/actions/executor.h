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
#include "engine/remote/remote_caller.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace damon_schemes {

// Why bytes of a range were not advised, or were advised and did not leave memory.
enum class Gap : std::uint8_t {
    unmapped,        // no mapping there (any more)
    special,         // device memory, hugetlb, locked or otherwise not to be advised
    refused,         // the call failed for this part; errno is in the outcome
    huge_page_cut,   // a part of a huge page, which the policy does not let be split
    cancelled,       // the session ended, or the plan grew stale, before its turn
    absent,          // nothing was there to be paged out
    shared,          // also mapped by another process (a fork's child, say)
    file,            // file pages that the engine may not page out
    swap_full,       // no swap was left
    cgroup_swap,     // the target's cgroup may not swap (more)
    pinned,          // pinned or locked by the kernel or a device
    touched,         // was accessed again before it could leave, or came back since
    filtered,        // the scheme's filters reject it, looked at page by page
    not_idle,        // was accessed while it was verified, or could not be verified
    unknown,         // stayed, and none of the causes above was found
    already,         // has the huge page, the flag or the lock already
    not_whole,       // not all of the 2 MiB that a huge page takes
    forbidden,       // the mapping is not to have huge pages
    sparse,          // too little of the 2 MiB is in memory (present.min)
    growth,          // collapses have added as much memory as growth allows
    mapping_limit,   // the target has too many mappings for more to be cut
    remote_never,    // takes a remote system call, and the policy does not allow one
    remote_refused,  // a remote system call could not be made; `remote.refused` says why
    own_lock,        // the program locked it itself
    not_held,        // the engine has not locked it
    memlock_limit,   // the target's RLIMIT_MEMLOCK
    lock_target,     // as much of the target is locked as lock.target allows
    lock_host,       // as much of the machine as lock.host allows
    no_journal,      // what is to be locked could not be written down first
    no_effect,       // the call was taken, and a look afterwards found no effect
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

// What remote system calls cost the target, and why they were not made.
struct RemoteTally {
    std::uint64_t stops = 0;
    Duration stopped{};       // all stops together
    Duration longest_stop{};  // the longest one
    std::array<Bytes, remote_refusal_count> refused{};

    RemoteTally& operator+=(const RemoteTally& other) {
        stops += other.stops;
        stopped += other.stopped;
        longest_stop = std::max(longest_stop, other.longest_stop);
        for (std::size_t i = 0; i < refused.size(); ++i) refused[i] += other.refused[i];
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

    // Of collapse, hugepage, nohugepage, mlock and munlock: what a look afterwards found done.
    // asked = confirmed + the sum of the gaps.
    Bytes confirmed;
    Bytes grown;         // by collapse: was not in memory before, and is
    RemoteTally remote;  // where the target made the calls itself
    // By mlock: what of the range the engine holds locked now, from before included.
    std::vector<AddressRange> locked;
    bool unlock = false;  // the request was to unlock
};

// May be asked between chunks whether to go on; true: stop here.
using Cancelled = std::function<bool()>;

struct ActionRequest {
    Action action = Action::stat;
    std::int32_t pid = 0;
    int pidfd = -1;  // borrowed
    bool split_huge_pages = false;
    bool unlock = false;               // with mlock: take back what the engine locked there
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
