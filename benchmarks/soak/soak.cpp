// SPDX-License-Identifier: MIT
// Targets are born, fork, exec, map, unmap and die for a while, under sessions that open, change
// and get killed.  Fails where the module answers what it must not, stops giving snapshots, keeps a
// thread or its reference; the lab fails the run where the kernel says anything.
//
//     soak SECONDS SEED
//
// In the lab's guest, with the module loaded, as root:
//
//     ./dev lab run --kernel debug --module --append kmemleak=on --file build/benchmarks/soak/soak
//         -- soak 300 1
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <stdexcept>
#include <string>

#include "benchmarks/random.h"
#include "benchmarks/soak/aftermath.h"
#include "benchmarks/soak/ledger.h"
#include "benchmarks/soak/victim.h"
#include "benchmarks/soak/watcher.h"

namespace damon_schemes::soak {

using bench::Random;
namespace {

constexpr std::size_t watchers = 3;
// A deadlock is told from a slow machine by this: nothing at all was done for so long.
constexpr double patience_seconds = 120;

double now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void nap(long milliseconds) {
    const timespec time{milliseconds / 1000, milliseconds % 1000 * 1'000'000};
    nanosleep(&time, nullptr);
}

// Bears and kills, until it is killed itself.
class Conductor {
  public:
    Conductor(Ledger* ledger, int ledger_descriptor, std::uint64_t seed)
        : ledger_(ledger), descriptor_(ledger_descriptor), random_(seed) {}

    [[noreturn]] void run() {
        // Who loses its parent comes to us, so that every death is noticed.
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        const pid_t steady = fork();
        if (steady == 0) live_as_steady_watcher(ledger_);
        for (std::uint64_t round = 0;; round++) {
            for (pid_t dead; (dead = waitpid(-1, nullptr, WNOHANG)) > 0;) bury(dead, steady);
            keep_watchers();
            if (random_.one_in(2)) bear_victim(ledger_, descriptor_);
            if (random_.one_in(8)) kill_a_victim();
            if (random_.one_in(24)) kill_a_watcher();
            if (round % 100 == 0) free_lost_places();
            nap(static_cast<long>(random_.below(60)));
        }
    }

  private:
    void bury(pid_t dead, pid_t steady) {
        if (dead == steady) ledger_->fail("the steady session's process has ended");
        ledger_->leave(dead);
        for (auto& watcher : watchers_)
            if (watcher == dead) watcher = 0;
    }

    void keep_watchers() {
        for (auto& watcher : watchers_) {
            if (watcher != 0) continue;
            const auto seed = ledger_->seeds++;
            watcher = fork();
            if (watcher == 0) live_as_watcher(ledger_, seed);
            if (watcher < 0) watcher = 0;
        }
    }

    void kill_a_victim() {
        const pid_t pid = ledger_->any_victim(random_.next());
        if (pid > 0 && kill(pid, SIGKILL) == 0) ledger_->count(Deed::killed_victim);
    }

    void kill_a_watcher() {
        const pid_t pid = watchers_[random_.below(watchers)];
        if (pid > 0 && kill(pid, SIGKILL) == 0) ledger_->count(Deed::killed_watcher);
    }

    // A process killed in the middle of bearing another leaves a place that nobody will fill.
    void free_lost_places() {
        for (std::size_t i = 0; i < max_victims; i++) {
            pid_t pid = ledger_->victims[i];
            const bool lost = pid < 0 ? unborn_[i] : pid > 0 && kill(pid, 0) != 0;
            unborn_[i] = pid < 0;
            if (lost) ledger_->victims[i].compare_exchange_strong(pid, 0);
        }
    }

    Ledger* ledger_;
    int descriptor_;
    Random random_;
    std::array<pid_t, watchers> watchers_{};
    std::array<bool, max_victims> unborn_{};
};

// Whether each kind of process still does something.
class Watchdog {
  public:
    explicit Watchdog(const Ledger* ledger) : ledger_(ledger) {}

    // What stands still; nullptr: nothing.
    const char* look() {
        const std::array<std::uint64_t, 3> counts = {
            ledger_->counted(Deed::map) + ledger_->counted(Deed::touch),
            ledger_->counted(Deed::snapshot), ledger_->counted(Deed::steady_snapshot)};
        static constexpr std::array<const char*, 3> names = {"no victim does anything",
                                                             "no watcher gets a snapshot",
                                                             "the steady session gets no snapshot"};
        for (std::size_t i = 0; i < counts.size(); i++) {
            if (counts[i] != last_[i]) since_[i] = now();
            last_[i] = counts[i];
            if (now() - since_[i] > patience_seconds) return names[i];
        }
        return nullptr;
    }

  private:
    const Ledger* ledger_;
    std::array<std::uint64_t, 3> last_{};
    std::array<double, 3> since_{now(), now(), now()};
};

void print_deeds(const Ledger& ledger) {
    for (std::size_t i = 0; i < deed_count; i++) {
        const auto deed = static_cast<Deed>(i);
        std::printf("%12llu  %s\n", static_cast<unsigned long long>(ledger.counted(deed)),
                    name_of(deed));
    }
}

// Everyone at once, also who is just being born.
bool end_everyone(pid_t group) {
    kill(-group, SIGKILL);
    for (const double until = now() + patience_seconds; now() < until;) {
        const pid_t dead = waitpid(-1, nullptr, WNOHANG);
        if (dead < 0 && errno == ECHILD) return true;
        if (dead == 0) nap(20);
    }
    return false;
}

int give_up(const std::string& why) {
    std::printf("soak: FAILED: %s\n%s", why.c_str(), where_everything_stands().c_str());
    return 1;
}

int conclude(const Ledger& ledger) {
    int failures = 0;
    const auto fail = [&](const std::string& what) {
        failures++;
        std::printf("soak: FAILED: %s\n", what.c_str());
    };
    for (std::uint32_t i = 0; i < ledger.failures && i < max_failures; i++)
        fail(ledger.failure_texts[i].data());
    // A soak in which something never happened shows nothing about it.
    for (std::size_t i = 0; i < deed_count; i++) {
        const auto deed = static_cast<Deed>(i);
        if (ledger.counted(deed) == 0) fail(std::string("it never came to: ") + name_of(deed));
    }
    for (const auto& wrong : look_at_aftermath()) fail(wrong);
    std::printf("soak: %s\n", failures == 0 ? "passed" : "failed");
    return failures == 0 ? 0 : 1;
}

int run(double seconds, std::uint64_t seed) {
    const int descriptor = make_ledger();
    Ledger* ledger = map_ledger(descriptor);
    ledger->seeds = seed * 1'000'000;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    // No pid comes twice, so a pid that has died is never somebody else.
    std::ofstream("/proc/sys/kernel/pid_max") << 4194304 << std::flush;
    std::printf("soak: %.0f s, seed %llu\n", seconds, static_cast<unsigned long long>(seed));
    std::fflush(stdout);

    const pid_t group = fork();
    if (group < 0) throw std::runtime_error("no process");
    if (group == 0) {
        setpgid(0, 0);
        Conductor(ledger, descriptor, seed).run();
    }
    setpgid(group, group);

    Watchdog watchdog(ledger);
    double next_word = now() + 30;
    for (const double until = now() + seconds; now() < until;) {
        nap(200);
        if (const char* stuck = watchdog.look()) return give_up(stuck);
        if (ledger->failures >= max_failures) break;
        if (now() < next_word || now() >= until) continue;
        next_word += 30;
        std::printf("soak: %.0f s to go, %llu sessions, %llu snapshots, %u failures\n",
                    until - now(), static_cast<unsigned long long>(ledger->counted(Deed::session)),
                    static_cast<unsigned long long>(ledger->counted(Deed::snapshot)),
                    ledger->failures.load());
        std::fflush(stdout);
    }
    if (!end_everyone(group)) return give_up("a process does not die");
    print_deeds(*ledger);
    return conclude(*ledger);
}

template <typename Number>
bool parse(const char* text, Number* number) {
    const char* end = text + std::strlen(text);
    return std::from_chars(text, end, *number).ptr == end && text != end;
}

}  // namespace
}  // namespace damon_schemes::soak

int main(int argc, char** argv) {
    using namespace damon_schemes::soak;
    int descriptor = 0;
    unsigned seconds = 0;
    std::uint64_t seed = 0;
    try {
        if (argc == 4 && std::strcmp(argv[1], "--victim") == 0 && parse(argv[2], &descriptor) &&
            parse(argv[3], &seed))
            live_as_victim(map_ledger(descriptor), descriptor, seed);
        if (argc == 3 && parse(argv[1], &seconds) && parse(argv[2], &seed) && seconds > 0)
            return run(seconds, seed);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "soak: %s\n", error.what());
        return 1;
    }
    std::fputs("usage: soak SECONDS SEED (in the lab's guest, the module loaded)\n", stderr);
    return 2;
}
