// SPDX-License-Identifier: MIT
// Programs that wait in each kind of call, or compute, do not notice that calls were made in them.
#include <gtest/gtest.h>

#include <cctype>
#include <chrono>
#include <string>

#include "benchmarks/remote/blocked_program.h"
#include "benchmarks/remote/torment.h"
#include "tests/unit/engine/remote_caller_fixture.h"

namespace damon_schemes::testing {
namespace {

using bench::BlockedProgram;
using std::chrono::microseconds;

class RemoteBlocked : public RemoteCalls, public ::testing::WithParamInterface<std::string> {};

TEST_P(RemoteBlocked, GoesOnAsIfNothingHadHappened) {
    constexpr std::uint64_t calls = 60;
    RemoteLimits limits;
    limits.between_stops = microseconds(300);
    const auto result = bench::torment(*caller_, GetParam(), calls, limits);
    EXPECT_GE(result.calls, calls);
    EXPECT_EQ(result.failed, 0U);
    EXPECT_EQ(result.spurious, 0U) << "calls that failed with EINTR";
    EXPECT_EQ(result.wrong, 0U) << "the last result was " << result.wrong_result;
    EXPECT_EQ(result.registers, 0U);
    EXPECT_EQ(result.signals_lost, 0U);
    EXPECT_EQ(result.signals_misplaced, 0U);
    EXPECT_FALSE(result.hung);
    EXPECT_FALSE(result.died);
    EXPECT_LE(result.missed_wakes, 1U);
    EXPECT_GT(result.rounds, 0U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, RemoteBlocked, ::testing::ValuesIn(BlockedProgram::kinds()),
                         [](const auto& kind) {
                             std::string name;
                             for (const char letter : kind.param) {
                                 if (std::isalnum(static_cast<unsigned char>(letter)) != 0) {
                                     name += letter;
                                 } else if (!name.empty() && name.back() != '_') {
                                     name += '_';
                                 }
                             }
                             return name;
                         });

// A time-out that begins anew each time would never come.
TEST_F(RemoteCalls, LeaveTimeoutsTheTimeToCome) {
    BlockedProgram program("epoll_wait with a time-out");
    RemoteRequest wanted =
        request(program.pid(), RemoteOperation::mlock_onfault, program.memory(), page_bytes);
    std::uint64_t calls = 0;
    while (calls < 400 && program.ledger().rounds.load() < 2) {
        const RemoteOutcome outcome = caller_->call(wanted, {});
        ASSERT_FALSE(outcome.refusal) << name_of(*outcome.refusal);
        calls += outcome.calls;
    }
    EXPECT_GE(program.ledger().rounds.load(), 2U);
    EXPECT_EQ(program.ledger().spurious.load(), 0U);
}

}  // namespace
}  // namespace damon_schemes::testing
