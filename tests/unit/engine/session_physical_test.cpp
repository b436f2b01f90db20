// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "engine/events/loop.h"
#include "engine/monitors/physical_setup.h"
#include "engine/session/physical_session.h"
#include "fake_damon.h"
#include "laid_out_folder.h"
#include "schemes/decide/plan.h"

namespace damon_schemes {
namespace {

using std::chrono::milliseconds;
using testing::FakeDamon;
using ::testing::HasSubstr;

class PhysicalSessionTest : public ::testing::Test {
  protected:
    void SetUp() override {
        policy.monitor.memory = WatchedMemory::physical;
        policy.limits.brake.reset();
        policy.limits.guard.reset();
        Scheme scheme;
        scheme.name = "cold";
        scheme.action = Action::pageout;
        policy.schemes.push_back(scheme);
        free_swap(900);
        auto made = make_event_loop(LoopKind::automatic);
        ASSERT_TRUE(made);
        loop = std::move(*made);
        auto setup = physical_setup(policy, {{0x1000, 0x9000}}, false);
        ASSERT_TRUE(setup);
        PhysicalSession::Parts parts;
        parts.mainline = kernel->paths();
        parts.machine.proc = machine.path() + "/proc";
        parts.machine.sys = machine.path() + "/sys";
        parts.files = kernel;
        parts.interval = milliseconds(2);
        session = std::make_unique<PhysicalSession>(*loop, policy, *setup, parts);
        session->on_finished = [this] {
            finished = true;
            loop->stop();
        };
        session->on_error = [this](const Error& error) { failure = error.message; };
    }
    // Of 1000 kB.
    void free_swap(int kilobytes) const {
        const auto fresh = machine.path() + "/proc/meminfo.new";
        machine.lay("proc/meminfo.new",
                    "MemTotal: 900 kB\nMemFree: 300 kB\nMemAvailable: 400 kB\nSwapTotal: 1000 kB\n"
                    "SwapFree: " +
                        std::to_string(kilobytes) + " kB\n");
        std::filesystem::rename(fresh, machine.path() + "/proc/meminfo");
    }
    // Runs the loop until it holds.
    void until(const std::function<bool()>& holds) {
        const auto watch = loop->on_timer(milliseconds(1), true, [&] {
            if (holds()) loop->stop();
        });
        ASSERT_TRUE(watch);
        ASSERT_TRUE(loop->run());
        loop->forget(*watch);
    }
    void finish() {
        session->finish("enough");
        if (!finished) {
            ASSERT_TRUE(loop->run());
        }
        EXPECT_TRUE(finished);
    }

    std::shared_ptr<FakeDamon> kernel = std::make_shared<FakeDamon>();
    testing::LaidOutFolder machine{{"proc/swaps", "Filename Type Size Used Priority\n"}};
    Policy policy;
    std::unique_ptr<EventLoop> loop;
    std::unique_ptr<PhysicalSession> session;
    bool finished = false;
    std::string failure;
};

TEST_F(PhysicalSessionTest, what_the_kernel_did_is_counted_to_the_end) {
    ASSERT_TRUE(session->start());
    EXPECT_NE(kernel->kdamond(), 0);
    EXPECT_EQ(kernel->shown("kdamonds/0/contexts/0/schemes/0/action"), "pageout");
    kernel->have_done({{"nr_tried", 3},
                       {"sz_tried", 4096},
                       {"nr_applied", 2},
                       {"sz_applied", 2048},
                       {"qt_exceeds", 1}});
    until([&] { return session->totals()[0].tried_regions == 3; });
    EXPECT_EQ(session->totals()[0], (PhysicalTotals{3, {4096}, 2, {2048}, 1}));
    kernel->have_done({{"sz_applied", 3000}});
    finish();
    EXPECT_EQ(session->totals()[0].applied, Bytes{3000}) << "counted once more at its end";
    EXPECT_EQ(session->why_finished(), "enough");
    EXPECT_EQ(kernel->kdamond(), 0);
    session.reset();
    EXPECT_EQ(kernel->shown("kdamonds/nr_kdamonds"), "0");
    EXPECT_EQ(failure, "");
}

TEST_F(PhysicalSessionTest, it_rests_while_too_little_swap_is_free_and_goes_on_counting_after) {
    ASSERT_TRUE(session->start());
    kernel->have_done({{"sz_applied", 1000}});
    until([&] { return session->totals()[0].applied.count == 1000; });
    free_swap(50);
    until([&] { return kernel->kdamond() == 0; });
    EXPECT_EQ(session->resting(), std::string(explanation_of(Reason::swap_low)));
    kernel->have_done({{"sz_applied", 0}});
    free_swap(500);
    until([&] { return kernel->kdamond() != 0; });
    EXPECT_FALSE(session->resting());
    kernel->have_done({{"sz_applied", 10}});
    until([&] { return session->totals()[0].applied.count == 1010; });
    finish();
    EXPECT_EQ(failure, "");
}

TEST_F(PhysicalSessionTest, where_too_little_swap_is_free_it_does_not_even_begin) {
    free_swap(50);
    ASSERT_TRUE(session->start());
    EXPECT_EQ(kernel->kdamond(), 0);
    EXPECT_TRUE(session->resting());
    finish();
    EXPECT_EQ(kernel->kdamond(), 0);
}

TEST_F(PhysicalSessionTest, somebody_who_turns_it_off_ends_it_with_the_reason) {
    ASSERT_TRUE(session->start());
    kernel->echo("off", "kdamonds/0/state");
    ASSERT_TRUE(loop->run());
    EXPECT_TRUE(finished);
    EXPECT_THAT(failure, HasSubstr("turned the kdamond off"));
    session.reset();
    EXPECT_EQ(kernel->shown("kdamonds/nr_kdamonds"), "0") << "it was ours, and is off";
}

TEST_F(PhysicalSessionTest, somebody_elses_kdamond_is_left_alone) {
    kernel->echo("1", "kdamonds/nr_kdamonds");
    const auto started = session->start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().kind, ErrorKind::unsupported);
    session.reset();
    EXPECT_EQ(kernel->shown("kdamonds/nr_kdamonds"), "1");
}

}  // namespace
}  // namespace damon_schemes
