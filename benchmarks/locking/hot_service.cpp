// SPDX-License-Identifier: MIT
#include "benchmarks/locking/hot_service.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <limits>
#include <memory>
#include <thread>
#include <utility>

#include "benchmarks/locking/noisy_pages.h"
#include "benchmarks/random.h"
#include "benchmarks/sharing_child.h"

namespace damon_schemes::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t remembered = 1 << 20;

}  // namespace

struct HotService::Shared {
    std::atomic<std::uint64_t> base{0};
    std::atomic<bool> ready{false};
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> wrong{0};
    std::array<std::atomic<std::uint32_t>, remembered> took_us{};
};

void HotService::live(const ServiceShape& shape, Shared& shared) {
    const std::size_t hot_piece = shape.hot_piece.count;
    const std::size_t piece = hot_piece + shape.cold_piece.count;
    NoisyPages memory(piece * shape.pieces);
    if (!memory) _exit(1);
    Random random(shape.pieces);
    for (std::size_t page = 0; page < memory.count(); ++page) memory.fill(page, random);
    if (shape.locks_itself) {
        for (unsigned i = 0; i < shape.pieces; ++i)
            if (syscall(SYS_mlock2, memory.begin() + i * piece, hot_piece, MLOCK_ONFAULT) != 0)
                _exit(1);
    }
    shared.base = reinterpret_cast<std::uintptr_t>(memory.begin());
    shared.ready = true;

    const std::size_t hot_pages = hot_piece / NoisyPages::page;
    for (std::uint64_t number = 0;; ++number) {
        const auto began = Clock::now();
        std::uint64_t wrong = 0;
        for (unsigned i = 0; i < shape.pages_of_request; ++i) {
            const std::uint64_t choice = random.below(hot_pages * shape.pieces);
            const std::size_t page =
                choice / hot_pages * (piece / NoisyPages::page) + choice % hot_pages;
            wrong += !memory.use(page);
        }
        const auto us =
            std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began).count();
        shared.took_us[number % remembered] = static_cast<std::uint32_t>(
            std::min<std::int64_t>(us, std::numeric_limits<std::uint32_t>::max()));
        shared.wrong += wrong;
        shared.requests = number + 1;
        std::this_thread::sleep_for(shape.between);
    }
}

HotService::HotService(const ServiceShape& shape)
    : shape_(shape),
      child_(std::make_unique<SharingChild<Shared>>("hot-service",
                                                    [&](Shared& shared) { live(shape, shared); })) {
    child_->wait_for([this] { return child_->shared().ready.load(); },
                     "no memory for a program, or it may not be locked");
}

HotService::~HotService() = default;

pid_t HotService::pid() const {
    return child_->pid();
}

std::vector<AddressRange> HotService::hot() const {
    std::vector<AddressRange> ranges;
    const std::uint64_t piece = shape_.hot_piece.count + shape_.cold_piece.count;
    for (unsigned i = 0; i < shape_.pieces; ++i) {
        const std::uint64_t start = child_->shared().base + i * piece;
        ranges.push_back({start, start + shape_.hot_piece.count});
    }
    return ranges;
}

std::uint64_t HotService::requests() const {
    return child_->shared().requests;
}

ServiceFigures HotService::since(std::uint64_t first, Duration time) const {
    const std::uint64_t last = child_->shared().requests;
    ServiceFigures figures;
    figures.requests = last - first;
    figures.requests_per_second =
        static_cast<double>(figures.requests) / std::chrono::duration<double>(time).count();
    if (last - first > remembered) first = last - remembered;
    std::vector<std::uint32_t> took;
    double sum = 0;
    for (std::uint64_t number = first; number < last; ++number) {
        took.push_back(child_->shared().took_us[number % remembered]);
        sum += took.back();
    }
    if (took.empty()) return figures;
    std::sort(took.begin(), took.end());
    const auto at = [&](double share) {
        return took[static_cast<std::size_t>(share * static_cast<double>(took.size() - 1))] / 1e3;
    };
    figures.mean_ms = sum / static_cast<double>(took.size()) / 1e3;
    figures.p50_ms = at(0.5);
    figures.p99_ms = at(0.99);
    return figures;
}

std::uint64_t HotService::wrong() const {
    return child_->shared().wrong;
}

}  // namespace damon_schemes::bench
