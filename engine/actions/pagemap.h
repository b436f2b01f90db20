// SPDX-License-Identifier: MIT
// Where the pages of a process are: /proc/PID/pagemap and, with CAP_SYS_ADMIN, /proc/kpageflags
// (Documentation/admin-guide/mm/pagemap.rst).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/targets/process.h"
#include "schemes/observation.h"

namespace damon_schemes {

// One page of an address space.
struct PagemapEntry {
    std::uint64_t bits = 0;

    constexpr bool present() const { return (bits >> 63 & 1) != 0; }
    constexpr bool swapped() const { return (bits >> 62 & 1) != 0; }
    // A file's page, or shared anonymous memory.
    constexpr bool file() const { return (bits >> 61 & 1) != 0; }
    // No other process maps it.
    constexpr bool exclusive() const { return (bits >> 56 & 1) != 0; }
    // Page frame number; 0: not present, or the reader has no CAP_SYS_ADMIN.
    constexpr std::uint64_t frame() const {
        return present() ? bits & ((std::uint64_t{1} << 55) - 1) : 0;
    }
};

// Belongs to one thread.
class Pagemap {
  public:
    // `process_folder` is an open /proc/PID.  nullopt: refused (for another user's process
    // it takes CAP_SYS_PTRACE, and CAP_DAC_READ_SEARCH as the file is its owner's alone).
    static std::optional<Pagemap> open(int process_folder);
    // One entry a page, 8 bytes each; fewer than asked where the process has exited.  Reading 4
    // MiB's worth takes some 10 µs natively, a hundredth of paging that much out.  The range is
    // page-aligned.
    void read(AddressRange range, Bytes page_size, std::vector<PagemapEntry>& entries) const;
    // Whether a huge page is mapped in this range, by the PAGEMAP_SCAN ioctl; nullopt: the kernel
    // has none (before Linux 6.7).
    std::optional<bool> maps_huge_page(AddressRange range) const;

  private:
    explicit Pagemap(Descriptor file) : file_(std::move(file)) {}
    Descriptor file_;
};

// Flags of page frames.  Belongs to one thread.
class FrameFlags {
  public:
    // nullopt: no CAP_SYS_ADMIN.
    static std::optional<FrameFlags> open();
    // Bits as <linux/kernel-page-flags.h> numbers them; nullopt: cannot be read, or frame is 0.
    std::optional<std::uint64_t> of(std::uint64_t frame) const;

  private:
    explicit FrameFlags(Descriptor file) : file_(std::move(file)) {}
    Descriptor file_;
};

}  // namespace damon_schemes
