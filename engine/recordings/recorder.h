// SPDX-License-Identifier: MIT
// What a session sees and does → a recording, without ever waiting for a disk.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/recordings/recording.h"
#include "engine/targets/process.h"
#include "schemes/observation.h"
#include "schemes/result.h"

namespace damon_schemes {

struct RecorderTally {
    std::uint64_t snapshots = 0;  // written
    std::uint64_t dropped = 0;    // snapshots and actions: the disk did not keep up
    Bytes written;                // in the file
};

// A thread of its own writes, and reads what the targets have mapped (which waits for a target that
// is changing its mappings): when it first sees one, when it has exec'd, and else at most once each
// update interval.  What comes in waits in a queue of bounded size; while that is full, it is
// dropped and counted.  All functions are for one thread.
class Recorder {
  public:
    struct Options {
        Duration update_interval = std::chrono::seconds(1);
        std::uint64_t queue_bytes = 32 << 20;
        std::string proc = "/proc";
    };
    Recorder(std::unique_ptr<RecordingWriter> writer, Options options);
    // Without finish(): what waits is not written, and the recording looks cut.
    ~Recorder();
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;

    // Call it before the first snapshot that has the target, while the process lives.
    void introduce(TargetId id, const Process& process);
    void see(const Snapshot& snapshot);
    void did(const RecordedAction& action);

    RecorderTally tally() const;
    // Why nothing is written any more: the disk is full, …
    std::optional<Error> failure() const;
    // Writes what waits, and waits for that.  Nothing may follow.
    Result<void> finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// What is mapped, as recordings say it.
MappingKind kind_of_mapping(const struct Mapping& mapping);

}  // namespace damon_schemes
