// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/ledger.h"

#include <sys/mman.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <new>
#include <stdexcept>
#include <system_error>

namespace damon_schemes::parsec {
namespace {

constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;
constexpr std::uint32_t ticks_a_second = std::chrono::seconds(1) / tick_length;

constexpr std::size_t round_down(std::size_t n, std::size_t to) {
    return n / to * to;
}
constexpr std::size_t round_up(std::size_t n, std::size_t to) {
    return round_down(n + to - 1, to);
}
constexpr std::uint32_t ticks_of(Duration duration) {
    return static_cast<std::uint32_t>(duration / tick_length);
}
constexpr double byte_seconds(double page_ticks) {
    return page_ticks * static_cast<double>(page_bytes) / ticks_a_second;
}

}  // namespace

std::vector<Duration> default_ages() {
    using namespace std::chrono_literals;
    return {500ms, 1s, 2s, 3s, 5s, 10s, 20s};
}

// Far below where the kernel puts other mappings, which are next to one another, so that nothing
// gets in between.
Ledger::Reserve::Reserve(std::size_t bytes) {
    constexpr std::size_t distance = std::size_t{64} << 30;
    void* const free = mmap(nullptr, bytes + distance, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (free == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(),
                                "no free address space of " +
                                    std::to_string((bytes + distance) >> 30) +
                                    " GiB (look at ulimit -v)");
    munmap(free, bytes + distance);
    const auto address = reinterpret_cast<std::uintptr_t>(free);
    begin_ = static_cast<std::byte*>(free) + (round_up(address, huge_page_bytes) - address);
}

Ledger::Reserve::~Reserve() {
    if (mapped_ != 0) munmap(begin_, mapped_);
}

void Ledger::Reserve::extend(std::size_t bytes) {
    bytes = round_up(bytes, huge_page_bytes);
    if (bytes <= mapped_) return;
    if (mmap(begin_ + mapped_, bytes - mapped_, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1,
             0) == MAP_FAILED)
        throw std::bad_alloc();
    mapped_ = bytes;
}

Ledger::Books::Books(std::size_t pages) : bytes_(round_up(pages * sizeof(Stamp), page_bytes)) {
    void* const mapping = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(),
                                "no address space of " + std::to_string(bytes_ >> 20) + " MiB");
    // They stay small: they are no part of what is measured.
    madvise(mapping, bytes_, MADV_NOHUGEPAGE);
    stamps_ = static_cast<Stamp*>(mapping);
}

Ledger::Books::~Books() {
    munmap(stamps_, bytes_);
}

Ledger::Ledger(LedgerOptions options)
    : options_(std::move(options)),
      pages_(options_.reserve / page_bytes),
      memory_(options_.reserve),
      base_(memory_.begin()),
      stamps_(pages_),
      saved_(options_.ages.size()),
      began_(std::chrono::steady_clock::now()) {
    if (options_.reserve == 0 || options_.reserve % huge_page_bytes != 0)
        throw std::invalid_argument("a ledger reserves whole huge pages");
    for (const Duration age : options_.ages) {
        if (age <= Duration::zero() || age % tick_length != Duration::zero() ||
            (!ages_.empty() && ticks_of(age) <= ages_.back()))
            throw std::invalid_argument("a ledger's ages are whole ticks of 10 ms, ascending");
        ages_.push_back(ticks_of(age));
    }
    free_[0] = options_.reserve;
    if (options_.ticking)
        clock_ = std::jthread([this](const std::stop_token& stop) { run_clock(stop); });
}

Ledger::~Ledger() = default;

std::span<std::byte> Ledger::allocate(std::size_t bytes, std::size_t alignment) {
    const std::size_t size = std::max<std::size_t>(round_up(bytes, 16), 16);
    alignment = std::max<std::size_t>(alignment, 16);
    for (auto hole = free_.begin(); hole != free_.end(); ++hole) {
        const auto [begin, length] = *hole;
        const std::size_t at = round_up(begin, alignment);
        if (at - begin > length || length - (at - begin) < size) continue;
        memory_.extend(at + size);
        free_.erase(hole);
        if (at != begin) free_[begin] = at - begin;
        if (at + size != begin + length) free_[at + size] = begin + length - (at + size);
        const std::size_t end = round_up(at + size, page_bytes) / page_bytes;
        if (end > end_page_.load(std::memory_order_relaxed))
            end_page_.store(end, std::memory_order_relaxed);
        clean(at, at + size);
        return {base_ + at, bytes};
    }
    throw std::bad_alloc();
}

void Ledger::clean(std::size_t begin, std::size_t end) {
    const auto wipe = [&](std::size_t from, std::size_t to) {
        if (from >= to || stamps_[from / page_bytes].load(std::memory_order_relaxed) == 0) return;
        touch(base_ + from);
        std::memset(base_ + from, 0, to - from);
    };
    const std::size_t first_end = std::min(end, round_up(begin + 1, page_bytes));
    wipe(begin, first_end);
    wipe(std::max(first_end, round_down(end, page_bytes)), end);
}

void Ledger::release(std::span<std::byte> memory) {
    const auto begin = static_cast<std::size_t>(memory.data() - base_);
    const std::size_t end = begin + std::max<std::size_t>(round_up(memory.size(), 16), 16);
    // One hole with its neighbours.
    std::size_t hole_begin = begin;
    std::size_t hole_end = end;
    auto next = free_.lower_bound(begin);
    if (next != free_.begin()) {
        const auto before = std::prev(next);
        if (before->first + before->second == begin) {
            hole_begin = before->first;
            free_.erase(before);
        }
    }
    if (next != free_.end() && next->first == end) {
        hole_end = next->first + next->second;
        free_.erase(next);
    }
    free_[hole_begin] = hole_end - hole_begin;
    // The pages of this memory that are whole in the hole; of the neighbours they are gone already.
    const std::size_t first =
        std::max(round_up(hole_begin, page_bytes), round_down(begin, page_bytes));
    const std::size_t last = std::min(round_down(hole_end, page_bytes), round_up(end, page_bytes));
    if (first < last) drop(first / page_bytes, last / page_bytes);
}

void Ledger::drop(std::size_t first_page, std::size_t end_page) {
    const std::uint32_t now = now_.load(std::memory_order_relaxed);
    bool any = false;
    for (std::size_t page = first_page; page < end_page; ++page) {
        const std::uint32_t last = stamps_[page].load(std::memory_order_relaxed);
        if (last == 0) continue;
        any = true;
        book_gap(now - last);
        resident_ += now;
        --touched_;
        stamps_[page].store(0, std::memory_order_relaxed);
    }
    if (any)
        madvise(base_ + first_page * page_bytes, (end_page - first_page) * page_bytes,
                MADV_DONTNEED);
}

void Ledger::renew(std::size_t page, std::uint32_t now) noexcept {
    const std::uint32_t last = stamps_[page].load(std::memory_order_relaxed);
    if (last != 0) {
        book_gap(now - last);
    } else {
        resident_ -= now;
        most_touched_ = std::max(most_touched_, ++touched_);
    }
    stamps_[page].store(now, std::memory_order_relaxed);
}

void Ledger::book_gap(std::uint32_t gap) noexcept {
    for (std::size_t i = 0; i < ages_.size() && gap > ages_[i]; ++i) saved_[i] += gap - ages_[i];
}

Duration Ledger::elapsed() const {
    return (now_.load(std::memory_order_relaxed) - 1) * tick_length;
}

void Ledger::begin_phase(std::string_view name) {
    const Duration now = elapsed();
    if (!phases_.empty()) phases_.back().end = now;
    phases_.push_back({std::string(name), now, now});
}

void Ledger::advance(Duration since_begin) {
    const std::uint32_t before = now_.load(std::memory_order_relaxed);
    const std::uint32_t now = ticks_of(since_begin) + 1;
    if (now <= before) return;
    now_.store(now, std::memory_order_relaxed);
    if ((now - 1) / ticks_a_second != (before - 1) / ticks_a_second) take_point(now);
}

void Ledger::run_clock(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
        const Duration passed = std::chrono::steady_clock::now() - began_;
        advance(passed);
        stopped.wait_until(lock, stop, began_ + (passed / tick_length + 1) * tick_length,
                           [] { return false; });
    }
}

void Ledger::take_point(std::uint32_t now) {
    CoursePoint point;
    point.at = (now - 1) * tick_length;
    std::vector<std::uint64_t> idle(ages_.size());
    std::vector<std::uint64_t> hot_pages;
    const std::size_t end = end_page_.load(std::memory_order_relaxed);
    std::uint64_t touched = 0;
    std::uint64_t hot = 0;
    for (std::size_t page = 0; page < end; ++page) {
        const std::uint32_t last = stamps_[page].load(std::memory_order_relaxed);
        if (last == 0) continue;
        ++touched;
        const std::uint32_t gap = now - last;
        for (std::size_t i = 0; i < ages_.size() && gap >= ages_[i]; ++i) ++idle[i];
        if (gap > ticks_a_second) continue;
        ++hot;
        if (options_.hot_on_huge)
            hot_pages.push_back(reinterpret_cast<std::uintptr_t>(base_) + page * page_bytes);
    }
    point.touched_bytes = touched * page_bytes;
    for (const std::uint64_t pages : idle) point.idle_bytes.push_back(pages * page_bytes);
    point.hot_bytes = hot * page_bytes;
    if (options_.hot_on_huge) point.hot_on_huge_bytes = options_.hot_on_huge(hot_pages);
    course_.push_back(std::move(point));
}

Balance Ledger::close() {
    if (clock_.joinable()) {
        clock_.request_stop();
        clock_.join();
        advance(std::chrono::steady_clock::now() - began_);
    }
    const std::uint32_t now = now_.load(std::memory_order_relaxed);
    Balance balance;
    balance.elapsed = elapsed();
    balance.touched_bytes = most_touched_ * page_bytes;
    // What is still there has been idle until now, and is resident until now.
    std::vector<std::uint64_t> saved = saved_;
    const std::size_t end = end_page_.load(std::memory_order_relaxed);
    for (std::size_t page = 0; page < end; ++page) {
        const std::uint32_t last = stamps_[page].load(std::memory_order_relaxed);
        if (last == 0) continue;
        for (std::size_t i = 0; i < ages_.size() && now - last > ages_[i]; ++i)
            saved[i] += now - last - ages_[i];
    }
    balance.resident_byte_seconds =
        byte_seconds(static_cast<double>(resident_ + static_cast<std::int64_t>(touched_ * now)));
    for (std::size_t i = 0; i < ages_.size(); ++i)
        balance.oracle.push_back({options_.ages[i], byte_seconds(static_cast<double>(saved[i]))});
    balance.phases = phases_;
    if (!balance.phases.empty()) balance.phases.back().end = balance.elapsed;
    balance.course = course_;
    return balance;
}

}  // namespace damon_schemes::parsec
