// SPDX-License-Identifier: MIT
// A look at every page of a range, where regions say too little: which pages stayed idle, which
// left memory, which came back.
#pragma once

#include <cstdint>
#include <vector>

#include "schemes/observation.h"
#include "schemes/result.h"

namespace damon_schemes {

// What is known of one page of an address space.  No bit: the address space has nothing there
// (never touched, unmapped, or shared memory that it has no entry of now).
struct PageState {
    static constexpr std::uint8_t present_bit = 0x01;
    static constexpr std::uint8_t swapped_bit = 0x02;
    static constexpr std::uint8_t young_bit = 0x04;
    static constexpr std::uint8_t huge_bit = 0x08;
    static constexpr std::uint8_t unknown_bit = 0x10;

    std::uint8_t bits = 0;

    constexpr bool operator==(const PageState&) const = default;
    constexpr bool present() const { return (bits & present_bit) != 0; }
    constexpr bool swapped() const { return (bits & swapped_bit) != 0; }
    // Accessed since the bits were last cleared, by a scan or by the kernel.
    constexpr bool young() const { return (bits & young_bit) != 0; }
    // Part of a huge page, whose parts are all young or none is.
    constexpr bool huge() const { return (bits & huge_bit) != 0; }
    // Nothing can be said of it: a device's memory, a page on its way elsewhere.
    constexpr bool unknown() const { return (bits & unknown_bit) != 0; }
    // In memory, and known not to have been accessed since the bits were last cleared.
    constexpr bool idle() const { return present() && !young() && !unknown(); }
};

// Thread-safe: any thread, several at once.  It may outlive its monitor, and keeps its targets from
// being watched by another monitor as long as it does.
class PageScanner {
  public:
    virtual ~PageScanner() = default;

    // The state of each page of `range`, in address order.  Both borders are multiples of the page
    // size (4 KiB).  `generation` is the one that a snapshot named with the addresses.
    //
    // With `clear` the Accessed bits are cleared, and young is what was found before.  Whatever is
    // accessed after the call has returned is young in the next scan.  The bits of what was not
    // accessed stay clear for the kernel's reclaim, too.
    //
    // Waits for the monitoring thread, microseconds for a page at most; a monitor that is stopped
    // meanwhile ends the wait.
    //
    // Errors, by their code.  The addresses mean nothing (any more): ESRCH the process has exited,
    // ESTALE it runs another program, ENOENT it is not a target (any more), EPERM it may not be
    // watched (any more).  No answer now: EAGAIN the monitor is not started, ECANCELED it was
    // stopped meanwhile.  Never here: EOPNOTSUPP `clear` under TlbPolicy::none, EINVAL borders.
    // After an error some bits may have been cleared.
    virtual Result<std::vector<PageState>> scan(TargetId target, std::uint64_t generation,
                                                AddressRange range, bool clear) = 0;
};

}  // namespace damon_schemes
