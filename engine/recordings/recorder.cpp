// SPDX-License-Identifier: MIT
#include "engine/recordings/recorder.h"

#include <fcntl.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "engine/actions/mappings.h"
#include "engine/events/blocked_signals.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {
namespace {

// A target's folder in procfs: its descriptor keeps meaning the same process.
struct Introduction {
    TargetId id;
    std::string name;
    Descriptor folder;
};

using Message = std::variant<Introduction, Snapshot, RecordedAction>;

std::uint64_t cost_of(const Snapshot& snapshot) {
    std::uint64_t bytes = sizeof(Message);
    for (const auto& target : snapshot.targets)
        bytes += sizeof(target) + target.regions.size() * sizeof(Region);
    return bytes;
}

std::uint64_t cost_of(const Message& message) {
    const auto* snapshot = std::get_if<Snapshot>(&message);
    return snapshot ? cost_of(*snapshot) : sizeof(message);
}

std::vector<RecordedMapping> recorded(const std::vector<Mapping>& mappings) {
    std::vector<RecordedMapping> result;
    result.reserve(mappings.size());
    // The text is not read in one piece: a target that changes its mappings meanwhile may have some
    // in it twice.
    std::uint64_t reached = 0;
    for (const auto& mapping : mappings) {
        if (mapping.range.start < reached) continue;
        result.push_back({mapping.range, kind_of_mapping(mapping), mapping.name});
        reached = mapping.range.end;
    }
    return result;
}

// The target as it was recorded last, and what that was made of.
struct KnownTarget {
    Descriptor folder;
    RecordedTarget recorded;
    std::string mappings;  // text, to compare
    Instant next_look{};
    bool written = false;
};

}  // namespace

MappingKind kind_of_mapping(const Mapping& mapping) {
    if (mapping.kernel_provided) return MappingKind::special;
    if (mapping.name == "[heap]") return MappingKind::heap;
    if (mapping.name.starts_with("[stack")) return MappingKind::stack;
    if (mapping.shared) return MappingKind::shared;
    return mapping.anonymous ? MappingKind::anonymous : MappingKind::file;
}

struct Recorder::State {
    State(std::unique_ptr<RecordingWriter> writer_in, Options options_in)
        : options(std::move(options_in)), writer(std::move(writer_in)) {}

    const Options options;
    mutable std::mutex mutex;  // guards all down to `failure`
    std::condition_variable changed;
    std::deque<Message> queue;
    std::uint64_t queued_bytes = 0;
    bool finishing = false;
    bool abandoned = false;
    RecorderTally tally;
    std::optional<Error> failure;

    // The thread's own.
    std::unique_ptr<RecordingWriter> writer;
    std::map<TargetId, KnownTarget> targets;

    std::thread thread;

    bool has_room(std::uint64_t cost) const {
        return queue.empty() || queued_bytes + cost <= options.queue_bytes;
    }

    template <typename Content>
    void push(const Content& content, std::uint64_t cost) {
        {
            const std::lock_guard lock(mutex);
            if (failure || !has_room(cost)) {
                ++tally.dropped;
                return;
            }
            queue.emplace_back(content);
            queued_bytes += cost;
        }
        changed.notify_one();
    }

    void serve() {
        std::unique_lock lock(mutex);
        for (;;) {
            changed.wait(lock, [this] { return finishing || abandoned || !queue.empty(); });
            if (abandoned || (queue.empty() && finishing)) break;
            Message message = std::move(queue.front());
            queue.pop_front();
            lock.unlock();
            const std::uint64_t cost = cost_of(message);
            const bool snapshot = std::holds_alternative<Snapshot>(message);
            auto wrote = take(std::move(message));
            lock.lock();
            queued_bytes -= cost;
            note(wrote);
            if (wrote && snapshot) ++tally.snapshots;
        }
        if (abandoned || failure) return;
        lock.unlock();
        const auto finished = writer->finish();
        lock.lock();
        note(finished);
    }

    void note(const Result<void>& wrote) {
        tally.written = writer->written();
        if (wrote || failure) return;
        failure = wrote.error();
        for (const auto& message : queue)
            if (!std::holds_alternative<Introduction>(message)) ++tally.dropped;
        ++tally.dropped;
        queue.clear();
        queued_bytes = 0;
    }

    Result<void> take(Message message) {
        if (auto* introduction = std::get_if<Introduction>(&message)) {
            KnownTarget& target = targets[introduction->id];
            target = {};
            target.folder = std::move(introduction->folder);
            target.recorded.id = introduction->id;
            target.recorded.name = std::move(introduction->name);
            return {};
        }
        if (auto* action = std::get_if<RecordedAction>(&message)) return writer->write(*action);
        auto& snapshot = std::get<Snapshot>(message);
        for (const auto& target : snapshot.targets) {
            if (auto wrote = look_at(target, snapshot.time); !wrote) return wrote;
        }
        forget_gone(snapshot);
        return writer->write(std::move(snapshot));
    }

    // One that was in a snapshot and is no longer has exited.  There may be thousands, and each
    // folder is a descriptor.
    void forget_gone(const Snapshot& snapshot) {
        std::erase_if(targets, [&](const auto& known) {
            return known.second.written &&
                   std::none_of(snapshot.targets.begin(), snapshot.targets.end(),
                                [&](const TargetSnapshot& seen) { return seen.id == known.first; });
        });
    }

    // Writes the target anew if it is not as it was.
    Result<void> look_at(const TargetSnapshot& seen, Instant now) {
        KnownTarget& target = targets[seen.id];
        RecordedTarget& recorded_target = target.recorded;
        bool changed_now = !target.written || recorded_target.pid != seen.pid ||
                           recorded_target.generation != seen.generation;
        if (!changed_now && now < target.next_look) return {};
        recorded_target.id = seen.id;
        recorded_target.pid = seen.pid;
        if (recorded_target.generation != seen.generation) {
            recorded_target.generation = seen.generation;
            recorded_target.mappings.clear();
            target.mappings.clear();
        }
        target.next_look = later(now, options.update_interval);
        changed_now |= read_name(target);
        changed_now |= read_mappings(target);
        if (!changed_now) return {};
        target.written = true;
        return writer->write(recorded_target);
    }

    // Each returns whether it is another one now.  What cannot be read (it has exited) stays.
    static bool read_name(KnownTarget& target) {
        auto name = target.folder ? read_file_at(target.folder.get(), "comm") : std::nullopt;
        if (!name) return false;
        if (name->ends_with('\n')) name->pop_back();
        if (name->empty() || *name == target.recorded.name) return false;
        target.recorded.name = std::move(*name);
        return true;
    }
    static bool read_mappings(KnownTarget& target) {
        auto text = target.folder ? read_file_at(target.folder.get(), "maps") : std::nullopt;
        if (!text || text->empty() || *text == target.mappings) return false;
        target.mappings = std::move(*text);
        target.recorded.mappings = recorded(parse_mappings(target.mappings));
        return true;
    }
};

Recorder::Recorder(std::unique_ptr<RecordingWriter> writer, Options options)
    : state_(std::make_unique<State>(std::move(writer), std::move(options))) {
    state_->tally.written = state_->writer->written();
    const AllSignalsBlocked blocked;
    state_->thread = std::thread([state = state_.get()] { state->serve(); });
    pthread_setname_np(state_->thread.native_handle(), "recorder");
}

Recorder::~Recorder() {
    if (!state_->thread.joinable()) return;
    {
        const std::lock_guard lock(state_->mutex);
        state_->abandoned = true;
    }
    state_->changed.notify_one();
    state_->thread.join();
}

void Recorder::introduce(TargetId id, const Process& process) {
    const std::string path = state_->options.proc + "/" + std::to_string(process.pid);
    Introduction introduction{id, process.name,
                              Descriptor(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC))};
    // A pid taken by number: only while the process lives is it known to be its own.
    if (!process.alive()) introduction.folder = Descriptor();
    Message message = std::move(introduction);
    const std::lock_guard lock(state_->mutex);
    if (state_->failure) return;
    state_->queued_bytes += cost_of(message);
    state_->queue.push_back(std::move(message));
}

void Recorder::see(const Snapshot& snapshot) {
    state_->push(snapshot, cost_of(snapshot));
}

void Recorder::did(const RecordedAction& action) {
    state_->push(action, sizeof(Message));
}

RecorderTally Recorder::tally() const {
    const std::lock_guard lock(state_->mutex);
    return state_->tally;
}

std::optional<Error> Recorder::failure() const {
    const std::lock_guard lock(state_->mutex);
    return state_->failure;
}

Result<void> Recorder::finish() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->finishing = true;
    }
    state_->changed.notify_one();
    if (state_->thread.joinable()) state_->thread.join();
    if (state_->failure) return *state_->failure;
    return {};
}

}  // namespace damon_schemes
