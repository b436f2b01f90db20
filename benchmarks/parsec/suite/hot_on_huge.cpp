// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/hot_on_huge.h"

#include <fcntl.h>
#include <linux/kernel-page-flags.h>

#include <memory>
#include <utility>
#include <vector>

#include "benchmarks/parsec/suite/ledger.h"
#include "engine/actions/pagemap.h"

namespace damon_schemes::parsec {
namespace {

constexpr std::uint64_t huge_page_bytes = std::uint64_t{2} << 20;
constexpr std::uint64_t huge_page_pages = huge_page_bytes / page_bytes;

class HugePageLook {
  public:
    HugePageLook(Pagemap pagemap, FrameFlags flags)
        : pagemap_(std::move(pagemap)), flags_(std::move(flags)) {}

    // Frames of a huge page follow one another from a frame that is a multiple of theirs; whether
    // it is one piece, its first frame tells: one look at the flags for 512 pages.
    bool is_huge(std::uint64_t block) {
        pagemap_.read({block, block + huge_page_bytes}, {page_bytes}, entries_);
        if (entries_.size() != huge_page_pages) return false;
        const std::uint64_t first = entries_.front().frame();
        if (first == 0 || first % huge_page_pages != 0) return false;
        for (std::uint64_t i = 0; i < huge_page_pages; ++i)
            if (entries_[i].frame() != first + i) return false;
        return (flags_.of(first).value_or(0) >> KPF_THP & 1) != 0;
    }

    std::uint64_t bytes_of(std::span<const std::uint64_t> pages) {
        std::uint64_t bytes = 0;
        std::uint64_t block = 0;
        bool huge = false;
        for (const std::uint64_t page : pages) {
            if (const std::uint64_t of = page / huge_page_bytes * huge_page_bytes; of != block) {
                block = of;
                huge = is_huge(block);
            }
            if (huge) bytes += page_bytes;
        }
        return bytes;
    }

  private:
    Pagemap pagemap_;
    FrameFlags flags_;
    std::vector<PagemapEntry> entries_;
};

}  // namespace

HotOnHuge look_at_huge_pages() {
    const Descriptor self(open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (self.get() < 0) return {};
    auto pagemap = Pagemap::open(self.get());
    auto flags = FrameFlags::open();
    if (!pagemap || !flags) return {};
    // A std::function is copied; the descriptors are not.
    auto look = std::make_shared<HugePageLook>(std::move(*pagemap), std::move(*flags));
    return [look](std::span<const std::uint64_t> pages) -> std::optional<std::uint64_t> {
        return look->bytes_of(pages);
    };
}

}  // namespace damon_schemes::parsec
