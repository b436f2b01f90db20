// SPDX-License-Identifier: MIT
#include "benchmarks/remote/torment.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "benchmarks/remote/blocked_program.h"

namespace damon_schemes::bench {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t page = 4096;
// A program that ends no round for so long hangs.
constexpr milliseconds longest_round = seconds(30);
// Where a wake may be missed the next is tried after that.
constexpr milliseconds next_wake = seconds(2);

constexpr std::array operations = {RemoteOperation::mlock_onfault, RemoteOperation::munlock,
                                   RemoteOperation::hugepage,      RemoteOperation::nohugepage,
                                   RemoteOperation::mlock,         RemoteOperation::munlock};

// Ends one round; false: it hangs, or has died.
bool wake_once(BlockedProgram& program, std::uint64_t& missed) {
    const std::uint64_t before = program.ledger().rounds.load();
    program.wake();
    if (!program.may_miss_wake()) return program.wait_for_rounds(before + 1, longest_round);
    for (int tries = 0; tries < 5; ++tries) {
        if (program.wait_for_rounds(before + 1, next_wake)) return true;
        ++missed;
        program.wake();
    }
    return false;
}

}  // namespace

std::uint64_t percentile(std::vector<std::uint64_t> values, double share) {
    if (values.empty()) return 0;
    const auto place = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + place, values.end());
    return values[static_cast<std::size_t>(place)];
}

TormentResult torment(RemoteCaller& caller, const std::string& kind, std::uint64_t calls,
                      const RemoteLimits& limits) {
    TormentResult result;
    result.kind = kind;
    BlockedProgram program(kind);
    std::atomic<bool> over = false;
    std::atomic<bool> hung = false;
    std::thread waker;
    if (program.needs_waking()) {
        waker = std::thread([&] {
            std::minstd_rand random(1);
            while (!over.load() && !hung.load()) {
                if (!wake_once(program, result.missed_wakes)) hung.store(true);
                ::usleep(static_cast<useconds_t>(random() % 2000));
            }
        });
    }
    RemoteRequest request;
    request.pid = program.pid();
    request.limits = limits;
    std::uint64_t refused = 0;
    for (std::uint64_t number = 0; result.calls < calls && refused < calls; ++number) {
        const std::uint64_t start = program.memory() + number % 8 * 16 * page;
        request.operation = operations[number % operations.size()];
        // Now and then more than a page, which may take several stops where time is short.
        request.ranges = {{start, start + (number % 8 == 0 ? 4 : 1) * page}};
        const RemoteOutcome outcome = caller.call(request, {});
        result.calls += outcome.calls;
        result.stops += outcome.stops;
        if (outcome.calls > 0 && outcome.stops == 1) {
            result.stop_ns.push_back(static_cast<std::uint64_t>(outcome.stopped.count()));
            result.foreign_ns.push_back(static_cast<std::uint64_t>(outcome.foreign.count()));
        }
        if (outcome.ranges[0].error != 0) ++result.failed;
        if (outcome.refusal) {
            ++refused;
            ++result.refusals[std::string(name_of(*outcome.refusal))];
            if (*outcome.refusal == RemoteRefusal::gone ||
                *outcome.refusal == RemoteRefusal::helper_lost) {
                break;
            }
        } else {
            refused = 0;
        }
        if (hung.load()) break;
    }
    over.store(true);
    if (waker.joinable()) waker.join();
    // It goes on as before.
    const std::uint64_t before = program.ledger().rounds.load();
    if (!hung.load() && program.running()) {
        if (program.needs_waking()) {
            hung.store(!wake_once(program, result.missed_wakes));
        } else {
            hung.store(!program.wait_for_rounds(before + 2, longest_round));
        }
    }
    const Ledger& ledger = program.ledger();
    if (program.counts_signals()) {
        for (int waited = 0; waited < 5000 && ledger.signals.load() < program.wakes(); ++waited) {
            ::usleep(1000);
        }
        const std::uint64_t received = ledger.signals.load();
        result.signals_lost =
            program.wakes() > received ? program.wakes() - received : received - program.wakes();
    }
    result.hung = hung.load();
    result.died = !program.running();
    result.spurious = ledger.spurious.load();
    result.wrong = ledger.wrong.load();
    result.wrong_result = ledger.wrong_result.load();
    result.registers = ledger.registers.load();
    result.signals_misplaced = ledger.misplaced.load();
    result.rounds = ledger.rounds.load();
    return result;
}

}  // namespace damon_schemes::bench
