// SPDX-License-Identifier: MIT
// A process of this machine, held by a pidfd so that a reused pid cannot be mistaken for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemes/observation.h"
#include "schemes/result.h"

namespace damon_schemes {

// Owns a file descriptor.
class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor();
    Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept;
    int get() const { return number_; }
    int release() {
        const int number = number_;
        number_ = -1;
        return number;
    }
    explicit operator bool() const { return number_ >= 0; }

  private:
    int number_ = -1;
};

struct ProcessStat;

// Whether the process that a pidfd holds has not exited yet (a zombie has).
bool alive(int pidfd);

// /proc/PID as a folder, which goes on meaning its process after the pid was reused; by the pidfd
// (-1: there is none) that is the process that was meant.  Errors (runtime), by their code: ESRCH
// it has exited, or what open(2) said.
Result<Descriptor> open_process_folder(std::int32_t pid, int pidfd, const std::string& proc);

struct Process {
    std::int32_t pid = 0;
    Descriptor pidfd;
    std::string name;  // comm
    bool alive() const { return damon_schemes::alive(pidfd.get()); }
};

// Errors (usage): no such process, a kernel thread, a zombie, a thread id that is not a process.
Result<Process> open_process(std::int32_t pid);

struct FoundProcess {
    std::int32_t pid = 0;
    std::string name;
    std::string command_line;
    Bytes rss;
};
// Every process whose comm is `name` (the first 15 bytes count) or whose executable's base name is
// it, kernel threads and zombies left out; sorted by pid.  `proc` is where procfs is mounted (tests
// lay out their own).
std::vector<FoundProcess> find_processes(const std::string& name,
                                         const std::string& proc = "/proc");

// Why this process must never be acted on; nullopt: it may.  Refused: pid 1, session managers
// (systemd, systemd --user, logind, dbus-daemon, gdm, …), journald and udevd, sshd, the engine
// itself and its ancestors.
std::optional<std::string> refusal(std::int32_t pid, const std::string& proc = "/proc");

// Memory of one process; what cannot be read (it has exited) is nullopt as a whole.
struct ProcessMemory {
    Bytes rss;
    Bytes anonymous;
    Bytes swapped;
    std::uint64_t major_faults = 0;
    std::uint64_t minor_faults = 0;
    Duration cpu_time{};
};
// From what /proc/PID/stat and /proc/PID/status say; nullopt: of a process without memory (it has
// exited).
std::optional<ProcessMemory> memory_from(const ProcessStat& stat, std::string_view status);
Duration cpu_time_of(const ProcessStat& stat);
std::optional<ProcessMemory> memory_of(std::int32_t pid, const std::string& proc = "/proc");

// A command started as a child: its exit status becomes the program's own.  argv[0] is searched in
// PATH; the child starts with all signals unblocked and default (SIGHUP stays ignored where it was,
// for nohup), and close-on-exec keeps our descriptors from it.  It waits before exec until
// `release()` is called, so that it can be watched from its first instruction; if the engine dies
// or drops this object before that, it exits without having run anything.  Belongs to one thread.
class ChildCommand {
  public:
    static Result<ChildCommand> start(const std::vector<std::string>& argv);
    ~ChildCommand();  // leaves a released child running
    ChildCommand(ChildCommand&&) noexcept;
    ChildCommand& operator=(ChildCommand&&) noexcept;
    const Process& process() const { return process_; }
    // Lets it exec, and waits until it has; an error names why that failed (no such program, …),
    // kind usage.
    Result<void> release();
    // The status of an exited child as a shell would give it (128 + signal); nullopt while it runs.
    std::optional<int> poll_exit();
    void send(int signal) const;

  private:
    ChildCommand() = default;
    void abandon();

    Process process_;
    Descriptor gate_;  // a byte written releases the child; the errno of a failed exec comes back
    std::optional<int> status_;
};

}  // namespace damon_schemes
