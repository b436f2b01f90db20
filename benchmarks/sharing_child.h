// SPDX-License-Identifier: MIT
// A program that is measured: a child that shares its figures with us.
#pragma once

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "engine/targets/process.h"

namespace damon_schemes::bench {

// Killed and reaped when it goes, and killed when we do.  Belongs to one thread.
template <typename Shared>
class SharingChild {
  public:
    // `live(shared)` is all that the child does, and does not return; `name` is its command name.
    // Throws std::runtime_error.
    template <typename Live>
    SharingChild(const char* name, Live&& live) {
        static_assert(std::is_trivially_destructible_v<Shared>);
        void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::runtime_error("no shared memory for a program");
        shared_ = new (memory) Shared;
        const pid_t parent = getpid();
        pid_ = fork();
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent) _exit(0);
            prctl(PR_SET_NAME, name);
            live(*shared_);
            _exit(0);
        }
        auto process = pid_ > 0 ? open_process(pid_) : Error{ErrorKind::runtime, "", 0};
        if (!process) {
            end();
            throw std::runtime_error("no process for a program");
        }
        process_ = std::move(*process);
    }
    ~SharingChild() { end(); }
    SharingChild(const SharingChild&) = delete;
    SharingChild& operator=(const SharingChild&) = delete;

    Shared& shared() const { return *shared_; }
    pid_t pid() const { return pid_; }
    int pidfd() const { return process_.pidfd.get(); }
    bool running() const { return process_.alive(); }

    // Throws std::runtime_error that says `otherwise` where it ended before that came true.
    template <typename Condition>
    void wait_for(const Condition& condition, const std::string& otherwise) const {
        while (!condition()) {
            if (!running()) throw std::runtime_error(otherwise);
            usleep(10'000);
        }
    }

  private:
    void end() {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
        munmap(shared_, sizeof(Shared));
    }

    Shared* shared_ = nullptr;
    pid_t pid_ = -1;
    Process process_;
};

}  // namespace damon_schemes::bench
