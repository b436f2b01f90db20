// SPDX-License-Identifier: MIT
// Remote calls without end: on programs of every kind, on a process that is there already, and
// with the engine or the helper killed meanwhile.  Prints a table and leaves the figures in a file.
//
//     remote_torment kinds HELPER JSON CALLS [FULL]  CALLS calls on each kind of program; with
//     FULL,
//                                                    on so many kinds, and a tenth on the others
//     remote_torment kills HELPER JSON TIMES         the engine is killed at random moments
//     remote_torment helper-kills HELPER JSON TIMES  the helper is
//     remote_torment process HELPER JSON PID SECONDS
//
// HELPER is the path of damon-schemes-remote.  Exit status: 0; 1: a program was harmed (not by
// helper-kills, where that is what is measured); 2: wrong usage, or it could not run.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "benchmarks/remote/blocked_program.h"
#include "benchmarks/remote/torment.h"
#include "engine/actions/mappings.h"
#include "engine/remote/helper_remote_caller.h"
#include "engine/targets/procfs.h"

namespace {

using namespace damon_schemes;
using bench::BlockedProgram;
using bench::percentile;
using nlohmann::json;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Arguments {
    std::string helper;
    std::string file;
    std::uint64_t number = 0;
    std::uint64_t seconds = 0;
    std::uint64_t full = 0;  // 0: all kinds
};

std::unique_ptr<RemoteCaller> start(const std::string& helper) {
    auto started = start_remote_caller({helper});
    if (!started) throw std::runtime_error(started.error().message);
    return std::move(started.value());
}

json figures_of(const std::vector<std::uint64_t>& values) {
    return {{"median", percentile(values, 0.5)},
            {"p99", percentile(values, 0.99)},
            {"most", percentile(values, 1)}};
}

double as_us(std::uint64_t ns) {
    return static_cast<double>(ns) / 1000;
}

void append(std::vector<std::uint64_t>& to, const std::vector<std::uint64_t>& from) {
    to.insert(to.end(), from.begin(), from.end());
}

bool torment_kinds(const Arguments& arguments, json& figures) {
    auto caller = start(arguments.helper);
    RemoteLimits limits;
    limits.between_stops = microseconds(300);
    limits.patience = seconds(5);
    std::printf("%-28s %7s %8s %8s %9s %7s %7s  %s\n", "", "calls", "EINTR", "wrong", "registers",
                "signals", "missed", "stop: median, p99, most; foreign: median, p99, most (us)");
    std::vector<std::uint64_t> stops, foreign;
    bool good = true;
    std::uint64_t begun = 0;
    for (const std::string& kind : BlockedProgram::kinds()) {
        const bool fully = arguments.full == 0 || begun++ < arguments.full;
        const std::uint64_t calls = fully ? arguments.number : arguments.number / 10;
        const auto found = bench::torment(*caller, kind, calls, limits);
        const bool unharmed = found.unharmed() && found.calls >= calls;
        good = good && unharmed;
        const json stop = figures_of(found.stop_ns), window = figures_of(found.foreign_ns);
        std::printf("%-28s %7lu %8lu %8lu %9lu %7lu %7lu  %.0f %.0f %.0f; %.0f %.0f %.0f%s%s%s\n",
                    kind.c_str(), found.calls, found.spurious, found.wrong, found.registers,
                    found.signals_lost + found.signals_misplaced, found.missed_wakes,
                    as_us(stop["median"]), as_us(stop["p99"]), as_us(stop["most"]),
                    as_us(window["median"]), as_us(window["p99"]), as_us(window["most"]),
                    found.hung ? "  HANGS" : "", found.died ? "  DIED" : "",
                    unharmed ? "" : "  HARMED");
        if (found.wrong != 0)
            std::printf("    the last wrong result: %ld\n", static_cast<long>(found.wrong_result));
        std::fflush(stdout);
        append(stops, found.stop_ns);
        append(foreign, found.foreign_ns);
        figures["kinds"].push_back({{"kind", kind},
                                    {"calls", found.calls},
                                    {"stops", found.stops},
                                    {"rounds", found.rounds},
                                    {"failed", found.failed},
                                    {"spurious", found.spurious},
                                    {"wrong", found.wrong},
                                    {"registers", found.registers},
                                    {"signals_lost", found.signals_lost},
                                    {"signals_misplaced", found.signals_misplaced},
                                    {"missed_wakes", found.missed_wakes},
                                    {"hung", found.hung},
                                    {"died", found.died},
                                    {"refusals", found.refusals},
                                    {"unharmed", unharmed},
                                    {"stop_ns", stop},
                                    {"foreign_ns", window}});
    }
    figures["stop_ns"] = figures_of(stops);
    figures["foreign_ns"] = figures_of(foreign);
    figures["longest_stop_ns"] = limits.longest_stop.count();
    return good;
}

// Kinds whose rounds show soon what has happened to them.
const std::vector<std::string>& killed_kinds() {
    static const std::vector<std::string> kinds = {"computing",
                                                   "futex",
                                                   "nanosleep",
                                                   "poll",
                                                   "epoll_wait",
                                                   "read of a pipe",
                                                   "computing among signals",
                                                   "200 threads"};
    return kinds;
}

// A process that makes calls without end.
class Engine {
  public:
    Engine(const std::string& helper, const BlockedProgram& program) {
        int told[2];
        if (::pipe(told) != 0) throw std::runtime_error("no pipe");
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            make_calls(helper, program, told[1]);
        }
        ::close(told[1]);
        const bool runs = pid_ > 0 && ::read(told[0], &helper_, sizeof helper_) == sizeof helper_;
        ::close(told[0]);
        if (!runs) throw std::runtime_error("the engine does not start");
    }
    ~Engine() { kill(); }
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    void kill_helper() const { ::kill(helper_, SIGKILL); }
    bool helper_ends() const {
        for (int waited = 0; waited < 10'000; ++waited) {
            const auto stat = read_process_stat(helper_, "/proc");
            if (!stat || stat->zombie()) return true;
            ::usleep(1000);
        }
        return false;
    }

  private:
    [[noreturn]] static void make_calls(const std::string& helper, const BlockedProgram& program,
                                        int told) {
        auto caller = start_remote_caller({helper});
        if (!caller) ::_exit(1);
        const pid_t pid = dynamic_cast<HelperRemoteCaller&>(**caller).helper_pid();
        if (::write(told, &pid, sizeof pid) != sizeof pid) ::_exit(1);
        RemoteRequest request;
        request.pid = program.pid();
        request.limits.between_stops = microseconds(100);
        request.ranges = {{program.memory(), program.memory() + BlockedProgram::memory_size}};
        for (;;) {
            for (const auto operation : {RemoteOperation::mlock, RemoteOperation::munlock}) {
                request.operation = operation;
                const auto outcome = caller.value()->call(request, {});
                if (outcome.refusal == RemoteRefusal::helper_lost) ::pause();
            }
        }
    }

    pid_t pid_ = -1;
    pid_t helper_ = -1;
};

// Whether it goes on as it should; the kinds of damage that can be told apart.
std::string damage_of(BlockedProgram& program) {
    const bool waits = program.needs_waking() && !program.counts_signals();
    for (int round = 0; round < 2; ++round) {
        const std::uint64_t before = program.ledger().rounds.load();
        if (!program.running()) return "died";
        if (waits) program.wake();
        if (!program.wait_for_rounds(before + 1, milliseconds(3000))) {
            return program.running() ? "hangs" : "died";
        }
    }
    const bench::Ledger& ledger = program.ledger();
    if (ledger.wrong.load() != 0 || ledger.spurious.load() != 0) return "wrong result";
    if (ledger.registers.load() != 0) return "registers";
    return {};
}

bool torment_by_kills(const Arguments& arguments, bool of_helper, json& figures) {
    std::mt19937 random(7);
    std::uniform_int_distribution<unsigned> delay_us(500, 12'000);
    std::map<std::string, std::map<std::string, std::uint64_t>> harmed;
    std::map<std::string, std::uint64_t> times;
    std::uint64_t total = 0, left_over = 0;
    std::map<std::string, std::unique_ptr<BlockedProgram>> programs;
    for (std::uint64_t turn = 0; turn < arguments.number; ++turn) {
        const std::string& kind = killed_kinds()[turn % killed_kinds().size()];
        auto& program = programs[kind];
        if (!program) program = std::make_unique<BlockedProgram>(kind);
        {
            Engine engine(arguments.helper, *program);
            ::usleep(delay_us(random));
            if (of_helper) {
                engine.kill_helper();
            } else {
                engine.kill();
            }
            if (!engine.helper_ends()) ++left_over;
        }
        ++times[kind];
        const std::string damage = damage_of(*program);
        if (damage.empty()) continue;
        ++total;
        ++harmed[kind][damage];
        program.reset();  // the next one is whole
    }
    for (const std::string& kind : killed_kinds()) {
        std::printf("%-28s %4lu killed", kind.c_str(), times[kind]);
        json by_damage = json::object();
        for (const auto& [damage, count] : harmed[kind]) {
            std::printf(", %lu %s", count, damage.c_str());
            by_damage[damage] = count;
        }
        std::puts(harmed[kind].empty() ? ", none harmed" : "");
        figures["kinds"].push_back({{"kind", kind}, {"times", times[kind]}, {"harmed", by_damage}});
    }
    std::printf("%lu of %lu harmed; %lu helpers were left\n", total, arguments.number, left_over);
    figures["times"] = arguments.number;
    figures["harmed"] = total;
    figures["helpers_left"] = left_over;
    return of_helper || (total == 0 && left_over == 0);
}

// Memory that calls can do no harm to but by being made.
std::vector<AddressRange> own_memory(pid_t pid) {
    constexpr std::uint64_t most = 1 << 20;
    std::vector<AddressRange> ranges;
    const auto text = read_file("/proc/" + std::to_string(pid) + "/maps");
    for (const Mapping& mapping : parse_mappings(text.value_or(""))) {
        if (!mapping.anonymous || mapping.shared || !mapping.writable || mapping.kernel_provided ||
            mapping.name == "[stack]") {
            continue;
        }
        ranges.push_back(
            {mapping.range.start, std::min(mapping.range.end, mapping.range.start + most)});
    }
    return ranges;
}

bool torment_process(const Arguments& arguments, json& figures) {
    auto caller = start(arguments.helper);
    const auto pid = static_cast<pid_t>(arguments.number);
    const auto end = std::chrono::steady_clock::now() + seconds(arguments.seconds);
    std::uint64_t calls = 0;
    std::map<std::string, std::uint64_t> refusals;
    std::vector<std::uint64_t> stops, foreign;
    constexpr RemoteOperation operations[] = {RemoteOperation::mlock_onfault,
                                              RemoteOperation::munlock, RemoteOperation::hugepage,
                                              RemoteOperation::nohugepage};
    for (std::uint64_t turn = 0; std::chrono::steady_clock::now() < end; ++turn) {
        RemoteRequest request;
        request.pid = pid;
        request.limits.between_stops = milliseconds(1);
        request.operation = operations[turn % 4];
        const auto ranges = own_memory(pid);
        if (ranges.empty()) break;
        request.ranges = {ranges[turn / 4 % ranges.size()]};
        const auto outcome = caller->call(request, {});
        calls += outcome.calls;
        if (outcome.refusal) ++refusals[std::string(name_of(*outcome.refusal))];
        if (outcome.stops == 1) {
            stops.push_back(static_cast<std::uint64_t>(outcome.stopped.count()));
            foreign.push_back(static_cast<std::uint64_t>(outcome.foreign.count()));
        }
        if (outcome.refusal == RemoteRefusal::gone) break;
    }
    figures = {{"calls", calls},
               {"refusals", refusals},
               {"stop_ns", figures_of(stops)},
               {"foreign_ns", figures_of(foreign)}};
    std::printf("%lu calls; stops: median %.0f us, p99 %.0f us\n", calls,
                as_us(percentile(stops, 0.5)), as_us(percentile(stops, 0.99)));
    return calls > 0;
}

int run(int count, char** words) {
    const std::string what = count > 1 ? words[1] : "";
    if (count != (what == "process" ? 6 : 5) && !(what == "kinds" && count == 6)) {
        std::fputs(
            "usage: remote_torment kinds HELPER JSON CALLS [FULL]\n"
            "       remote_torment kills|helper-kills HELPER JSON NUMBER\n"
            "       remote_torment process HELPER JSON PID SECONDS\n",
            stderr);
        return 2;
    }
    Arguments arguments{words[2], words[3], std::strtoull(words[4], nullptr, 10)};
    if (count == 6)
        (what == "kinds" ? arguments.full : arguments.seconds) =
            std::strtoull(words[5], nullptr, 10);
    json figures = json::object();
    bool good = false;
    if (what == "kinds") {
        good = torment_kinds(arguments, figures);
    } else if (what == "kills" || what == "helper-kills") {
        good = torment_by_kills(arguments, what == "helper-kills", figures);
    } else if (what == "process") {
        good = torment_process(arguments, figures);
    } else {
        return 2;
    }
    std::ofstream(arguments.file) << figures.dump(1) << '\n';
    return good ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
    try {
        return run(count, words);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "remote_torment: %s\n", error.what());
        return 2;
    }
}
