// SPDX-License-Identifier: MIT
#include "benchmarks/storm/storming_process.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>

namespace damon_schemes::bench {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t most_rounds = 1 << 20;  // kept; a later one takes the place of an earlier

std::uint64_t now_ns() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(time.tv_nsec);
}

struct Round {
    std::uint32_t map, touch, unmap;
};

std::uint32_t span(std::uint64_t from, std::uint64_t to) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(to - from, UINT32_MAX));
}

void nap(double seconds) {
    timespec time{};
    time.tv_sec = static_cast<time_t>(seconds);
    time.tv_nsec = static_cast<long>((seconds - static_cast<double>(time.tv_sec)) * 1e9);
    while (nanosleep(&time, &time) != 0 && errno == EINTR) {
    }
}

}  // namespace

// Shared memory, made and touched before the child is born, so that noting a round costs no fault.
struct StormingProcess::Shared {
    std::atomic<bool> ready;
    std::atomic<std::uint64_t> count;  // of all rounds so far
    Round rounds[most_rounds];

    [[noreturn]] void storm(std::size_t bytes);
};

void StormingProcess::Shared::storm(std::size_t bytes) {
    ready = true;
    for (;;) {
        const auto begun = now_ns();
        void* memory =
            mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) _exit(1);
        const auto mapped = now_ns();
        for (std::size_t at = 0; at < bytes; at += page)
            static_cast<volatile char*>(memory)[at] = 1;
        const auto touched = now_ns();
        munmap(memory, bytes);
        const auto unmapped = now_ns();
        const auto number = count.load(std::memory_order_relaxed);
        rounds[number % most_rounds] = {span(begun, mapped), span(mapped, touched),
                                        span(touched, unmapped)};
        count.store(number + 1, std::memory_order_release);
    }
}

StormingProcess::StormingProcess(std::size_t pages, std::size_t idle_bytes) {
    void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("no memory to note the rounds in");
    shared_ = static_cast<Shared*>(memory);
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("no process: " + std::string(std::strerror(errno)));
    if (pid_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(0);
        void* idle =
            mmap(nullptr, idle_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (idle == MAP_FAILED) _exit(1);
        std::memset(idle, 1, idle_bytes);
        shared_->storm(pages * page);
    }
    while (!shared_->ready) {
        if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
            pid_ = -1;
            throw std::runtime_error("the storming process has no memory");
        }
        nap(0.01);
    }
}

StormingProcess::~StormingProcess() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    munmap(shared_, sizeof(Shared));
}

Rounds StormingProcess::observe(double seconds) {
    const auto first = shared_->count.load(std::memory_order_acquire);
    nap(seconds);
    const auto last = shared_->count.load(std::memory_order_acquire);
    // One place is left out, as it is being written.
    const auto kept = std::min<std::uint64_t>(last - first, most_rounds - 1);
    Rounds result;
    for (std::uint64_t i = last - kept; i < last; i++) {
        const Round round = shared_->rounds[i % most_rounds];
        result.map.push_back(round.map);
        result.touch.push_back(round.touch);
        result.unmap.push_back(round.unmap);
        result.whole.push_back(round.map + round.touch + round.unmap);
    }
    return result;
}

}  // namespace damon_schemes::bench
