// SPDX-License-Identifier: MIT
#include "benchmarks/soak/watcher.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <initializer_list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "benchmarks/device/device_session.h"
#include "benchmarks/random.h"

namespace damon_schemes::soak {
namespace {

using bench::DeviceSession;
using bench::Random;
using bench::SeenSnapshot;

constexpr std::uint64_t page = 4096;

void nap(long microseconds) {
    const timespec time{microseconds / 1'000'000, microseconds % 1'000'000 * 1000};
    nanosleep(&time, nullptr);
}

damon_schemes_attrs any_attributes(Random& random) {
    // Short ones are rare, as they leave little of two slow processors to the others.
    static constexpr std::uint64_t sampling[] = {2'000, 5'000, 10'000, 20'000, 50'000};
    static constexpr std::uint64_t short_sampling[] = {100, 500, 1'000};
    static constexpr std::uint64_t factors[] = {1, 2, 5, 20};
    static constexpr std::uint64_t region_pages[] = {1, 1, 1, 16, 512};
    damon_schemes_attrs attrs{};
    attrs.sampling_interval_us = random.one_in(20)
                                     ? short_sampling[random.below(std::size(short_sampling))]
                                     : sampling[random.below(std::size(sampling))];
    attrs.aggregation_interval_us =
        attrs.sampling_interval_us * factors[random.below(std::size(factors))];
    attrs.update_interval_us =
        attrs.aggregation_interval_us * factors[random.below(std::size(factors))];
    attrs.min_regions = static_cast<std::uint32_t>(3 + random.below(300));
    attrs.max_regions = attrs.min_regions + static_cast<std::uint32_t>(random.below(1000));
    attrs.min_region_size = page * region_pages[random.below(std::size(region_pages))];
    attrs.tlb_policy = static_cast<std::uint32_t>(random.below(4));
    attrs.flags = random.one_in(2) ? DAMON_SCHEMES_ATTR_SEARCH : 0;
    return attrs;
}

class Watcher {
  public:
    Watcher(Ledger* ledger, std::uint64_t seed) : ledger_(ledger), seed_(seed) {}

    [[noreturn]] void live() {
        Random random(seed_);
        for (;;) watch_once(random);
    }

  private:
    // Which errno a call may answer with; all else is a failure.
    bool allowed(const char* call, int error, std::initializer_list<int> may) {
        if (error == 0 || std::find(may.begin(), may.end(), error) != may.end()) return true;
        ledger_->fail(std::string(call) + ": " + std::strerror(error));
        return false;
    }

    void watch_once(Random& random) {
        if (!allowed("open", session_.open(), {})) return nap(100'000);
        ledger_->count(Deed::session);
        last_sequence_ = 0;
        change(random);
        add(random);
        start();
        const auto seed = random.next();
        const auto rounds = 10 + random.below(200);
        // The same descriptor from a second thread; it has no part in reading.
        std::thread other([this, seed, rounds] {
            Random own(seed);
            for (std::uint64_t i = 0; i < rounds; i++) call_anything(own);
        });
        for (std::uint64_t i = 0; i < rounds; i++) {
            if (random.one_in(3)) call_anything(random);
            read(random);
        }
        other.join();
        end(random);
    }

    void call_anything(Random& random) {
        switch (random.below(14)) {
            case 0:
                return change(random);
            case 1:
            case 2:
            case 3:
                return add(random);
            case 4:
            case 5:
                return remove(random);
            case 6:
            case 7:
                return start();
            case 8:
                allowed("STOP", session_.stop(), {EALREADY});
                return ledger_->count(Deed::stop);
            case 9: {
                damon_schemes_stats stats{};
                allowed("GET_STATS", session_.stats(&stats), {});
                return ledger_->count(Deed::read_stats);
            }
            case 10:
            case 11:
                return scan(random);
            default:
                return nap(static_cast<long>(random.below(20'000)));
        }
    }

    // Something that a snapshot told of, which may be gone by now, or of a session before this one.
    void scan(Random& random) {
        damon_schemes_scan request{};
        {
            const std::lock_guard lock(seen_mutex_);
            request = seen_;
        }
        if (request.start == request.end) return;
        const auto pages = (request.end - request.start) / page;
        request.end =
            request.start +
            page * (1 + random.below(std::min<std::uint64_t>(pages, DAMON_SCHEMES_SCAN_MAX_PAGES)));
        std::vector<std::uint8_t> states((request.end - request.start) / page);
        request.states = reinterpret_cast<std::uintptr_t>(states.data());
        request.flags = random.one_in(2) ? DAMON_SCHEMES_SCAN_CLEAR : 0;
        const int error = session_.call(DAMON_SCHEMES_SCAN, &request);
        if (!allowed("SCAN", error, {ENOENT, EAGAIN, ESRCH, ESTALE, EPERM, EOPNOTSUPP, ECANCELED}))
            return;
        ledger_->count(error == 0 ? Deed::scan : Deed::scan_refused);
    }

    // Remembers one region of one target, to scan it.
    void remember(const SeenSnapshot& snapshot, Random& random) {
        if (snapshot.targets.empty()) return;
        const auto& target = snapshot.targets[random.below(snapshot.targets.size())];
        if (target.regions.empty()) return;
        const auto& region = target.regions[random.below(target.regions.size())];
        const std::lock_guard lock(seen_mutex_);
        seen_.target_id = target.record.id;
        seen_.generation = target.record.generation;
        seen_.start = region.start;
        seen_.end = region.end;
    }

    void change(Random& random) {
        // ENOSPC: fewer regions than its targets need.
        if (allowed("SET_ATTRS", session_.set(any_attributes(random)), {ENOSPC}))
            ledger_->count(Deed::set_attributes);
    }

    void add(Random& random) {
        const pid_t pid = ledger_->any_victim(random.next());
        if (pid == 0) return;
        const int error = session_.add(pid);
        if (!allowed("ADD_TARGET", error, {ESRCH, EBUSY, ENOSPC})) return;
        ledger_->count(error == 0 ? Deed::add : Deed::add_refused);
    }

    void remove(Random& random) {
        // Ids count from 1; those of a session of this age are small.
        const int error = session_.remove(1 + random.below(12));
        if (allowed("REMOVE_TARGET", error, {ENOENT}) && error == 0) ledger_->count(Deed::remove);
    }

    void start() {
        if (allowed("START", session_.start(), {EALREADY})) ledger_->count(Deed::start);
    }

    void read(Random& random) {
        if (random.one_in(20)) nap(static_cast<long>(random.below(300'000)));  // too slow
        if (!session_.wait(static_cast<int>(random.below(100)))) return;
        SeenSnapshot snapshot;
        const int error = session_.read(&snapshot);
        if (error == EBADMSG) return ledger_->fail("a snapshot: " + session_.complaint());
        // EAGAIN: what waited was thrown away, by a change of what it would be about.
        if (!allowed("read", error, {EAGAIN}) || error != 0) return;
        if (snapshot.header.sequence <= last_sequence_)
            ledger_->fail("a snapshot's number does not grow");
        if (snapshot.header.sequence > last_sequence_ + 1) ledger_->count(Deed::lost_snapshot);
        last_sequence_ = snapshot.header.sequence;
        ledger_->count(Deed::snapshot);
        remember(snapshot, random);
    }

    void end(Random& random) {
        switch (random.below(4)) {
            case 0:
                ledger_->count(Deed::end_without_close);
                _exit(0);
            case 1:
                inherit(random);
                break;
            default:
                break;
        }
        ledger_->count(Deed::close_while_running);
        start();
        session_.close();
    }

    // A child holds the session a moment longer than its parent.
    void inherit(Random& random) {
        const auto time = static_cast<long>(random.below(50'000));
        ledger_->count(Deed::inherited);
        signal(SIGCHLD, SIG_IGN);
        if (fork() == 0) {
            nap(time);
            _exit(0);
        }
    }

    Ledger* ledger_;
    std::uint64_t seed_;
    DeviceSession session_;
    std::uint64_t last_sequence_ = 0;
    std::mutex seen_mutex_;
    damon_schemes_scan seen_{};
};

// Touches 1 MiB until it is killed, or its parent is.
pid_t bear_hot_process() {
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child != 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    constexpr std::size_t bytes = 1 << 20;
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) _exit(1);
    auto* bytes_there = static_cast<volatile char*>(memory);
    for (;;) {
        for (std::size_t at = 0; at < bytes; at += page) bytes_there[at] = 1;
        nap(1000);  // two processors are few for all who live here
    }
}

}  // namespace

void live_as_watcher(Ledger* ledger, std::uint64_t seed) {
    Watcher(ledger, seed).live();
}

void live_as_steady_watcher(Ledger* ledger) {
    DeviceSession session;
    damon_schemes_attrs attrs{};
    attrs.sampling_interval_us = 20'000;
    attrs.aggregation_interval_us = 200'000;
    attrs.update_interval_us = 1'000'000;
    attrs.min_regions = 10;
    attrs.max_regions = 100;
    attrs.min_region_size = page;
    int error = session.open();
    if (error == 0) error = session.set(attrs);
    if (error == 0) error = session.add(bear_hot_process());
    if (error == 0) error = session.start();
    if (error != 0) {
        ledger->fail("the steady session does not start: " + std::string(std::strerror(error)));
        _exit(1);
    }
    std::uint64_t seen = 0;
    for (std::uint64_t read = 0;;) {
        SeenSnapshot snapshot;
        if (!session.wait(-1)) continue;
        error = session.read(&snapshot);
        if (error == EAGAIN) continue;
        if (error != 0) {
            ledger->fail("the steady session: " +
                         (error == EBADMSG ? session.complaint() : std::strerror(error)));
            _exit(1);
        }
        read++;
        for (const auto& target : snapshot.targets)
            for (const auto& region : target.regions) seen += region.accessed;
        if (read == 50 && seen == 0)
            ledger->fail("the steady session saw no access at all in 50 snapshots");
        if (snapshot.header.sequence != read + snapshot.header.lost)
            ledger->fail("the steady session's numbers do not add up");
        ledger->count(Deed::steady_snapshot);
    }
}

}  // namespace damon_schemes::soak
