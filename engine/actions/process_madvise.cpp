// SPDX-License-Identifier: MIT
#include "engine/actions/process_madvise.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <optional>
#include <string>

#include "engine/actions/advice_call.h"
#include "engine/actions/chunk.h"
#include "engine/actions/departure.h"
#include "engine/actions/huge_pages.h"
#include "engine/actions/mappings.h"
#include "engine/actions/page_choice.h"
#include "engine/actions/pagemap.h"
#include "engine/machine/cgroup.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {

namespace {

constexpr std::size_t most_ranges_per_call = 1024;  // UIO_MAXIOV: one more is EINVAL
constexpr int most_retries = 3;

std::optional<int> advice_of(Action action) {
    switch (action) {
        case Action::pageout:
            return MADV_PAGEOUT;
        case Action::cold:
            return MADV_COLD;
        case Action::willneed:
            return MADV_WILLNEED;
        default:
            return std::nullopt;
    }
}

Bytes page_size_of_machine() {
    return {static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
}

// One request, on its way.
class Advice {
  public:
    Advice(const ActionRequest& request, const Cancelled& cancelled, const MachinePaths& paths,
           Bytes chunk_limit)
        : request_(request),
          cancelled_(cancelled),
          paths_(paths),
          chunk_limit_(chunk_limit),
          choice_(request, page_size_) {
        for (const AddressRange range : request.ranges) {
            ActionOutcome outcome;
            outcome.asked = range.size();
            outcomes_.push_back(outcome);
        }
    }

    void run(int advice);
    std::vector<ActionOutcome> take_outcomes() { return std::move(outcomes_); }
    Bytes chunk_limit() const { return chunk_limit_; }

  private:
    struct Piece {
        AddressRange range;
        std::size_t outcome = 0;
        bool clipped_again = false;  // a mapping went away under it once already
        bool undecided = false;      // its pages have to be asked about
        bool advised = false;
        std::size_t first_page = 0;  // of the chunk's pagemap entries
    };

    int open_target();
    int read_mappings();
    void add(const Piece& piece);
    AddressRange untorn(AddressRange range, std::size_t outcome);
    void take_chunk();
    // Whether it can be told what is in memory: by pagemap, or, where that may not be read, by the
    // scanner.
    bool sees_pages() const { return pagemap_ || request_.scanner; }
    void look(std::vector<PagemapEntry>& entries, bool advised_only);
    void look_by_scan(std::vector<PagemapEntry>& entries, bool advised_only);
    void leave_out_absent();
    int choose_pages();
    int settle_failed_look(int error);
    void note_time_from_look(Instant looked);
    int advise_chunk(int advice);
    int settle_failure(Piece& piece, int error);
    void account_for_chunk();
    void note_what_left(const Piece& piece, std::vector<AddressRange>& left) const;
    void give_up(Gap gap, int error);
    void lose(std::size_t outcome, Gap gap, Bytes bytes) {
        outcomes_[outcome].gaps[static_cast<std::size_t>(gap)] += bytes;
    }
    bool is_special(AddressRange range) const;
    // Reading in tears nothing.
    bool keeps_huge_pages() const {
        return !request_.split_huge_pages && request_.action != Action::willneed;
    }
    SwapRoom swap_room(Bytes stayed) const;

    const ActionRequest& request_;
    const Cancelled& cancelled_;
    const MachinePaths& paths_;
    Bytes chunk_limit_;
    const Bytes page_size_ = page_size_of_machine();
    PageChoice choice_;

    std::vector<ActionOutcome> outcomes_;
    Descriptor process_folder_;
    std::optional<Pagemap> pagemap_;
    std::optional<FrameFlags> frame_flags_;
    std::optional<HugePages> huge_pages_;
    std::vector<Mapping> mappings_;
    std::vector<AddressRange> special_;  // mappings that the kernel takes no advice on

    std::deque<Piece> waiting_;
    std::vector<Piece> chunk_;
    std::vector<iovec> vector_;
    std::vector<PagemapEntry> before_;
    std::vector<PagemapEntry> after_;
    std::vector<PageState> states_;
    std::vector<PageChoice::Fate> fates_;
    int retries_ = 0;
};

// An errno, or 0.
int Advice::open_target() {
    auto folder = open_process_folder(request_.pid, request_.pidfd, paths_.proc);
    if (!folder) return folder.error().code;
    process_folder_ = std::move(*folder);
    if (request_.action == Action::pageout || keeps_huge_pages() || choice_.asks_for_pages()) {
        pagemap_ = Pagemap::open(process_folder_.get());
        frame_flags_ = FrameFlags::open();
    }
    huge_pages_.emplace(process_folder_.get(), pagemap_ ? &*pagemap_ : nullptr,
                        frame_flags_ ? &*frame_flags_ : nullptr, page_size_);
    return read_mappings();
}

// An errno, or 0.
int Advice::read_mappings() {
    const auto text = read_file_at(process_folder_.get(), "maps");
    if (!text) return errno;
    mappings_ = parse_mappings(*text);
    choice_.know(mappings_);
    return 0;
}

bool Advice::is_special(AddressRange range) const {
    return std::any_of(special_.begin(), special_.end(), [&](AddressRange mapping) {
        return mapping.start <= range.start && range.end <= mapping.end;
    });
}

void Advice::add(const Piece& piece) {
    const Clipped clipped = clip(piece.range, mappings_, page_size_);
    lose(piece.outcome, Gap::unmapped, clipped.unmapped);
    lose(piece.outcome, Gap::special, clipped.special);
    std::vector<Piece> parts;
    std::vector<PageChoice::Cut> cuts;
    for (const MappedPart& part : clipped.parts) choice_.cut(part.range, cuts);
    for (const PageChoice::Cut& cut : cuts) {
        if (cut.verdict == FilterVerdict::Kind::rejected) {
            lose(piece.outcome, Gap::filtered, cut.range.size());
            continue;
        }
        Piece next = piece;
        next.range = untorn(cut.range, piece.outcome);
        next.undecided = cut.verdict == FilterVerdict::Kind::undecided;
        if (!next.range.empty()) parts.push_back(next);
    }
    // A piece that is clipped anew takes its old place, so that addresses stay in order.
    if (piece.clipped_again) {
        waiting_.insert(waiting_.begin(), parts.begin(), parts.end());
    } else {
        waiting_.insert(waiting_.end(), parts.begin(), parts.end());
    }
}

// What is left of it where no huge page may be torn.
AddressRange Advice::untorn(AddressRange range, std::size_t outcome) {
    if (!keeps_huge_pages()) return range;
    const Untorn untorn = without_torn_huge_pages(
        range, [this](std::uint64_t block) { return huge_pages_->at(block); });
    lose(outcome, Gap::huge_page_cut, untorn.cut);
    return untorn.range;
}

void Advice::take_chunk() {
    chunk_.clear();
    Bytes taken;
    const HugePageAt huge_page_at = [this](std::uint64_t block) {
        return keeps_huge_pages() && huge_pages_->at(block);
    };
    while (!waiting_.empty() && chunk_.size() < most_ranges_per_call && taken < chunk_limit_) {
        Piece& next = waiting_.front();
        if (is_special(next.range)) {
            lose(next.outcome, Gap::special, next.range.size());
            waiting_.pop_front();
            continue;
        }
        const Bytes room = chunk_limit_ - taken;
        if (next.range.size() > room && room < smallest_chunk && !chunk_.empty()) break;
        Piece piece = next;
        piece.range = first_chunk(next.range, std::max(room, smallest_chunk), huge_page_at);
        next.range.start = piece.range.end;
        if (next.range.empty()) waiting_.pop_front();
        taken += piece.range.size();
        chunk_.push_back(piece);
    }
}

// What a scan says of a page, as pagemap would.  A scan does not know whether a page is a file's,
// or shared: nothing is made of either.  Of what it cannot tell, nothing is taken for gone.
PagemapEntry entry_of(PageState state) {
    constexpr std::uint64_t present = std::uint64_t{1} << 63;
    constexpr std::uint64_t swapped = std::uint64_t{1} << 62;
    constexpr std::uint64_t exclusive = std::uint64_t{1} << 56;
    if (state.present() || state.unknown()) return {present | exclusive};
    return {state.swapped() ? swapped : 0};
}

void Advice::look_by_scan(std::vector<PagemapEntry>& entries, bool advised_only) {
    std::vector<AddressRange> ranges;
    for (const Piece& piece : chunk_)
        if (!advised_only || piece.advised) ranges.push_back(piece.range);
    std::vector<PageState> states;
    // Where that fails, the states are unknown.
    (void)choice_.look(ranges, states);
    std::size_t looked = 0;
    for (Piece& piece : chunk_) {
        const std::size_t pages = piece.range.size().count / page_size_.count;
        if (!advised_only) piece.first_page = entries.size();
        for (std::size_t page = 0; page < pages; ++page) {
            const bool known = !advised_only || piece.advised;
            entries.push_back(known ? entry_of(states[looked++]) : PagemapEntry{});
        }
    }
}

void Advice::look(std::vector<PagemapEntry>& entries, bool advised_only) {
    entries.clear();
    if (!pagemap_) return look_by_scan(entries, advised_only);
    std::vector<PagemapEntry> part;
    for (Piece& piece : chunk_) {
        const std::size_t pages = piece.range.size().count / page_size_.count;
        if (!advised_only) piece.first_page = entries.size();
        part.clear();
        if (!advised_only || piece.advised) pagemap_->read(piece.range, page_size_, part);
        // What cannot be read (the target has exited) is not present.
        part.resize(pages);
        entries.insert(entries.end(), part.begin(), part.end());
    }
}

// Nothing is to be paged out there, so the target need not be held up for it.
void Advice::leave_out_absent() {
    std::vector<Piece> present;
    std::vector<PagemapEntry> entries;
    for (Piece& piece : chunk_) {
        const auto begin = before_.begin() + static_cast<std::ptrdiff_t>(piece.first_page);
        const auto end =
            begin + static_cast<std::ptrdiff_t>(piece.range.size().count / page_size_.count);
        if (std::none_of(begin, end, [](PagemapEntry entry) { return entry.present(); })) {
            lose(piece.outcome, Gap::absent, piece.range.size());
            continue;
        }
        piece.first_page = entries.size();
        entries.insert(entries.end(), begin, end);
        present.push_back(piece);
    }
    chunk_ = std::move(present);
    before_ = std::move(entries);
}

// Cuts the chunk down to the pages that may be acted on, right before it is.  0, or the errno after
// which no further call makes sense.
int Advice::choose_pages() {
    states_.clear();
    if (choice_.looks()) {
        std::vector<AddressRange> ranges;
        for (const Piece& piece : chunk_) ranges.push_back(piece.range);
        // Nothing else may stand between this look and the call.
        const auto looked = choice_.look(ranges, states_);
        const int error = looked ? 0 : looked.error().code;
        if (error == ESRCH || error == ESTALE) return settle_failed_look(error);
    }
    std::vector<Piece> chosen;
    std::vector<PagemapEntry> entries;
    std::size_t first_state = 0;
    for (const Piece& piece : chunk_) {
        const std::size_t pages = piece.range.size().count / page_size_.count;
        const auto before = before_.empty() ? std::span<const PagemapEntry>()
                                            : std::span<const PagemapEntry>(before_).subspan(
                                                  piece.first_page, pages);
        const auto states = states_.empty()
                                ? std::span<const PageState>()
                                : std::span<const PageState>(states_).subspan(first_state, pages);
        first_state += pages;
        fates_.clear();
        // A scan does not tell files' pages from others.
        choice_.choose(piece.range, piece.undecided,
                       pagemap_ ? before : std::span<const PagemapEntry>(), states, *huge_pages_,
                       fates_);
        ActionOutcome& outcome = outcomes_[piece.outcome];
        for (std::size_t page = 0; page < pages;) {
            const PageChoice::Fate fate = fates_[page];
            const std::size_t first = page;
            while (page < pages && fates_[page] == fate) ++page;
            const Bytes size{(page - first) * page_size_.count};
            const std::uint64_t start = piece.range.start + first * page_size_.count;
            switch (fate) {
                case PageChoice::Fate::filtered:
                    lose(piece.outcome, Gap::filtered, size);
                    continue;
                case PageChoice::Fate::absent:
                    lose(piece.outcome, Gap::absent, size);
                    continue;
                case PageChoice::Fate::not_idle:
                    lose(piece.outcome, Gap::not_idle, size);
                    outcome.verified.not_idle += size;
                    outcome.verified.looked += size;
                    continue;
                case PageChoice::Fate::take:
                    break;
            }
            if (request_.only_idle) {
                outcome.verified.idle += size;
                outcome.verified.looked += size;
            }
            Piece run = piece;
            run.range = untorn({start, start + size.count}, piece.outcome);
            if (run.range.empty()) continue;
            run.first_page = entries.size();
            if (!before.empty()) {
                const auto begin =
                    before.begin() + static_cast<std::ptrdiff_t>(
                                         (run.range.start - piece.range.start) / page_size_.count);
                entries.insert(
                    entries.end(), begin,
                    begin + static_cast<std::ptrdiff_t>(run.range.size().count / page_size_.count));
            }
            chosen.push_back(run);
        }
    }
    chunk_ = std::move(chosen);
    before_ = std::move(entries);
    return 0;
}

// The look found that the addresses mean nothing any more.  What was taken waits again, and is
// counted with the rest.
int Advice::settle_failed_look(int error) {
    waiting_.insert(waiting_.begin(), chunk_.begin(), chunk_.end());
    chunk_.clear();
    return error;
}

void Advice::note_time_from_look(Instant looked) {
    if (!request_.only_idle || chunk_.empty()) return;
    const Duration passed = std::chrono::steady_clock::now() - looked;
    for (const Piece& piece : chunk_) {
        Verified& verified = outcomes_[piece.outcome].verified;
        verified.longest = std::max(verified.longest, passed);
    }
    Verified& first = outcomes_[chunk_.front().outcome].verified;
    first.total += passed;
    ++first.acts;
}

// 0, or the errno after which no further call makes sense; what was not done waits again then.
int Advice::advise_chunk(int advice) {
    vector_.clear();
    for (const Piece& piece : chunk_) {
        vector_.push_back({reinterpret_cast<void*>(piece.range.start), piece.range.size().count});
    }
    std::size_t next = 0;
    Bytes advised;
    Duration spent{};
    int fatal = 0;
    while (next < chunk_.size() && fatal == 0) {
        const auto begin = std::chrono::steady_clock::now();
        const ssize_t done =
            advise_process(request_.pidfd, &vector_[next],
                           std::min(chunk_.size() - next, most_ranges_per_call), advice);
        const int error = done < 0 ? errno : 0;
        const Duration took = std::chrono::steady_clock::now() - begin;
        spent += took;
        ActionOutcome& first = outcomes_[chunk_[next].outcome];
        ++first.calls;

        std::uint64_t left = done > 0 ? static_cast<std::uint64_t>(done) : 0;
        const std::uint64_t total = left;
        while (next < chunk_.size() && left >= chunk_[next].range.size().count) {
            Piece& piece = chunk_[next];
            const std::uint64_t size = piece.range.size().count;
            ActionOutcome& outcome = outcomes_[piece.outcome];
            outcome.advised += piece.range.size();
            outcome.spent += Duration(static_cast<Duration::rep>(static_cast<double>(took.count()) *
                                                                 static_cast<double>(size) /
                                                                 static_cast<double>(total)));
            piece.advised = true;
            advised += piece.range.size();
            left -= size;
            ++next;
            retries_ = 0;
        }
        if (done > 0 && left < static_cast<std::uint64_t>(done)) continue;

        // The first range failed, or (which no kernel does) a part of it was done.
        first.spent += took;
        const int cause = error != 0 ? error : EAGAIN;
        if ((cause == EAGAIN || cause == EINTR) && ++retries_ < most_retries) continue;
        retries_ = 0;
        fatal = settle_failure(chunk_[next], cause);
        ++next;
    }
    if (fatal != 0) {
        for (std::size_t rest = chunk_.size(); rest > next; --rest) {
            waiting_.push_front(chunk_[rest - 1]);
        }
        chunk_.resize(next);
    }
    chunk_limit_ = next_chunk_limit(chunk_limit_, advised, spent);
    return fatal;
}

// 0, or the errno after which no further call makes sense.
int Advice::settle_failure(Piece& piece, int error) {
    ActionOutcome& outcome = outcomes_[piece.outcome];
    outcome.last_errno = error;
    const Bytes size = piece.range.size();
    switch (error) {
        case ESRCH:
        case EPERM:
        case EACCES:
        case ENOSYS:
            waiting_.push_front(piece);
            return error;
        case ENOMEM: {
            // The target unmapped a part of it since.  The call did all the rest of it, and will do
            // so once more without harm.
            if (piece.clipped_again) {
                lose(piece.outcome, Gap::refused, size);
                return 0;
            }
            piece.clipped_again = true;
            const int unreadable = read_mappings();
            if (unreadable != 0) {
                waiting_.push_front(piece);
                return unreadable;
            }
            add(piece);
            return 0;
        }
        case EINVAL: {
            // Locked, hugetlb or device memory: so is the rest of the mapping.
            lose(piece.outcome, Gap::special, size);
            const auto mapping =
                std::find_if(mappings_.begin(), mappings_.end(), [&](const Mapping& candidate) {
                    return candidate.range.start <= piece.range.start &&
                           piece.range.end <= candidate.range.end;
                });
            if (mapping != mappings_.end()) special_.push_back(mapping->range);
            return 0;
        }
        default:
            lose(piece.outcome, Gap::refused, size);
            return 0;
    }
}

SwapRoom Advice::swap_room(Bytes stayed) const {
    SwapRoom room;
    if (const auto memory = memory_of_machine(paths_)) {
        // Each processor may hold some free slots back for itself.
        const auto held_back = kibibytes(256).count * static_cast<std::uint64_t>(std::max(
                                                          1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
        room.machine_full = memory->swap_free < stayed || memory->swap_free.count <= held_back;
    }
    if (const auto limit = tightest_swap_limit(request_.pid, paths_)) {
        room.cgroup_full = limit->left() < stayed || limit->left() <= kibibytes(256);
    }
    return room;
}

void Advice::account_for_chunk() {
    if (!sees_pages()) {
        for (const Piece& piece : chunk_) {
            if (piece.advised) lose(piece.outcome, Gap::unknown, piece.range.size());
        }
        return;
    }
    look(after_, true);
    if (!alive(request_.pidfd)) {
        // Its memory went with it, not by our doing.
        for (const Piece& piece : chunk_) {
            if (!piece.advised) continue;
            lose(piece.outcome, Gap::unmapped, piece.range.size());
            outcomes_[piece.outcome].target_gone = true;
        }
        return;
    }

    std::vector<PageFate> fates(after_.size());
    Bytes stayed;
    for (std::size_t page = 0; page < fates.size(); ++page) {
        fates[page].before = before_[page];
        fates[page].after = after_[page];
        if (!needs_cause(fates[page])) continue;
        stayed += page_size_;
        if (frame_flags_) {
            fates[page].frame_flags = frame_flags_->of(fates[page].after.frame()).value_or(0);
        }
    }
    const SwapRoom room = stayed.count == 0 ? SwapRoom{} : swap_room(stayed);
    for (const Piece& piece : chunk_) {
        if (!piece.advised) continue;
        const std::size_t pages = piece.range.size().count / page_size_.count;
        const Departure departure =
            account_for(std::span(fates).subspan(piece.first_page, pages), room, page_size_);
        ActionOutcome& outcome = outcomes_[piece.outcome];
        outcome.paged_out += departure.paged_out;
        if (request_.tell_what_left) note_what_left(piece, outcome.left);
        for (std::size_t gap = 0; gap < gap_count; ++gap) outcome.gaps[gap] += departure.gaps[gap];
    }
}

void Advice::note_what_left(const Piece& piece, std::vector<AddressRange>& left) const {
    const std::size_t pages = piece.range.size().count / page_size_.count;
    for (std::size_t page = 0; page < pages; ++page) {
        if (!before_[piece.first_page + page].present()) continue;
        const PagemapEntry after = after_[piece.first_page + page];
        if (after.present() || !after.swapped()) continue;
        const std::uint64_t start = piece.range.start + page * page_size_.count;
        if (!left.empty() && left.back().end == start) {
            left.back().end += page_size_.count;
        } else {
            left.push_back({start, start + page_size_.count});
        }
    }
}

// Everything that still waits is counted under this cause.
void Advice::give_up(Gap gap, int error) {
    for (const Piece& piece : waiting_) {
        lose(piece.outcome, gap, piece.range.size());
        if (error != 0) outcomes_[piece.outcome].last_errno = error;
        if (error == ESRCH) outcomes_[piece.outcome].target_gone = true;
    }
    waiting_.clear();
}

void Advice::run(int advice) {
    std::deque<Piece> asked;
    for (std::size_t index = 0; index < request_.ranges.size(); ++index) {
        Piece piece;
        piece.range = request_.ranges[index];
        piece.outcome = index;
        asked.push_back(piece);
    }
    int error = open_target();
    if (error != 0) {
        waiting_ = std::move(asked);
    } else {
        for (const Piece& piece : asked) add(piece);
    }
    const bool measured = request_.action == Action::pageout;
    while (error == 0 && !waiting_.empty()) {
        if (cancelled_ && cancelled_()) {
            give_up(Gap::cancelled, 0);
            return;
        }
        take_chunk();
        const bool choosing =
            request_.only_idle || std::any_of(chunk_.begin(), chunk_.end(),
                                              [](const Piece& piece) { return piece.undecided; });
        before_.clear();
        if (sees_pages() && (measured || (choosing && pagemap_))) look(before_, false);
        if (sees_pages() && measured) leave_out_absent();
        const Instant looked = std::chrono::steady_clock::now();
        if (choosing && !chunk_.empty()) error = choose_pages();
        if (chunk_.empty()) continue;
        error = advise_chunk(advice);
        note_time_from_look(looked);
        if (measured) account_for_chunk();
    }
    if (error == ESTALE) {
        give_up(Gap::cancelled, error);
    } else if (error != 0) {
        give_up(error == ESRCH ? Gap::unmapped : Gap::refused, error);
    }
}

}  // namespace

Result<void> may_advise(const Process& process) {
    iovec none{};
    if (advise_process(process.pidfd.get(), &none, 0, MADV_COLD) >= 0) return {};
    const int error = errno;
    const std::string who = "process " + std::to_string(process.pid) + " ('" + process.name + "')";
    switch (error) {
        case EPERM:
            return Error{
                ErrorKind::unsupported,
                who +
                    " may not be advised: the capability CAP_SYS_NICE is missing (besides it, "
                    "CAP_SYS_PTRACE is needed). Run as root, or give the command both: `setcap "
                    "cap_sys_nice,cap_sys_ptrace+ep FILE`.",
                error};
        case EACCES:
            return Error{
                ErrorKind::unsupported,
                who +
                    " may not be advised: the capability CAP_SYS_PTRACE is missing (besides it, "
                    "CAP_SYS_NICE is needed). Run as root, or give the command both: `setcap "
                    "cap_sys_nice,cap_sys_ptrace+ep FILE`.",
                error};
        case ENOSYS:
            return Error{ErrorKind::unsupported,
                         "this kernel has no process_madvise(2); Linux 5.10 or newer, built with "
                         "CONFIG_ADVISE_SYSCALLS, is needed.",
                         error};
        case ESRCH:
            return Error{ErrorKind::runtime, who + " has exited.", error};
        default:
            return Error{ErrorKind::runtime,
                         who + " may not be advised: " + std::strerror(error) + ".", error};
    }
}

ProcessMadvise::ProcessMadvise(MachinePaths paths) : paths_(std::move(paths)) {
    for (auto& limit : chunk_limits_) limit = largest_chunk.count;
}

std::vector<ActionOutcome> ProcessMadvise::execute(const ActionRequest& request,
                                                   const Cancelled& cancelled) {
    auto& limit = chunk_limits_[static_cast<std::size_t>(request.action)];
    Advice run(request, cancelled, paths_, Bytes{limit.load(std::memory_order_relaxed)});
    const auto advice = advice_of(request.action);
    if (!advice) {
        auto outcomes = run.take_outcomes();
        for (ActionOutcome& outcome : outcomes) {
            outcome.gaps[static_cast<std::size_t>(Gap::refused)] = outcome.asked;
            outcome.last_errno = EINVAL;
        }
        return outcomes;
    }
    run.run(*advice);
    limit.store(run.chunk_limit().count, std::memory_order_relaxed);
    return run.take_outcomes();
}

}  // namespace damon_schemes
