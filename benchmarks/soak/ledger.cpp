// SPDX-License-Identifier: MIT
#include "benchmarks/soak/ledger.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace damon_schemes::soak {
namespace {

// Stands in a place while its process is being born.
constexpr pid_t to_be_born = -1;

constexpr std::array<const char*, deed_count> names = {
    "map",
    "unmap",
    "touch",
    "madvise",
    "mprotect",
    "mremap",
    "stack grown",
    "fork",
    "vfork",
    "exec",
    "exec from a thread",
    "exit",
    "victim killed",
    "session opened",
    "attributes set",
    "target added",
    "target refused",
    "target removed",
    "start",
    "stop",
    "statistics read",
    "pages scanned",
    "scan refused",
    "snapshot read",
    "snapshot lost",
    "closed while running",
    "ended without closing",
    "inherited by a child",
    "watcher killed",
    "steady snapshot",
};

}  // namespace

const char* name_of(Deed deed) {
    return names[static_cast<std::size_t>(deed)];
}

void Ledger::fail(const std::string& what) {
    const auto number = failures++;
    if (number >= max_failures) return;
    auto& text = failure_texts[number];
    const auto length = std::min(what.size(), text.size() - 1);
    std::memcpy(text.data(), what.data(), length);
    text[length] = '\0';
}

std::atomic<pid_t>* Ledger::take_place() {
    for (auto& place : victims) {
        pid_t free = 0;
        if (place.compare_exchange_strong(free, to_be_born)) return &place;
    }
    return nullptr;
}

void Ledger::leave(pid_t pid) {
    for (auto& place : victims) {
        pid_t expected = pid;
        if (place.compare_exchange_strong(expected, 0)) return;
    }
}

pid_t Ledger::any_victim(std::uint64_t random) const {
    for (std::size_t i = 0; i < max_victims; i++) {
        const pid_t pid = victims[(random + i) % max_victims];
        if (pid > 0) return pid;
    }
    return 0;
}

int make_ledger() {
    const int descriptor = memfd_create("soak-ledger", 0);
    if (descriptor < 0 || ftruncate(descriptor, sizeof(Ledger)) != 0)
        throw std::runtime_error("no memory to share: " + std::string(std::strerror(errno)));
    return descriptor;
}

Ledger* map_ledger(int descriptor) {
    void* memory = mmap(nullptr, sizeof(Ledger), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED)
        throw std::runtime_error("the ledger cannot be mapped: " +
                                 std::string(std::strerror(errno)));
    return static_cast<Ledger*>(memory);  // all zero bits is an empty ledger
}

}  // namespace damon_schemes::soak
