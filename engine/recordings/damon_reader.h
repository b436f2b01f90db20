// SPDX-License-Identifier: MIT
// Reads DAMON's record files, versions 0, 1 and 2 (damon_format.h).
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "engine/recordings/byte_source.h"
#include "engine/recordings/recording.h"

namespace damon_schemes {

// Whether these first bytes of a file can be a version 0, which has nothing to be known by: a time,
// and a few targets with pids, the first of which has regions as regions are, or none.
bool may_be_damon_0(std::span<const std::uint8_t> bytes);

// `source` stands at the beginning of a file of that format.
std::unique_ptr<RecordingReader> open_damon_recording(ByteSource source, RecordingFormat format,
                                                      const ReadingOptions& options);

}  // namespace damon_schemes
