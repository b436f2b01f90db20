// SPDX-License-Identifier: MIT
// A session that verifies, rests, follows refaults and takes back what it has under way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/engine/fake_scanner.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/engine/session_run.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using observed::cold;
using observed::mib;
using testing::FakeScanner;
using testing::filled_memory;
using testing::fresh;
using ::testing::HasSubstr;
using testing::LaidOutFolder;
using testing::one_scheme;
using testing::OwnChild;
using testing::SessionTest;
using testing::StatLine;

constexpr std::uint64_t size = 8 * mib;

class SessionControlsTest : public SessionTest {
  protected:
    void SetUp() override {
        SessionTest::SetUp();
        ASSERT_NE(program_.address(), 0U);
        monitor_->scanner = scanner_;
    }
    AddressRange area() const { return {program_.address(), program_.address() + size}; }
    // All of the program's memory is cold.
    Snapshot cold_program(std::uint64_t generation = 1) const {
        Region region;
        region.range = area();
        region.sampled = 20;
        region.age = 1;
        auto target = observed::target(1, {region});
        target.generation = generation;
        return fresh(std::vector{target});
    }
    static Policy verifying(Duration idle) {
        Policy policy = one_scheme();
        policy.schemes[0].verify = Verify{idle};
        return policy;
    }
    void begin_acting(Policy policy, bool dry_run = false) {
        begin(std::move(policy), dry_run);
        add(program_);
        start();
        allow();
    }
    // Planned, marked, and waiting for its idle time to pass.
    void run_until_marked() {
        see(cold_program());
        run_until([this] { return scanned(true) == Bytes{size}; });
        // The message that says so has been delivered once another one has.
        int rounds = 0;
        run_until([&] { return ++rounds == 5; });
        EXPECT_TRUE(executor_->requests().empty());
    }
    void run_until_dropped() {
        run_until([this] { return gap(session_->totals()[0], Gap::cancelled) == Bytes{size}; });
        EXPECT_TRUE(executor_->requests().empty());
    }
    Bytes scanned(bool clear) const {
        Bytes bytes;
        for (const auto& call : scanner_->calls(clear)) bytes += call.range.size();
        return bytes;
    }
    // What procfs says of the program, as the test has it.
    void lay_faults(int faults) const {
        StatLine line;
        line.pid = program_.pid();
        line.comm = "program";
        line.major_faults = faults;
        const std::string folder = "proc/" + std::to_string(line.pid);
        root_.lay(folder + "/stat", line.text());
        root_.lay(folder + "/statm", "250 " + std::to_string(faults) + " 0 0 0 0 0\n");
        root_.lay(folder + "/status", "Name:\tprogram\nVmRSS:\t 100 kB\n");
        root_.lay(folder + "/maps", maps_of_program());
    }
    std::string maps_of_program() const {
        char line[128];
        std::snprintf(line, sizeof line, "%lx-%lx rw-p 00000000 00:00 0 \n", area().start,
                      area().end);
        return line;
    }
    void lay_free_memory(int of_thousand) const {
        root_.lay("proc/meminfo", "MemTotal: 1000 kB\nMemFree: " + std::to_string(of_thousand) +
                                      " kB\nMemAvailable: 900 kB\nSwapTotal: 0 kB\n");
    }
    void use_laid_out_folder() { paths_ = {root_.path() + "/proc", root_.path() + "/sys"}; }

    LaidOutFolder root_{{"proc/version", "x"}};
    OwnChild program_{[] { return filled_memory(size); }};
    std::shared_ptr<FakeScanner> scanner_ = std::make_shared<FakeScanner>();
};

TEST_F(SessionControlsTest, acts_only_once_memory_was_given_time_to_be_used) {
    begin_acting(verifying(50ms));
    see(cold_program());
    run_until_advised(Bytes{size});
    EXPECT_EQ(scanned(true), Bytes{size});
    const auto requests = executor_->requests();
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_TRUE(requests[0].only_idle);
    EXPECT_EQ(requests[0].scanner, scanner_);
    EXPECT_EQ(requests[0].generation, 1U);
    EXPECT_EQ(requests[0].target, TargetId{1});
    ASSERT_TRUE(requests[0].scheme);
    EXPECT_EQ(requests[0].scheme->name, "pageout");
    EXPECT_GE(executor_->times()[0] - scanner_->calls().back().time, 50ms);
    EXPECT_TRUE(scanner_->calls(false).empty()) << "the look is the executor's";
    for (const auto& call : scanner_->calls()) EXPECT_EQ(call.generation, 1U);
}

TEST_F(SessionControlsTest, pages_stay_idle_for_the_age_where_the_policy_says_so) {
    Policy policy = verifying({});
    policy.schemes[0].verify->of_age = true;
    policy.schemes[0].age.min = 50ms;
    begin_acting(std::move(policy));
    see(cold_program());
    run_until_advised(Bytes{size});
    EXPECT_GE(executor_->times()[0] - scanner_->calls(true).back().time, 50ms);
}

TEST_F(SessionControlsTest, verifies_much_memory_in_portions) {
    begin_acting(verifying(1ms));
    Snapshot snapshot = cold_program();
    // Nothing of it is mapped, so there is nothing to look at.
    snapshot.targets[0].regions[0].range = {mib, mib + 3 * verification_portion.count};
    see(std::move(snapshot));
    run_until_advised(Bytes{3 * verification_portion.count});
    EXPECT_EQ(executor_->requests().size(), 3U);
    EXPECT_TRUE(scanner_->calls().empty());
}

TEST_F(SessionControlsTest, does_not_plan_again_what_is_being_verified) {
    begin_acting(verifying(20s));
    session_->on_error = [](const Error& error) { ADD_FAILURE() << error.message; };
    see(cold_program());
    see(cold_program());
    run_until_decided(2);
    EXPECT_EQ(plans_[0].schemes[0].planned, Bytes{size});
    EXPECT_EQ(plans_[1].schemes[0].planned, Bytes{});
    EXPECT_EQ(observed::held(plans_[1].schemes[0], Reason::recently_acted), Bytes{size});
}

TEST_F(SessionControlsTest, what_cannot_be_marked_is_not_acted_on) {
    scanner_->fail_with(EOPNOTSUPP);
    begin_acting(verifying(1ms));
    see(cold_program());
    run_until([this] { return gap(session_->totals()[0], Gap::not_idle) == Bytes{size}; });
    EXPECT_EQ(session_->totals()[0].errors.at(EOPNOTSUPP), 1U);
    EXPECT_TRUE(executor_->requests().empty());
}

TEST_F(SessionControlsTest, drops_what_is_being_verified_when_another_program_runs) {
    begin_acting(verifying(20s));
    run_until_marked();
    Snapshot next = cold_program(2);
    next.targets[0].regions.clear();
    see(std::move(next));
    run_until_dropped();
}

TEST_F(SessionControlsTest, drops_what_is_being_verified_at_its_end) {
    begin_acting(verifying(20s));
    run_until_marked();
    session_->finish("enough");
    run_to_the_end();
    EXPECT_EQ(gap(session_->totals()[0], Gap::cancelled), Bytes{size});
    EXPECT_TRUE(executor_->requests().empty());
}

TEST_F(SessionControlsTest, drops_what_is_being_verified_when_its_target_exits) {
    begin_acting(verifying(20s));
    run_until_marked();
    program_.kill(false);
    run_to_the_end();
    EXPECT_EQ(gap(session_->totals()[0], Gap::cancelled), Bytes{size});
}

TEST_F(SessionControlsTest, may_go_while_something_is_being_verified) {
    begin_acting(verifying(20s));
    run_until_marked();
    session_.reset();
    loop_.reset();
    EXPECT_EQ(monitor_->monitors, 0);
}

TEST_F(SessionControlsTest, drops_what_is_being_verified_when_the_brake_is_put_on) {
    use_laid_out_folder();
    lay_faults(0);
    Policy policy = verifying(20s);
    policy.limits.brake = Limits{}.brake;
    ASSERT_TRUE(policy.limits.brake);
    begin_acting(std::move(policy));
    const auto known = [this](std::uint64_t faults) {
        const auto& memory = session_->targets()[0].memory;
        return memory && memory->major_faults == faults;
    };
    run_until([&] { return known(0); });
    const Snapshot first = cold_program();
    const auto later_on = [&](Duration after) {
        Snapshot snapshot = first;
        snapshot.time += after;
        return snapshot;
    };
    see(later_on(0s));
    run_until([this] { return scanned(true) == Bytes{size}; });
    for (const Duration after : {1s, 2s, 3s, 4s, 5s}) see(later_on(after));
    run_until_decided(6);
    EXPECT_EQ(gap(session_->totals()[0], Gap::cancelled), Bytes{});
    lay_faults(1'000'000);
    run_until([&] { return known(1'000'000); });
    see(later_on(7s));
    run_until_dropped();
    EXPECT_TRUE(session_->targets()[0].braked);
}

TEST_F(SessionControlsTest, verifies_nothing_in_a_dry_run) {
    executor_->advises_nothing();
    begin_acting(verifying(1h), /*dry_run=*/true);
    see(cold_program());
    run_until([this] { return session_->totals()[0].calls == 1; });
    EXPECT_FALSE(executor_->requests()[0].only_idle);
    EXPECT_FALSE(executor_->requests()[0].tell_what_left);
    EXPECT_TRUE(scanner_->calls().empty());
}

TEST_F(SessionControlsTest, does_not_start_where_it_could_not_verify) {
    monitor_->scanner = nullptr;
    begin(verifying(1s));
    add(program_);
    const auto started = session_->start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().kind, ErrorKind::unsupported);
    EXPECT_FALSE(monitor_->started);
}

// Its memory never left, so a look finds all of it in memory.
TEST_F(SessionControlsTest, finds_what_came_back) {
    executor_->tells_what_left();
    begin_acting(one_scheme());
    see(cold_program());
    run_until([this] { return session_->totals()[0].refaulted == Bytes{size}; });
    EXPECT_EQ(session_->totals()[0].watched, Bytes{size});
    EXPECT_TRUE(executor_->requests()[0].tell_what_left);
}

TEST_F(SessionControlsTest, rests_while_enough_memory_is_free_and_wakes_by_itself) {
    use_laid_out_folder();
    lay_faults(0);
    lay_free_memory(900);
    Policy policy = one_scheme();
    policy.schemes[0].watermarks.emplace();
    policy.schemes[0].watermarks->free_memory = {Share{500'000}, Share{400'000}, Share{0}};
    policy.schemes[0].watermarks->interval = 10ms;
    begin_acting(std::move(policy));
    see(cold_program());
    run_until([this] { return session_->resting().has_value(); });
    EXPECT_EQ(*session_->resting(), "enough memory is free");
    EXPECT_EQ(monitor_->stops, 1);
    EXPECT_EQ(observed::held(plans_[0].schemes[0], Reason::watermark), Bytes{size});
    lay_free_memory(300);
    run_until([this] { return monitor_->starts == 2; });
    EXPECT_FALSE(session_->resting());
    EXPECT_EQ(monitor_->stops, 1);
    see(cold_program());
    run_until_advised(Bytes{size});
    session_->finish("enough");
    EXPECT_EQ(monitor_->stops, 2);
}

// So that memory behind it has its turn where a quota does not let all of it through.
TEST_F(SessionControlsTest, what_filters_leave_waits_as_long_as_what_was_paged_out) {
    Policy policy = one_scheme();
    policy.schemes[0].cool_down = 1h;
    executor_->filters_everything();
    begin_acting(policy);
    see(cold_program());
    run_until([this] { return gap(session_->totals()[0], Gap::filtered) == Bytes{size}; });
    Snapshot later = cold_program();
    later.time += 1min;
    see(later);
    run_until([this] { return session_->snapshots() == 2; });
    int rounds = 0;
    run_until([&] { return ++rounds == 5; });
    EXPECT_EQ(executor_->requests().size(), 1U);
}

TEST_F(SessionControlsTest, a_filter_by_mapping_knows_the_mappings) {
    use_laid_out_folder();
    lay_faults(0);
    Policy policy = one_scheme();
    policy.schemes[0].filters = {{false, FilterKind::anonymous, "", {}}};
    begin_acting(std::move(policy));
    monitor_->source = [this]() -> Result<Snapshot> { return cold_program(); };
    run_until([this] {
        return !plans_.empty() &&
               observed::held(plans_.back().schemes[0], Reason::filter) == Bytes{size};
    });
    EXPECT_TRUE(executor_->requests().empty());
}

}  // namespace
}  // namespace damon_schemes
