// SPDX-License-Identifier: MIT
// An io_uring for one read at a time, by system calls alone: what waits in io_uring_enter(2) is up
// to its user.
#pragma once

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace damon_schemes::bench {

class Ring {
  public:
    static constexpr unsigned get_events = IORING_ENTER_GETEVENTS;

    Ring() = default;
    ~Ring() {
        if (descriptor_ < 0) return;
        if (rings_ != nullptr) ::munmap(rings_, rings_size_);
        if (entries_ != nullptr) ::munmap(entries_, sizeof(io_uring_sqe));
        ::close(descriptor_);
    }
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    // False: it is forbidden here.
    bool open() {
        io_uring_params about{};
        descriptor_ = static_cast<int>(::syscall(SYS_io_uring_setup, 1, &about));
        if (descriptor_ < 0) return false;
        const std::size_t submissions = about.sq_off.array + about.sq_entries * sizeof(unsigned);
        const std::size_t completions = about.cq_off.cqes + about.cq_entries * sizeof(io_uring_cqe);
        rings_size_ = submissions > completions ? submissions : completions;
        void* rings = map(rings_size_, IORING_OFF_SQ_RING);
        void* entries = map(sizeof(io_uring_sqe), IORING_OFF_SQES);
        if (rings == MAP_FAILED || entries == MAP_FAILED) return false;
        rings_ = static_cast<char*>(rings);
        entries_ = static_cast<io_uring_sqe*>(entries);
        about_ = about;
        return true;
    }
    int descriptor() const { return descriptor_; }

    void submit_read(int from, void* to, unsigned size) {
        std::memset(entries_, 0, sizeof *entries_);
        entries_->opcode = IORING_OP_READ;
        entries_->fd = from;
        entries_->addr = reinterpret_cast<std::uint64_t>(to);
        entries_->len = size;
        word(about_.sq_off.array) = 0;
        std::atomic_ref(word(about_.sq_off.tail)).fetch_add(1, std::memory_order_release);
        while (::syscall(SYS_io_uring_enter, descriptor_, 1, 0, 0, nullptr, 8) != 1) {
        }
    }
    // Of the read that has completed; -1: there is none.
    std::int64_t take_result() {
        unsigned& head = word(about_.cq_off.head);
        if (head == std::atomic_ref(word(about_.cq_off.tail)).load(std::memory_order_acquire)) {
            return -1;
        }
        io_uring_cqe completion{};
        std::memcpy(&completion,
                    rings_ + about_.cq_off.cqes +
                        (head & word(about_.cq_off.ring_mask)) * sizeof completion,
                    sizeof completion);
        std::atomic_ref(head).fetch_add(1, std::memory_order_release);
        return completion.res;
    }

  private:
    void* map(std::size_t size, std::uint64_t offset) const {
        return ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor_,
                      static_cast<off_t>(offset));
    }
    unsigned& word(unsigned offset) const { return *reinterpret_cast<unsigned*>(rings_ + offset); }

    int descriptor_ = -1;
    char* rings_ = nullptr;
    std::size_t rings_size_ = 0;
    io_uring_sqe* entries_ = nullptr;
    io_uring_params about_{};
};

}  // namespace damon_schemes::bench
