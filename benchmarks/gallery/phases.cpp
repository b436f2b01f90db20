// SPDX-License-Identifier: MIT
// A program with phases, for pictures: 128 MiB in four quarters of which another is in use in each
// phase, a table of 1 MiB that always is, and 96 MiB that are written once at the start.
//
//     phases SECONDS-A-PHASE ROUNDS
#include <sys/mman.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t mib = 1 << 20;

volatile unsigned char* mapped(std::size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::exit(1);
    auto* area = static_cast<volatile unsigned char*>(memory);
    for (std::size_t at = 0; at < bytes; at += page) area[at] = 1;
    return area;
}

void touch(volatile unsigned char* area, std::size_t bytes) {
    for (std::size_t at = 0; at < bytes; at += page) (void)area[at];
}

}  // namespace

int main(int argc, char** argv) {
    const double seconds = argc > 1 ? std::atof(argv[1]) : 5;
    const int rounds = argc > 2 ? std::atoi(argv[2]) : 2;
    if (seconds <= 0 || rounds < 1) {
        std::fputs("usage: phases SECONDS-A-PHASE ROUNDS\n", stderr);
        return 2;
    }
    mapped(96 * mib);
    auto* table = mapped(mib);
    auto* quarters = mapped(128 * mib);
    using Clock = std::chrono::steady_clock;
    for (int phase = 0; phase < 4 * rounds; ++phase) {
        const auto end = Clock::now() + std::chrono::duration<double>(seconds);
        while (Clock::now() < end) {
            touch(table, mib);
            touch(quarters + static_cast<std::size_t>(phase % 4) * 32 * mib, 32 * mib);
        }
    }
}
