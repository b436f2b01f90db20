// SPDX-License-Identifier: MIT
// Writes our own format (docs/recording-format.md): a zstd frame for each snapshot and what came
// before it.
#pragma once

#include <memory>

#include "engine/recordings/output_file.h"
#include "engine/recordings/recording.h"

namespace damon_schemes {

Result<std::unique_ptr<RecordingWriter>> write_own_recording(OutputFile file,
                                                             const RecordingInfo& info);

}  // namespace damon_schemes
