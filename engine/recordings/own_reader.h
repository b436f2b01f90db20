// SPDX-License-Identifier: MIT
// Reads our own format (docs/recording-format.md).
#pragma once

#include <memory>

#include "engine/recordings/byte_source.h"
#include "engine/recordings/recording.h"

namespace damon_schemes {

// `source` stands at the beginning, which is known to be own_magic's.  Errors (usage): a version
// that is not known, or not even its first frame is whole.
Result<std::unique_ptr<RecordingReader>> open_own_recording(ByteSource source);

}  // namespace damon_schemes
