// SPDX-License-Identifier: MIT
#include "engine/targets/canary.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>
#include <utility>

namespace damon_schemes {

// The child writes it, the engine reads it.
struct CanaryPulse {
    std::atomic<std::int64_t> last_ns{0};   // of CLOCK_MONOTONIC, when it touched memory
    std::atomic<std::int64_t> still_ns{0};  // of all gaps
    std::int64_t gap_ns = 0;
    static_assert(std::atomic<std::int64_t>::is_always_lock_free);

    // By the child, often.
    void beat(std::int64_t now) {
        const std::int64_t passed = now - last_ns.load(std::memory_order_relaxed);
        if (passed >= gap_ns) still_ns.fetch_add(passed, std::memory_order_relaxed);
        last_ns.store(now, std::memory_order_release);
    }
};

namespace {

constexpr std::uint64_t page_size = 4096;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// The sanitizers' shadow is anonymous and large, and must stay.
constexpr bool may_unmap = false;
#else
constexpr bool may_unmap = true;
#endif

// Everything below, up to the next class of functions, runs in the forked child: system calls and
// stack only.

// Hexadecimal digits up to the first other character.
std::uint64_t take_hexadecimal(const char*& text, const char* end) {
    std::uint64_t number = 0;
    for (; text < end; ++text) {
        const char c = *text;
        if (c >= '0' && c <= '9') {
            number = number * 16 + static_cast<std::uint64_t>(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            number = number * 16 + static_cast<std::uint64_t>(c - 'a' + 10);
        } else {
            break;
        }
    }
    return number;
}

// One line of /proc/self/maps.
struct MapsLine {
    AddressRange range;
    bool heap = false;
    bool plain = false;  // anonymous memory without a name, or the heap
};

MapsLine parse_line(const char* line, const char* end) {
    MapsLine parsed;
    parsed.range.start = take_hexadecimal(line, end);
    if (line == end || *line++ != '-') return {};
    parsed.range.end = take_hexadecimal(line, end);
    // " perms offset dev inode name"; inode 0 is anonymous memory.
    for (int word = 0; word < 3; ++word) {
        while (line < end && *line == ' ') ++line;
        while (line < end && *line != ' ') ++line;
    }
    while (line < end && *line == ' ') ++line;
    if (end - line < 1 || line[0] != '0' || (end - line > 1 && line[1] != ' ')) return parsed;
    ++line;
    while (line < end && *line == ' ') ++line;
    constexpr std::array<char, 6> heap = {'[', 'h', 'e', 'a', 'p', ']'};
    parsed.heap = static_cast<std::size_t>(end - line) == heap.size() &&
                  std::equal(heap.begin(), heap.end(), line);
    parsed.plain = line == end || parsed.heap;
    return parsed;
}

// Around what is needed, and at either end of a mapping: the kernel makes one mapping of anonymous
// memory that lies side by side, so a thread's variables, the dynamic linker's tables or a
// library's uninitialised data may be the end of a large one.
constexpr std::uint64_t margin = 512 * 1024;

// Gives back a mapping, longer than two margins, but for those and what is needed, which is sorted.
void unmap_but(AddressRange mapping, const std::array<AddressRange, 3>& needed) {
    std::uint64_t from = mapping.start + margin;
    const std::uint64_t end = mapping.end - margin;
    const auto give_back = [](std::uint64_t start, std::uint64_t stop) {
        if (start < stop) ::munmap(reinterpret_cast<void*>(start), stop - start);
    };
    for (const AddressRange part : needed) {
        if (part.end <= mapping.start || part.start >= mapping.end) continue;
        const std::uint64_t low = part.start & ~(page_size - 1);
        const std::uint64_t high = (part.end + page_size - 1) & ~(page_size - 1);
        give_back(from, std::min(end, low - margin));
        from = std::max(from, high + margin);
    }
    give_back(from, end);
}

bool is_needed(AddressRange mapping, const std::array<AddressRange, 3>& needed) {
    return std::any_of(needed.begin(), needed.end(), [mapping](AddressRange part) {
        return part.start < mapping.end && mapping.start < part.end;
    });
}

// The heap, the allocator's arenas and the other threads' stacks.
void unmap_ballast(AddressRange area) {
    const auto around = [](const void* address) {
        const auto at = reinterpret_cast<std::uint64_t>(address);
        return AddressRange{at, at + 1};
    };
    std::array<AddressRange, 3> needed = {area, around(__builtin_frame_address(0)), around(&errno)};
    std::sort(needed.begin(), needed.end());
    // All read before any goes: reading is by lines, and the lines change with each unmapping.
    std::array<AddressRange, 256> ballast;
    std::size_t count = 0;
    AddressRange heap;

    const int file = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    std::array<char, 8192> text;
    std::size_t filled = 0;
    for (;;) {
        const ssize_t got = ::read(file, text.data() + filled, text.size() - filled);
        if (got <= 0) break;
        filled += static_cast<std::size_t>(got);
        std::size_t used = 0;
        for (std::size_t at = 0; at < filled; ++at) {
            if (text[at] != '\n') continue;
            const MapsLine line = parse_line(text.data() + used, text.data() + at);
            used = at + 1;
            if (line.heap && !is_needed(line.range, needed))
                heap = line.range;
            else if (line.plain && line.range.size().count > 2 * margin && count < ballast.size()) {
                ballast[count++] = line.range;
            }
        }
        std::memmove(text.data(), text.data() + used, filled - used);
        filled -= used;
    }
    ::close(file);
    // It lies up to 1 GiB behind the program, and a monitor watches what is between them: its
    // regions would be larger than the canary.  So all of it goes.
    if (!heap.empty()) ::munmap(reinterpret_cast<void*>(heap.start), heap.size().count);
    for (std::size_t index = 0; index < count; ++index) unmap_but(ballast[index], needed);
}

std::int64_t monotonic_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void touch(AddressRange area) {
    for (std::uint64_t at = area.start; at < area.end; at += page_size) {
        [[maybe_unused]] const unsigned char seen =
            *reinterpret_cast<const volatile unsigned char*>(at);
    }
}

// An emulated processor's TLB starts small and grows with use, but only when it is flushed in full:
// until then entries push each other out, and accesses are seen that would not be later on.  Giving
// back more pages than the kernel flushes one by one makes it flush all.
void settle_tlb(AddressRange area) {
    constexpr int rounds = 16;  // each may double its size
    constexpr std::size_t scratch_size = 64 * page_size;
    for (int round = 0; round < rounds; ++round) {
        for (int pass = 0; pass < 4; ++pass) touch(area);
        void* scratch = ::mmap(nullptr, scratch_size, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (scratch != MAP_FAILED) ::munmap(scratch, scratch_size);
    }
}

// One processor, so that no move to another makes it walk its page tables anew.
int stay_on_one_processor() {
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return -1;
    for (std::size_t processor = CPU_SETSIZE; processor-- > 0;) {
        if (!CPU_ISSET(processor, &allowed)) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(processor, &one);
        const bool bound = ::sched_setaffinity(0, sizeof one, &one) == 0;
        return bound ? static_cast<int>(processor) : -1;
    }
    return -1;
}

// What the child tells the engine of itself.
struct Announcement {
    AddressRange area;
    std::int64_t processor = -1;  // as wide as the rest: no padding goes over the socket
};

// Pages between two looks at the clock, which take a moment of an emulated processor's.
constexpr std::uint64_t beat_size = 64 * page_size;

void touch_and_beat(AddressRange area, CanaryPulse& pulse) {
    for (std::uint64_t at = area.start; at < area.end; at += beat_size) {
        touch({at, std::min(area.end, at + beat_size)});
        pulse.beat(monotonic_ns());
    }
}

[[noreturn]] void sing(int lifeline, pid_t engine, CanaryPulse& pulse) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != engine) ::_exit(0);  // it died before the line above
    ::prctl(PR_SET_NAME, "damon-canary");

    // The terminal's Ctrl-C goes to the whole group; the engine still needs the canary while it
    // ends.
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);

    // Keep the lifeline as descriptor 0, and nothing else.
    if (lifeline != 0) ::dup2(lifeline, 0);
    if (::syscall(SYS_close_range, 1U, ~0U, 0U) != 0) ::_exit(1);

    // Allowed only with CAP_SYS_NICE; it works without.
    ::setpriority(PRIO_PROCESS, 0, -10);

    void* memory = ::mmap(nullptr, canary_size.count, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) ::_exit(1);
    // A huge page would be a single bit to look at; base pages are what most targets have.
    ::madvise(memory, canary_size.count, MADV_NOHUGEPAGE);
    // Written once, or all pages would be the one shared page of zeroes.
    auto* bytes = static_cast<volatile unsigned char*>(memory);
    for (std::uint64_t at = 0; at < canary_size.count; at += page_size) bytes[at] = 1;
    const auto start = reinterpret_cast<std::uint64_t>(memory);
    const AddressRange area{start, start + canary_size.count};
    if (may_unmap) unmap_ballast(area);
    Announcement announcement{area, stay_on_one_processor()};
    settle_tlb(area);
    pulse.last_ns.store(monotonic_ns());
    if (::write(0, &announcement, sizeof announcement) !=
        static_cast<ssize_t>(sizeof announcement)) {
        ::_exit(1);
    }

    // Never asleep: a processor that changes to another address space and back forgets its
    // translations, and walks anew what a program that just runs on would not.
    for (;;) {
        for (int pass = 0; pass < 16; ++pass) touch_and_beat(area, pulse);
        // The engine never writes: readable means that its end is closed.
        pollfd waiting{0, POLLIN, 0};
        if (::poll(&waiting, 1, 0) > 0) ::_exit(0);
    }
}

}  // namespace

Result<Canary> Canary::start(Duration gap) {
    const auto failure = [](const std::string& what, int error) {
        return Error{
            ErrorKind::runtime,
            "the canary, by which a session checks that it sees accesses, cannot be started: " +
                what + (error != 0 ? std::string(": ") + std::strerror(error) : "") +
                ". Limits on processes, open files or memory (`ulimit -a`) may be reached.",
            error};
    };
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return failure("socketpair", errno);
    }
    Descriptor ours(ends[0]);
    Descriptor its(ends[1]);

    void* shared = ::mmap(nullptr, sizeof(CanaryPulse), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return failure("mmap", errno);
    Canary canary;
    canary.pulse_ = new (shared) CanaryPulse;
    canary.pulse_->gap_ns = gap.count();

    const pid_t engine = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) return failure("fork", errno);
    if (pid == 0) sing(its.get(), engine, *canary.pulse_);
    its = Descriptor();

    canary.process_.pid = pid;
    canary.process_.name = "damon-canary";
    canary.lifeline_ = std::move(ours);
    canary.process_.pidfd = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!canary.process_.pidfd) return failure("pidfd_open", errno);

    // Its 4 MiB are there within milliseconds; the limit is for a machine that is stuck.
    pollfd waiting{canary.lifeline_.get(), POLLIN, 0};
    int ready = 0;
    do {
        ready = ::poll(&waiting, 1, 30'000);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) return failure("it does not answer", ready < 0 ? errno : ETIMEDOUT);
    Announcement announcement;
    const ssize_t got = ::read(canary.lifeline_.get(), &announcement, sizeof announcement);
    if (got != static_cast<ssize_t>(sizeof announcement)) {
        return failure("it ended at once", 0);
    }
    canary.area_ = announcement.area;
    canary.processor_ = static_cast<int>(announcement.processor);
    return canary;
}

Duration Canary::stood_still() const {
    // In this order: a gap that ends in between is counted twice rather than not at all.
    const std::int64_t last = pulse_->last_ns.load(std::memory_order_acquire);
    const std::int64_t still = pulse_->still_ns.load(std::memory_order_relaxed);
    const std::int64_t passed = monotonic_ns() - last;
    return Duration(still + (passed >= pulse_->gap_ns ? passed : 0));
}

void Canary::end() {
    lifeline_ = Descriptor();
    end_process();
    if (pulse_) ::munmap(pulse_, sizeof(CanaryPulse));
    pulse_ = nullptr;
}

void Canary::end_process() {
    if (process_.pid <= 0) return;
    // Not by pid: SIGKILL needs no cooperation from it, and the pidfd cannot mean another process.
    if (process_.pidfd) {
        ::syscall(SYS_pidfd_send_signal, process_.pidfd.get(), SIGKILL, nullptr, 0);
    }
    int status = 0;
    while (::waitpid(process_.pid, &status, 0) < 0 && errno == EINTR) {
    }
    process_.pid = 0;
}

Canary::~Canary() {
    end();
}

Canary::Canary(Canary&& other) noexcept {
    *this = std::move(other);
}

Canary& Canary::operator=(Canary&& other) noexcept {
    if (this != &other) {
        end();
        process_ = std::move(other.process_);
        other.process_.pid = 0;
        lifeline_ = std::move(other.lifeline_);
        area_ = other.area_;
        processor_ = other.processor_;
        pulse_ = std::exchange(other.pulse_, nullptr);
    }
    return *this;
}

}  // namespace damon_schemes
