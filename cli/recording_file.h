// SPDX-License-Identifier: MIT
// The recording that a session is written to.
#pragma once

#include <memory>
#include <string>

#include "engine/recordings/recorder.h"
#include "engine/session/session.h"
#include "schemes/result.h"

namespace damon_schemes {

// What --format takes.
inline constexpr const char* format_choices = "own, damon-1 or damon-2";
// Error (usage): there is no such format, or it cannot be written.
Result<RecordingFormat> writable_format(const std::string& name);

// Error (usage): "-", and standard output is a terminal.
Result<void> check_output(const std::string& path);

struct RecordingWish {
    std::string path;
    RecordingFormat format = RecordingFormat::own;
    OldRecording old_one = OldRecording::rename;
};

// Call it once the session has its targets and before it starts; what the session does is recorded
// from then on, snapshots are the caller's to hand to see().
Result<std::unique_ptr<Recorder>> start_recording(Session& session, const RecordingWish& wish);

// "recorded 1,200 snapshots in damon.dsr (4.1 MiB)", and what was dropped.
std::string recording_summary(const std::string& path, const RecorderTally& tally);

}  // namespace damon_schemes
