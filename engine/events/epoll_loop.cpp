// SPDX-License-Identifier: MIT
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "engine/events/watched_loop.h"

namespace damon_schemes {
namespace {

class EpollLoop final : public WatchedLoop {
  public:
    ~EpollLoop() override {
        forget_all();
        if (epoll_ >= 0) close(epoll_);
    }

    Result<void> open() {
        epoll_ = epoll_create1(EPOLL_CLOEXEC);
        if (epoll_ < 0) {
            const int code = errno;
            return Error{ErrorKind::runtime,
                         std::string("cannot make an epoll instance: ") + std::strerror(code) + ".",
                         code};
        }
        return open_mailbox();
    }

    const char* name() const override { return "epoll"; }

  protected:
    Result<void> arm(Watch watch, int descriptor) override {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = watch;
        if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0) return {};
        const int code = errno;
        return Error{ErrorKind::runtime,
                     "cannot wait for descriptor " + std::to_string(descriptor) + ": " +
                         std::strerror(code) + ".",
                     code};
    }

    void disarm(Watch, int descriptor) override {
        epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
    }

    Result<void> wait(std::vector<Watch>& ready) override {
        std::array<epoll_event, 64> events;
        int count = 0;
        do {
            count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
        } while (count < 0 && errno == EINTR);
        if (count < 0) {
            const int code = errno;
            return Error{ErrorKind::runtime,
                         std::string("waiting for events failed: ") + std::strerror(code) + ".",
                         code};
        }
        for (int i = 0; i < count; ++i)
            ready.push_back(events[static_cast<std::size_t>(i)].data.u64);
        return {};
    }

  private:
    int epoll_ = -1;
};

}  // namespace

Result<std::unique_ptr<EventLoop>> make_epoll_loop() {
    auto loop = std::make_unique<EpollLoop>();
    if (auto opened = loop->open(); !opened) return opened.error();
    return std::unique_ptr<EventLoop>(std::move(loop));
}

}  // namespace damon_schemes
