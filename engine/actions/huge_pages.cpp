// SPDX-License-Identifier: MIT
#include "engine/actions/huge_pages.h"

#include <linux/kernel-page-flags.h>

#include <algorithm>

#include "engine/actions/chunk.h"
#include "engine/actions/mappings.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {

std::vector<AddressRange> mappings_with_huge_pages(std::string_view smaps) {
    std::vector<AddressRange> huge;
    AddressRange mapping;
    while (!smaps.empty()) {
        const std::string_view line = smaps.substr(0, smaps.find('\n'));
        smaps.remove_prefix(std::min(line.size() + 1, smaps.size()));
        // A mapping's own line starts with lower-case hexadecimal digits, those about it with a
        // capital.
        if (!line.empty() && (line.front() < 'A' || line.front() > 'Z')) {
            const auto found = parse_mappings(line);
            mapping = found.empty() ? AddressRange{} : found.front().range;
            continue;
        }
        for (const std::string_view key : {"AnonHugePages", "ShmemPmdMapped", "FilePmdMapped"}) {
            const auto size = kilobytes_of(line, key);
            if (size && size->count != 0 && !mapping.empty() &&
                (huge.empty() || huge.back() != mapping)) {
                huge.push_back(mapping);
            }
        }
    }
    return huge;
}

HugePages::HugePages(int process_folder, const Pagemap* pagemap, const FrameFlags* flags,
                     Bytes page_size)
    : process_folder_(process_folder), pagemap_(pagemap), flags_(flags), page_size_(page_size) {}

bool HugePages::at(std::uint64_t block) {
    if (asked_ != block) {
        answer_ = ask({block, block + huge_page_size.count});
        asked_ = block;
    }
    return answer_;
}

bool HugePages::ask(AddressRange range) {
    if (const auto answer = by_frames(range)) return *answer;
    if (const auto answer = by_scan(range)) return *answer;
    return by_smaps(range);
}

std::optional<bool> HugePages::by_frames(AddressRange block) {
    if (pagemap_ == nullptr || flags_ == nullptr) return std::nullopt;
    pagemap_->read(block, page_size_, entries_);
    const std::uint64_t pages = huge_page_size.count / page_size_.count;
    const auto is = [&](std::uint64_t frame, int flag) {
        const auto flags = flags_->of(frame);
        return flags && (*flags >> KPF_THP & 1) != 0 && (*flags >> flag & 1) != 0;
    };
    // A huge page that was mapped page by page since may have holes; eight looks find what is left
    // of it.
    bool any_present = false;
    bool any_frame = false;
    const std::size_t step = std::max<std::size_t>(1, pages / 8);
    for (std::size_t from = 0; from < entries_.size(); from += step) {
        const std::size_t to = std::min(from + step, entries_.size());
        for (std::size_t page = from; page < to; ++page) {
            if (!entries_[page].present()) continue;
            any_present = true;
            const std::uint64_t frame = entries_[page].frame();
            if (frame == 0) break;  // frames are hidden from us
            any_frame = true;
            // Smaller folios carry the flag too: the whole 2 MiB must be one, from head to tail.
            const std::uint64_t head = frame & ~(pages - 1);
            if (head != 0 && is(head, KPF_COMPOUND_HEAD) &&
                is(head + pages / 2, KPF_COMPOUND_TAIL) &&
                is(head + pages - 1, KPF_COMPOUND_TAIL)) {
                return true;
            }
            break;
        }
    }
    if (any_present && !any_frame) return std::nullopt;
    return false;
}

std::optional<bool> HugePages::by_scan(AddressRange block) {
    if (pagemap_ == nullptr || !scan_works_) return std::nullopt;
    const auto answer = pagemap_->maps_huge_page(block);
    scan_works_ = answer.has_value();
    return answer;
}

bool HugePages::by_smaps(AddressRange block) {
    if (!huge_mappings_) {
        const auto text = read_file_at(process_folder_, "smaps");
        huge_mappings_ = text ? mappings_with_huge_pages(*text) : std::vector<AddressRange>{};
    }
    return std::any_of(huge_mappings_->begin(), huge_mappings_->end(), [&](AddressRange mapping) {
        return mapping.start < block.end && block.start < mapping.end;
    });
}

}  // namespace damon_schemes
