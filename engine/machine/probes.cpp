// SPDX-License-Identifier: MIT
#include "engine/machine/probes.h"

#include <fcntl.h>
#include <liburing.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "engine/actions/action_warnings.h"
#include "engine/actions/advice_call.h"
#include "engine/actions/pagemap.h"
#include "engine/actions/process_madvise.h"
#include "engine/machine/cgroup.h"
#include "engine/targets/process.h"
#include "engine/targets/procfs.h"
#include "engine/targets/waiting_child.h"

namespace damon_schemes {

namespace {

std::string_view first_line(std::string_view text) {
    return text.substr(0, text.find('\n'));
}

std::string mebibytes_of(Bytes bytes) {
    return std::to_string(bytes.count >> 20) + " MiB";
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

bool module_is_loaded(const MachinePaths& paths) {
    const auto text = read_file(paths.proc + "/modules");
    return text && (text->starts_with("damon_schemes ") ||
                    text->find("\ndamon_schemes ") != std::string::npos);
}

bool module_is_installed(std::string_view release, const std::string& modules) {
    const auto text = read_file(modules + "/" + std::string(release) + "/modules.dep");
    return text && text->find("/damon_schemes.ko") != std::string::npos;
}

}  // namespace

std::string_view name_of(ProbeState state) {
    switch (state) {
        case ProbeState::yes:
            return "yes";
        case ProbeState::partly:
            return "partly";
        case ProbeState::no:
            return "no";
    }
    return "?";
}

std::optional<Capabilities> parse_capabilities(std::string_view status) {
    const auto effective = number_of(status, "CapEff", 16);
    if (!effective) return std::nullopt;
    return Capabilities{*effective};
}

Probe probe_kernel(std::string_view release) {
    Probe probe{"kernel", "kernel version", ProbeState::yes, "Linux " + std::string(release), "",
                false};
    // kmod/compat/ holds the same list, and refuses others.
    constexpr std::array<std::string_view, 2> tested = {"6.1", "6.12"};
    const auto dot = release.find('.');
    const auto end =
        dot == std::string_view::npos ? dot : release.find_first_not_of("0123456789", dot + 1);
    const std::string_view version = release.substr(0, end);
    if (std::find(tested.begin(), tested.end(), version) == tested.end()) {
        probe.state = ProbeState::partly;
        probe.found += ", which the kernel module was not tested on (6.1 and 6.12 are)";
        probe.advice =
            "Use a 6.1 or 6.12 kernel (Debian 12 has both: linux-image-amd64, "
            "linux-image-6.12-amd64), or build and load the module with its override at your "
            "own risk.";
    }
    return probe;
}

Probe probe_module_state(const ModuleState& module, std::string_view release,
                         const MachinePaths& paths, const std::string& modules) {
    Probe probe{"module", "kernel module", ProbeState::yes, module.found, module.advice, true};
    if (module.usable) {
        if (module.untested_kernel) probe.state = ProbeState::partly;
        return probe;
    }
    probe.state = ProbeState::no;
    if (module_is_loaded(paths)) {
        probe.found += "; the module damon_schemes is loaded";
        return probe;
    }
    const auto disabled = read_file(paths.proc + "/sys/kernel/modules_disabled");
    if (disabled && first_line(*disabled) == "1") {
        probe.found +=
            "; this kernel takes no more modules until it is restarted "
            "(kernel.modules_disabled is 1)";
        probe.advice =
            "Have damon_schemes loaded at boot: put its name into "
            "/etc/modules-load.d/damon-schemes.conf, and restart.";
    } else if (module_is_installed(release, modules)) {
        probe.found += "; it is installed for this kernel, but not loaded";
        probe.advice =
            "Load it: modprobe damon_schemes. If that fails with 'Key was rejected', Secure Boot "
            "wants the module signed with a key that this machine knows (mokutil --import).";
    } else {
        probe.found += "; it is not installed for this kernel (" + std::string(release) + ")";
        probe.advice = "Build and load it: ./dev install";
    }
    return probe;
}

Probe probe_mainline_damon(const MainlineState& mainline, const MachinePaths& paths) {
    Probe probe{"mainline_damon", "the kernel's own DAMON", ProbeState::no, "", "", false};
    const std::string kdamonds = paths.sys + "/kernel/mm/damon/admin/kdamonds";
    const auto count_text = read_file(kdamonds + "/nr_kdamonds");

    // Built-in users that need no sysfs directory of their own.
    std::vector<std::string> users;
    for (const char* name : {"damon_reclaim", "damon_lru_sort"}) {
        const auto enabled =
            read_file(paths.sys + "/module/" + std::string(name) + "/parameters/enabled");
        if (enabled && first_line(*enabled) == "Y") users.push_back(name);
    }
    if (!count_text && users.empty()) {
        probe.found = "not there (this kernel is built without it, or sysfs is not readable)";
        return probe;
    }

    const auto count = count_text ? parse_number(first_line(*count_text)).value_or(0) : 0;
    for (std::uint64_t index = 0; index < count; ++index) {
        const std::string folder = kdamonds + "/" + std::to_string(index);
        const auto state = read_file(folder + "/state");
        if (!state || first_line(*state) != "on") continue;
        std::string user = "kdamond";
        const auto pid = read_file(folder + "/pid");
        if (pid) user += " (pid " + std::string(first_line(*pid)) + ")";
        std::vector<std::string> watched;
        for (int target = 0;; ++target) {
            const auto watched_pid =
                read_file(folder + "/contexts/0/targets/" + std::to_string(target) + "/pid_target");
            if (!watched_pid) break;
            watched.push_back(std::string(first_line(*watched_pid)));
        }
        const auto operations = read_file(folder + "/contexts/0/operations");
        if (operations && first_line(*operations) == "paddr") {
            user += " watching all physical memory";
        } else if (!watched.empty()) {
            user += " watching pid " + joined(watched);
        }
        users.push_back(std::move(user));
    }
    if (mainline.usable) {
        probe.state = ProbeState::yes;
        probe.found = mainline.found + "; it can take the module's place (--monitor mainline)";
        return probe;
    }
    probe.state = ProbeState::partly;
    if (users.empty()) {
        probe.found = "there, and cannot take the module's place: " + mainline.found;
        return probe;
    }
    probe.found = "in use: " + joined(users) + "; so it cannot take the module's place";
    probe.advice =
        "Both clear the same Accessed bits, so each sees fewer accesses than there are. Do not "
        "watch the same process with both.";
    return probe;
}

Probe probe_swap(const MachinePaths& paths) {
    Probe probe{"swap", "swap", ProbeState::no, "", "", true};
    const auto devices = swap_devices(paths);
    const auto memory = memory_of_machine(paths);
    if (devices.empty() || !memory || memory->swap_total.count == 0) {
        probe.found = "none: anonymous memory cannot leave";
        probe.advice =
            "Set some up. In compressed memory: modprobe zram && zramctl --find --size 2G "
            "--algorithm lz4, then mkswap and swapon of the device it names; or apt install "
            "zram-tools. Or run with --allow-no-swap: then file pages alone are paged out.";
        return probe;
    }
    std::vector<std::string> names;
    for (const SwapDevice& device : devices) {
        names.push_back(device.name + (device.zram ? " (zram, " : " (") +
                        mebibytes_of(device.size) + ")");
    }
    probe.found = joined(names) + "; " + mebibytes_of(memory->swap_free) + " of " +
                  mebibytes_of(memory->swap_total) + " free";
    if (memory->zram.count != 0) {
        probe.found += ", and zram takes " + mebibytes_of(memory->zram) + " of memory";
    }
    // Limits::min_free_swap, as policies have it unless they say otherwise.
    probe.state = memory->free_swap_share() < Share{100'000} ? ProbeState::partly : ProbeState::yes;
    if (probe.state == ProbeState::partly) {
        probe.advice =
            "Less than 10 % is free, where pageout stops by default. Add swap, or find what "
            "fills it.";
    }
    return probe;
}

Probe probe_process_madvise() {
    Probe probe{"process_madvise",
                "acting on other processes (process_madvise)",
                ProbeState::no,
                "",
                "",
                true};
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        probe.found = "could not be tried: no memory";
        probe.advice = "Free some memory, and try again.";
        return probe;
    }
    *static_cast<volatile char*>(page) = 1;
    {
        const WaitingChild child;
        const auto process = open_process(child.pid());
        const auto allowed = process ? may_advise(*process) : Result<void>(process.error());
        if (!allowed) {
            probe.found = allowed.error().message;
            probe.advice = "Run as root, or with the capabilities CAP_SYS_NICE and CAP_SYS_PTRACE.";
        } else {
            iovec range{page, 4096};
            const long done = advise_process(process->pidfd.get(), &range, 1, MADV_COLD);
            const int error = errno;
            if (done == 4096) {
                probe.state = ProbeState::yes;
                probe.found = "works (tried on a child)";
            } else {
                probe.found = std::string("refused, tried on a child: ") + std::strerror(error);
                probe.advice =
                    "A container's or service's system call filter may forbid it: allow "
                    "process_madvise (systemd: SystemCallFilter=@system-service has it).";
            }
        }
    }
    ::munmap(page, 4096);
    return probe;
}

std::vector<Probe> probe_capabilities(const MachinePaths& paths) {
    const auto status = read_file(paths.proc + "/self/status");
    const auto capabilities = status ? parse_capabilities(*status) : std::nullopt;
    struct Wanted {
        int number;
        const char* name;
        const char* title;
        const char* purpose;
        bool needed;
    };
    constexpr std::array<Wanted, 3> all = {{
        {CAP_SYS_NICE, "cap_sys_nice", "CAP_SYS_NICE", "to advise another process's memory", true},
        {CAP_SYS_PTRACE, "cap_sys_ptrace", "CAP_SYS_PTRACE",
         "to watch and advise another user's process", true},
        {CAP_SYS_ADMIN, "cap_sys_admin", "CAP_SYS_ADMIN",
         "to tell why a page stayed in memory, and exactly where huge pages are", false},
    }};
    std::vector<Probe> probes;
    for (const Wanted& wanted : all) {
        Probe probe{wanted.name, wanted.title, ProbeState::no, "", "", wanted.needed};
        if (!capabilities) {
            probe.found = "unknown: /proc/self/status cannot be read";
            probe.advice = "Mount /proc.";
        } else if (capabilities->has(wanted.number)) {
            probe.state = ProbeState::yes;
            probe.found = "there";
        } else {
            probe.found = std::string("missing; it serves ") + wanted.purpose;
            probe.advice = wanted.needed
                               ? "Run as root, or: setcap cap_sys_nice,cap_sys_ptrace+ep FILE"
                               : "Not needed. Run as root to have it.";
        }
        probes.push_back(std::move(probe));
    }
    return probes;
}

Probe probe_ptrace(const MachinePaths& paths) {
    Probe probe{"ptrace", "ptrace (Yama)", ProbeState::yes, "", "", false};
    const auto text = read_file(paths.proc + "/sys/kernel/yama/ptrace_scope");
    if (!text) {
        probe.found = "not restricted (this kernel has no Yama)";
        return probe;
    }
    const std::string scope(first_line(*text));
    probe.found = "kernel.yama.ptrace_scope is " + scope;
    if (scope == "0") {
        probe.found += ": not restricted";
    } else if (scope == "1" || scope == "2") {
        probe.found += ": CAP_SYS_PTRACE is needed to attach to others";
    } else {
        // Yama's hook asks about attaching only; reading and process_madvise are not its business.
        probe.state = ProbeState::partly;
        probe.found += ": nobody may attach. pageout, cold and willneed do not need to";
    }
    return probe;
}

Probe probe_pagemap(const MachinePaths& paths) {
    Probe probe{"pagemap", "seeing what left memory (pagemap)", ProbeState::yes, "", "", false};
    // pid 1 is always there, and never ours.
    const Descriptor folder(
        ::open((paths.proc + "/1").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto others = folder ? Pagemap::open(folder.get()) : std::nullopt;
    if (!others) {
        probe.state = ProbeState::no;
        probe.found =
            "not readable for other users' processes: what left memory is known from our module "
            "alone, and 'collapse' does nothing";
        probe.advice = "Run as root, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH.";
        return probe;
    }
    // The page of the stack that we stand on is certainly present.
    const Descriptor self(
        ::open((paths.proc + "/self").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto own = self ? Pagemap::open(self.get()) : std::nullopt;
    std::vector<PagemapEntry> entries;
    if (own) {
        const std::uint64_t here = reinterpret_cast<std::uint64_t>(&entries) & ~std::uint64_t{4095};
        own->read({here, here + 4096}, Bytes{4096}, entries);
    }
    if (entries.empty() || entries.front().frame() == 0 || !FrameFlags::open()) {
        probe.state = ProbeState::partly;
        probe.found =
            "readable, without page frames: some causes why a page stays cannot be told apart";
        probe.advice = "Run as root (CAP_SYS_ADMIN) for the full account.";
        return probe;
    }
    probe.found = "readable, page frames included";
    return probe;
}

Probe probe_huge_pages(const MachinePaths& paths) {
    Probe probe{"huge_pages", "transparent huge pages", ProbeState::no, "", "", false};
    const auto text = read_file(paths.sys + "/kernel/mm/transparent_hugepage/enabled");
    if (!text) {
        probe.found = "this kernel is built without them";
        return probe;
    }
    const std::string setting = chosen_setting(*text);
    probe.found = "set to '" + setting + "'";
    if (setting == "never") {
        probe.found += ": no program gets them";
        return probe;
    }
    probe.state = ProbeState::yes;
    probe.found +=
        setting == "always" ? ": every program gets them" : ": programs that ask get them";
    return probe;
}

Probe probe_huge_page_actions() {
    Probe probe{
        "huge_page_actions", "huge pages of other processes", ProbeState::no, "", "", false};
    const AdviceSupport support = try_advice();
    std::vector<std::string> taken;
    std::vector<std::string> remote;
    for (const auto& [name, takes] :
         {std::pair("collapse", support.collapse), std::pair("hugepage", support.hugepage),
          std::pair("nohugepage", support.nohugepage)})
        (takes.value_or(false) ? taken : remote).emplace_back(name);
    if (!support.collapse && !support.hugepage && !support.nohugepage) {
        probe.found = "could not be tried: process_madvise was refused";
        return probe;
    }
    probe.state = ProbeState::yes;
    if (taken.empty()) {
        probe.state = ProbeState::partly;
        probe.found = "process_madvise takes none of its actions";
    } else {
        probe.found = "process_madvise takes " + joined(taken);
    }
    if (support.collapse == false) {
        probe.state = ProbeState::partly;
        std::erase(remote, "collapse");
        probe.found += "; no 'collapse', for which Linux 6.1 is needed";
    }
    if (!remote.empty())
        probe.found +=
            "; " + joined(remote) +
            " need remote system calls (remote_syscall = \"allow\" in a policy), as mlock "
            "and munlock do";
    return probe;
}

Probe probe_io_uring(const MachinePaths& paths) {
    Probe probe{"io_uring", "io_uring", ProbeState::no, "", "", false};
    io_uring ring{};
    const int error = -::io_uring_queue_init(2, &ring, 0);
    if (error == 0) {
        ::io_uring_queue_exit(&ring);
        probe.state = ProbeState::yes;
        probe.found = "works";
        return probe;
    }
    const auto disabled = read_file(paths.proc + "/sys/kernel/io_uring_disabled");
    probe.found = std::string("refused: ") + std::strerror(error);
    if (disabled && first_line(*disabled) != "0") {
        probe.found += " (kernel.io_uring_disabled is " + std::string(first_line(*disabled)) + ")";
    } else if (error == EPERM) {
        probe.found += " (containers often forbid it)";
    }
    probe.advice = "Nothing has to be done: epoll is used instead.";
    return probe;
}

Probe probe_cgroup2(const MachinePaths& paths) {
    Probe probe{"cgroup2", "cgroup v2", ProbeState::no, "", "", false};
    const auto mountinfo = read_file(paths.proc + "/self/mountinfo");
    const auto mount = mountinfo ? cgroup2_mount(*mountinfo) : std::nullopt;
    if (!mount) {
        probe.found = "not mounted, so limits on a target's swap cannot be seen";
        probe.advice = "Boot with systemd.unified_cgroup_hierarchy=1, or mount -t cgroup2.";
        return probe;
    }
    const auto controllers = read_file(*mount + "/cgroup.controllers");
    const std::string words = controllers ? " " + std::string(first_line(*controllers)) + " " : "";
    probe.found = "mounted at " + *mount;
    if (words.find(" memory ") == std::string::npos) {
        probe.state = ProbeState::partly;
        probe.found += ", without the memory controller (cgroup v1 may have it)";
        probe.advice =
            "Boot with systemd.unified_cgroup_hierarchy=1 and without cgroup_disable=memory to "
            "see limits on a target's swap.";
        return probe;
    }
    probe.state = ProbeState::yes;
    return probe;
}

Probe probe_pressure(const MachinePaths& paths) {
    Probe probe{"pressure", "pressure stall information", ProbeState::yes, "readable", "", false};
    if (!read_file(paths.proc + "/pressure/memory")) {
        probe.state = ProbeState::no;
        probe.found = "not there";
        probe.advice = "Boot with psi=1 to have it. Nothing depends on it yet.";
    }
    return probe;
}

std::vector<Probe> probe_machine(const ModuleState& module, const MainlineState& mainline,
                                 const MachinePaths& paths) {
    utsname system{};
    ::uname(&system);
    std::vector<Probe> probes;
    probes.push_back(probe_kernel(system.release));
    probes.push_back(probe_module_state(module, system.release, paths));
    probes.back().needed = !mainline.usable;
    probes.push_back(probe_mainline_damon(mainline, paths));
    probes.push_back(probe_swap(paths));
    probes.push_back(probe_process_madvise());
    for (Probe& probe : probe_capabilities(paths)) probes.push_back(std::move(probe));
    probes.push_back(probe_ptrace(paths));
    probes.push_back(probe_pagemap(paths));
    probes.push_back(probe_huge_pages(paths));
    probes.push_back(probe_huge_page_actions());
    probes.push_back(probe_io_uring(paths));
    probes.push_back(probe_cgroup2(paths));
    probes.push_back(probe_pressure(paths));
    return probes;
}

}  // namespace damon_schemes
