// SPDX-License-Identifier: MIT
// A helper for remote calls, started for a test; skipped where nothing can be traced.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "engine/remote/helper_remote_caller.h"
#include "tests/unit/engine/own_child.h"

namespace damon_schemes::testing {

inline constexpr std::uint64_t page_bytes = 4096;

class RemoteCalls : public ::testing::Test {
  protected:
    void SetUp() override {
        auto started = start_remote_caller({DAMON_SCHEMES_REMOTE_HELPER});
        ASSERT_TRUE(started) << started.error().message;
        caller_ = std::move(started.value());
        OwnChild child([] { return filled_memory(page_bytes); });
        const RemoteOutcome outcome =
            call(child, RemoteOperation::nohugepage, child.address(), page_bytes);
        if (outcome.refusal == RemoteRefusal::permission) {
            GTEST_SKIP() << "nothing can be traced here: "
                         << explanation_of(RemoteRefusal::permission);
        }
        if (outcome.refusal == RemoteRefusal::seccomp) {
            GTEST_SKIP() << "a filter watches the system calls of everything that is started here";
        }
        ASSERT_FALSE(outcome.refusal) << name_of(*outcome.refusal);
    }

    static RemoteRequest request(std::int32_t pid, RemoteOperation operation, std::uint64_t start,
                                 std::uint64_t size) {
        RemoteRequest wanted;
        wanted.pid = pid;
        wanted.operation = operation;
        wanted.ranges = {{start, start + size}};
        wanted.limits.between_stops = std::chrono::microseconds(500);
        return wanted;
    }
    RemoteOutcome call(const OwnChild& child, RemoteOperation operation, std::uint64_t start,
                       std::uint64_t size) {
        RemoteRequest wanted = request(child.pid(), operation, start, size);
        wanted.pidfd = child.pidfd();
        return caller_->call(wanted, {});
    }
    pid_t helper() const { return dynamic_cast<HelperRemoteCaller&>(*caller_).helper_pid(); }

    std::unique_ptr<RemoteCaller> caller_;
};

}  // namespace damon_schemes::testing
