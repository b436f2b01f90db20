// SPDX-License-Identifier: MIT
// What every event of a recording promises, whatever format it is in.
#pragma once

#include "engine/recordings/recording.h"

namespace damon_schemes {

// What contradicts itself in it, in a few words; nullptr: nothing.  Regions and mappings are
// sorted, do not overlap and are not empty; accessed + absent <= sampled; lengths of time are not
// negative.
const char* contradiction_in(const Snapshot& snapshot);
const char* contradiction_in(const RecordedTarget& target);
// `schemes`: how many the recording knows of.
const char* contradiction_in(const RecordedAction& action, std::size_t schemes);
const char* contradiction_in(const RecordedEvent& event, std::size_t schemes);

}  // namespace damon_schemes
