// SPDX-License-Identifier: MIT
// Memory of the test itself to act on, and requests that mean the test.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "engine/actions/executor.h"
#include "engine/actions/mapping_flags.h"
#include "engine/targets/process.h"

namespace damon_schemes::testing {

// Anonymous memory, aligned to 2 MiB, in a mapping of its own; unmapped when it goes.
class OwnMemory {
  public:
    static constexpr std::uint64_t block = 2 << 20;

    explicit OwnMemory(std::uint64_t size, bool filled = true) : size_(size) {
        // Guards on both sides, so that it is never merged with what is beside it.
        whole_ = size + 2 * block;
        void* memory =
            ::mmap(nullptr, whole_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        mapped_ = reinterpret_cast<std::uint64_t>(memory);
        start_ = (mapped_ + block) / block * block;
        ::mprotect(reinterpret_cast<void*>(start_), size_, PROT_READ | PROT_WRITE);
        if (filled) std::memset(reinterpret_cast<void*>(start_), 1, size_);
    }
    ~OwnMemory() { ::munmap(reinterpret_cast<void*>(mapped_), whole_); }
    OwnMemory(const OwnMemory&) = delete;
    OwnMemory& operator=(const OwnMemory&) = delete;

    std::uint64_t start() const { return start_; }
    AddressRange range() const { return {start_, start_ + size_}; }
    AddressRange part(std::uint64_t from, std::uint64_t to) const {
        return {start_ + from, start_ + to};
    }
    void* at(std::uint64_t offset) const { return reinterpret_cast<void*>(start_ + offset); }

  private:
    std::uint64_t size_, whole_ = 0, mapped_ = 0, start_ = 0;
};

inline const Process& self() {
    static const Process process = [] {
        auto opened = open_process(::getpid());
        return opened ? std::move(*opened) : Process{};
    }();
    return process;
}

inline ActionRequest request_to_self(Scheme scheme, std::vector<AddressRange> ranges) {
    ActionRequest request;
    request.action = scheme.action;
    request.split_huge_pages = scheme.split_huge_pages;
    request.pid = self().pid;
    request.pidfd = self().pidfd.get();
    request.target_name = self().name;
    request.ranges = std::move(ranges);
    request.scheme = std::make_shared<const Scheme>(std::move(scheme));
    return request;
}

// Where the test's own memory has a flag, within a range.
inline Bytes flagged(AddressRange range, bool MappingFlags::*flag) {
    const auto folder = open_process_folder(self().pid, self().pidfd.get(), "/proc");
    const auto flags = folder ? read_mapping_flags(folder->get()) : std::nullopt;
    return flags ? ranges_with(*flags, flag).within(range).size() : Bytes{};
}

}  // namespace damon_schemes::testing
