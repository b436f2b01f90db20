// SPDX-License-Identifier: MIT
// The memory of a program that keeps its own books: which page was touched when.  From that follows
// what an all-knowing policy could have saved, which no monitor can know.
#pragma once

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes::parsec {

constexpr std::size_t page_bytes = 4096;
// The clock's grain, which is that of all times in the books.
constexpr Duration tick_length = std::chrono::milliseconds(10);

struct LedgerOptions {
    // For each the oracle is told, and the course.  Whole ticks; ascending.
    std::vector<Duration> ages;
    // Address space, not memory: only what is touched is backed.  Whole huge pages (2 MiB).
    std::size_t reserve = std::size_t{16} << 30;
    // Whether a thread of its own drives the clock; else advance() does (tests).
    bool ticking = true;
    // Where the pages are on huge ones: for how many bytes of hot pages that holds.  Asked once a
    // second by the clock's thread; nullopt: cannot be seen here.
    std::function<std::optional<std::uint64_t>(std::span<const std::uint64_t> hot_pages)>
        hot_on_huge;
};

// 500 ms to 20 s.
std::vector<Duration> default_ages();

// A part of the work, by name.  Since the ledger began.
struct Phase {
    std::string name;
    Duration begin{};
    Duration end{};
};

// A moment of the course.
struct CoursePoint {
    Duration at{};
    std::uint64_t touched_bytes = 0;        // touched, and not released
    std::vector<std::uint64_t> idle_bytes;  // of these: not touched for so long; one an age
    std::uint64_t hot_bytes = 0;            // of these: touched within the last second
    std::optional<std::uint64_t> hot_on_huge_bytes;
};

// What a policy could save that takes each page away `age` after its last touch, and brings it back
// with its next one: each idle gap of a page, less the age.
struct Oracle {
    Duration age{};
    double saved_byte_seconds = 0;
};

// The books at one time.
struct Balance {
    Duration elapsed{};
    std::uint64_t touched_bytes = 0;  // the most at one time
    double resident_byte_seconds = 0;
    std::vector<Oracle> oracle;
    std::vector<Phase> phases;
    std::vector<CoursePoint> course;
};

// One a process.  One thread works with it; the clock's own thread is the only other one.
class Ledger {
  public:
    // Throws std::system_error where the address space is refused.
    explicit Ledger(LedgerOptions options);
    ~Ledger();
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    // Zeroes, and not touched by this.  `alignment` is a power of two, at most a huge page.
    // Throws std::bad_alloc where the reserved range is used up.
    std::span<std::byte> allocate(std::size_t bytes, std::size_t alignment = 64);
    // What allocate() returned.  Pages that hold nothing else any more are given back to the
    // kernel, and leave the books.
    void release(std::span<std::byte> memory);

    // The page is touched now.  Every access of the program's to ledger memory is told, or at
    // least one for all those to a page within a tick.
    void touch(const void* at) noexcept {
        const std::size_t page = page_of(at);
        assert(page < pages_);
        const std::uint32_t now = now_.load(std::memory_order_relaxed);
        if (stamps_[page].load(std::memory_order_relaxed) != now) renew(page, now);
    }
    // Each page of it; nothing where bytes is 0.
    void touch(const void* at, std::size_t bytes) noexcept {
        if (bytes == 0) return;
        const std::size_t last = page_of(static_cast<const std::byte*>(at) + bytes - 1);
        assert(last < pages_);
        const std::uint32_t now = now_.load(std::memory_order_relaxed);
        for (std::size_t page = page_of(at); page <= last; ++page)
            if (stamps_[page].load(std::memory_order_relaxed) != now) renew(page, now);
    }

    // Ends the phase before.
    void begin_phase(std::string_view name);
    // The clock goes on to so long after the beginning; at each whole second the course gets a
    // point.  Only where no thread does it.
    void advance(Duration since_begin);
    // Stops the clock, for good, and settles the books.
    Balance close();

    Duration elapsed() const;

  private:
    using Stamp = std::atomic<std::uint32_t>;
    // Addresses that are mapped as far as they are used: as with other programs, what is mapped
    // is hardly more than what is used.
    class Reserve {
      public:
        explicit Reserve(std::size_t bytes);
        ~Reserve();
        Reserve(const Reserve&) = delete;
        Reserve& operator=(const Reserve&) = delete;
        std::byte* begin() const { return begin_; }
        // Maps the first so many bytes, rounded up to huge pages.  Throws std::bad_alloc.
        void extend(std::size_t bytes);

      private:
        std::byte* begin_;
        std::size_t mapped_ = 0;
    };

    // One stamp a page, of which the unused ones take no memory.
    class Books {
      public:
        explicit Books(std::size_t pages);
        ~Books();
        Books(const Books&) = delete;
        Books& operator=(const Books&) = delete;
        Stamp& operator[](std::size_t page) const { return stamps_[page]; }

      private:
        Stamp* stamps_;
        std::size_t bytes_;
    };

    std::size_t page_of(const void* at) const noexcept {
        return static_cast<std::size_t>(static_cast<const std::byte*>(at) - base_) / page_bytes;
    }
    void renew(std::size_t page, std::uint32_t now) noexcept;
    void book_gap(std::uint32_t gap) noexcept;
    // Only the first and the last page of a hole may hold what was there before.
    void clean(std::size_t begin, std::size_t end);
    void drop(std::size_t first_page, std::size_t end_page);
    void run_clock(const std::stop_token& stop);
    void take_point(std::uint32_t now);

    LedgerOptions options_;
    std::vector<std::uint32_t> ages_;  // in ticks
    std::size_t pages_;
    Reserve memory_;
    std::byte* base_;
    Books stamps_;  // one a page: the tick of its last touch; 0: not touched
    std::map<std::size_t, std::size_t> free_;  // offset: bytes
    // The tick that it is now.  Begins at 1.
    Stamp now_{1};
    std::atomic<std::size_t> end_page_{0};  // behind all that was ever allocated
    std::uint64_t touched_ = 0;             // pages
    std::uint64_t most_touched_ = 0;
    std::int64_t resident_ = 0;         // page ticks: less the first touch, and the release
    std::vector<std::uint64_t> saved_;  // page ticks, one an age
    std::vector<Phase> phases_;
    std::vector<CoursePoint> course_;  // the clock's, until it stops
    Instant began_;
    std::jthread clock_;
};

// Ledger memory for containers.  The container's accesses are the program's to tell.
class LedgerMemory final : public std::pmr::memory_resource {
  public:
    explicit LedgerMemory(Ledger& ledger) : ledger_(ledger) {}

  private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        return ledger_.allocate(bytes, alignment).data();
    }
    void do_deallocate(void* at, std::size_t bytes, std::size_t) override {
        ledger_.release({static_cast<std::byte*>(at), bytes});
    }
    bool do_is_equal(const memory_resource& other) const noexcept override {
        return this == &other;
    }

    Ledger& ledger_;
};

// An array in ledger memory, zero at first, that tells of its own accesses.  The ledger outlives
// it.
template <class T>
class Table {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

  public:
    Table() = default;
    Table(Ledger& ledger, std::size_t size, std::size_t alignment = 64)
        : ledger_(&ledger), memory_(ledger.allocate(size * sizeof(T), alignment)), size_(size) {}
    ~Table() { clear(); }
    Table(Table&& other) noexcept { swap(other); }
    Table& operator=(Table&& other) noexcept {
        if (this != &other) {
            clear();
            swap(other);
        }
        return *this;
    }

    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    // Touches the element.
    T& operator[](std::size_t i) const {
        T* const at = data() + i;
        if constexpr (page_bytes % sizeof(T) == 0)
            ledger_->touch(at);
        else
            ledger_->touch(at, sizeof(T));
        return *at;
    }
    T& at(std::size_t i) const { return (*this)[i]; }
    // Does not touch: for what lies on a page that was told of already.
    T& raw(std::size_t i) const { return data()[i]; }
    // Touches them all.
    std::span<T> range(std::size_t first, std::size_t count) const {
        ledger_->touch(data() + first, count * sizeof(T));
        return {data() + first, count};
    }
    // In order.  Each page is told of as it is reached.
    template <class Visit>
    void for_each(Visit&& visit) const {
        constexpr std::size_t step = sizeof(T) < page_bytes ? page_bytes / sizeof(T) : 1;
        for (std::size_t first = 0; first < size_; first += step)
            for (T& element : range(first, std::min(step, size_ - first))) visit(element);
    }
    // Gives the memory back.
    void clear() noexcept {
        if (ledger_ != nullptr && !memory_.empty()) ledger_->release(memory_);
        memory_ = {};
        size_ = 0;
    }

  private:
    T* data() const { return reinterpret_cast<T*>(memory_.data()); }
    void swap(Table& other) noexcept {
        std::swap(ledger_, other.ledger_);
        std::swap(memory_, other.memory_);
        std::swap(size_, other.size_);
    }

    Ledger* ledger_ = nullptr;
    std::span<std::byte> memory_;
    std::size_t size_ = 0;
};

}  // namespace damon_schemes::parsec
