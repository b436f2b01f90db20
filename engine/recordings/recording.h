// SPDX-License-Identifier: MIT
// A recording: what a monitor saw, and what was done about it, over time.  Plain values that every
// format is read into and written from; docs/recording-format.md describes our own format.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "schemes/observation.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace damon_schemes {

enum class RecordingFormat {
    own,
    damon_0,  // no header, 8-byte pids; read only
    damon_1,  // 4-byte pids
    damon_2,  // 8-byte target ids
};
std::string_view name_of(RecordingFormat format);  // "own", "damon-1", as --format takes them

// A scheme whose actions are in the recording.
struct RecordedScheme {
    std::string name;
    Action action = Action::stat;
    bool operator==(const RecordedScheme&) const = default;
};

// What is known before the first event.  DAMON's formats know nothing of it: a reader of one fills
// in what it was told to assume.
struct RecordingInfo {
    RecordingFormat format = RecordingFormat::own;
    MonitorAttributes attributes;
    bool attributes_known = false;              // false: assumed
    std::optional<Duration> started_unix_time;  // wall clock, since 1970; snapshots are monotonic
    std::string origin;                         // what wrote it, for people; may be empty
    std::vector<RecordedScheme> schemes;
    bool operator==(const RecordingInfo&) const = default;
};

enum class MappingKind : std::uint8_t { anonymous, heap, stack, file, shared, special };
std::string_view name_of(MappingKind kind);

struct RecordedMapping {
    AddressRange range;
    MappingKind kind = MappingKind::anonymous;
    std::string name;  // path, [heap], [stack], …; empty for plain anonymous memory
    bool operator==(const RecordedMapping&) const = default;
};

// A target as it is from here on.  Stands before the first snapshot that has the target, and again
// where its mappings, its name or its generation changed.  DAMON's formats have none: readers of
// them make one up, without name and mappings.
struct RecordedTarget {
    TargetId id;
    std::int32_t pid = 0;
    std::uint64_t generation = 0;
    std::string name;
    std::vector<RecordedMapping> mappings;  // sorted
    bool operator==(const RecordedTarget&) const = default;
};

// What a scheme did to one planned range.
struct RecordedAction {
    Instant time{};            // on the clock of the snapshots
    std::uint32_t scheme = 0;  // index into RecordingInfo::schemes
    TargetId target;
    AddressRange range;
    Bytes advised;
    Bytes paged_out;
    Duration spent{};
    bool operator==(const RecordedAction&) const = default;
};

using RecordedEvent = std::variant<RecordedTarget, Snapshot, RecordedAction>;

// Reads a recording once, from its beginning to its end, one event at a time; memory is that of one
// event, however long the recording is.  One thread.
class RecordingReader {
  public:
    virtual ~RecordingReader() = default;
    virtual const RecordingInfo& info() const = 0;
    // nullopt: that was all.  A file that is cut or damaged is read up to its last whole record:
    // then the end comes early and damage() says why.  Error: the file cannot be read (any more).
    virtual Result<std::optional<RecordedEvent>> next() = 0;
    // Where and how the file is damaged; meaningful once next() has said that that was all.
    virtual const std::optional<std::string>& damage() const = 0;
};

// What DAMON's formats leave out.  nr_accesses are read as so many accessed of aggregation ÷
// sampling looks (at least as many as were accessed), ages are counted anew by the rule of
// kmod/core/adjust.h.
struct ReadingOptions {
    MonitorAttributes assumed;
};

// The format is told by the first bytes; "-" reads standard input.  Errors: cannot be opened
// (usage), is no recording (usage, with what it looks like instead).
Result<std::unique_ptr<RecordingReader>> open_recording(const std::string& path,
                                                        const ReadingOptions& options = {});

// Appends events.  One thread.  Destroying it without finish() leaves what was written so far: a
// recording that was cut.
class RecordingWriter {
  public:
    virtual ~RecordingWriter() = default;
    // A snapshot, and all that was written before it, is in the file once this returns (not on the
    // disk: a crash of the machine may take more with it); other events may wait for the next one.
    // What the format has no place for is left out; dropped() says whether there was any.
    // Error (runtime): it cannot be written (any more), or the event contradicts itself, as a
    // reader would find it damaged.
    virtual Result<void> write(const RecordedEvent& event) = 0;
    virtual Result<void> finish() = 0;
    virtual bool dropped() const = 0;
    virtual Bytes written() const = 0;  // in the file so far
};

enum class OldRecording { rename, overwrite };
// `info.format` says which.  A file that is there already becomes PATH.old (PATH.old.2, … where
// that is taken, too) unless it is to be overwritten; "-" writes standard output.  Never through a
// symbolic link.  Error (usage): cannot be created; or a format that is read only.
Result<std::unique_ptr<RecordingWriter>> create_recording(
    const std::string& path, const RecordingInfo& info,
    OldRecording old_one = OldRecording::rename);

}  // namespace damon_schemes
