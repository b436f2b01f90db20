// SPDX-License-Identifier: MIT
// An event loop that a test runs until something stands.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "engine/events/loop.h"

namespace damon_schemes::testing {

class LoopTest : public ::testing::Test {
  protected:
    void SetUp() override {
        auto loop = make_event_loop(LoopKind::epoll);
        ASSERT_TRUE(loop) << loop.error().message;
        loop_ = std::move(*loop);
    }
    void run_until(const std::function<bool()>& stands) {
        const auto ticks = loop_->on_timer(std::chrono::milliseconds(1), true, [&] {
            if (stands()) loop_->stop();
        });
        ASSERT_TRUE(ticks);
        ASSERT_TRUE(loop_->run());
        loop_->forget(*ticks);
    }

    std::unique_ptr<EventLoop> loop_;
};

}  // namespace damon_schemes::testing
