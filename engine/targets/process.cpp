// SPDX-License-Identifier: MIT
#include "engine/targets/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "engine/targets/procfs.h"

namespace damon_schemes {

namespace {

// TASK_COMM_LEN without its NUL: longer names are cut by the kernel.
constexpr std::size_t comm_length = 15;

// Programs whose stall takes a session, or the way into the machine, down with it.  Longer names
// are compared by what fits into comm.
constexpr std::array<std::string_view, 27> session_managers = {
    "systemd",
    "systemd-logind",
    "elogind",
    "(sd-pam)",
    "init",
    "login",
    "dbus-daemon",
    "dbus-broker",
    "dbus-broker-launch",
    "gdm",
    "gdm3",
    "gdm-session-worker",
    "gdm-wayland-session",
    "gdm-x-session",
    "lightdm",
    "sddm",
    "sddm-helper",
    "xdm",
    "gnome-session-binary",
    "gnome-session",
    "gnome-shell",
    "ksmserver",
    "plasma_session",
    "xfce4-session",
    "Xorg",
    "Xwayland",
    "runit",
};
// Programs that others wait for whenever they log, or that devices wait for.
constexpr std::array<std::string_view, 4> core_services = {"systemd-journald", "systemd-udevd",
                                                           "(udev-worker)", "udevd"};
constexpr std::array<std::string_view, 4> remote_logins = {"sshd", "sshd-session", "sshd-auth",
                                                           "dropbear"};

std::string_view base_name(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// The executable's base name; empty where the link cannot be read (kernel threads, no permission).
std::string executable_name(std::int32_t pid, const std::string& proc) {
    std::array<char, 4096> target;
    const std::string link = proc + "/" + std::to_string(pid) + "/exe";
    const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
    if (length <= 0) return {};
    std::string_view path(target.data(), static_cast<std::size_t>(length));
    // What the kernel appends when the file was replaced, by a package update for example.
    constexpr std::string_view deleted = " (deleted)";
    if (path.ends_with(deleted)) path.remove_suffix(deleted.size());
    return std::string(base_name(path));
}

bool goes_by(std::string_view name, std::string_view comm, std::string_view executable) {
    return comm == name.substr(0, comm_length) || executable == name;
}

template <std::size_t count>
bool any_goes_by(const std::array<std::string_view, count>& names, std::string_view comm,
                 std::string_view executable) {
    return std::any_of(names.begin(), names.end(),
                       [&](std::string_view name) { return goes_by(name, comm, executable); });
}

Error no_such_process(std::int32_t pid) {
    return {ErrorKind::usage,
            "there is no process with pid " + std::to_string(pid) +
                "; it may have exited. `ps -e` lists the running ones.",
            ESRCH};
}

}  // namespace

Descriptor::~Descriptor() {
    if (number_ >= 0) ::close(number_);
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    if (this != &other) {
        if (number_ >= 0) ::close(number_);
        number_ = other.release();
    }
    return *this;
}

Result<Descriptor> open_process_folder(std::int32_t pid, int pidfd, const std::string& proc) {
    const std::string path = proc + "/" + std::to_string(pid);
    Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const int error = folder ? 0 : errno;
    const auto failure = [&](int code) {
        return Error{ErrorKind::runtime, path + ": " + std::strerror(code), code};
    };
    // The folder stands for the process that had the pid when it was opened; if the pidfd's process
    // lives after that, it is the same.
    if (pidfd >= 0 && !alive(pidfd)) return failure(ESRCH);
    if (!folder) return failure(error);
    return folder;
}

bool alive(int pidfd) {
    if (pidfd < 0) return false;
    // A pidfd becomes readable when the process has exited, before it is reaped.
    pollfd waiting{pidfd, POLLIN, 0};
    int ready = 0;
    do {
        ready = ::poll(&waiting, 1, 0);
    } while (ready < 0 && errno == EINTR);
    return ready == 0;
}

Result<Process> open_process(std::int32_t pid) {
    if (pid <= 0) {
        return Error{ErrorKind::usage,
                     "'" + std::to_string(pid) + "' is not a pid; pids are numbers from 1.",
                     EINVAL};
    }
    // The number of pidfd_open() by syscall(2), as glibc 2.36 wraps it but older ones do not.
    Process process;
    process.pid = pid;
    process.pidfd = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    const int open_error = errno;

    const std::string folder = "/proc/" + std::to_string(pid);
    if (!process.pidfd) {
        if (open_error == ESRCH) return no_such_process(pid);
        // Which errno a thread gets has changed between kernels, so ask procfs.
        const auto status = read_file(folder + "/status");
        const auto leader = status ? number_of(*status, "Tgid") : std::nullopt;
        if (leader && *leader != static_cast<std::uint64_t>(pid)) {
            return Error{ErrorKind::usage,
                         std::to_string(pid) + " is a thread of process " +
                             std::to_string(*leader) + "; name the process: --pid " +
                             std::to_string(*leader),
                         open_error};
        }
        if (open_error == ENOSYS) {
            return Error{ErrorKind::unsupported,
                         "this kernel has no pidfd_open(2); Linux 5.10 or newer is needed.",
                         ENOSYS};
        }
        return Error{ErrorKind::runtime,
                     "process " + std::to_string(pid) +
                         " cannot be held: " + std::strerror(open_error) +
                         ". If too many files are open, raise the limit (`ulimit -n`).",
                     open_error};
    }

    const auto stat = read_process_stat(pid, "/proc");
    if (!stat) {
        if (!process.alive()) return no_such_process(pid);
        return Error{ErrorKind::unsupported,
                     "/proc/" + std::to_string(pid) +
                         "/stat cannot be read. If /proc is mounted with hidepid, run as root or "
                         "as a member "
                         "of its gid.",
                     EACCES};
    }
    if (stat->kernel_thread) {
        return Error{ErrorKind::usage,
                     std::to_string(pid) + " ('" + stat->comm +
                         "') is a kernel thread; it has no memory of its own to watch.",
                     EINVAL};
    }
    if (stat->zombie() || !process.alive()) {
        return Error{
            ErrorKind::usage,
            "process " + std::to_string(pid) + " ('" + stat->comm +
                "') has exited and only waits for its parent to notice (a zombie); its memory is "
                "gone.",
            ESRCH};
    }
    process.name = stat->comm;
    return process;
}

std::vector<FoundProcess> find_processes(const std::string& name, const std::string& proc) {
    std::vector<FoundProcess> found;
    if (name.empty()) return found;
    for (const std::int32_t pid : list_pids(proc)) {
        const auto stat = read_process_stat(pid, proc);
        if (!stat || stat->kernel_thread || stat->zombie()) continue;
        if (!goes_by(name, stat->comm, executable_name(pid, proc))) continue;

        FoundProcess process;
        process.pid = pid;
        process.name = stat->comm;
        std::string words =
            read_file(proc + "/" + std::to_string(pid) + "/cmdline").value_or(std::string());
        while (!words.empty() && words.back() == '\0') words.pop_back();
        std::replace(words.begin(), words.end(), '\0', ' ');
        process.command_line = std::move(words);
        if (const auto memory = memory_of(pid, proc)) process.rss = memory->rss;
        found.push_back(std::move(process));
    }
    return found;
}

std::optional<std::string> refusal(std::int32_t pid, const std::string& proc) {
    const auto self = static_cast<std::int32_t>(::getpid());
    if (pid == 1) return "pid 1 runs everything else; if it stalls, the machine does";
    if (pid == self) return "this is damon-schemes itself";

    // A bound, since a fake or racing procfs could hold a circle.
    std::int32_t ancestor = self;
    for (int depth = 0; depth < 1024 && ancestor > 0; ++depth) {
        const auto stat = read_process_stat(ancestor, proc);
        if (!stat) break;
        ancestor = stat->parent;
        if (ancestor == pid) {
            return "damon-schemes was started from it (it is an ancestor of this process)";
        }
    }

    const auto stat = read_process_stat(pid, proc);
    if (!stat) return std::nullopt;
    const std::string executable = executable_name(pid, proc);
    if (any_goes_by(session_managers, stat->comm, executable)) {
        return "'" + stat->comm + "' manages sessions; if it stalls, so does everyone logged in";
    }
    if (any_goes_by(core_services, stat->comm, executable)) {
        return "'" + stat->comm + "' serves all other programs; if it stalls, so do they";
    }
    if (any_goes_by(remote_logins, stat->comm, executable)) {
        return "'" + stat->comm + "' is the way into this machine over the network";
    }
    return std::nullopt;
}

Duration cpu_time_of(const ProcessStat& stat) {
    const auto ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    return std::chrono::nanoseconds((stat.user_ticks + stat.system_ticks) *
                                    (1'000'000'000 / ticks_per_second));
}

std::optional<ProcessMemory> memory_from(const ProcessStat& stat, std::string_view status) {
    // A zombie's status has no Vm lines any more.
    const auto rss = kilobytes_of(status, "VmRSS");
    if (!rss) return std::nullopt;

    ProcessMemory memory;
    memory.rss = *rss;
    memory.anonymous = kilobytes_of(status, "RssAnon").value_or(Bytes{});
    memory.swapped = kilobytes_of(status, "VmSwap").value_or(Bytes{});
    memory.major_faults = stat.major_faults;
    memory.minor_faults = stat.minor_faults;
    memory.cpu_time = cpu_time_of(stat);
    return memory;
}

std::optional<ProcessMemory> memory_of(std::int32_t pid, const std::string& proc) {
    const auto status = read_file(proc + "/" + std::to_string(pid) + "/status");
    const auto stat = read_process_stat(pid, proc);
    if (!status || !stat) return std::nullopt;
    return memory_from(*stat, *status);
}

}  // namespace damon_schemes
