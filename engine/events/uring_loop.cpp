// SPDX-License-Identifier: MIT
#include <liburing.h>
#include <poll.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "engine/events/watched_loop.h"

namespace damon_schemes {
namespace {

// Polls are one-shot and armed anew in the next wait, which makes them level-triggered (arming
// looks at the state first) and costs no system call of its own: the new polls go with the call
// that waits.
class UringLoop final : public WatchedLoop {
  public:
    ~UringLoop() override {
        if (!open_) return;
        // Closing the ring cancels what is in flight only later, from a kernel worker, and until
        // then it would hold the files: a monitoring session would outlive its monitor.
        forget_all();
        io_uring_queue_exit(&ring_);
    }

    Result<void> open() {
        io_uring_params parameters{};
        parameters.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
        parameters.cq_entries = completion_entries;
        if (const int rc = io_uring_queue_init_params(submission_entries, &ring_, &parameters);
            rc < 0)
            return unavailable(-rc);
        open_ = true;
        // Without NODROP (before Linux 5.5) events are lost when many come at once.
        if ((parameters.features & IORING_FEAT_NODROP) == 0) return unavailable(ENOSYS);
        if (auto opened = open_mailbox(); !opened) return opened;
        // Some sandboxes let a ring be made but not be entered.
        if (const int rc = io_uring_submit(&ring_); rc < 0) return unavailable(-rc);
        return {};
    }

    const char* name() const override { return "io_uring"; }

  protected:
    Result<void> arm(Watch watch, int descriptor) override {
        io_uring_sqe* entry = next_entry();
        if (entry == nullptr) {
            return Error{ErrorKind::runtime, "the io_uring submission queue stays full.", EBUSY};
        }
        io_uring_prep_poll_add(entry, descriptor, POLLIN);
        io_uring_sqe_set_data64(entry, watch);
        return {};
    }

    void disarm(Watch watch, int) override {
        io_uring_sqe* entry = next_entry();
        if (entry == nullptr) return;
        io_uring_prep_poll_remove(entry, watch);
        io_uring_sqe_set_data64(entry, no_watch);
        // At once: the poll holds the file open, and its owner may be about to close it for good.
        submit();
    }

    Result<void> wait(std::vector<Watch>& ready) override {
        for (const Watch watch : disarmed_) {
            const int descriptor = descriptor_of(watch);
            if (descriptor < 0) continue;
            if (auto armed = arm(watch, descriptor); !armed) return armed;
        }
        disarmed_.clear();
        while (completed_.empty()) {
            const int rc = io_uring_submit_and_wait(&ring_, 1);
            // EBUSY, EAGAIN: completions have to be taken before more can be submitted.
            if (rc < 0 && rc != -EINTR && rc != -EBUSY && rc != -EAGAIN) {
                return Error{ErrorKind::runtime,
                             std::string("waiting for events failed: ") + std::strerror(-rc) + ".",
                             -rc};
            }
            collect();
        }
        for (const Completion& completion : completed_) {
            if (!watched(completion.watch)) continue;
            disarmed_.push_back(completion.watch);
            // A poll is cancelled when the thread that submitted it ends; it is only armed anew.
            if (completion.result == -ECANCELED) continue;
            if (completion.result < 0) {
                return Error{ErrorKind::runtime,
                             "waiting for descriptor " +
                                 std::to_string(descriptor_of(completion.watch)) +
                                 " failed: " + std::strerror(-completion.result) + ".",
                             -completion.result};
            }
            ready.push_back(completion.watch);
        }
        completed_.clear();
        return {};
    }

  private:
    struct Completion {
        Watch watch;
        int result;
    };
    static constexpr Watch no_watch = 0;
    static constexpr unsigned submission_entries = 64;
    static constexpr unsigned completion_entries = 512;

    static Error unavailable(int code) {
        return {ErrorKind::unsupported,
                std::string("io_uring cannot be used here (") + std::strerror(code) +
                    "): the kernel, a container or a service manager forbids it. The epoll loop "
                    "does the same work.",
                code};
    }

    // Takes what has completed off the ring, for the next wait().
    void collect() {
        io_uring_cqe* entry = nullptr;
        while (io_uring_peek_cqe(&ring_, &entry) == 0 && entry != nullptr) {
            const Watch watch = io_uring_cqe_get_data64(entry);
            if (watch != no_watch) completed_.push_back({watch, entry->res});
            io_uring_cqe_seen(&ring_, entry);
        }
    }

    bool submit() {
        for (int attempt = 0; attempt < 16; ++attempt) {
            const int rc = io_uring_submit(&ring_);
            if (rc >= 0) return true;
            if (rc != -EBUSY && rc != -EAGAIN && rc != -EINTR) return false;
            collect();
        }
        return false;
    }

    io_uring_sqe* next_entry() {
        if (io_uring_sqe* entry = io_uring_get_sqe(&ring_)) return entry;
        return submit() ? io_uring_get_sqe(&ring_) : nullptr;
    }

    io_uring ring_{};
    bool open_ = false;
    std::vector<Completion> completed_;
    std::vector<Watch> disarmed_;  // reported ready in the last wait, so armed no longer
};

}  // namespace

Result<std::unique_ptr<EventLoop>> make_uring_loop() {
    auto loop = std::make_unique<UringLoop>();
    if (auto opened = loop->open(); !opened) return opened.error();
    return std::unique_ptr<EventLoop>(std::move(loop));
}

}  // namespace damon_schemes
