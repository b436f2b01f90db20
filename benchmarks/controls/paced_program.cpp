// SPDX-License-Identifier: MIT
#include "benchmarks/controls/paced_program.h"

#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>

#include "benchmarks/sharing_child.h"

namespace damon_schemes::bench {
namespace {

constexpr std::size_t page = 4096;
constexpr Duration tick = std::chrono::milliseconds(10);
using Clock = std::chrono::steady_clock;

// Pages of one period, touched in turn so that each has its own moment in it.
struct Round {
    Duration period{};
    std::vector<std::size_t> pages;
    std::uint64_t touched = 0;  // since the phase began

    std::uint64_t due(Duration since) const {
        return static_cast<std::uint64_t>(
            static_cast<double>(pages.size()) *
            (static_cast<double>(since.count()) / static_cast<double>(period.count())));
    }
};

std::vector<Round> rounds_of(const PacedPhase& phase) {
    std::map<Duration, Round> by_period;
    for (std::size_t i = 0; i < phase.periods.size(); ++i) {
        if (phase.periods[i] <= Duration::zero()) continue;
        Round& round = by_period[phase.periods[i]];
        round.period = phase.periods[i];
        round.pages.push_back(i);
    }
    std::vector<Round> rounds;
    for (auto& [period, round] : by_period) rounds.push_back(std::move(round));
    return rounds;
}

}  // namespace

struct PacedProgram::Shared {
    std::atomic<bool> ready{false};
    std::atomic<std::uint64_t> touches{0};
    std::atomic<std::int64_t> touching_ns{0};
    std::atomic<std::uint64_t> wrong{0};
};

void append(PacedPhase& phase, std::size_t pages, Duration period) {
    phase.periods.insert(phase.periods.end(), pages, period);
}

void PacedProgram::live(const Pacing& pacing, Shared& shared) {
    const std::size_t bytes = pacing.front().periods.size() * page;
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || madvise(memory, bytes, MADV_NOHUGEPAGE) != 0) _exit(1);
    auto* words = static_cast<volatile std::uint64_t*>(memory);
    const auto word_of = [&](std::size_t index) -> volatile std::uint64_t& {
        return words[index * page / sizeof(std::uint64_t)];
    };
    // Half of each page is noise, so that compressed swap has something to do.
    std::uint64_t noise = 88172645463325252ULL;
    for (std::size_t i = 0; i < bytes / page; ++i) {
        for (std::size_t at = 0; at < page / sizeof(std::uint64_t) / 2; ++at) {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            words[i * page / sizeof(std::uint64_t) + at] = noise;
        }
        word_of(i) = i;
    }
    std::vector<std::vector<Round>> phases;
    for (const auto& phase : pacing) phases.push_back(rounds_of(phase));
    shared.ready = true;

    auto next = Clock::now();
    for (std::size_t which = 0;; which = (which + 1) % phases.size()) {
        const auto began = next;
        for (Round& round : phases[which]) round.touched = 0;
        while (next - began < pacing[which].length) {
            next += tick;
            const timespec until{next.time_since_epoch().count() / 1'000'000'000,
                                 next.time_since_epoch().count() % 1'000'000'000};
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
            const auto from = Clock::now();
            std::uint64_t touches = 0;
            std::uint64_t wrong = 0;
            for (Round& round : phases[which]) {
                // Who fell behind goes on from now: a program that waits does not hurry after.
                const std::uint64_t due = round.due(next - began);
                if (due - round.touched > round.pages.size())
                    round.touched = due - round.pages.size();
                for (; round.touched < due; ++round.touched, ++touches) {
                    const std::size_t index = round.pages[round.touched % round.pages.size()];
                    wrong += word_of(index) != index;
                }
            }
            shared.touches += touches;
            shared.touching_ns += std::chrono::nanoseconds(Clock::now() - from).count();
            shared.wrong += wrong;
        }
    }
}

PacedProgram::PacedProgram(const Pacing& pacing)
    : child_(std::make_unique<SharingChild<Shared>>(
          "paced", [&](Shared& shared) { live(pacing, shared); })) {
    child_->wait_for([this] { return child_->shared().ready.load(); }, "no memory for a program");
}

PacedProgram::~PacedProgram() = default;

pid_t PacedProgram::pid() const {
    return child_->pid();
}

PacedProgram::Progress PacedProgram::progress() const {
    const Shared& shared = child_->shared();
    return {shared.touches, Duration(shared.touching_ns), shared.wrong};
}

}  // namespace damon_schemes::bench
