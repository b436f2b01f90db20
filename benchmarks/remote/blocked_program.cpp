// SPDX-License-Identifier: MIT
#include "benchmarks/remote/blocked_program.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <thread>

#include "benchmarks/remote/register_check.h"
#include "benchmarks/remote/ring.h"

namespace damon_schemes::bench {

namespace {

constexpr std::uint64_t timeout_ns = 20'000'000;
constexpr long timeout_ms = 20;
constexpr int thread_count = 200;

std::uint64_t now_ns(clockid_t clock = CLOCK_MONOTONIC) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(time.tv_nsec);
}

timespec as_timespec(std::uint64_t ns) {
    return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

std::uint64_t at(const void* pointer) {
    return reinterpret_cast<std::uint64_t>(pointer);
}

std::uint64_t word(int number) {
    return static_cast<std::uint64_t>(number);
}

// For the handlers, which get nothing else.
Ledger* handlers_ledger = nullptr;

void count_signal(int) {
    handlers_ledger->signals.fetch_add(1);
}

void count_in_order(int, siginfo_t* about, void*) {
    const auto number = static_cast<std::uint64_t>(about->si_value.sival_int);
    if (number != handlers_ledger->signals.fetch_add(1)) handlers_ledger->misplaced.fetch_add(1);
}

void handle(int signal, void (*handler)(int), int flags = 0) {
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = flags;
    ::sigaction(signal, &action, nullptr);
}

void handle_in_order(int signal, int flags) {
    struct sigaction action {};
    action.sa_sigaction = count_in_order;
    action.sa_flags = SA_SIGINFO | flags;
    ::sigaction(signal, &action, nullptr);
}

}  // namespace

// What a program and who wakes it have in common.
struct BlockedProgram::Things {
    pid_t program = -1;
    std::array<int, 2> pipe{-1, -1};
    int event = -1;
    int epoll = -1;
    int terminal_master = -1, terminal = -1;
    int semaphore = -1;
    int queue = -1;
    int listener = -1;
    std::array<int, 2> sockets{-1, -1};
    std::uint32_t* futex = nullptr;  // shared
    sockaddr_un address{};
    socklen_t address_length = 0;
    std::uint64_t wakes = 0;  // of the one who wakes
    // The program's own.
    std::uint64_t turn = 0;
    RegisterCheck registers;
    std::unique_ptr<Ring> ring;

    ~Things() {
        for (const int each : {pipe[0], pipe[1], event, epoll, terminal_master, terminal, listener,
                               sockets[0], sockets[1]}) {
            if (each >= 0) ::close(each);
        }
        if (semaphore >= 0) ::semctl(semaphore, 0, IPC_RMID);
        if (queue >= 0) ::msgctl(queue, IPC_RMID, nullptr);
        if (futex != nullptr) ::munmap(futex, 4096);
    }

    std::int64_t call(long number, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0,
                      std::uint64_t d = 0, std::uint64_t e = 0, std::uint64_t f = 0) {
        return registers.call(number, a, b, c, d, e, f);
    }
};

namespace {

using Things = BlockedProgram::Things;

enum class Ended { well, spuriously, wrongly };

struct Round {
    Ended ended;
    std::int64_t result;
};

Round judge(std::int64_t result, bool right) {
    if (right) return {Ended::well, result};
    return {result == -EINTR ? Ended::spuriously : Ended::wrongly, result};
}

// By which clock the kernel counts a time-out, and how near it keeps to it.
struct Timing {
    clockid_t clock;
    std::uint64_t slack_ns;
};
constexpr Timing by_timer{CLOCK_MONOTONIC, 1'000'000};
// In ticks, of the slowest clock (HZ 100) one.  The coarse clock goes by ticks, too: where the
// processor that counts them stood still (a starved guest's), many come at once.
constexpr Timing by_ticks{CLOCK_MONOTONIC_COARSE, 10'000'000};

// A wait that is to time out, and not before its time.
template <typename Wait>
Round time_out(std::int64_t expected, Wait wait, Timing timing = by_timer) {
    const std::uint64_t began = now_ns(timing.clock);
    const std::int64_t result = wait();
    const std::uint64_t waited = now_ns(timing.clock) - began;
    return judge(result, result == expected && waited >= timeout_ns - timing.slack_ns);
}

// A wait that a signal's handler ends: EINTR is right exactly if it was called (twice, where who
// wakes had to try again).
template <typename Wait>
Round until_signal(Wait wait) {
    const std::uint64_t before = handlers_ledger->signals.load();
    const std::int64_t result = wait();
    const std::uint64_t handled = handlers_ledger->signals.load() - before;
    return judge(result, result == -EINTR && handled >= 1);
}

void open_pipe(Things& t) {
    if (::pipe2(t.pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
}

void open_event(Things& t) {
    t.event = ::eventfd(0, EFD_CLOEXEC);
    t.epoll = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    if (::epoll_ctl(t.epoll, EPOLL_CTL_ADD, t.event, &wanted) != 0) {
        throw std::runtime_error("no epoll");
    }
}

void open_terminal(Things& t) {
    if (::openpty(&t.terminal_master, &t.terminal, nullptr, nullptr, nullptr) != 0) {
        throw std::runtime_error("no terminal");
    }
    termios mode{};
    ::tcgetattr(t.terminal, &mode);
    mode.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(t.terminal, TCSANOW, &mode);
}

void open_semaphore(Things& t) {
    t.semaphore = ::semget(IPC_PRIVATE, 1, 0600);
    if (t.semaphore < 0) throw std::runtime_error("no semaphore");
}

void open_queue(Things& t) {
    t.queue = ::msgget(IPC_PRIVATE, 0600);
    if (t.queue < 0) throw std::runtime_error("no message queue");
}

void open_listener(Things& t) {
    t.listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    t.address.sun_family = AF_UNIX;
    // Without a name the kernel chooses one that is free.
    if (::bind(t.listener, reinterpret_cast<sockaddr*>(&t.address), sizeof(sa_family_t)) != 0 ||
        ::listen(t.listener, 8) != 0) {
        throw std::runtime_error("no socket");
    }
    t.address_length = sizeof t.address;
    ::getsockname(t.listener, reinterpret_cast<sockaddr*>(&t.address), &t.address_length);
}

void open_sockets(Things& t) {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, t.sockets.data()) != 0) {
        throw std::runtime_error("no sockets");
    }
    timeval time{0, static_cast<suseconds_t>(timeout_ns / 1000)};
    ::setsockopt(t.sockets[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

void open_futex(Things& t) {
    void* memory = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("no memory");
    t.futex = static_cast<std::uint32_t*>(memory);
}

std::atomic_ref<std::uint32_t> futex_word(Things& t) {
    return std::atomic_ref<std::uint32_t>(*t.futex);
}

void wake_pipe(Things& t) {
    const auto byte = static_cast<unsigned char>(t.wakes);
    if (::write(t.pipe[1], &byte, 1) != 1) throw std::runtime_error("a full pipe");
}

void wake_event(Things& t) {
    const std::uint64_t number = t.wakes + 1;
    if (::write(t.event, &number, sizeof number) != sizeof number) {
        throw std::runtime_error("a full eventfd");
    }
}

Round take_event(Things& t, std::int64_t result, std::int64_t expected) {
    if (result != expected) return judge(result, false);
    std::uint64_t number = 0;
    const auto length = t.call(SYS_read, word(t.event), at(&number), sizeof number);
    return judge(result, length == std::int64_t{sizeof number} && number == t.turn + 1);
}

void send_signal(Things& t, int signal) {
    while (::sigqueue(t.program, signal, sigval{static_cast<int>(t.wakes)}) != 0 && errno == EAGAIN)
        ::sched_yield();
}

// A signal that comes before the wait has begun does not end it: who sends it waits until it has.
void signal_once_waiting(Things& t, long number) {
    const std::string path = "/proc/" + std::to_string(t.program) + "/syscall";
    const std::string wanted = std::to_string(number) + " ";
    for (;;) {
        std::array<char, 256> text{};
        const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (file < 0) return;
        const ssize_t length = ::read(file, text.data(), text.size() - 1);
        ::close(file);
        if (length <= 0) return;
        if (std::strncmp(text.data(), wanted.c_str(), wanted.size()) == 0) break;
        ::usleep(100);
    }
    ::kill(t.program, SIGUSR1);
}

// Threads of the kind `threads`: each waits in a condition, is woken, and adds to a sum under a
// lock.
struct Crowd {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
    pthread_cond_t all = PTHREAD_COND_INITIALIZER;
    std::uint64_t turn = 0;
    std::uint64_t sum = 0;
    int arrived = 0;
};
Crowd crowd;

void* crowd_member(void* number) {
    std::uint64_t seen = 0;
    ::pthread_mutex_lock(&crowd.mutex);
    handlers_ledger->threads.fetch_add(1);
    for (;;) {
        while (crowd.turn == seen) ::pthread_cond_wait(&crowd.wake, &crowd.mutex);
        seen = crowd.turn;
        crowd.sum += reinterpret_cast<std::uintptr_t>(number);
        if (++crowd.arrived == thread_count) ::pthread_cond_signal(&crowd.all);
    }
}

void start_crowd(Things&) {
    pthread_attr_t small;
    ::pthread_attr_init(&small);
    ::pthread_attr_setstacksize(&small, 64 << 10);
    for (std::uintptr_t i = 1; i <= thread_count; ++i) {
        pthread_t thread{};
        if (::pthread_create(&thread, &small, crowd_member, reinterpret_cast<void*>(i)) != 0) {
            ::_exit(3);
        }
    }
    while (handlers_ledger->threads.load() != thread_count) ::sched_yield();
}

Round crowd_round(Things&) {
    ::pthread_mutex_lock(&crowd.mutex);
    crowd.sum = 0;
    crowd.arrived = 0;
    ++crowd.turn;
    ::pthread_cond_broadcast(&crowd.wake);
    while (crowd.arrived != thread_count) ::pthread_cond_wait(&crowd.all, &crowd.mutex);
    const std::uint64_t sum = crowd.sum;
    ::pthread_mutex_unlock(&crowd.mutex);
    ::usleep(2000);
    constexpr std::uint64_t expected = std::uint64_t{thread_count} * (thread_count + 1) / 2;
    return judge(static_cast<std::int64_t>(sum), sum == expected);
}

// Two threads that compute, with all their registers checked; which is borrowed is open.
void start_computing(Things&) {
    std::thread([] {
        RegisterCheck registers;
        for (;;) {
            registers.spin(100'000);
            if (registers.mismatches() != 0) handlers_ledger->registers.store(1);
        }
    }).detach();
}

Round child_round(Things& t) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::usleep(1000);
        ::_exit(7);
    }
    if (child < 0) return {Ended::wrongly, -errno};
    int status = 0;
    const std::int64_t result = t.call(SYS_wait4, word(child), at(&status));
    const bool right = result == child && WIFEXITED(status) && WEXITSTATUS(status) == 7;
    if (!right) ::waitpid(child, &status, 0);
    return judge(result, right);
}

void nothing(Things&) {}

}  // namespace

struct BlockedProgram::Kind {
    const char* name;
    void (*open)(Things&);   // before the program is started
    void (*begin)(Things&);  // in it
    Round (*round)(Things&);
    void (*wake)(Things&);  // nullptr: a round ends by itself
};

namespace {

using Kind = BlockedProgram::Kind;

const Kind all_kinds[] = {
    {"computing", nothing, nothing,
     [](Things& t) {
         t.registers.spin(200'000);
         return judge(0, true);
     },
     nullptr},
    {"nanosleep", nothing, nothing,
     [](Things& t) {
         return time_out(0, [&] {
             timespec time = as_timespec(timeout_ns);
             timespec left{};
             return t.call(SYS_nanosleep, at(&time), at(&left));
         });
     },
     nullptr},
    {"clock_nanosleep, absolute", nothing, nothing,
     [](Things& t) {
         return time_out(0, [&] {
             const timespec time = as_timespec(now_ns() + timeout_ns);
             return t.call(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, at(&time), 0);
         });
     },
     nullptr},
    {"read of a pipe", open_pipe, nothing,
     [](Things& t) {
         unsigned char byte = 0;
         const auto result = t.call(SYS_read, word(t.pipe[0]), at(&byte), 1);
         return judge(result, result == 1 && byte == static_cast<unsigned char>(t.turn));
     },
     wake_pipe},
    {"read of an eventfd", open_event, nothing,
     [](Things& t) {
         std::uint64_t number = 0;
         const auto result = t.call(SYS_read, word(t.event), at(&number), sizeof number);
         return judge(result, result == std::int64_t{sizeof number} && number == t.turn + 1);
     },
     wake_event},
    {"read of a terminal", open_terminal, nothing,
     [](Things& t) {
         char line[8] = {};
         const auto result = t.call(SYS_read, word(t.terminal), at(line), sizeof line);
         return judge(result, result == 2 && line[0] == static_cast<char>('a' + t.turn % 26));
     },
     [](Things& t) {
         const char line[2] = {static_cast<char>('a' + t.wakes % 26), '\n'};
         if (::write(t.terminal_master, line, sizeof line) != sizeof line) {
             throw std::runtime_error("a full terminal");
         }
     }},
    {"epoll_wait", open_event, nothing,
     [](Things& t) {
         epoll_event event{};
         return take_event(t, t.call(SYS_epoll_wait, word(t.epoll), at(&event), 1, word(-1)), 1);
     },
     wake_event},
    {"epoll_wait with a time-out", open_event, nothing,
     [](Things& t) {
         return time_out(0, [&] {
             epoll_event event{};
             return t.call(SYS_epoll_wait, word(t.epoll), at(&event), 1, timeout_ms);
         });
     },
     nullptr},
    {"epoll_pwait with a mask", open_event, nothing,
     [](Things& t) {
         epoll_event event{};
         const std::uint64_t mask = std::uint64_t{1} << (SIGUSR1 - 1);
         return take_event(
             t, t.call(SYS_epoll_pwait, word(t.epoll), at(&event), 1, word(-1), at(&mask), 8), 1);
     },
     wake_event},
    {"epoll_wait ended by a signal", open_event,
     [](Things&) { handle(SIGUSR1, count_signal, SA_RESTART); },
     [](Things& t) {
         return until_signal([&] {
             epoll_event event{};
             return t.call(SYS_epoll_wait, word(t.epoll), at(&event), 1, word(-1));
         });
     },
     [](Things& t) { signal_once_waiting(t, SYS_epoll_wait); }},
    {"poll", open_event, nothing,
     [](Things& t) {
         pollfd waiting{t.event, POLLIN, 0};
         return take_event(t, t.call(SYS_poll, at(&waiting), 1, word(-1)), 1);
     },
     wake_event},
    {"poll with a time-out", open_event, nothing,
     [](Things& t) {
         return time_out(0, [&] {
             pollfd waiting{t.event, POLLIN, 0};
             return t.call(SYS_poll, at(&waiting), 1, timeout_ms);
         });
     },
     nullptr},
    {"ppoll with a mask", open_event, nothing,
     [](Things& t) {
         pollfd waiting{t.event, POLLIN, 0};
         const std::uint64_t mask = std::uint64_t{1} << (SIGUSR1 - 1);
         return take_event(t, t.call(SYS_ppoll, at(&waiting), 1, 0, at(&mask), 8), 1);
     },
     wake_event},
    {"select with a time-out", open_event, nothing,
     [](Things& t) {
         return time_out(0, [&] {
             fd_set wanted;
             FD_ZERO(&wanted);
             FD_SET(t.event, &wanted);
             timeval time{0, static_cast<suseconds_t>(timeout_ns / 1000)};
             return t.call(SYS_select, word(t.event + 1), at(&wanted), 0, 0, at(&time));
         });
     },
     nullptr},
    {"futex", open_futex, nothing,
     [](Things& t) {
         const auto before = static_cast<std::uint32_t>(t.turn);
         std::int64_t result = 0;
         // Who wakes may come late, after a change that we have seen already, and wake the next
         // wait.
         do {
             result = t.call(SYS_futex, at(t.futex), FUTEX_WAIT, before, 0);
         } while (result == 0 && futex_word(t).load() == before);
         const bool woken = result == 0 || result == -EAGAIN;
         return judge(result, woken && futex_word(t).load() == before + 1);
     },
     [](Things& t) {
         futex_word(t).fetch_add(1);
         ::syscall(SYS_futex, t.futex, FUTEX_WAKE, 1, nullptr, nullptr, 0);
     }},
    {"futex with a time-out", open_futex, nothing,
     [](Things& t) {
         return time_out(-ETIMEDOUT, [&] {
             const timespec time = as_timespec(timeout_ns);
             return t.call(SYS_futex, at(t.futex), FUTEX_WAIT, 0, at(&time));
         });
     },
     nullptr},
    {"sigwaitinfo", nothing, nothing,
     [](Things& t) {
         const std::uint64_t wanted = std::uint64_t{1} << (SIGRTMIN + 2 - 1);
         siginfo_t about{};
         const auto result = t.call(SYS_rt_sigtimedwait, at(&wanted), at(&about), 0, 8);
         return judge(result, result == SIGRTMIN + 2 &&
                                  about.si_value.sival_int == static_cast<int>(t.turn));
     },
     [](Things& t) { send_signal(t, SIGRTMIN + 2); }},
    {"sigtimedwait", nothing, nothing,
     [](Things& t) {
         return time_out(-EAGAIN, [&] {
             const std::uint64_t wanted = std::uint64_t{1} << (SIGRTMIN + 2 - 1);
             const timespec time = as_timespec(timeout_ns);
             return t.call(SYS_rt_sigtimedwait, at(&wanted), 0, at(&time), 8);
         });
     },
     nullptr},
    {"semop", open_semaphore, nothing,
     [](Things& t) {
         sembuf take{0, -1, 0};
         const auto result = t.call(SYS_semop, word(t.semaphore), at(&take), 1);
         return judge(result, result == 0);
     },
     [](Things& t) {
         sembuf give{0, 1, 0};
         ::semop(t.semaphore, &give, 1);
     }},
    {"semtimedop", open_semaphore, nothing,
     [](Things& t) {
         return time_out(-EAGAIN, [&] {
             sembuf take{0, -1, 0};
             const timespec time = as_timespec(timeout_ns);
             return t.call(SYS_semtimedop, word(t.semaphore), at(&take), 1, at(&time));
         });
     },
     nullptr},
    {"msgrcv", open_queue, nothing,
     [](Things& t) {
         struct {
             long type;
             std::uint64_t number;
         } message{};
         const auto result =
             t.call(SYS_msgrcv, word(t.queue), at(&message), sizeof message.number, 0, 0);
         return judge(result,
                      result == std::int64_t{sizeof message.number} && message.number == t.turn);
     },
     [](Things& t) {
         const struct {
             long type;
             std::uint64_t number;
         } message{1, t.wakes};
         ::msgsnd(t.queue, &message, sizeof message.number, 0);
     }},
    {"accept", open_listener, nothing,
     [](Things& t) {
         const auto result = t.call(SYS_accept, word(t.listener), 0, 0);
         if (result >= 0) ::close(static_cast<int>(result));
         return judge(result, result >= 0);
     },
     [](Things& t) {
         const int caller = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
         const bool connected =
             ::connect(caller, reinterpret_cast<sockaddr*>(&t.address), t.address_length) == 0;
         ::close(caller);
         if (!connected) throw std::runtime_error("no connection");
     }},
    {"recv with a time-out", open_sockets, nothing,
     [](Things& t) {
         return time_out(
             -EAGAIN,
             [&] {
                 char byte = 0;
                 return t.call(SYS_recvfrom, word(t.sockets[0]), at(&byte), 1, 0, 0, 0);
             },
             by_ticks);
     },
     nullptr},
    {"io_uring_enter", open_event,
     [](Things& t) {
         t.ring = std::make_unique<Ring>();
         if (!t.ring->open()) ::_exit(77);
     },
     [](Things& t) {
         std::uint64_t number = 0;
         t.ring->submit_read(t.event, &number, sizeof number);
         const auto result =
             t.call(SYS_io_uring_enter, word(t.ring->descriptor()), 0, 1, Ring::get_events, 0, 8);
         if (result != 0) return judge(result, false);
         return judge(result,
                      t.ring->take_result() == std::int64_t{sizeof number} && number == t.turn + 1);
     },
     wake_event},
    {"pause", nothing, [](Things&) { handle(SIGUSR1, count_signal); },
     [](Things& t) { return until_signal([&] { return t.call(SYS_pause); }); },
     [](Things& t) { signal_once_waiting(t, SYS_pause); }},
    {"sigsuspend", nothing,
     [](Things&) {
         handle(SIGUSR1, count_signal);
         sigset_t held;
         ::sigemptyset(&held);
         ::sigaddset(&held, SIGUSR1);
         ::sigprocmask(SIG_BLOCK, &held, nullptr);
     },
     [](Things& t) {
         return until_signal([&] {
             const std::uint64_t mask = 0;
             return t.call(SYS_rt_sigsuspend, at(&mask), 8);
         });
     },
     [](Things& t) { ::kill(t.program, SIGUSR1); }},
    {"wait4 for children", nothing, nothing, child_round, nullptr},
    {"computing among signals", nothing, [](Things&) { handle_in_order(SIGRTMIN + 1, SA_RESTART); },
     [](Things& t) {
         t.registers.spin(50'000);
         return judge(0, true);
     },
     [](Things& t) { send_signal(t, SIGRTMIN + 1); }},
    {"read among signals", open_pipe, [](Things&) { handle_in_order(SIGRTMIN + 1, SA_RESTART); },
     [](Things& t) {
         unsigned char byte = 0;
         const auto result = t.call(SYS_read, word(t.pipe[0]), at(&byte), 1);
         return judge(result, result == 1 && byte == static_cast<unsigned char>(t.turn));
     },
     [](Things& t) {
         send_signal(t, SIGRTMIN + 1);
         wake_pipe(t);
     }},
    {"200 threads", nothing, start_crowd, crowd_round, nullptr},
    {"two computing threads", nothing, start_computing,
     [](Things& t) {
         t.registers.spin(200'000);
         return judge(0, true);
     },
     nullptr},
};

}  // namespace

#if defined(__SANITIZE_THREAD__)
static bool handles_signals(const std::string& kind) {
    return kind.ends_with("signals") || kind.ends_with("signal") || kind == "pause" ||
           kind == "sigsuspend";
}
#endif

std::vector<std::string> BlockedProgram::kinds() {
    std::vector<std::string> names;
    for (const Kind& kind : all_kinds) {
        if (std::string(kind.name) == "io_uring_enter" && !Ring().open()) continue;
#if defined(__SANITIZE_THREAD__)
        // Its handlers run when a call that it knows is made, and ours it does not know.
        if (handles_signals(kind.name)) continue;
#endif
        names.emplace_back(kind.name);
    }
    return names;
}

BlockedProgram::BlockedProgram(const std::string& kind) : things_(std::make_unique<Things>()) {
    for (const Kind& each : all_kinds) {
        if (kind == each.name) kind_ = &each;
    }
    if (kind_ == nullptr) throw std::runtime_error("there is no kind '" + kind + "'");
    kind_->open(*things_);
    void* ledger =
        ::mmap(nullptr, sizeof(Ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    void* memory =
        ::mmap(nullptr, memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ledger == MAP_FAILED || memory == MAP_FAILED) throw std::runtime_error("no memory");
    ledger_ = new (ledger) Ledger{};
    memory_ = at(memory);
    // What the one waits for must not reach the other through a copy of ours.
    if (kind_->wake != nullptr) {
        sigset_t held;
        ::sigemptyset(&held);
        ::sigaddset(&held, SIGRTMIN + 2);
        ::pthread_sigmask(SIG_BLOCK, &held, nullptr);
    }
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(0);
        run();
    }
    ::munmap(memory, memory_size);
    if (pid_ < 0) throw std::runtime_error("no process");
    things_->program = pid_;
    while (!ledger_->ready.load()) {
        if (!running()) throw std::runtime_error(kind + ": the program does not start");
        ::usleep(500);
    }
}

BlockedProgram::~BlockedProgram() {
    if (running()) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    ::munmap(ledger_, sizeof(Ledger));
}

void BlockedProgram::run() {
    handlers_ledger = ledger_;
    std::memset(reinterpret_cast<void*>(memory_), 1, memory_size);
    kind_->begin(*things_);
    ledger_->ready.store(true);
    for (;; ++things_->turn) {
        Round round = kind_->round(*things_);
        // A wait that was cut short is noted, and made again so that the rest is in step.
        while (round.ended == Ended::spuriously) {
            ledger_->spurious.fetch_add(1);
            round = kind_->round(*things_);
        }
        if (round.ended == Ended::wrongly) {
            ledger_->wrong_result.store(round.result);
            ledger_->wrong.fetch_add(1);
        }
        if (things_->registers.mismatches() != 0) {
            ledger_->registers.store(things_->registers.mismatches());
        }
        ledger_->rounds.fetch_add(1);
    }
}

bool BlockedProgram::needs_waking() const {
    return kind_->wake != nullptr;
}

bool BlockedProgram::counts_signals() const {
    const std::string name = kind_->name;
    return name.ends_with("among signals");
}

bool BlockedProgram::may_miss_wake() const {
    const std::string name = kind_->name;
    return name == "pause" || name == "epoll_wait ended by a signal";
}

void BlockedProgram::wake() {
    things_->wakes = wakes_++;
    kind_->wake(*things_);
}

bool BlockedProgram::wait_for_rounds(std::uint64_t rounds, std::chrono::milliseconds patience) {
    const std::uint64_t deadline =
        now_ns() + static_cast<std::uint64_t>(patience.count()) * 1'000'000;
    while (ledger_->rounds.load() < rounds) {
        if (now_ns() > deadline || !running()) return ledger_->rounds.load() >= rounds;
        ::usleep(200);
    }
    return true;
}

bool BlockedProgram::running() {
    if (ended_ || pid_ <= 0) return false;
    if (::waitpid(pid_, &status_, WNOHANG) == pid_) ended_ = true;
    return !ended_;
}

}  // namespace damon_schemes::bench
