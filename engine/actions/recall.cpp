// SPDX-License-Identifier: MIT
#include "engine/actions/recall.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "engine/actions/mappings.h"
#include "engine/actions/pagemap.h"
#include "engine/targets/procfs.h"
#include "schemes/quantity.h"

namespace damon_schemes {
namespace {

constexpr std::size_t most_ranges_at_once = 1024;
constexpr std::size_t most_touches_at_once = 512;  // below UIO_MAXIOV
constexpr Bytes looked_at_once = mebibytes(4);

// One process, on its way.
class Recalling {
  public:
    Recalling(const ActionRequest& target, Executor& executor, Bytes keep_free,
              const Cancelled& cancelled, const MachinePaths& paths)
        : target_(target),
          executor_(executor),
          keep_free_(keep_free),
          cancelled_(cancelled),
          paths_(paths) {}

    Recalled run();

  private:
    bool is_cancelled();
    bool may_go_on();
    void look_at(AddressRange mapping);
    void note(AddressRange window);
    void bring_back();
    void touch(AddressRange range) const;
    Bytes present(AddressRange range);

    const ActionRequest& target_;
    Executor& executor_;
    Bytes keep_free_;
    const Cancelled& cancelled_;
    const MachinePaths& paths_;
    const Bytes page_size_{static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};

    Recalled recalled_;
    std::optional<Pagemap> pagemap_;
    std::vector<PagemapEntry> entries_;
    std::vector<AddressRange> ranges_;  // in swap, and not asked for yet
    Bytes waiting_;                     // all of them together
};

Recalled Recalling::run() {
    const auto folder = open_process_folder(target_.pid, target_.pidfd, paths_.proc);
    const auto maps = folder ? read_file_at(folder->get(), "maps") : std::nullopt;
    pagemap_ = maps ? Pagemap::open(folder->get()) : std::nullopt;
    if (!pagemap_) {
        recalled_.stopped = maps ? "where its pages are may not be read" : "it has exited";
        return recalled_;
    }
    for (const Mapping& mapping : parse_mappings(*maps)) {
        if (mapping.shared || mapping.kernel_provided) continue;
        look_at(mapping.range);
        if (!recalled_.stopped.empty()) return recalled_;
    }
    bring_back();
    return recalled_;
}

void Recalling::look_at(AddressRange mapping) {
    while (!mapping.empty() && recalled_.stopped.empty()) {
        AddressRange window = mapping;
        window.end = std::min(mapping.end, mapping.start + looked_at_once.count);
        mapping.start = window.end;
        note(window);
        if (waiting_ >= recalled_at_once || ranges_.size() >= most_ranges_at_once) bring_back();
    }
}

void Recalling::note(AddressRange window) {
    entries_.clear();
    pagemap_->read(window, page_size_, entries_);
    for (std::size_t page = 0; page < entries_.size(); ++page) {
        if (!entries_[page].swapped()) continue;
        const std::uint64_t start = window.start + page * page_size_.count;
        if (!ranges_.empty() && ranges_.back().end == start)
            ranges_.back().end += page_size_.count;
        else
            ranges_.push_back({start, start + page_size_.count});
        waiting_ += page_size_;
    }
}

bool Recalling::is_cancelled() {
    if (!cancelled_ || !cancelled_()) return false;
    recalled_.stopped = "it was told to stop";
    return true;
}

bool Recalling::may_go_on() {
    if (is_cancelled()) return false;
    const auto text = read_file(paths_.proc + "/meminfo");
    const auto machine = text ? parse_meminfo(*text) : std::nullopt;
    if (machine && machine->available < keep_free_ + waiting_) {
        recalled_.stopped =
            "only " + to_string(machine->available) + " of memory could still be had";
        return false;
    }
    return true;
}

void Recalling::bring_back() {
    if (ranges_.empty() || !may_go_on()) return;
    ActionRequest request = target_;
    request.action = Action::willneed;
    request.scheme.reset();
    request.only_idle = false;
    request.tell_what_left = false;
    request.ranges = std::exchange(ranges_, {});
    recalled_.found += std::exchange(waiting_, {});
    // A refused advice is no reason to give up: touching alone brings back, too, page by page.
    (void)executor_.execute(request, cancelled_);
    for (const AddressRange range : request.ranges) {
        if (is_cancelled()) return;
        touch(range);
        recalled_.back += present(range);
    }
}

// A byte of each page.  What is not mapped any more is left out.
void Recalling::touch(AddressRange range) const {
    std::vector<char> bytes(most_touches_at_once);
    std::vector<iovec> pages;
    std::uint64_t next = range.start;
    while (next < range.end && alive(target_.pidfd)) {
        pages.clear();
        for (std::uint64_t at = next; at < range.end && pages.size() < most_touches_at_once;
             at += page_size_.count)
            pages.push_back({reinterpret_cast<void*>(at), 1});  // NOLINT: an address of another
        const iovec into{bytes.data(), pages.size()};
        const ssize_t read =
            ::process_vm_readv(target_.pid, &into, 1, pages.data(), pages.size(), 0);
        if (read < 0 && errno != EFAULT) return;
        // It ends at the first page that cannot be had.
        const auto touched = static_cast<std::uint64_t>(std::max<ssize_t>(read, 0));
        next += (touched < pages.size() ? touched + 1 : touched) * page_size_.count;
    }
}

Bytes Recalling::present(AddressRange range) {
    entries_.clear();
    pagemap_->read(range, page_size_, entries_);
    const auto pages = std::count_if(entries_.begin(), entries_.end(),
                                     [](const PagemapEntry& entry) { return entry.present(); });
    return {static_cast<std::uint64_t>(pages) * page_size_.count};
}

}  // namespace

Recalled recall(const ActionRequest& target, Executor& executor, Bytes keep_free,
                const Cancelled& cancelled, const MachinePaths& paths) {
    return Recalling(target, executor, keep_free, cancelled, paths).run();
}

}  // namespace damon_schemes
