// SPDX-License-Identifier: MIT
#include "engine/control/exporter.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <optional>
#include <utility>

#include "engine/machine/pressure.h"
#include "engine/targets/process.h"

namespace damon_schemes {
namespace {

// Jobs of this key run one at a time; there are no others.
constexpr std::uint64_t writes = 1;

// So soon the server's thread notices that it is to end.
constexpr Duration look_interval = std::chrono::milliseconds(20);

Duration cpu_time_of_self() {
    rusage usage{};
    (void)::getrusage(RUSAGE_SELF, &usage);
    const auto of = [](const timeval& time) {
        return Duration(std::chrono::seconds(time.tv_sec)) +
               std::chrono::microseconds(time.tv_usec);
    };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

}  // namespace

struct Exporter::Kept {
    EventLoop& loop;
    std::shared_ptr<Exporter*> exporter;
    MachinePaths paths;
    Duration freshness{};
    Duration longest_wait{};
    std::shared_ptr<const Metrics> metrics;  // null: the loop's thread did not answer
    std::optional<Instant> asked;            // when that was
};

Exporter::Exporter(EventLoop& loop, Parts parts)
    : loop_(loop),
      parts_(std::move(parts)),
      self_(std::make_shared<Exporter*>(this)),
      writer_(1, 1) {
    engine_.version = parts_.version;
    engine_.began = EngineFigures::Clock::now();
    engine_.policies_read = engine_.began;
}

Exporter::~Exporter() {
    *self_ = nullptr;
    if (file_watch_) loop_.forget(file_watch_);
}

Result<void> Exporter::serve(const std::string& address) {
    const auto kept = std::make_shared<Kept>(Kept{loop_, self_, parts_.paths, parts_.freshness,
                                                  parts_.longest_wait, nullptr, std::nullopt});
    auto server =
        MetricsServer::open(address, [kept](const auto& stopping) { return ask(*kept, stopping); });
    if (!server) return server.error();
    server_ = std::move(*server);
    parts_.inform("metrics are at http://" + server_->address() + "/metrics");
    return {};
}

Result<void> Exporter::write_to(const std::string& path) {
    auto file = MetricsFile::at(path);
    if (!file) return file.error();
    file_ = std::make_shared<MetricsFile>(std::move(*file));
    auto watch = loop_.on_timer(parts_.file_interval, true, [this] { begin_file(); });
    if (!watch) return watch.error();
    file_watch_ = *watch;
    // The first one soon: whoever looks wants to see that it works.
    loop_.post([self = self_] {
        if (*self != nullptr) (*self)->begin_file();
    });
    return {};
}

void Exporter::reloaded(bool done) {
    engine_.last_reload_failed = !done;
    ++(done ? engine_.reloads : engine_.failed_reloads);
    if (done) engine_.policies_read = EngineFigures::Clock::now();
}

Exporter::Readings Exporter::read(const MachinePaths& paths) {
    Readings readings;
    if (const auto memory = memory_of(::getpid(), paths.proc)) readings.rss = memory->rss;
    readings.host = memory_of_machine(paths);
    readings.stalled = memory_stalled(paths);
    return readings;
}

std::shared_ptr<const Metrics> Exporter::collect(const Readings& readings) {
    engine_.cpu = cpu_time_of_self();
    engine_.rss = readings.rss;
    engine_.host = readings.host;
    engine_.stalled = readings.stalled;
    return std::make_shared<const Metrics>(metrics_.of(parts_.status(), engine_));
}

// On the server's thread.  Who comes while it is fresh, or while the loop's thread was found too
// busy to answer, gets the same.
std::shared_ptr<const Metrics> Exporter::ask(Kept& kept, const std::function<bool()>& stopping) {
    const auto now = [] { return Instant(std::chrono::steady_clock::now()); };
    if (kept.asked && now() < later(*kept.asked, kept.freshness)) return kept.metrics;
    const auto answer = std::make_shared<std::promise<std::shared_ptr<const Metrics>>>();
    auto answered = answer->get_future();
    kept.loop.post([exporter = kept.exporter, answer, readings = read(kept.paths)] {
        answer->set_value(*exporter != nullptr ? (*exporter)->collect(readings) : nullptr);
    });
    kept.metrics = nullptr;
    const Instant until = later(now(), kept.longest_wait);
    while (!stopping() && now() < until) {
        if (answered.wait_for(look_interval) != std::future_status::ready) continue;
        kept.metrics = answered.get();
        break;
    }
    kept.asked = now();
    return kept.metrics;
}

void Exporter::begin_file() {
    if (writing_) return;
    auto job = [paths = parts_.paths, loop = &loop_, self = self_](const auto&) {
        loop->post([self, readings = read(paths)] {
            if (*self != nullptr) (*self)->write_file(readings);
        });
    };
    writing_ = writer_.submit({writes, std::move(job)});
}

void Exporter::write_file(const Readings& readings) {
    auto job = [file = file_, metrics = collect(readings), loop = &loop_,
                self = self_](const auto&) {
        loop->post([self, result = file->write(*metrics)] {
            if (*self != nullptr) (*self)->written(result);
        });
    };
    writing_ = writer_.submit({writes, std::move(job)});
}

void Exporter::written(const Result<void>& result) {
    writing_ = false;
    if (!result && !failing_)
        parts_.warn("metrics: " + result.error().message + "; tried again from time to time");
    if (result && failing_) parts_.inform("metrics are written again");
    failing_ = !result;
}

}  // namespace damon_schemes
