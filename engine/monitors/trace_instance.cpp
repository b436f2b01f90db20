// SPDX-License-Identifier: MIT
#include "engine/monitors/trace_instance.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <utility>

#include "engine/targets/procfs.h"

namespace damon_schemes {
namespace {

constexpr std::size_t page_bytes = 4096;
// An event that is being read keeps an instance from being removed.
constexpr int busy_tries = 200;
constexpr int busy_pause_ms = 5;
// The kernel takes at most a page of filter.
constexpr std::size_t longest_filter = 4000;

Result<TraceFormat> read_format(KernelFiles& files, const std::string& folder,
                                const std::string& event) {
    const auto text = files.read(folder + "/events/" + event + "/format");
    if (!text && text.error().code == ENOENT) {
        return unsupported("the kernel has no trace event " + event + " (no " + folder +
                               "/events/" + event +
                               "): it is built without it, or tracefs is not mounted there "
                               "(mount -t tracefs tracefs " +
                               folder + ")",
                           ENOENT);
    }
    if (!text) return unsupported(text.error().message + ": run as root", text.error().code);
    auto format = parse_trace_format(*text);
    if (!format) return unsupported("the format of the trace event " + event + " is unknown", 0);
    return std::move(*format);
}

// Sets what it found; an empty text, or why it did not find it.
std::string find_fields(const TraceFormat& format,
                        std::initializer_list<std::pair<const char*, TraceFormat::Field*>> wanted) {
    for (const auto& [name, into] : wanted) {
        const TraceFormat::Field* field = format.field(name);
        if (field == nullptr) return name;
        *into = *field;
    }
    return {};
}

std::optional<std::int32_t> pid_in(std::span<const std::byte> event,
                                   const TraceFormat::Field& field) {
    const auto number = number_in(event, field);
    if (!number || *number > INT32_MAX) return std::nullopt;
    return static_cast<std::int32_t>(*number);
}

}  // namespace

Result<MainlineFormats> read_formats(KernelFiles& files, const std::string& folder) {
    MainlineFormats formats;
    const auto aggregated = read_format(files, folder, "damon/damon_aggregated");
    if (!aggregated) return aggregated.error();
    const auto exec = read_format(files, folder, "sched/sched_process_exec");
    if (!exec) return exec.error();
    const auto exit = read_format(files, folder, "sched/sched_process_exit");
    if (!exit) return exit.error();
    auto& of_region = formats.aggregated;
    of_region.format = *aggregated;
    formats.exec.format = *exec;
    formats.exit.format = *exit;
    std::string missing = find_fields(*aggregated, {{"common_type", &formats.type},
                                                    {"common_pid", &of_region.pid},
                                                    {"target_id", &of_region.target},
                                                    {"nr_regions", &of_region.regions},
                                                    {"start", &of_region.start},
                                                    {"end", &of_region.end},
                                                    {"nr_accesses", &of_region.accesses},
                                                    {"age", &of_region.age}});
    if (!missing.empty()) {
        return unsupported("this kernel's DAMON does not tell the " + missing +
                               " of regions (trace event damon:damon_aggregated): Linux 6.7 or "
                               "later is needed to go without the damon_schemes module",
                           0);
    }
    missing = find_fields(*exec, {{"pid", &formats.exec.pid}});
    if (missing.empty()) missing = find_fields(*exit, {{"pid", &formats.exit.pid}});
    if (!missing.empty())
        return unsupported("the kernel's trace events of processes lack their " + missing, 0);
    return formats;
}

TraceInstance::TraceInstance(KernelFiles& files, std::string path)
    : files_(&files), path_(std::move(path)), page_(page_bytes) {}

TraceInstance::TraceInstance(TraceInstance&& other) noexcept
    : files_(other.files_),
      path_(std::exchange(other.path_, std::string())),
      waker_(std::move(other.waker_)),
      pipes_(std::move(other.pipes_)),
      page_(std::move(other.page_)) {}

TraceInstance::~TraceInstance() {
    waker_ = Descriptor();
    pipes_.clear();
    if (path_.empty()) return;
    // Whoever looks at it keeps it, for as long as he looks.
    for (int i = 0; i < busy_tries; ++i) {
        const auto removed = files_->remove_folder(path_);
        if (removed || removed.error().code != EBUSY) return;
        ::poll(nullptr, 0, busy_pause_ms);
    }
}

Result<void> TraceInstance::remove(KernelFiles& files, const std::string& folder,
                                   const std::string& name) {
    return files.remove_folder(folder + "/instances/" + name);
}

Result<TraceInstance> TraceInstance::make(KernelFiles& files, const std::string& folder,
                                          const std::string& name, Bytes buffer) {
    const std::string path = folder + "/instances/" + name;
    if (auto made = files.make_folder(path); !made) {
        return unsupported("a trace buffer of its own cannot be made: " + made.error().message,
                           made.error().code);
    }
    TraceInstance instance(files, path);
    if (auto ready = instance.set_up(buffer); !ready) return ready.error();
    return instance;
}

Result<void> TraceInstance::set_up(Bytes buffer) {
    // First of all: it begins with more than a megabyte for each processor.
    const std::string kibibytes = std::to_string(std::max<std::uint64_t>(buffer.count >> 10, 64));
    if (auto sized = files_->write(path_ + "/buffer_size_kb", kibibytes); !sized) return sized;
    // The clock of snapshots, so that theirs can be compared with our own.
    if (auto clock = files_->write(path_ + "/trace_clock", "mono"); !clock) return clock;
    // An instance takes over how the machine's own buffer is set: under 'block' it would always be
    // readable, and without 'overwrite' keep the oldest events.
    for (const char* option : {"noblock", "overwrite"}) {
        if (auto set = files_->write(path_ + "/trace_options", option); !set) return set;
    }
    if (auto on = files_->write(path_ + "/tracing_on", "1"); !on) return on;
    return open_pipes();
}

Result<void> TraceInstance::open_pipes() {
    const std::string all = path_ + "/trace_pipe";
    waker_ = Descriptor(::open(all.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!waker_) return Error{ErrorKind::runtime, "cannot open " + all, errno};
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(path_ + "/per_cpu", failed)) {
        const std::string pipe = entry.path().string() + "/trace_pipe_raw";
        Descriptor opened(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        if (!opened) return Error{ErrorKind::runtime, "cannot open " + pipe, errno};
        pipes_.push_back(std::move(opened));
    }
    if (failed || pipes_.empty())
        return Error{ErrorKind::runtime, "there is no trace buffer in " + path_, ENOENT};
    return {};
}

Result<void> TraceInstance::listen_to(std::int32_t kdamond) {
    const std::string event = path_ + "/events/damon/damon_aggregated";
    if (auto filtered =
            files_->write(event + "/filter", "common_pid == " + std::to_string(kdamond));
        !filtered)
        return filtered;
    return files_->write(event + "/enable", "1");
}

Result<void> TraceInstance::follow(const std::vector<std::int32_t>& pids) {
    std::string filter;
    for (const auto pid : pids)
        filter += (filter.empty() ? "pid == " : " || pid == ") + std::to_string(pid);
    // Of so many targets all processes' are told; those of others are left out in drain().
    if (filter.empty() || filter.size() > longest_filter) filter = "0";
    for (const char* event :
         {"/events/sched/sched_process_exec", "/events/sched/sched_process_exit"}) {
        if (auto filtered = files_->write(path_ + event + "/filter", filter); !filtered)
            return filtered;
        if (auto enabled = files_->write(path_ + event + "/enable", "1"); !enabled) return enabled;
    }
    return {};
}

struct TraceInstance::Event {
    enum class Kind { lost, exec, exit, region };
    std::uint64_t time = 0;
    Kind kind = Kind::lost;
    std::int32_t pid = 0;
    AggregatedRegion region{};
};

Result<bool> TraceInstance::read_pages(const Descriptor& pipe, const MainlineFormats& formats,
                                       std::int32_t kdamond, std::vector<Event>& events) {
    bool any = false;
    for (;;) {
        const ssize_t got = ::read(pipe.get(), page_.data(), page_.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return any;
        if (got < 0)
            return Error{ErrorKind::runtime,
                         "cannot read the trace buffer of " + path_ + ": " + std::strerror(errno),
                         errno};
        if (got == 0) return any;
        any = true;
        const std::span<const std::byte> page(page_.data(), static_cast<std::size_t>(got));
        const std::size_t first = events.size();
        std::uint64_t page_time = 0;
        if (page.size() >= sizeof page_time) std::memcpy(&page_time, page.data(), sizeof page_time);
        const auto loss = read_trace_page(page, [&](std::uint64_t time, auto bytes) {
            const auto type = number_in(bytes, formats.type);
            if (!type) return;
            Event event;
            event.time = time;
            if (*type == formats.aggregated.format.id) {
                const auto& of = formats.aggregated;
                if (pid_in(bytes, of.pid) != kdamond) return;
                event.kind = Event::Kind::region;
                AggregatedRegion& region = event.region;
                region.time = Instant(Duration(static_cast<std::int64_t>(time)));
                region.target = number_in(bytes, of.target).value_or(UINT64_MAX);
                region.regions =
                    static_cast<std::uint32_t>(number_in(bytes, of.regions).value_or(0));
                region.range = {number_in(bytes, of.start).value_or(0),
                                number_in(bytes, of.end).value_or(0)};
                region.nr_accesses =
                    static_cast<std::uint32_t>(number_in(bytes, of.accesses).value_or(0));
                region.age = static_cast<std::uint32_t>(number_in(bytes, of.age).value_or(0));
            } else if (*type == formats.exec.format.id || *type == formats.exit.format.id) {
                const bool exec = *type == formats.exec.format.id;
                const auto pid = pid_in(bytes, exec ? formats.exec.pid : formats.exit.pid);
                if (!pid) return;
                event.kind = exec ? Event::Kind::exec : Event::Kind::exit;
                event.pid = *pid;
            } else {
                return;
            }
            events.push_back(event);
        });
        if (loss == PageLoss::none) continue;
        Event lost;
        lost.time = page_time;
        events.insert(events.begin() + static_cast<std::ptrdiff_t>(first), lost);
    }
}

Result<void> TraceInstance::drain(const MainlineFormats& formats, std::int32_t kdamond,
                                  Aggregation& aggregation) {
    std::vector<Event> events;
    // What a processor wrote before an event that was read on another is there in the next round.
    // A kdamond that writes all the while must not keep us here.
    constexpr int most_rounds = 16;
    bool any = true;
    for (int round = 0; any && round < most_rounds; ++round) {
        any = false;
        for (const Descriptor& pipe : pipes_) {
            const auto read = read_pages(pipe, formats, kdamond, events);
            if (!read) return read.error();
            any = any || *read;
        }
    }
    std::stable_sort(events.begin(), events.end(),
                     [](const Event& a, const Event& b) { return a.time < b.time; });
    for (const Event& event : events) {
        switch (event.kind) {
            case Event::Kind::lost:
                aggregation.lose();
                break;
            case Event::Kind::exec:
                aggregation.exec(event.pid);
                break;
            case Event::Kind::exit:
                aggregation.end(event.pid);
                break;
            case Event::Kind::region:
                aggregation.add(event.region);
                break;
        }
    }
    return {};
}

Result<void> TraceInstance::clear() {
    return files_->write(path_ + "/trace", "");
}

Bytes TraceInstance::memory() const {
    const auto text = files_->read(path_ + "/buffer_total_size_kb");
    // "4096", or "64 (expanded: …)" of one that nobody has used.
    const auto number = text ? parse_number(text->substr(0, text->find(' '))) : std::nullopt;
    return kibibytes(number.value_or(0));
}

}  // namespace damon_schemes
