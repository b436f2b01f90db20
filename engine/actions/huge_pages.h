// SPDX-License-Identifier: MIT
// Which 2 MiB of a process are backed by a transparent huge page.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/actions/pagemap.h"
#include "schemes/observation.h"

namespace damon_schemes {

// The mappings of which /proc/PID/smaps says that they hold huge pages, anonymous or of a file;
// sorted.
std::vector<AddressRange> mappings_with_huge_pages(std::string_view smaps);

// Asks the most exact source that the engine may read: frame flags (CAP_SYS_ADMIN), else the
// PAGEMAP_SCAN ioctl (Linux 6.7), else smaps, which is slow (it walks the whole address space, so
// it is read once) and knows whole mappings only: then every block of a mapping that holds any huge
// page counts as one. Belongs to one thread and one plan: huge pages come and go.
class HugePages {
  public:
    // The arguments are borrowed; the process folder is an open /proc/PID.
    HugePages(int process_folder, const Pagemap* pagemap, const FrameFlags* flags, Bytes page_size);
    // `block` is aligned to 2 MiB.
    bool at(std::uint64_t block);

  private:
    bool ask(AddressRange block);
    std::optional<bool> by_frames(AddressRange block);
    std::optional<bool> by_scan(AddressRange block);
    bool by_smaps(AddressRange block);

    int process_folder_;
    const Pagemap* pagemap_;
    const FrameFlags* flags_;
    Bytes page_size_;
    bool scan_works_ = true;
    // The last question: a plan is sorted, so the same block comes again and again.
    std::optional<std::uint64_t> asked_;
    bool answer_ = false;
    std::optional<std::vector<AddressRange>> huge_mappings_;
    std::vector<PagemapEntry> entries_;
};

}  // namespace damon_schemes
