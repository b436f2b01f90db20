// SPDX-License-Identifier: MIT
#include "engine/remote/remote_target.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "engine/actions/mappings.h"
#include "engine/remote/x86_64.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {

namespace {

bool runs_native_code(int executable) {
    Elf64_Ehdr header{};  // of the other class it begins alike, up to e_machine
    return ::pread(executable, &header, sizeof header, 0) == static_cast<ssize_t>(sizeof header) &&
           std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
           header.e_ident[EI_CLASS] == architecture::elf_class &&
           header.e_machine == architecture::elf_machine;
}

// The first syscall instruction in a mapping.  Where the bytes begin in the middle of another
// instruction they serve as well: a thread that is put there runs them and nothing behind them.
std::optional<std::uint64_t> find_call(int memory, AddressRange range) {
    constexpr std::uint64_t largest = 64 << 20;
    std::array<unsigned char, 65536> block;
    const std::uint64_t end = std::min(range.end, range.start + largest);
    const auto& wanted = architecture::call_instruction;
    for (std::uint64_t at = range.start; at < end;
         at += block.size() - architecture::call_length + 1) {
        const ssize_t length =
            ::pread(memory, block.data(), std::min(block.size(), end - at), static_cast<off_t>(at));
        if (length <= 0) return std::nullopt;
        const auto* stop = block.cbegin() + length;
        const auto* found = std::search(block.cbegin(), stop, std::begin(wanted), std::end(wanted));
        if (found != stop) return at + static_cast<std::uint64_t>(found - block.cbegin());
    }
    return std::nullopt;
}

// In the kernel's own page (vdso), which is there as long as the program is; else anywhere.
std::uint64_t find_call_site(int memory, const std::vector<Mapping>& mappings) {
    for (const bool in_vdso : {true, false}) {
        for (const Mapping& mapping : mappings) {
            if (!mapping.executable || mapping.range.end > architecture::address_limit) continue;
            if ((mapping.name == "[vdso]") != in_vdso) continue;
            if (!in_vdso && mapping.writable) continue;  // may be rewritten at any moment
            if (const auto site = find_call(memory, mapping.range)) return *site;
        }
    }
    return 0;
}

// The process's folder; where its first thread has ended and others go on, that of one of these.
Descriptor folder_of_live_thread(const Descriptor& process, std::int32_t pid) {
    const auto lives = [](int folder) {
        const auto stat = read_file_at(folder, "stat");
        const auto parsed = stat ? parse_process_stat(*stat) : std::nullopt;
        return parsed && !parsed->zombie();
    };
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    if (lives(process.get())) return Descriptor(::openat(process.get(), ".", flags));
    for (const std::int32_t tid : list_pids("/proc/" + std::to_string(pid) + "/task")) {
        const std::string path = "task/" + std::to_string(tid);
        Descriptor thread(::openat(process.get(), path.c_str(), flags));
        if (thread && lives(thread.get())) return thread;
    }
    return {};
}

RemoteRefusal refusal_of(int error) {
    return error == ENOENT || error == ESRCH ? RemoteRefusal::gone : RemoteRefusal::permission;
}

}  // namespace

std::optional<RemoteRefusal> open_remote_target(std::int32_t pid, int pidfd, RemoteTarget& target) {
    target.pidfd = Descriptor(pidfd >= 0 ? ::fcntl(pidfd, F_DUPFD_CLOEXEC, 0)
                                         : static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!target.pidfd) return refusal_of(errno);
    const auto folder = open_process_folder(pid, target.pidfd.get(), "/proc");
    if (!folder) return refusal_of(folder.error().code);
    const Descriptor live = folder_of_live_thread(folder.value(), pid);
    if (!live) return RemoteRefusal::gone;
    const int process = live.get();

    target.memory = Descriptor(::openat(process, "mem", O_RDONLY | O_CLOEXEC));
    // ENOENT, ESRCH: a process that ends has lost its address space and its executable by then.
    if (!target.memory) return refusal_of(errno);
    const Descriptor executable(::openat(process, "exe", O_RDONLY | O_CLOEXEC));
    if (!executable) return refusal_of(errno);
    if (!runs_native_code(executable.get())) return RemoteRefusal::foreign_code;
    if (const auto maps = read_file_at(process, "maps")) {
        target.call_site = find_call_site(target.memory.get(), parse_mappings(*maps));
    }
    return std::nullopt;
}

}  // namespace damon_schemes
