// SPDX-License-Identifier: MIT
#include "benchmarks/huge_pages/heap_look.h"

#include <stdexcept>
#include <utility>

#include "engine/actions/huge_pages.h"
#include "engine/machine/memory.h"
#include "engine/targets/procfs.h"

namespace damon_schemes::bench {

Bytes pages_in_lists(std::string_view zoneinfo) {
    // "    cpu: 0", behind it "              count: 63".
    constexpr std::string_view key = "count:";
    std::uint64_t pages = 0;
    for (auto at = zoneinfo.find(key); at != std::string_view::npos;
         at = zoneinfo.find(key, at + key.size())) {
        const auto line = zoneinfo.substr(at, zoneinfo.find('\n', at) - at);
        if (const auto word = value_of(line, "count")) pages += parse_number(*word).value_or(0);
    }
    return {pages * page_size.count};
}

nlohmann::json HeapLook::json() const {
    return {{"used_bytes", used.count},
            {"in_lists_bytes", in_lists.count},
            {"available_bytes", available.count},
            {"zram_bytes", zram.count},
            {"rss_bytes", rss.count},
            {"swapped_bytes", swapped.count},
            {"anonymous_huge_bytes", anonymous_huge.count},
            {"minor_faults", minor_faults},
            {"major_faults", major_faults},
            {"huge_block_bytes", huge_blocks.count},
            {"hot_bytes", hot.count},
            {"hot_on_huge_bytes", hot_on_huge.count},
            {"accesses", accesses}};
}

HeapWatch::HeapWatch(const SparseHeap& heap, const HeapLayout& layout)
    : heap_(heap), layout_(layout) {
    auto folder = open_process_folder(heap.pid(), heap.pidfd(), "/proc");
    if (!folder) throw std::runtime_error(folder.error().message);
    folder_ = std::move(*folder);
    pagemap_ = Pagemap::open(folder_.get());
    flags_ = FrameFlags::open();
    if (!pagemap_ || !flags_)
        throw std::runtime_error("pagemap and kpageflags cannot be read: this needs root");
}

bool HeapWatch::is_huge(AddressRange block) {
    // The kernel's own word where it has one: what frames are does not say how they are mapped.
    if (const auto mapped = pagemap_->maps_huge_page(block)) return *mapped;
    return HugePages(folder_.get(), &*pagemap_, &*flags_, page_size).at(block.start);
}

HeapLook HeapWatch::look() {
    HeapLook look;
    look.accesses = heap_.progress().accesses;
    const auto machine = memory_of_machine();
    const auto program = memory_of(heap_.pid());
    const auto rollup = read_file_at(folder_.get(), "smaps_rollup");
    if (!machine || !program || !rollup) throw std::runtime_error("the program has gone");
    look.in_lists = pages_in_lists(read_file("/proc/zoneinfo").value_or(""));
    look.used = {machine->total.count - machine->free.count - look.in_lists.count};
    look.available = machine->available;
    look.zram = machine->zram;
    look.rss = program->rss;
    look.swapped = program->swapped;
    look.minor_faults = program->minor_faults;
    look.major_faults = program->major_faults;
    look.anonymous_huge = kilobytes_of(*rollup, "AnonHugePages").value_or(Bytes{});

    const auto& hot = layout_.hot[heap_.phase()].pages;
    look.hot = layout_.hot[heap_.phase()].bytes();
    std::size_t next_hot = 0;
    for (std::size_t block = 0; block < layout_.blocks; ++block) {
        const std::uint64_t start = heap_.base() + block * block_size.count;
        const std::size_t first = next_hot;
        while (next_hot < hot.size() && hot[next_hot] / pages_of_block == block) ++next_hot;
        if (!is_huge({start, start + block_size.count})) continue;
        look.huge_blocks += block_size;
        look.hot_on_huge += Bytes{(next_hot - first) * page_size.count};
    }
    return look;
}

}  // namespace damon_schemes::bench
