// SPDX-License-Identifier: MIT
#include "benchmarks/soak/victim.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include "benchmarks/random.h"

namespace damon_schemes::soak {

using bench::Random;
namespace {

constexpr std::size_t page = 4096, huge = 2 << 20;
// Of one victim; with all of them alive the guest is some 100 MiB fuller.
constexpr std::size_t most_bytes = 8 << 20;

#ifndef MADV_COLD
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif

struct Area {
    char* start = nullptr;
    std::size_t bytes = 0;
};

void nap(long microseconds) {
    const timespec time{0, microseconds * 1000};
    nanosleep(&time, nullptr);
}

void touch(const Area& area, std::size_t stride) {
    for (std::size_t at = 0; at < area.bytes; at += stride)
        static_cast<volatile char*>(area.start)[at] = 1;
}

// Touches pages of the stack that were never there.
__attribute__((noinline)) int grow_stack(int depth) {
    volatile char frame[4 * page];
    frame[0] = static_cast<char>(depth);
    const int below = depth > 0 ? grow_stack(depth - 1) : 0;
    return frame[0] + below;
}

[[noreturn]] void exec_anew(Ledger* ledger, int ledger_descriptor, std::uint64_t seed) {
    const std::string descriptor = std::to_string(ledger_descriptor);
    const std::string number = std::to_string(seed);
    execl("/proc/self/exe", "soak", "--victim", descriptor.c_str(), number.c_str(), nullptr);
    ledger->fail("a victim cannot exec: " + std::string(std::strerror(errno)));
    _exit(1);
}

class Victim {
  public:
    Victim(Ledger* ledger, int ledger_descriptor, std::uint64_t seed)
        : ledger_(ledger), descriptor_(ledger_descriptor), random_(seed) {}

    [[noreturn]] void live() {
        // A life of some ten to some thousand deeds.
        const std::uint64_t deeds = 10 + random_.below(random_.one_in(4) ? 3000 : 300);
        for (std::uint64_t i = 0; i < deeds; i++) act();
        end();
    }

  private:
    void act() {
        while (const pid_t child = reaped()) ledger_->leave(child);
        switch (random_.below(64)) {
            case 0:
                return bear();
            case 1:
                return vfork_a_moment();
            case 2:
                return storm();
            case 3:
            case 4:
                ledger_->count(Deed::grow_stack);
                grow_stack(static_cast<int>(random_.below(32)));
                return;
            case 5:
                if (random_.one_in(3)) exec();
                return;
            case 6:
            case 7:
                return nap(static_cast<long>(random_.below(20'000)));
            default:
                break;
        }
        switch (random_.below(10)) {
            case 0:
            case 1:
            case 2:
                return map();
            case 3:
            case 4:
                return unmap();
            case 5:
                return advise();
            case 6:
                return protect();
            case 7:
                return move();
            default:
                return touch_some();
        }
    }

    static pid_t reaped() {
        const pid_t child = waitpid(-1, nullptr, WNOHANG);
        return child > 0 ? child : 0;
    }

    void map() {
        std::size_t bytes = page * (1 + random_.below(random_.one_in(8) ? 512 : 32));
        if (random_.one_in(10)) bytes = huge * (1 + random_.below(2));
        if (held_ + bytes > most_bytes) return unmap();
        const int flags = MAP_ANONYMOUS | (random_.one_in(5) ? MAP_SHARED : MAP_PRIVATE);
        void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
        if (memory == MAP_FAILED) return;
        const Area area{static_cast<char*>(memory), bytes};
        if (bytes >= huge) madvise(memory, bytes, MADV_HUGEPAGE);
        if (!random_.one_in(6)) touch(area, page);
        areas_.push_back(area);
        held_ += bytes;
        ledger_->count(Deed::map);
    }

    void unmap() {
        if (areas_.empty()) return;
        const std::size_t which = random_.below(areas_.size());
        Area& area = areas_[which];
        const std::size_t pages = area.bytes / page;
        ledger_->count(Deed::unmap);
        if (pages >= 3 && random_.one_in(2)) {  // a hole, or a new end
            const std::size_t first = random_.below(pages - 1);
            munmap(area.start + first * page, area.bytes - first * page);
            held_ -= area.bytes - first * page;
            area.bytes = first * page;
            if (area.bytes > 0) return;
        } else {
            munmap(area.start, area.bytes);
            held_ -= area.bytes;
        }
        areas_.erase(areas_.begin() + static_cast<std::ptrdiff_t>(which));
    }

    Area* any_area() { return areas_.empty() ? nullptr : &areas_[random_.below(areas_.size())]; }

    void touch_some() {
        const Area* area = any_area();
        if (!area) return;
        for (std::uint64_t rounds = random_.below(20); rounds > 0; rounds--) touch(*area, page);
        ledger_->count(Deed::touch);
    }

    void advise() {
        static constexpr int advices[] = {MADV_DONTNEED, MADV_COLD,       MADV_PAGEOUT,
                                          MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_FREE};
        const Area* area = any_area();
        if (!area) return;
        // What an area does not take (MADV_FREE of a shared one) is refused: as good as any.
        madvise(area->start, area->bytes, advices[random_.below(std::size(advices))]);
        ledger_->count(Deed::advise);
    }

    // Pages that cannot be touched for a moment, in mappings that split and merge.
    void protect() {
        const Area* area = any_area();
        if (!area) return;
        const std::size_t bytes = page * (1 + random_.below(area->bytes / page));
        if (mprotect(area->start, bytes, PROT_NONE) != 0) return;
        if (random_.one_in(4)) nap(1000);
        mprotect(area->start, bytes, PROT_READ | PROT_WRITE);
        ledger_->count(Deed::protect);
    }

    void move() {
        Area* area = any_area();
        if (!area) return;
        const std::size_t bytes = std::max(page, area->bytes / 2 / page * page);
        void* memory = mremap(area->start, area->bytes, bytes, MREMAP_MAYMOVE);
        if (memory == MAP_FAILED) return;
        held_ -= area->bytes - bytes;
        *area = {static_cast<char*>(memory), bytes};
        // And to where nothing was, its page tables with it.
        void* place = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (place == MAP_FAILED) return;
        memory = mremap(area->start, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, place);
        if (memory != MAP_FAILED) area->start = static_cast<char*>(memory);
        ledger_->count(Deed::move);
    }

    void bear() {
        auto* place = ledger_->take_place();
        if (!place) return;
        const std::uint64_t seed = random_.next();
        const pid_t child = ::fork();
        if (child == 0) {
            // As it was born, with its parent's areas, which now are shared copy-on-write.
            *place = getpid();
            random_ = Random(seed);
            ledger_->count(Deed::fork);
            live();
        }
        if (child < 0) *place = 0;
    }

    // A child in our own address space, so that two processes have it.
    void vfork_a_moment() {
        ledger_->count(Deed::vfork);
        const pid_t child = vfork();
        if (child == 0) {
            const timespec time{0, 1'000'000};
            nanosleep(&time, nullptr);
            _exit(0);
        }
        if (child > 0) waitpid(child, nullptr, 0);
    }

    // Maps and unmaps from two threads at once.
    void storm() {
        const auto rounds = 10 + random_.below(100);
        const auto work = [rounds] {
            for (std::uint64_t i = 0; i < rounds; i++) {
                const std::size_t bytes = 16 * page;
                void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (memory == MAP_FAILED) continue;
                touch({static_cast<char*>(memory), bytes}, page);
                munmap(memory, bytes);
            }
        };
        std::thread other(work);
        work();
        other.join();
    }

    void exec() {
        const auto seed = random_.next();
        if (random_.one_in(2)) {
            ledger_->count(Deed::exec);
            exec_anew(ledger_, descriptor_, seed);
        }
        ledger_->count(Deed::exec_from_thread);
        std::thread([this, seed] { exec_anew(ledger_, descriptor_, seed); }).join();
        end();
    }

    [[noreturn]] void end() {
        ledger_->count(Deed::exit);
        if (random_.one_in(3)) raise(SIGKILL);
        _exit(0);
    }

    Ledger* ledger_;
    int descriptor_;
    Random random_;
    std::vector<Area> areas_;
    std::size_t held_ = 0;
};

}  // namespace

void bear_victim(Ledger* ledger, int ledger_descriptor) {
    auto* place = ledger->take_place();
    if (!place) return;
    const std::uint64_t seed = ledger->seeds++;
    const pid_t child = fork();
    if (child == 0) {
        *place = getpid();
        live_as_victim(ledger, ledger_descriptor, seed);
    }
    if (child < 0) *place = 0;
}

void live_as_victim(Ledger* ledger, int ledger_descriptor, std::uint64_t seed) {
    Victim(ledger, ledger_descriptor, seed).live();
}

}  // namespace damon_schemes::soak
