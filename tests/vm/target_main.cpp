// SPDX-License-Identifier: MIT
// A program to be watched: maps, heats, cools and changes its memory as it is told on its standard
// input, a command a line, and answers each with one line, 'ok …' or 'error …'.
//
//   map NAME BYTES KIND   KIND: base, huge, guarded (aligned to 2 MiB, merged with nothing),
//                         hugetlb, none (PROT_NONE), file:PATH, phys:ADDRESS (/dev/mem)
//                         → ok START END; every page is touched once, except of 'none' and 'phys'
//   unmap NAME OFFSET BYTES
//   lock NAME OFFSET BYTES   mlock(2)
//   hot NAME [N]          a thread touches every page of it all the time, or one in N
//   cool NAME             or no longer
//   rounds                → ok N: how often it has gone through all that is hot
//   fill NAME SEED | verify NAME SEED      → ok BAD-BYTES
//   storm [PAGES] | calm  a thread maps and unmaps so many pages, a multiple of 4, all the time
//                         → ok ROUNDS
//   fork | reap           a child that holds the memory as it was → ok PID
//   family BYTES DEPTH [exec]
//                         a child with so much memory of its own, its child, and so on; with 'exec'
//                         the last is another program by then → ok PID…; all end with their parents
//   lend NAME             another process in the same address space touches it all the time; it
//                         ends with this one
//   exec [PATH]           the same program anew, or another one
//   exit STATUS
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t page = 4096;

struct Area {
    volatile std::uint8_t* start = nullptr;
    std::size_t bytes = 0;
    bool writable = true;
    std::size_t step = page;  // between the pages that are touched when it is hot
};

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

// Touches areas from a thread of its own.
class Heater {
  public:
    Heater() : thread_([this] { run(); }) { thread_.detach(); }

    // Returns once the thread touches these areas and no others.
    void set(const std::vector<Area>& areas) {
        std::unique_lock lock(mutex_);
        areas_ = areas;
        wanted_++;
        changed_.notify_all();
        changed_.wait(lock, [&] { return running_ == wanted_; });
    }

    std::uint64_t rounds() const { return rounds_; }

  private:
    void run() {
        std::vector<Area> areas;
        for (;;) {
            {
                std::unique_lock lock(mutex_);
                changed_.wait(lock, [&] { return !areas_.empty() || running_ != wanted_; });
                areas = areas_;
                running_ = wanted_;
                changed_.notify_all();
            }
            for (const auto& area : areas) {
                // Looked at often, so that cooling need not wait for a whole round.
                for (std::size_t at = 0; at < area.bytes; at += area.step) touch(area, at);
            }
            rounds_++;
        }
    }

    static void touch(const Area& area, std::size_t at) {
        const std::uint8_t value = area.start[at];
        if (area.writable && at % (16 * page) == 0) area.start[at] = value;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Area> areas_;
    std::uint64_t wanted_ = 0, running_ = 0;
    std::atomic<std::uint64_t> rounds_ = 0;
    std::thread thread_;
};

// Maps, touches and unmaps from a thread of its own.
class Storm {
  public:
    void start(std::size_t pages) {
        stop_ = false;
        thread_ = std::thread([this, bytes = pages * page] {
            while (!stop_) {
                void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (memory == MAP_FAILED) continue;
                std::memset(memory, 1, bytes);
                // In two parts, so that a mapping is split as well.
                munmap(static_cast<char*>(memory) + bytes / 2, bytes / 4);
                munmap(memory, bytes);
                rounds_++;
            }
        });
    }
    std::uint64_t stop() {
        stop_ = true;
        if (thread_.joinable()) thread_.join();
        return rounds_;
    }

  private:
    std::atomic<bool> stop_ = false;
    std::atomic<std::uint64_t> rounds_ = 0;
    std::thread thread_;
};

std::uint64_t pattern(std::uint64_t seed, std::uint64_t number, std::uint64_t word) {
    // A few different words a page: it can be compressed, but no other page looks alike.
    std::uint64_t x = seed + number * 0x9e3779b97f4a7c15ULL + word / 64 + 1;
    x ^= x >> 31;
    return x * 0x2545f4914f6cdd1dULL;
}

// Holds memory that it touched once, and does nothing, until its parent ends.
[[noreturn]] void hold(std::size_t bytes) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == 1) std::_Exit(0);
    auto* memory = static_cast<volatile std::uint8_t*>(
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (memory == MAP_FAILED) std::_Exit(1);
    // A border of a region inside of a huge page would keep it in memory.
    madvise(const_cast<std::uint8_t*>(memory), bytes, MADV_NOHUGEPAGE);
    for (std::size_t at = 0; at < bytes; at += page) memory[at] = 1;
    for (;;) pause();
}

// In a child: has `depth` - 1 descendants, tells all their pids, holds memory.
[[noreturn]] void found_family(std::size_t bytes, int depth, bool exec_last, int pids) {
    const pid_t self = getpid();
    if (write(pids, &self, sizeof(self)) != sizeof(self)) std::_Exit(1);
    if (depth > 1 && fork() == 0) found_family(bytes, depth - 1, exec_last, pids);
    close(pids);
    if (depth == 1 && exec_last) {
        execl("/proc/self/exe", "vm_target", "hold", std::to_string(bytes).c_str(), nullptr);
        std::_Exit(1);
    }
    hold(bytes);
}

// As another process of the same address space: shares the parent's thread-local memory, so it
// calls nothing that uses it.
int use_lent(void* area) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const Area& lent = *static_cast<const Area*>(area);
    for (;;)
        for (std::size_t at = 0; at < lent.bytes; at += page) (void)lent.start[at];
}

class Program {
  public:
    std::string answer(const std::string& line) {
        std::istringstream in(line);
        std::string command, name;
        in >> command;
        if (command == "map") return map(in);
        if (command == "storm") {
            std::size_t pages = 0;
            return storm_.start(in >> pages ? pages : 64), "ok";
        }
        if (command == "calm") return "ok " + std::to_string(storm_.stop());
        if (command == "rounds") return "ok " + std::to_string(heater_.rounds());
        if (command == "fork") return fork_child();
        if (command == "reap") return reap();
        if (command == "family") return family(in);
        if (command == "exec") {
            std::string path = "/proc/self/exe";
            in >> path;
            exec(path.empty() ? "/proc/self/exe" : path);
        }
        if (command == "exit") {
            int status = 0;
            in >> status;
            std::_Exit(status);
        }
        in >> name;
        const auto found = areas_.find(name);
        if (found == areas_.end()) return "error no area '" + name + "'";
        if (command == "unmap") return unmap(found->second, in);
        if (command == "fill") return fill(found->second, in);
        if (command == "verify") return verify(found->second, in);
        if (command == "lend") return lend(found->second);
        if (command == "lock") return lock(found->second, in);
        if (command == "hot") {
            std::size_t one_in = 1;
            if (!(in >> one_in)) one_in = 1;
            hot_[name] = found->second;
            hot_[name].step = one_in * page;
        }
        if (command == "cool") hot_.erase(name);
        if (command != "hot" && command != "cool") return "error no command '" + command + "'";
        reheat();
        return "ok";
    }

  private:
    void reheat() {
        std::vector<Area> areas;
        for (const auto& [name, area] : hot_) areas.push_back(area);
        heater_.set(areas);
    }

    std::string map(std::istringstream& in) {
        std::string name, kind;
        std::size_t bytes = 0;
        in >> name >> bytes >> kind;
        Area area{map_kind(bytes, kind), bytes, true};
        if (kind.starts_with("phys:")) {
            area.writable = false;
        } else if (kind != "none") {
            for (std::size_t at = 0; at < bytes; at += page) area.start[at] = 1;
        }
        areas_[name] = area;
        const auto start = reinterpret_cast<std::uintptr_t>(area.start);
        return "ok " + std::to_string(start) + " " + std::to_string(start + bytes);
    }

    static volatile std::uint8_t* map_kind(std::size_t bytes, const std::string& kind) {
        int flags = MAP_PRIVATE | MAP_ANONYMOUS, protection = PROT_READ | PROT_WRITE, fd = -1;
        off_t offset = 0;
        std::size_t slack = 0;
        if (kind == "none") protection = PROT_NONE;
        if (kind == "hugetlb") flags |= MAP_HUGETLB;
        if (kind.starts_with("file:")) {
            flags = MAP_SHARED;
            fd = open(kind.c_str() + 5, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
            if (fd < 0 || ftruncate(fd, static_cast<off_t>(bytes)) != 0) fail(kind);
        }
        if (kind.starts_with("phys:")) {
            flags = MAP_SHARED;
            protection = PROT_READ;
            offset = static_cast<off_t>(std::stoull(kind.substr(5), nullptr, 0));
            fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
            if (fd < 0) fail("/dev/mem");
        }
        // Huge pages need an aligned start; what is over is given back.
        if (kind == "huge" || kind == "guarded") slack = 2 << 20;
        void* memory = mmap(nullptr, bytes + slack, protection, flags, fd, offset);
        if (memory == MAP_FAILED) fail("mmap");
        if (fd >= 0) close(fd);
        auto address = reinterpret_cast<std::uintptr_t>(memory);
        if (slack) {
            const auto start = (address + slack - 1) & ~(slack - 1);
            const auto before = start - address;
            const auto behind = address + slack - start;
            if (kind == "guarded") {
                // Nothing merges with it, and nothing of it is flagged.
                if (before) mprotect(memory, before, PROT_NONE);
                if (behind) mprotect(reinterpret_cast<void*>(start + bytes), behind, PROT_NONE);
            } else {
                if (before) munmap(memory, before);
                if (behind) munmap(reinterpret_cast<void*>(start + bytes), behind);
            }
            address = start;
        }
        if (kind == "huge") madvise(reinterpret_cast<void*>(address), bytes, MADV_HUGEPAGE);
        if (kind == "base") madvise(reinterpret_cast<void*>(address), bytes, MADV_NOHUGEPAGE);
        return reinterpret_cast<volatile std::uint8_t*>(address);
    }

    static std::string unmap(const Area& area, std::istringstream& in) {
        std::size_t offset = 0, bytes = 0;
        in >> offset >> bytes;
        if (munmap(const_cast<std::uint8_t*>(area.start) + offset, bytes) != 0) fail("munmap");
        return "ok";
    }

    static std::string lock(const Area& area, std::istringstream& in) {
        std::size_t offset = 0, bytes = 0;
        in >> offset >> bytes;
        if (mlock(const_cast<std::uint8_t*>(area.start) + offset, bytes) != 0) fail("mlock");
        return "ok";
    }

    static std::string fill(const Area& area, std::istringstream& in) {
        std::uint64_t seed = 0;
        in >> seed;
        auto* words = reinterpret_cast<volatile std::uint64_t*>(area.start);
        for (std::size_t at = 0; at < area.bytes / 8; at++)
            words[at] = pattern(seed, at / (page / 8), at % (page / 8));
        return "ok";
    }

    static std::string verify(const Area& area, std::istringstream& in) {
        std::uint64_t seed = 0, bad = 0;
        in >> seed;
        const auto* words = reinterpret_cast<const volatile std::uint64_t*>(area.start);
        for (std::size_t at = 0; at < area.bytes / 8; at++)
            if (words[at] != pattern(seed, at / (page / 8), at % (page / 8))) bad += 8;
        return "ok " + std::to_string(bad);
    }

    std::string lend(const Area& area) {
        lent_ = area;
        borrowers_stack_.resize(64 * page);
        char* const top = borrowers_stack_.data() + borrowers_stack_.size();
        const auto child = clone(use_lent, top, CLONE_VM | SIGCHLD, &lent_);
        if (child < 0) fail("clone");
        children_.push_back(child);
        return "ok";
    }

    std::string fork_child() {
        const auto child = fork();
        if (child < 0) fail("fork");
        if (child == 0) {
            // Ends when the parent does, or by the parent's signal.
            while (getppid() != 1) {
                const timespec a_while{0, 50'000'000};
                nanosleep(&a_while, nullptr);
            }
            std::_Exit(0);
        }
        children_.push_back(child);
        return "ok " + std::to_string(child);
    }

    std::string family(std::istringstream& in) {
        std::size_t bytes = 0;
        int depth = 1, pids[2];
        std::string kind;
        in >> bytes >> depth >> kind;
        if (pipe2(pids, O_CLOEXEC) != 0) fail("pipe");
        const auto child = fork();
        if (child < 0) fail("fork");
        if (child == 0) {
            close(pids[0]);
            found_family(bytes, depth, kind == "exec", pids[1]);
        }
        children_.push_back(child);
        close(pids[1]);
        std::string answer = "ok";
        pid_t pid = 0;
        for (int i = 0; i < depth && read(pids[0], &pid, sizeof(pid)) == sizeof(pid); i++)
            answer += " " + std::to_string(pid);
        close(pids[0]);
        return answer;
    }

    std::string reap() {
        for (const auto child : children_) {
            kill(child, SIGKILL);
            waitpid(child, nullptr, 0);
        }
        children_.clear();
        return "ok";
    }

    [[noreturn]] static void exec(const std::string& path) {
        execl(path.c_str(), "vm_target", nullptr);
        fail("exec " + path);
    }

    std::map<std::string, Area> areas_, hot_;
    Area lent_;
    std::vector<char> borrowers_stack_;
    std::vector<pid_t> children_;
    // Both threads live as long as the process.
    Heater& heater_ = *new Heater;
    Storm& storm_ = *new Storm;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc == 3 && std::string(argv[1]) == "hold") hold(std::stoul(argv[2]));
    auto& program = *new Program;
    std::cout << "ready" << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
        std::string answer;
        try {
            answer = program.answer(line);
        } catch (const std::exception& error) {
            answer = std::string("error ") + error.what();
        }
        std::cout << answer << std::endl;
    }
    std::_Exit(0);
}
