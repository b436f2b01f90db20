// SPDX-License-Identifier: MIT
#include "benchmarks/daemon/tenant.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "benchmarks/random.h"

namespace damon_schemes::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t page = 4096;
constexpr double first_edge_us = 64;
constexpr double bins_in_octave = 4;
// So much of a page is noise, the rest is the same word again: it compresses to about a third, as
// programs' memory does.
constexpr std::size_t noise_words = page / 8 / 4;

void* map(std::size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? nullptr : memory;
}

class Tenant {
  public:
    Tenant(const TenantShape& shape, TenantWork& work)
        : shape_(shape), work_(work), random_(shape.seed) {}

    [[noreturn]] void live() {
        pages_ = shape_.bytes / page;
        hot_ = std::clamp<std::uint64_t>(
            static_cast<std::uint64_t>(static_cast<double>(pages_) * (1 - shape_.cold_share)), 1,
            pages_);
        memory_ = static_cast<std::uint64_t*>(map(pages_ * page));
        if (memory_ == nullptr) std::_Exit(1);
        for (std::uint64_t i = 0; i < pages_; ++i) write(i);
        work_.ready = true;
        // Not all at once.
        const Duration stays = of_seconds(shape_.stays_s);
        auto moves_at = Clock::now() + of_seconds(shape_.stays_s * share());
        for (;;) {
            const auto began = Clock::now();
            serve();
            const auto ended = Clock::now();
            ++work_.requests;
            if (work_.counting)
                ++work_.times[TenantWork::bin_of(
                    std::chrono::duration<double, std::micro>(ended - began).count())];
            if (ended >= moves_at) {
                first_hot_ = (first_hot_ + std::max<std::uint64_t>(1, hot_ / 4)) % pages_;
                moves_at += stays;
            }
            std::this_thread::sleep_for(of_seconds(shape_.between_ms / 1e3 * (0.5 + share())));
        }
    }

  private:
    using Duration = Clock::duration;

    static Duration of_seconds(double seconds) {
        return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
    }
    double share() { return static_cast<double>(random_.below(1 << 20)) / (1 << 20); }
    std::uint64_t* words_of(std::uint64_t number) { return memory_ + number * (page / 8); }

    void write(std::uint64_t number) {
        std::uint64_t* words = words_of(number);
        Random noise(shape_.seed ^ number);
        for (std::size_t i = 0; i < noise_words; ++i) words[i] = noise.next();
        for (std::size_t i = noise_words; i < page / 8; ++i) words[i] = number;
    }

    // Reads each page, and writes to one in four.
    void serve() {
        for (std::uint64_t i = 0; i < shape_.hot_pages; ++i) {
            const std::uint64_t number = (first_hot_ + random_.below(hot_)) % pages_;
            volatile std::uint64_t* words = words_of(number);
            if (words[page / 8 - 1] != number) ++work_.wrong_pages;
            if (i % 4 == 0) words[page / 8 - 1] = number;
        }
        const std::size_t bytes = shape_.transient_pages * page;
        if (bytes == 0) return;
        auto* transient = static_cast<volatile std::uint8_t*>(map(bytes));
        if (transient == nullptr) return;
        for (std::size_t at = 0; at < bytes; at += page) transient[at] = 1;
        munmap(const_cast<std::uint8_t*>(transient), bytes);
    }

    const TenantShape shape_;
    TenantWork& work_;
    Random random_;
    std::uint64_t pages_ = 0, hot_ = 0, first_hot_ = 0;
    std::uint64_t* memory_ = nullptr;
};

bool join(const std::string& cgroup) {
    std::ofstream procs(cgroup + "/cgroup.procs");
    procs << getpid() << "\n";
    return static_cast<bool>(procs.flush());
}

}  // namespace

std::size_t TenantWork::bin_of(double microseconds) {
    const double octaves = std::log2(std::max(1.0, microseconds / first_edge_us));
    return std::min(time_bins - 1, static_cast<std::size_t>(std::ceil(octaves * bins_in_octave)));
}

double TenantWork::upper_edge_us(std::size_t bin) {
    return first_edge_us * std::exp2(static_cast<double>(bin) / bins_in_octave);
}

pid_t start_tenant(const TenantShape& shape, TenantWork& work, const std::string& cgroup) {
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("no process for a tenant");
    if (child > 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    if (getppid() != parent) std::_Exit(0);
    prctl(PR_SET_NAME, "service");
    std::ofstream("/proc/self/oom_score_adj") << "0\n";
    if (!join(cgroup)) std::_Exit(2);
    Tenant(shape, work).live();
}

}  // namespace damon_schemes::bench
