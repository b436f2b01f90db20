// SPDX-License-Identifier: MIT
#include "engine/actions/collapse.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "engine/actions/advice_call.h"
#include "engine/actions/chunk.h"
#include "engine/actions/mapped_request.h"
#include "engine/actions/mapping_flags.h"
#include "engine/targets/process.h"

namespace damon_schemes {

namespace {

constexpr int most_tries = 3;

using Part = MappedRequest::Part;

// A whole 2 MiB, and what of it was asked for.
struct Block {
    std::uint64_t start = 0;
    std::vector<Part> parts;

    AddressRange range() const { return {start, start + huge_page_size.count}; }
    Bytes asked() const {
        Bytes asked;
        for (const Part& part : parts) asked += part.range.size();
        return asked;
    }
};

// A border of a region is not exact, so half of a block speaks for all of it.
bool is_meant(const Block& block, const MappedRequest& mapped) {
    return block.asked().count * 2 >= huge_page_size.count && mapped.may_take(block.range());
}

// Sorts the parts into blocks; those of blocks that are not to be collapsed are lost.
std::vector<Block> blocks_of(MappedRequest& mapped) {
    constexpr std::uint64_t size = huge_page_size.count;
    std::vector<Block> blocks;
    for (const Part& part : std::exchange(mapped.parts(), {})) {
        for (std::uint64_t at = part.range.start; at < part.range.end;) {
            const std::uint64_t start = at / size * size;
            const std::uint64_t end = std::min(part.range.end, start + size);
            if (blocks.empty() || blocks.back().start != start) blocks.push_back({start, {}});
            blocks.back().parts.push_back({{at, end}, part.outcome});
            at = end;
        }
    }
    std::erase_if(blocks, [&](const Block& block) {
        if (is_meant(block, mapped)) return false;
        for (const Part& part : block.parts)
            mapped.lose(part.outcome, Gap::not_whole, part.range.size());
        return true;
    });
    return blocks;
}

class CollapseRun {
  public:
    CollapseRun(const ActionRequest& request, MappedRequest& mapped, GrowthBudget& growth,
                bool dry_run)
        : request_(request), mapped_(mapped), growth_(growth), dry_run_(dry_run) {}

    // Each block, until one fails so that no further one makes sense.
    void run(std::vector<Block> waiting, const Cancelled& cancelled, std::optional<Bytes> rss) {
        if (request_.scheme && request_.scheme->growth.any()) put_fullest_first(waiting);
        std::size_t next = 0;
        int fatal = 0;
        Gap rest = Gap::cancelled;
        for (; next < waiting.size(); ++next) {
            if (cancelled && cancelled()) break;
            fatal = look_and_collapse(waiting[next], rss);
            if (fatal == 0) continue;
            rest = fatal == ESRCH ? Gap::unmapped : Gap::refused;
            ++next;
            break;
        }
        for (; next < waiting.size(); ++next)
            mapped_.parts().insert(mapped_.parts().end(), waiting[next].parts.begin(),
                                   waiting[next].parts.end());
        mapped_.give_up(rest, fatal);
        confirm();
    }

  private:
    Bytes present_in(AddressRange block) {
        entries_.clear();
        if (mapped_.pagemap() != nullptr)
            mapped_.pagemap()->read(block, mapped_.page_size(), entries_);
        std::uint64_t pages = 0;
        for (const PagemapEntry entry : entries_)
            if (entry.present()) ++pages;
        return {pages * mapped_.page_size().count};
    }

    // What is to be had for a budget of growth is most where the least is missing.
    void put_fullest_first(std::vector<Block>& waiting) {
        std::vector<std::pair<Bytes, Block>> by_present;
        for (Block& block : waiting)
            by_present.emplace_back(present_in(block.range()), std::move(block));
        std::stable_sort(by_present.begin(), by_present.end(),
                         [](const auto& a, const auto& b) { return a.first > b.first; });
        waiting.clear();
        for (auto& [present, block] : by_present) waiting.push_back(std::move(block));
    }

    bool enough(Bytes present) const {
        const Share least = request_.scheme ? request_.scheme->present : Scheme{}.present;
        return static_cast<double>(present.count) >=
               static_cast<double>(huge_page_size.count) * (static_cast<double>(least.ppm) / 1e6);
    }

    std::optional<Bytes> room(std::optional<Bytes> rss, Bytes wanted) {
        if (!request_.scheme) return std::nullopt;
        return growth_.room(request_.target, request_.generation, request_.scheme->growth, rss,
                            wanted, [this](std::uint64_t block) {
                                // What a dry run made huge nobody can find.
                                if (dry_run_) return true;
                                mapped_.look_anew();
                                return mapped_.huge_pages().at(block);
                            });
    }

    // 0, or the errno after which no further call makes sense.
    int look_and_collapse(const Block& block, std::optional<Bytes> rss) {
        if (mapped_.huge_pages().at(block.start)) return lose(block, Gap::already);
        const Bytes present = present_in(block.range());
        if (present.count == 0) return lose(block, Gap::absent);
        if (!enough(present)) return lose(block, Gap::sparse);
        const Bytes missing = huge_page_size - present;
        const auto left = room(rss, missing);
        if (left && *left < missing) return lose(block, Gap::growth);
        if (dry_run_) {
            growth_.add(request_.target, request_.generation, block.start, missing);
            return 0;
        }
        return collapse(block, present);
    }

    int lose(const Block& block, Gap gap) {
        for (const Part& part : block.parts) mapped_.lose(part.outcome, gap, part.range.size());
        return 0;
    }

    int collapse(const Block& block, Bytes present) {
        ActionOutcome& outcome = mapped_.outcome(block.parts.front().outcome);
        const iovec range{reinterpret_cast<void*>(block.start), huge_page_size.count};
        int error = 0;
        for (int tried = 0; tried < most_tries; ++tried) {
            const auto begin = std::chrono::steady_clock::now();
            const ssize_t done = advise_process(request_.pidfd, &range, 1, advice_collapse);
            error = done < 0 ? errno : 0;
            outcome.spent += std::chrono::steady_clock::now() - begin;
            ++outcome.calls;
            // A page was locked, or under writeback, just then.
            if (error != EAGAIN && error != EINTR) break;
        }
        if (error != 0) return settle_failure(block, error);
        for (const Part& part : block.parts)
            mapped_.outcome(part.outcome).advised += part.range.size();
        const Bytes after = present_in(block.range());
        const Bytes grown = after > present ? after - present : Bytes{};
        outcome.grown += grown;
        growth_.add(request_.target, request_.generation, block.start, grown);
        done_.insert(done_.end(), block.parts.begin(), block.parts.end());
        return 0;
    }

    int settle_failure(const Block& block, int error) {
        for (const Part& part : block.parts) {
            mapped_.outcome(part.outcome).last_errno = error;
            mapped_.outcome(part.outcome).target_gone |= error == ESRCH;
        }
        switch (error) {
            case ESRCH:
            case EPERM:
            case EACCES:
            case ENOSYS:
                lose(block, error == ESRCH ? Gap::unmapped : Gap::refused);
                return error;
            case EINVAL:
                return lose(block, forbids(block.range()) ? Gap::forbidden : Gap::refused);
            default:
                return lose(block, Gap::refused);
        }
    }

    // EINVAL says that the mapping is not to have huge pages, or that something is the matter with
    // these pages; the mapping's flags tell.
    bool forbids(AddressRange block) {
        if (!forbidden_) {
            const auto flags = read_mapping_flags(mapped_.folder());
            forbidden_ = flags ? ranges_with(*flags, &MappingFlags::nohugepage) : RangeSet{};
        }
        return !forbidden_->within(block).empty();
    }

    void confirm() {
        if (done_.empty()) return;
        mapped_.look_anew();
        RangeSet huge;
        for (const Part& part : done_) {
            const std::uint64_t block =
                part.range.start / huge_page_size.count * huge_page_size.count;
            if (mapped_.huge_pages().at(block)) huge.add(part.range);
        }
        mapped_.confirm(done_, huge);
    }

    const ActionRequest& request_;
    MappedRequest& mapped_;
    GrowthBudget& growth_;
    const bool dry_run_;
    std::vector<PagemapEntry> entries_;
    std::optional<RangeSet> forbidden_;
    std::vector<Part> done_;
};

}  // namespace

std::vector<ActionOutcome> Collapse::execute(const ActionRequest& request,
                                             const Cancelled& cancelled) {
    MappedRequest mapped(request, paths_);
    if (!mapped.open()) return mapped.take_outcomes();
    if (mapped.pagemap() == nullptr) {
        // What is in memory cannot be told, and so not what a collapse would add.
        mapped.give_up(Gap::unknown);
        return mapped.take_outcomes();
    }
    std::optional<Bytes> rss;
    if (request.scheme && request.scheme->growth.share)
        if (const auto memory = memory_of(request.pid, paths_.proc)) rss = memory->rss;
    CollapseRun(request, mapped, growth_, dry_run_).run(blocks_of(mapped), cancelled, rss);
    return mapped.take_outcomes();
}

}  // namespace damon_schemes
