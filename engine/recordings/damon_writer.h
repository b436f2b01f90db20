// SPDX-License-Identifier: MIT
// Writes DAMON's record files, versions 1 and 2 (damon_format.h).
#pragma once

#include <memory>

#include "engine/recordings/output_file.h"
#include "engine/recordings/recording.h"

namespace damon_schemes {

// nr_accesses are shares of the looks that an aggregation interval has room for; where the
// intervals are not known (they were read from such a file) they are written as they were read.
// Regions that were not looked at are left out: the format would say that they were idle.
Result<std::unique_ptr<RecordingWriter>> write_damon_recording(OutputFile file,
                                                               const RecordingInfo& info);

}  // namespace damon_schemes
