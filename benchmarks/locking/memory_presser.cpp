// SPDX-License-Identifier: MIT
#include "benchmarks/locking/memory_presser.h"

#include <unistd.h>

#include <atomic>
#include <memory>

#include "benchmarks/locking/noisy_pages.h"
#include "benchmarks/random.h"
#include "benchmarks/sharing_child.h"

namespace damon_schemes::bench {

struct MemoryPresser::Shared {
    std::atomic<bool> filled{false};
    std::atomic<std::uint64_t> used{0};
};

void MemoryPresser::live(Bytes size, Shared& shared) {
    NoisyPages memory(size.count);
    if (!memory) _exit(1);
    Random random(size.count);
    for (std::size_t page = 0; page < memory.count(); ++page) memory.fill(page, random);
    shared.filled = true;
    for (;;) {
        for (std::size_t page = 0; page < memory.count(); ++page) {
            memory.use(page);
            ++shared.used;
        }
    }
}

MemoryPresser::MemoryPresser(Bytes size)
    : child_(std::make_unique<SharingChild<Shared>>("presser",
                                                    [&](Shared& shared) { live(size, shared); })) {}

MemoryPresser::~MemoryPresser() = default;

bool MemoryPresser::running() const {
    return child_->running();
}

bool MemoryPresser::filled() const {
    return child_->shared().filled;
}

std::uint64_t MemoryPresser::pages_used() const {
    return child_->shared().used;
}

}  // namespace damon_schemes::bench
