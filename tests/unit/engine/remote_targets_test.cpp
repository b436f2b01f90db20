// SPDX-License-Identifier: MIT
// What remote calls do to a target's memory, and which targets they let alone.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "benchmarks/remote/blocked_program.h"
#include "engine/targets/procfs.h"
#include "tests/unit/engine/remote_caller_fixture.h"

namespace damon_schemes::testing {
namespace {

using bench::BlockedProgram;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// The lines of smaps about the mapping that begins at or before `address` and holds it.
std::string mapping_of(pid_t pid, std::uint64_t address) {
    const std::string text = read_file("/proc/" + std::to_string(pid) + "/smaps").value_or("");
    std::string found;
    bool inside = false;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string line = text.substr(at, end - at);
        at = end + 1;
        unsigned long start = 0, stop = 0;
        char mode = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx %c", &start, &stop, &mode) == 3) {
            inside = start <= address && address < stop;
        }
        if (inside) found += line + "\n";
    }
    return found;
}

bool has_flag(pid_t pid, std::uint64_t address, const std::string& flag) {
    const std::string mapping = mapping_of(pid, address);
    const std::size_t flags = mapping.find("VmFlags:");
    return flags != std::string::npos &&
           (mapping.substr(flags) + " ").find(" " + flag + " ") != std::string::npos;
}

char state_of(pid_t pid) {
    const auto stat = read_process_stat(pid, "/proc");
    return stat ? stat->state : '-';
}

bool wait_until(const std::function<bool()>& condition) {
    for (int waited = 0; waited < 30'000; ++waited) {
        if (condition()) return true;
        std::this_thread::sleep_for(milliseconds(1));
    }
    return false;
}

TEST_F(RemoteCalls, SetAndTakeBackWhatTheyAreAskedFor) {
    OwnChild child([] { return filled_memory(8 * page_bytes); });
    const std::uint64_t at = child.address();
    const auto done = [&](RemoteOperation operation) {
        const RemoteOutcome outcome = call(child, operation, at, 8 * page_bytes);
        EXPECT_FALSE(outcome.refusal);
        EXPECT_EQ(outcome.ranges[0].done, Bytes{8 * page_bytes});
        return outcome.ranges[0].error;
    };
    EXPECT_EQ(done(RemoteOperation::mlock_onfault), 0);
    EXPECT_TRUE(has_flag(child.pid(), at, "lo")) << mapping_of(child.pid(), at);
    EXPECT_EQ(done(RemoteOperation::munlock), 0);
    EXPECT_FALSE(has_flag(child.pid(), at, "lo"));
    EXPECT_EQ(done(RemoteOperation::mlock), 0);
    EXPECT_EQ(kilobytes_of(mapping_of(child.pid(), at), "Locked"), Bytes{8 * page_bytes});
    EXPECT_EQ(done(RemoteOperation::munlock), 0);
    if (::access("/sys/kernel/mm/transparent_hugepage", F_OK) == 0) {
        EXPECT_EQ(done(RemoteOperation::hugepage), 0);
        EXPECT_TRUE(has_flag(child.pid(), at, "hg")) << mapping_of(child.pid(), at);
        EXPECT_EQ(done(RemoteOperation::nohugepage), 0);
        EXPECT_TRUE(has_flag(child.pid(), at, "nh"));
        EXPECT_FALSE(has_flag(child.pid(), at, "hg"));
    }
}

TEST_F(RemoteCalls, AreSplitSoThatNoStopIsLong) {
    constexpr std::uint64_t size = 32 << 20;
    rlimit locked{};
    ::getrlimit(RLIMIT_MEMLOCK, &locked);
    if (::geteuid() != 0 && locked.rlim_cur < size) GTEST_SKIP() << "RLIMIT_MEMLOCK is too low";
    OwnChild child([] { return filled_memory(size); });
    RemoteRequest wanted = request(child.pid(), RemoteOperation::mlock, child.address(), size);
    wanted.limits.longest_stop = microseconds(200);
    const RemoteOutcome outcome = caller_->call(wanted, {});
    EXPECT_FALSE(outcome.refusal);
    EXPECT_EQ(outcome.ranges[0].done, Bytes{size});
    EXPECT_GT(outcome.stops, 1U);
    EXPECT_GE(outcome.calls, outcome.stops);
    EXPECT_GE(outcome.stopped, outcome.longest_stop);
    EXPECT_GE(outcome.longest_stop, outcome.longest_foreign);
    EXPECT_TRUE(has_flag(child.pid(), child.address() + size - page_bytes, "lo"));
}

TEST_F(RemoteCalls, MakeSeveralCallsInOneStop) {
    OwnChild child([] { return filled_memory(64 * page_bytes); });
    RemoteRequest wanted = request(child.pid(), RemoteOperation::mlock_onfault, 0, 0);
    wanted.ranges.clear();
    for (std::uint64_t i = 0; i < 64; i += 2) {
        const std::uint64_t start = child.address() + i * page_bytes;
        wanted.ranges.push_back({start, start + page_bytes});
    }
    wanted.limits.longest_stop = milliseconds(200);
    const RemoteOutcome outcome = caller_->call(wanted, {});
    EXPECT_FALSE(outcome.refusal);
    EXPECT_EQ(outcome.calls, wanted.ranges.size());
    EXPECT_LT(outcome.stops, outcome.calls);
    EXPECT_TRUE(has_flag(child.pid(), child.address() + 62 * page_bytes, "lo"));
    EXPECT_FALSE(has_flag(child.pid(), child.address() + 61 * page_bytes, "lo"));
}

TEST_F(RemoteCalls, EndARangeExactlyAtAHole) {
    OwnChild child([] {
        const std::uint64_t memory = filled_memory(32 * page_bytes);
        ::munmap(reinterpret_cast<void*>(memory + 11 * page_bytes), page_bytes);
        return memory;
    });
    RemoteRequest wanted =
        request(child.pid(), RemoteOperation::mlock_onfault, child.address(), 16 * page_bytes);
    wanted.ranges.push_back({child.address() + 20 * page_bytes, child.address() + 22 * page_bytes});
    const RemoteOutcome outcome = caller_->call(wanted, {});
    EXPECT_FALSE(outcome.refusal);
    EXPECT_EQ(outcome.ranges[0].done, Bytes{11 * page_bytes});
    EXPECT_EQ(outcome.ranges[0].error, ENOMEM);
    EXPECT_EQ(outcome.ranges[1].done, Bytes{2 * page_bytes});
    EXPECT_EQ(outcome.ranges[1].error, 0);
}

TEST_F(RemoteCalls, SpaceTheirStops) {
    OwnChild child([] { return filled_memory(page_bytes); });
    RemoteRequest wanted =
        request(child.pid(), RemoteOperation::nohugepage, child.address(), page_bytes);
    wanted.limits.between_stops = milliseconds(30);
    const auto began = std::chrono::steady_clock::now();
    std::uint64_t stops = 0;
    for (int i = 0; i < 4; ++i) stops += caller_->call(wanted, {}).stops;
    EXPECT_GE(stops, 4U);
    // In requests that follow one another, too.
    EXPECT_GE(std::chrono::steady_clock::now() - began, 3 * wanted.limits.between_stops);
}

TEST_F(RemoteCalls, EndWhenTheyAreCalledOff) {
    OwnChild child([] { return filled_memory(4 << 20); });
    RemoteRequest wanted = request(child.pid(), RemoteOperation::mlock, child.address(), 4 << 20);
    wanted.limits.longest_stop = microseconds(1);
    int asked = 0;
    const RemoteOutcome outcome = caller_->call(wanted, [&] { return ++asked > 2; });
    EXPECT_EQ(outcome.refusal, RemoteRefusal::cancelled);
    EXPECT_GE(outcome.stops, 1U);
    EXPECT_LT(outcome.ranges[0].done, Bytes{4 << 20});
    EXPECT_EQ(caller_->call(wanted, [] { return true; }).stops, 0U);
}

TEST_F(RemoteCalls, FindThatATargetHasGone) {
    OwnChild child([] { return filled_memory(page_bytes); });
    child.kill(false);
    EXPECT_EQ(call(child, RemoteOperation::mlock, child.address(), page_bytes).refusal,
              RemoteRefusal::gone);
    child.kill(true);
    EXPECT_EQ(call(child, RemoteOperation::mlock, child.address(), page_bytes).refusal,
              RemoteRefusal::gone);
}

TEST_F(RemoteCalls, SurviveTargetsThatDieMeanwhile) {
    for (int turn = 0; turn < 20; ++turn) {
        OwnChild child([] { return filled_memory(1 << 20); });
        std::thread killer([&] {
            std::this_thread::sleep_for(microseconds(200 * turn));
            child.kill();  // and sees it end: nobody keeps its end from its parent
        });
        RemoteOutcome outcome;
        while (!outcome.refusal) {
            outcome = call(child, RemoteOperation::mlock_onfault, child.address(), 1 << 20);
        }
        EXPECT_EQ(*outcome.refusal, RemoteRefusal::gone) << name_of(*outcome.refusal);
        killer.join();
    }
    OwnChild child([] { return filled_memory(page_bytes); });
    EXPECT_FALSE(call(child, RemoteOperation::munlock, child.address(), page_bytes).refusal);
}

TEST_F(RemoteCalls, StopWhenTheTargetRunsAnotherProgram) {
    std::array<int, 2> gate{};
    ASSERT_EQ(::pipe(gate.data()), 0);
    OwnChild child([&] {
        const std::uint64_t memory = filled_memory(1 << 20);
        std::thread([&] {
            char byte = 0;
            if (::read(gate[0], &byte, 1) == 1) ::execl("/bin/sleep", "sleep", "1000", nullptr);
            ::_exit(1);
        }).detach();
        return memory;
    });
    RemoteRequest wanted =
        request(child.pid(), RemoteOperation::mlock_onfault, child.address(), 1 << 20);
    wanted.limits.longest_stop = microseconds(1);  // a page a stop
    int asked = 0;
    const RemoteOutcome outcome =
        caller_->call(wanted, [&] { return ++asked == 5 && ::write(gate[1], "x", 1) != 1; });
    EXPECT_EQ(outcome.refusal, RemoteRefusal::address_space)
        << (outcome.refusal ? name_of(*outcome.refusal) : "none");
    EXPECT_EQ(read_process_stat(child.pid(), "/proc")->comm, "sleep");
    ::close(gate[0]);
    ::close(gate[1]);
}

TEST_F(RemoteCalls, LeaveATracedTargetToItsTracer) {
    OwnChild child([] { return filled_memory(page_bytes); });
    std::array<int, 2> ready{};
    ASSERT_EQ(::pipe(ready.data()), 0);
    const pid_t tracer = ::fork();
    if (tracer == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const bool traced = ::ptrace(PTRACE_SEIZE, child.pid(), nullptr, nullptr) == 0;
        if (::write(ready[1], traced ? "x" : "-", 1) != 1) ::_exit(1);
        for (;;) ::pause();
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    ASSERT_EQ(byte, 'x');
    const auto outcome = call(child, RemoteOperation::mlock, child.address(), page_bytes);
    EXPECT_EQ(outcome.refusal, RemoteRefusal::traced);
    EXPECT_EQ(outcome.stops, 0U);
    ::kill(tracer, SIGKILL);
    ::waitpid(tracer, nullptr, 0);
    EXPECT_FALSE(call(child, RemoteOperation::munlock, child.address(), page_bytes).refusal);
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST_F(RemoteCalls, LeaveAStoppedTargetStopped) {
    OwnChild child([] { return filled_memory(page_bytes); });
    ASSERT_EQ(::kill(child.pid(), SIGSTOP), 0);
    ASSERT_TRUE(wait_until([&] { return state_of(child.pid()) == 'T'; }));
    EXPECT_EQ(call(child, RemoteOperation::mlock, child.address(), page_bytes).refusal,
              RemoteRefusal::stopped);
    EXPECT_EQ(state_of(child.pid()), 'T');
    ASSERT_EQ(::kill(child.pid(), SIGCONT), 0);
    ASSERT_TRUE(wait_until([&] { return state_of(child.pid()) == 'S'; }));
    EXPECT_FALSE(call(child, RemoteOperation::munlock, child.address(), page_bytes).refusal);
}

TEST_F(RemoteCalls, KeepStopsAndContinuesThatComeMeanwhile) {
    for (const char* kind : {"read of a pipe", "epoll_wait", "computing"}) {
        BlockedProgram program(kind);
        std::atomic<bool> over = false;
        std::thread jobs([&] {
            for (unsigned turn = 0; !over.load(); ++turn) {
                ::kill(program.pid(), SIGSTOP);
                std::this_thread::sleep_for(microseconds(turn * 37 % 400));
                ::kill(program.pid(), SIGCONT);
                std::this_thread::sleep_for(microseconds(turn * 53 % 700));
            }
        });
        const RemoteRequest wanted =
            request(program.pid(), RemoteOperation::mlock_onfault, program.memory(), page_bytes);
        std::uint64_t calls = 0;
        for (int i = 0; i < 200; ++i) {
            const RemoteOutcome outcome = caller_->call(wanted, {});
            calls += outcome.calls;
            // Where its turns are long, each of our stops may meet one of theirs.
            if (outcome.refusal) {
                EXPECT_THAT(*outcome.refusal,
                            ::testing::AnyOf(RemoteRefusal::stopped, RemoteRefusal::no_safe_thread))
                    << name_of(*outcome.refusal);
            }
            // The stop that comes now must hold.
            if (i % 20 == 0) std::this_thread::sleep_for(milliseconds(1));
        }
        over.store(true);
        jobs.join();
        EXPECT_GT(calls, 0U);
        ASSERT_EQ(::kill(program.pid(), SIGSTOP), 0);
        ASSERT_TRUE(wait_until([&] { return state_of(program.pid()) == 'T'; })) << kind;
        EXPECT_EQ(caller_->call(wanted, {}).refusal, RemoteRefusal::stopped);
        ASSERT_EQ(::kill(program.pid(), SIGCONT), 0);
        const std::uint64_t rounds = program.ledger().rounds.load();
        if (program.needs_waking()) program.wake();
        EXPECT_TRUE(program.wait_for_rounds(rounds + 1, std::chrono::seconds(30))) << kind;
        EXPECT_EQ(program.ledger().wrong.load(), 0U) << kind;
        EXPECT_EQ(program.ledger().registers.load(), 0U) << kind;
    }
}

TEST_F(RemoteCalls, LeaveAFilteredTargetAlone) {
    OwnChild child([] {
        const std::uint64_t memory = filled_memory(page_bytes);
        sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
        const sock_fprog program{1, allow};
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ? memory : 0;
    });
    if (child.address() == 0) GTEST_SKIP() << "no filter can be set here";
    const auto outcome = call(child, RemoteOperation::mlock, child.address(), page_bytes);
    EXPECT_EQ(outcome.refusal, RemoteRefusal::seccomp);
    EXPECT_EQ(outcome.stops, 0U);
}

// A 32-bit program in 64 + 32 + 15 bytes: it calls pause() for ever.
TEST_F(RemoteCalls, LeaveA32BitTargetAlone) {
    struct {
        unsigned char magic[16] = {0x7f, 'E', 'L', 'F', 1, 1, 1};
        std::uint16_t type = 2, machine = 3;
        std::uint32_t version = 1, entry = 0x08048054, headers = 52, sections = 0, flags = 0;
        std::uint16_t size = 52, header_size = 32, header_count = 1, none[3] = {};
        std::uint32_t kind = 1, offset = 0, address = 0x08048000, physical = 0x08048000;
        std::uint32_t in_file = 0x60, in_memory = 0x60, access = 5, align = 0x1000;
        // mov $29, %eax; int $0x80; jmp back
        unsigned char code[12] = {0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xf7};
    } image;
    static_assert(sizeof image == 0x60);
    char path[] = "/tmp/damon-schemes-32-XXXXXX";
    const int file = ::mkstemp(path);
    ASSERT_GE(file, 0);
    ASSERT_EQ(::write(file, &image, sizeof image), static_cast<ssize_t>(sizeof image));
    ::fchmod(file, 0700);
    ::close(file);
    std::array<int, 2> failed{};
    ASSERT_EQ(::pipe2(failed.data(), O_CLOEXEC), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::execl(path, path, nullptr);
        if (::write(failed[1], "x", 1) != 1) ::_exit(2);
        ::_exit(1);
    }
    ::close(failed[1]);
    char byte = 0;
    const bool runs = ::read(failed[0], &byte, 1) == 0;
    ::close(failed[0]);
    ::unlink(path);
    RemoteOutcome outcome;
    if (runs)
        outcome = caller_->call(request(pid, RemoteOperation::mlock, 0x08048000, page_bytes), {});
    const bool sleeps = runs && wait_until([&] { return state_of(pid) == 'S'; });
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    if (!runs) GTEST_SKIP() << "32-bit programs do not run here";
    EXPECT_EQ(outcome.refusal, RemoteRefusal::foreign_code);
    EXPECT_EQ(outcome.stops, 0U);
    EXPECT_TRUE(sleeps);
}

// 64-bit code that waits in waitpid() of 32-bit programs: its number is poll()'s, so that it is
// taken for one until it is looked at closely.
TEST_F(RemoteCalls, LeaveAThreadInA32BitCallAlone) {
    const std::uint64_t memory = filled_memory(page_bytes);
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const pid_t grandchild = ::fork();
        if (grandchild == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;) ::pause();
        }
        long result = 7;
        asm volatile("int $0x80"
                     : "+a"(result)
                     : "b"(-1), "c"(0), "d"(0)
                     : "memory", "r8", "r9", "r10", "r11");
        ::_exit(result == grandchild ? 0 : 1);
    }
    const std::string folder = "/proc/" + std::to_string(pid);
    const auto waits = [&] {
        return read_file(folder + "/syscall").value_or("").starts_with("7 ");
    };
    ASSERT_TRUE(wait_until([&] { return waits() || state_of(pid) == 'Z'; }));
    if (state_of(pid) == 'Z') {
        ::waitpid(pid, nullptr, 0);
        GTEST_SKIP() << "this kernel has no 32-bit calls";
    }
    RemoteRequest wanted = request(pid, RemoteOperation::nohugepage, memory, page_bytes);
    wanted.limits.patience = milliseconds(20);
    const RemoteOutcome outcome = caller_->call(wanted, {});
    EXPECT_EQ(outcome.refusal, RemoteRefusal::no_safe_thread);
    EXPECT_GE(outcome.stops, 1U);
    EXPECT_EQ(outcome.calls, 0U);
    EXPECT_TRUE(wait_until(waits));
    const std::string children =
        read_file(folder + "/task/" + std::to_string(pid) + "/children").value_or("");
    ::kill(static_cast<pid_t>(std::stol("0" + children)), SIGKILL);
    int status = -1;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
}

// Spins in a restartable sequence for ever; when the kernel aborts it, it counts that and begins
// anew.
[[noreturn]] void spin_in_sequence(std::uint64_t* aborts) {
    auto* area = static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset;
    auto* field = &reinterpret_cast<struct rseq*>(area)->rseq_cs;
    alignas(32) static std::uint64_t section[4] = {};  // struct rseq_cs
    asm volatile(
        "leaq 1f(%%rip), %%rax\n movq %%rax, 8(%[section])\n"
        "leaq 2f(%%rip), %%rcx\n subq %%rax, %%rcx\n movq %%rcx, 16(%[section])\n"
        "leaq 4f(%%rip), %%rax\n movq %%rax, 24(%[section])\n"
        "3: movq %[section], (%[field])\n"
        "1: jmp 1b\n"
        "2: nop\n"
        ".byte 0x0f, 0xb9, 0x3d\n .long 0x53053053\n"  // RSEQ_SIG stands before where it aborts to
        "4: lock incq (%[aborts])\n jmp 3b\n"
        :
        : [section] "r"(section), [field] "r"(field), [aborts] "r"(aborts)
        : "rax", "rcx", "memory", "cc");
    __builtin_unreachable();
}

TEST_F(RemoteCalls, LeaveAThreadInARestartableSequenceAlone) {
    if (__rseq_size == 0) GTEST_SKIP() << "this kernel has no restartable sequences";
    void* shared =
        ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(shared, MAP_FAILED);
    auto* aborts = static_cast<std::uint64_t*>(shared);
    const std::uint64_t memory = filled_memory(page_bytes);
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        spin_in_sequence(aborts);
    }
    const std::atomic_ref<std::uint64_t> counted(*aborts);
    ASSERT_TRUE(wait_until([&] { return counted.load() > 0; }));  // by the timer's interrupt
    RemoteRequest wanted = request(pid, RemoteOperation::nohugepage, memory, page_bytes);
    wanted.limits.patience = milliseconds(50);
    const RemoteOutcome outcome = caller_->call(wanted, {});
    const std::uint64_t after = counted.load();
    EXPECT_EQ(outcome.refusal, RemoteRefusal::no_safe_thread);
    EXPECT_EQ(outcome.calls, 0U);
    EXPECT_GE(outcome.stops, 1U);
    EXPECT_TRUE(wait_until([&] { return counted.load() > after; })) << "it is not aborted any more";
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    ::munmap(shared, page_bytes);
}

TEST_F(RemoteCalls, LeaveAThreadInAWriteAlone) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    constexpr std::size_t size = 1 << 20;
    std::vector<char> data(size, 'x');
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::close(pipe[0]);
        const ssize_t written = ::write(pipe[1], data.data(), size);
        ::_exit(written == static_cast<ssize_t>(size) ? 0 : 1);
    }
    ::close(pipe[1]);
    const std::string file = "/proc/" + std::to_string(pid) + "/syscall";
    const std::string writing = std::to_string(SYS_write) + " ";
    ASSERT_TRUE(wait_until([&] { return read_file(file).value_or("").starts_with(writing); }));
    RemoteRequest wanted =
        request(pid, RemoteOperation::nohugepage,
                reinterpret_cast<std::uint64_t>(data.data()) / page_bytes * page_bytes, page_bytes);
    wanted.limits.patience = milliseconds(20);
    const RemoteOutcome outcome = caller_->call(wanted, {});
    EXPECT_EQ(outcome.refusal, RemoteRefusal::no_safe_thread);
    EXPECT_EQ(outcome.stops, 0U);
    std::vector<char> taken(size);
    while (::read(pipe[0], taken.data(), taken.size()) > 0) {
    }
    int status = -1;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0) << "its write was cut short";
    ::close(pipe[0]);
}

// The first thread is a zombie then for as long as others run.
TEST_F(RemoteCalls, FindOtherThreadsWhereTheFirstHasEnded) {
    const std::uint64_t memory = filled_memory(page_bytes);
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        pthread_t other{};
        ::pthread_create(
            &other, nullptr,
            [](void*) -> void* {
                for (;;) ::pause();
            },
            nullptr);
        ::syscall(SYS_exit, 0);  // of this thread alone
    }
    ASSERT_TRUE(wait_until([&] { return state_of(pid) == 'Z'; }));
    const RemoteOutcome outcome =
        caller_->call(request(pid, RemoteOperation::mlock_onfault, memory, page_bytes), {});
    EXPECT_FALSE(outcome.refusal) << name_of(*outcome.refusal);
    EXPECT_EQ(outcome.ranges[0].done, Bytes{page_bytes});
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
}

TEST_F(RemoteCalls, ServeSeveralThreadsOfTheEngine) {
    std::vector<std::thread> actors;
    std::atomic<int> done = 0;
    for (int actor = 0; actor < 3; ++actor) {
        actors.emplace_back([&] {
            OwnChild child([] { return filled_memory(page_bytes); });
            for (int i = 0; i < 20; ++i) {
                const auto operation =
                    i % 2 == 0 ? RemoteOperation::mlock_onfault : RemoteOperation::munlock;
                const auto outcome = call(child, operation, child.address(), page_bytes);
                if (!outcome.refusal && outcome.ranges[0].done == Bytes{page_bytes}) ++done;
                EXPECT_EQ(has_flag(child.pid(), child.address(), "lo"), i % 2 == 0);
            }
        });
    }
    for (std::thread& actor : actors) actor.join();
    EXPECT_EQ(done.load(), 60);
}

}  // namespace
}  // namespace damon_schemes::testing
