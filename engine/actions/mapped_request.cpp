// SPDX-License-Identifier: MIT
#include "engine/actions/mapped_request.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "engine/actions/chunk.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {

MappedRequest::MappedRequest(const ActionRequest& request, const MachinePaths& paths)
    : request_(request),
      paths_(paths),
      page_size_{static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))},
      choice_(request, page_size_) {
    for (const AddressRange range : request.ranges) {
        ActionOutcome outcome;
        outcome.asked = range.size();
        outcome.unlock = request.unlock;
        outcomes_.push_back(outcome);
    }
}

bool MappedRequest::open() {
    auto folder = open_process_folder(request_.pid, request_.pidfd, paths_.proc);
    const auto text = folder ? read_file_at(folder->get(), "maps") : std::nullopt;
    if (!text) {
        const int error = folder ? errno : folder.error().code;
        const bool gone = error == ESRCH || error == ENOENT;
        for (std::size_t index = 0; index < outcomes_.size(); ++index) {
            outcomes_[index].last_errno = error;
            outcomes_[index].target_gone = gone;
            lose(index, gone ? Gap::unmapped : Gap::refused, outcomes_[index].asked);
        }
        return false;
    }
    folder_ = std::move(*folder);
    mappings_ = parse_mappings(*text);
    pagemap_ = Pagemap::open(folder_.get());
    frame_flags_ = FrameFlags::open();

    choice_.know(mappings_);
    std::vector<PageChoice::Cut> cuts;
    for (std::size_t index = 0; index < request_.ranges.size(); ++index) {
        const Clipped clipped = clip(request_.ranges[index], mappings_, page_size_);
        lose(index, Gap::unmapped, clipped.unmapped);
        lose(index, Gap::special, clipped.special);
        for (const MappedPart& part : clipped.parts) {
            // What was let through once is let go of whatever filters say now.
            if (request_.unlock) {
                parts_.push_back({part.range, index});
                continue;
            }
            cuts.clear();
            choice_.cut(part.range, cuts);
            for (const PageChoice::Cut& cut : cuts) {
                if (cut.verdict == FilterVerdict::Kind::rejected)
                    lose(index, Gap::filtered, cut.range.size());
                else if (!cut.range.empty())
                    parts_.push_back({cut.range, index});
            }
        }
    }
    return true;
}

HugePages& MappedRequest::huge_pages() {
    if (!huge_pages_)
        huge_pages_.emplace(folder_.get(), pagemap(), frame_flags_ ? &*frame_flags_ : nullptr,
                            page_size_);
    return *huge_pages_;
}

bool MappedRequest::may_take(AddressRange range) const {
    const Clipped clipped = clip(range, mappings_, page_size_);
    if (clipped.parts.size() != 1 || clipped.parts.front().range != range) return false;
    std::vector<PageChoice::Cut> cuts;
    choice_.cut(range, cuts);
    return std::none_of(cuts.begin(), cuts.end(), [](const PageChoice::Cut& cut) {
        return cut.verdict == FilterVerdict::Kind::rejected;
    });
}

void MappedRequest::keep_within(const RangeSet& set, Gap otherwise) {
    std::vector<Part> kept;
    for (const Part& part : parts_) {
        Bytes lost = part.range.size();
        for (const AddressRange range : set.within(part.range).ranges()) {
            kept.push_back({range, part.outcome});
            lost -= range.size();
        }
        lose(part.outcome, otherwise, lost);
    }
    parts_ = std::move(kept);
}

void MappedRequest::keep_without(const RangeSet& set, Gap otherwise) {
    if (!set.empty()) keep_within(ranges().without(set), otherwise);
}

void MappedRequest::keep_huge_pages_whole() {
    if (request_.split_huge_pages) return;
    for (Part& part : parts_) {
        const Untorn untorn = without_torn_huge_pages(
            part.range, [this](std::uint64_t block) { return huge_pages().at(block); });
        lose(part.outcome, Gap::huge_page_cut, untorn.cut);
        part.range = untorn.range;
    }
    std::erase_if(parts_, [](const Part& part) { return part.range.empty(); });
}

void MappedRequest::keep_at_most(Bytes most, Gap otherwise) {
    std::uint64_t left = most.count / page_size_.count * page_size_.count;
    for (Part& part : parts_) {
        const std::uint64_t size = part.range.size().count;
        const std::uint64_t granted = std::min(left, size);
        left -= granted;
        lose(part.outcome, otherwise, Bytes{size - granted});
        part.range.end = part.range.start + granted;
    }
    std::erase_if(parts_, [](const Part& part) { return part.range.empty(); });
}

void MappedRequest::keep_room_for_mappings() {
    constexpr std::uint64_t usual = 65530;
    const auto text = read_file(paths_.proc + "/sys/vm/max_map_count");
    const std::uint64_t most =
        (text ? parse_number(std::string_view(*text).substr(0, text->find('\n'))).value_or(usual)
              : usual) /
        2;
    const std::uint64_t room = mappings_.size() < most ? (most - mappings_.size()) / 2 : 0;
    while (parts_.size() > room) {
        lose(parts_.back().outcome, Gap::mapping_limit, parts_.back().range.size());
        parts_.pop_back();
    }
}

void MappedRequest::give_up(Gap gap, int error) {
    for (const Part& part : parts_) {
        lose(part.outcome, gap, part.range.size());
        if (error != 0) outcomes_[part.outcome].last_errno = error;
        if (error == ESRCH) outcomes_[part.outcome].target_gone = true;
    }
    parts_.clear();
}

RangeSet MappedRequest::ranges() const {
    RangeSet set;
    for (const Part& part : parts_) set.add(part.range);
    return set;
}

void MappedRequest::confirm(const std::vector<Part>& done, const RangeSet& found) {
    for (const Part& part : done) {
        const Bytes there = found.within(part.range).size();
        outcomes_[part.outcome].confirmed += there;
        lose(part.outcome, Gap::no_effect, part.range.size() - there);
    }
}

}  // namespace damon_schemes
