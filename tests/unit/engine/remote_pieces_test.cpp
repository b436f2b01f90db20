// SPDX-License-Identifier: MIT
// How the helper of remote calls learns how much memory a call may be given.
#include <gtest/gtest.h>

#include "engine/remote/helper/pieces.h"

namespace damon_schemes::helper {
namespace {

constexpr std::uint64_t page = 4096;
constexpr auto lock = RemoteOperation::mlock_onfault;

// A machine on which a call takes so long, and so much longer with each page.
struct Machine {
    std::uint64_t call_ns, page_ns;
    std::uint64_t takes(std::uint64_t bytes) const { return call_ns + page_ns * (bytes / page); }
};

// Stops until that much is done, in which a call has so much time.
std::uint64_t stops_for(const Machine& machine, std::uint64_t bytes, std::uint64_t ns) {
    Pieces pieces;
    std::uint64_t stops = 0;
    for (std::uint64_t done = 0; done < bytes; ++stops) {
        const std::uint64_t piece = pieces.size(lock, ns);
        pieces.learn(lock, piece, machine.takes(piece));
        done += piece;
    }
    return stops;
}

TEST(RemotePieces, FillTheTimeThatTheyHave) {
    const Machine machine{10'000, 200};
    Pieces pieces;
    std::uint64_t piece = 0;
    for (int i = 0; i < 100; ++i) {
        piece = pieces.size(lock, 1'000'000);
        pieces.learn(lock, piece, machine.takes(piece));
    }
    EXPECT_LE(machine.takes(piece), 1'100'000U);
    EXPECT_GE(machine.takes(piece), 500'000U);
}

// An emulated machine, on which the stop alone takes longer than a stop may.
TEST(RemotePieces, AreNotSinglePagesWhereEveryCallIsLate) {
    const Machine emulated{5'000'000, 10'000};
    const std::uint64_t bytes = std::uint64_t{64} << 20;
    EXPECT_LT(stops_for(emulated, bytes, 0), bytes / page / 50);
}

TEST(RemotePieces, AtMostDoubleWhatALateCallTakes) {
    const Machine emulated{5'000'000, 10'000};
    Pieces pieces;
    for (int i = 0; i < 300; ++i) {
        const std::uint64_t piece = pieces.size(lock, 0);
        EXPECT_GE(piece, page);
        pieces.learn(lock, piece, emulated.takes(piece));
    }
    EXPECT_LE(emulated.takes(pieces.size(lock, 0)), 2.5 * static_cast<double>(emulated.call_ns));
}

}  // namespace
}  // namespace damon_schemes::helper
