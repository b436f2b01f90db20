// SPDX-License-Identifier: MIT
// One request of the engine: one stop of one thread, and the calls that fit into it.
#pragma once

#include <cstdint>

#include "engine/remote/helper/borrowed_thread.h"
#include "engine/remote/helper/pieces.h"
#include "engine/remote/helper/rests.h"
#include "engine/remote/helper/thread_choice.h"
#include "engine/remote/helper/tracing.h"
#include "engine/remote/helper_protocol.h"

namespace damon_schemes::helper {

// What is kept between requests.
struct Memories {
    ThreadChoice choice;
    LateThreads late;
    Pieces pieces;
    Rests rests;
};

// Whether a request makes sense; one that does not comes from another program.
bool sound(const helper_protocol::Request& request);

// `pidfd` and `memory` are borrowed.
void serve(const helper_protocol::Request& request, int pidfd, int memory, Memories& memories,
           helper_protocol::Reply& reply);

}  // namespace damon_schemes::helper
