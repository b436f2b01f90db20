// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "engine/monitors/mainline_monitor.h"
#include "engine/monitors/mainline_record.h"
#include "engine/targets/procfs.h"
#include "fake_damon.h"
#include "trace_pages.h"

namespace damon_schemes {
namespace {

using std::chrono::milliseconds;
using testing::AggregatedEvent;
using ::testing::ElementsAre;
using testing::FakeDamon;
using ::testing::HasSubstr;
using testing::TracePage;

// A process that waits, for as long as this object lives.
class Program {
  public:
    Program() : command_(ChildCommand::start({"sleep", "1000"})) {
        if (!command_ || !command_->release()) throw std::runtime_error("sleep");
    }
    ~Program() { end(); }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    std::int32_t pid() const { return command_.value().process().pid; }
    void end() {
        command_->send(SIGKILL);
        while (!command_->poll_exit()) ::poll(nullptr, 0, 1);
    }

  private:
    Result<ChildCommand> command_;
};

class MainlineMonitorTest : public ::testing::Test {
  protected:
    void SetUp() override { before = kernel->listing(); }

    Result<std::unique_ptr<Monitor>> open() const {
        return open_mainline_monitor(kernel->paths(), kernel);
    }
    // With one target, started.
    void start() {
        auto opened = open();
        ASSERT_TRUE(opened) << opened.error().message;
        monitor = std::move(*opened);
        ASSERT_TRUE(monitor->set_attributes({}));
        const auto added = monitor->add_target(program.pid());
        ASSERT_TRUE(added) << added.error().message;
        id = *added;
        const auto started = monitor->start();
        ASSERT_TRUE(started) << started.error().message;
    }
    AggregatedEvent region(std::uint64_t start, std::uint64_t end, std::uint32_t of,
                           std::uint32_t accesses = 0) const {
        return {.kdamond = kernel->kdamond(),
                .target = 0,
                .regions = of,
                .start = start,
                .end = end,
                .accesses = accesses,
                .age = 9};
    }
    bool readable() const {
        pollfd waiting{monitor->descriptor(), POLLIN, 0};
        return ::poll(&waiting, 1, 0) == 1;
    }
    std::optional<MainlineRecord> recorded() const { return read_record(kernel->paths().state); }
    // Of an engine that has gone, and left what `tree` set up.
    MainlineRecord left_behind(DamonTree& tree) const {
        MainlineRecord record;
        record.boot_id = *KernelFiles().read("/proc/sys/kernel/random/boot_id");
        record.owner = 1;
        record.owner_start = 1;  // not that of pid 1: another had its number
        record.instance = "damon-schemes-4711";
        record.setup = virtual_setup({}, {program.pid()});
        EXPECT_TRUE(tree.claim());
        EXPECT_TRUE(tree.write(record.setup));
        EXPECT_TRUE(tree.turn_on());
        EXPECT_TRUE(kernel->make_folder(kernel->paths().tracing + "/instances/" + record.instance));
        record.inode = tree.inode();
        record.kdamond = kernel->kdamond();
        return record;
    }
    void write_record(const MainlineRecord& record) const {
        auto keeper = RecordKeeper::lock(kernel->paths().state);
        ASSERT_TRUE(keeper);
        ASSERT_TRUE(keeper->write(record));
    }
    // But for the folder of the record and its lock, which stay.
    void expect_nothing_left() const {
        EXPECT_EQ(kernel->shown("kdamonds/nr_kdamonds"), "0");
        EXPECT_EQ(kernel->kdamond(), 0);
        EXPECT_TRUE(kernel->instances().empty());
        EXPECT_FALSE(recorded());
    }

    std::shared_ptr<FakeDamon> kernel = std::make_shared<FakeDamon>();
    std::string before;
    Program program;
    std::unique_ptr<Monitor> monitor;
    TargetId id;
};

TEST_F(MainlineMonitorTest, nothing_is_set_up_before_it_starts) {
    auto opened = open();
    ASSERT_TRUE(opened);
    ASSERT_TRUE((*opened)->set_attributes({}));
    ASSERT_TRUE((*opened)->add_target(program.pid()));
    EXPECT_EQ(kernel->listing(), before);
}

TEST_F(MainlineMonitorTest, what_it_sets_up_is_recorded_and_gone_with_it) {
    ASSERT_NO_FATAL_FAILURE(start());
    const std::string context = "kdamonds/0/contexts/0/";
    EXPECT_EQ(kernel->shown(context + "targets/0/pid_target"), std::to_string(program.pid()));
    EXPECT_EQ(kernel->shown(context + "monitoring_attrs/intervals/update_us"), "1000000");
    ASSERT_THAT(kernel->instances(), ElementsAre("damon-schemes-" + std::to_string(getpid())));
    const std::string events =
        kernel->paths().tracing + "/instances/" + kernel->instances()[0] + "/events/";
    EXPECT_EQ(KernelFiles().read(events + "damon/damon_aggregated/filter").value(),
              "common_pid == " + std::to_string(kernel->kdamond()));
    EXPECT_EQ(KernelFiles().read(events + "sched/sched_process_exec/filter").value(),
              "pid == " + std::to_string(program.pid()));
    const auto record = recorded();
    ASSERT_TRUE(record);
    EXPECT_EQ(record->owner, getpid());
    EXPECT_EQ(record->kdamond, kernel->kdamond());
    EXPECT_EQ(record->instance, kernel->instances()[0]);
    EXPECT_EQ(record->setup, virtual_setup({}, {program.pid()}));
    EXPECT_NE(record->inode, 0U);
    monitor.reset();
    expect_nothing_left();
}

TEST_F(MainlineMonitorTest, a_snapshot_is_what_its_kdamond_told) {
    ASSERT_NO_FATAL_FAILURE(start());
    EXPECT_FALSE(readable());
    EXPECT_FALSE(*monitor->take_snapshot());
    AggregatedEvent others = region(0x1000, 0x9000, 1);
    others.kdamond = kernel->kdamond() + 1;
    kernel->trace(0, TracePage(1'000)
                         .add(1'000, region(0x1000, 0x4000, 2, 20).bytes())
                         .add(1'001, others.bytes())
                         .add(1'002, region(0x4000, 0x9000, 2).bytes())
                         .bytes());
    EXPECT_TRUE(readable());
    const auto snapshot = monitor->take_snapshot();
    ASSERT_TRUE(snapshot && *snapshot);
    ASSERT_EQ((*snapshot)->targets.size(), 1U);
    const TargetSnapshot& seen = (*snapshot)->targets[0];
    EXPECT_EQ(seen.id, id);
    EXPECT_FALSE(seen.exited);
    EXPECT_THAT(seen.regions, ElementsAre(Region{{0x1000, 0x4000}, 20, 20, 0, 9},
                                          Region{{0x4000, 0x9000}, 20, 0, 0, 9}));
    EXPECT_FALSE(*monitor->take_snapshot());
    EXPECT_FALSE(readable());
}

// One processor's buffer is read before the other's.
TEST_F(MainlineMonitorTest, what_processors_tell_is_put_in_the_order_of_time) {
    ASSERT_NO_FATAL_FAILURE(start());
    kernel->trace(0, TracePage(1'000)
                         .add(1'000, region(0x1000, 0x4000, 2).bytes())
                         .add(5'000, region(0x1000, 0x4000, 1).bytes())
                         .bytes());
    kernel->trace(1, TracePage(1'001)
                         .add(1'001, region(0x4000, 0x9000, 2).bytes())
                         .add(4'000, testing::exec_event(program.pid()))
                         .bytes());
    const auto first = monitor->take_snapshot();
    ASSERT_TRUE(first && *first);
    EXPECT_EQ((*first)->targets[0].regions.size(), 2U);
    EXPECT_TRUE((*first)->targets[0].regions[0].known());
    const auto second = monitor->take_snapshot();
    ASSERT_TRUE(second && *second);
    EXPECT_GT((*second)->targets[0].generation, (*first)->targets[0].generation);
    EXPECT_FALSE((*second)->targets[0].regions[0].known());
}

TEST_F(MainlineMonitorTest, what_the_buffer_lost_is_counted_and_no_snapshot_is_half) {
    ASSERT_NO_FATAL_FAILURE(start());
    kernel->trace(0, TracePage(1'000).add(1'000, region(0x1000, 0x4000, 2).bytes()).bytes());
    kernel->trace(0, TracePage(2'000, true)
                         .add(2'000, region(0x4000, 0x9000, 2).bytes())
                         .add(3'000, region(0x1000, 0x9000, 1).bytes())
                         .bytes());
    const auto snapshot = monitor->take_snapshot();
    ASSERT_TRUE(snapshot && *snapshot);
    EXPECT_EQ((*snapshot)->lost, 1U);
    EXPECT_THAT((*snapshot)->targets[0].regions,
                ElementsAre(Region{{0x1000, 0x9000}, 20, 0, 0, 9}));
    EXPECT_EQ(monitor->cost()->lost_snapshots, 1U);
}

TEST_F(MainlineMonitorTest, a_removed_target_is_left_out) {
    ASSERT_NO_FATAL_FAILURE(start());
    const auto writes = kernel->writes;
    ASSERT_TRUE(monitor->remove_target(id));
    EXPECT_EQ(kernel->writes, writes) << "the others' places must not move";
    EXPECT_EQ(monitor->remove_target(id).error().code, ENOENT);
    kernel->trace(0, TracePage(1).add(1, region(0x1000, 0x4000, 1).bytes()).bytes());
    const auto snapshot = monitor->take_snapshot();
    ASSERT_TRUE(snapshot && *snapshot);
    EXPECT_TRUE((*snapshot)->targets.empty());
}

TEST_F(MainlineMonitorTest, an_exit_while_it_rests_is_noted_once) {
    Program other;
    ASSERT_NO_FATAL_FAILURE(start());
    ASSERT_TRUE(monitor->stop());
    ASSERT_TRUE(monitor->add_target(other.pid()));
    ASSERT_TRUE(monitor->start());
    ASSERT_TRUE(monitor->stop());
    ASSERT_TRUE(monitor->remove_target(id));
    EXPECT_FALSE(readable());
    other.end();
    EXPECT_TRUE(readable());
    EXPECT_FALSE(*monitor->take_snapshot());
    EXPECT_FALSE(readable()) << "or the loop would never rest";
    EXPECT_EQ(monitor->start().error().code, ESRCH);
}

TEST_F(MainlineMonitorTest, an_exited_target_has_no_regions_however_cold_they_look) {
    ASSERT_NO_FATAL_FAILURE(start());
    program.end();
    kernel->trace(0, TracePage(1).add(1, region(0x1000, 0x4000, 1).bytes()).bytes());
    const auto snapshot = monitor->take_snapshot();
    ASSERT_TRUE(snapshot && *snapshot);
    EXPECT_TRUE((*snapshot)->targets[0].exited);
    EXPECT_TRUE((*snapshot)->targets[0].regions.empty());
}

TEST_F(MainlineMonitorTest, a_kdamond_that_somebody_ended_is_a_failure_that_says_so) {
    ASSERT_NO_FATAL_FAILURE(start());
    kernel->echo("off", "kdamonds/0/state");
    EXPECT_TRUE(readable());
    const auto failed = monitor->take_snapshot();
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().message, HasSubstr("kdamond 0 is off"));
    monitor.reset();
    expect_nothing_left();
}

TEST_F(MainlineMonitorTest, a_kdamond_that_ended_with_its_targets_is_none) {
    ASSERT_NO_FATAL_FAILURE(start());
    program.end();
    kernel->echo("off", "kdamonds/0/state");
    EXPECT_TRUE(monitor->take_snapshot());
    EXPECT_FALSE(readable()) << "or the loop would never rest";
}

TEST_F(MainlineMonitorTest, what_somebody_set_up_in_its_place_is_left_alone) {
    ASSERT_NO_FATAL_FAILURE(start());
    kernel->echo("off", "kdamonds/0/state");
    kernel->echo("1", "kdamonds/nr_kdamonds");
    kernel->echo("1", "kdamonds/0/contexts/nr_contexts");
    kernel->echo("on", "kdamonds/0/state");
    const auto others = kernel->kdamond();
    EXPECT_FALSE(monitor->take_snapshot());
    monitor.reset();
    EXPECT_EQ(kernel->kdamond(), others);
    EXPECT_EQ(kernel->shown("kdamonds/nr_kdamonds"), "1");
    EXPECT_EQ(kernel->shown("kdamonds/0/contexts/nr_contexts"), "1");
    EXPECT_TRUE(kernel->instances().empty());
}

// Whichever write fails, whatever was set up before it is taken away again.
TEST_F(MainlineMonitorTest, a_failure_anywhere_leaves_nothing_behind) {
    ASSERT_NO_FATAL_FAILURE(start());
    const int all = kernel->writes;
    monitor.reset();
    ASSERT_GT(all, 20);
    for (int which = 1; which <= all; ++which) {
        kernel->writes = 0;
        kernel->failing_write = which;
        auto opened = open();
        ASSERT_TRUE(opened);
        monitor = std::move(*opened);
        ASSERT_TRUE(monitor->set_attributes({}));
        ASSERT_TRUE(monitor->add_target(program.pid()));
        EXPECT_FALSE(monitor->start()) << "write " << which;
        kernel->failing_write = 0;
        expect_nothing_left();
        // And it can be tried again.
        EXPECT_TRUE(monitor->start()) << "write " << which;
        monitor.reset();
        expect_nothing_left();
    }
}

TEST_F(MainlineMonitorTest, while_somebody_uses_damon_it_is_not_opened_and_names_who) {
    kernel->echo("1", "kdamonds/nr_kdamonds");
    kernel->echo("1", "kdamonds/0/contexts/nr_contexts");
    kernel->echo("paddr", "kdamonds/0/contexts/0/operations");
    const auto others = kernel->listing();
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::unsupported);
    EXPECT_THAT(opened.error().message, HasSubstr("kdamond 0 is off, paddr"));
    EXPECT_EQ(kernel->listing(), others);
}

TEST_F(MainlineMonitorTest, who_sets_one_up_after_it_was_opened_is_left_alone_too) {
    auto opened = open();
    ASSERT_TRUE(opened);
    ASSERT_TRUE((*opened)->set_attributes({}));
    ASSERT_TRUE((*opened)->add_target(program.pid()));
    kernel->echo("1", "kdamonds/nr_kdamonds");
    const auto started = (*opened)->start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().kind, ErrorKind::unsupported);
    EXPECT_EQ(kernel->shown("kdamonds/nr_kdamonds"), "1");
    EXPECT_TRUE(kernel->instances().empty());
}

TEST_F(MainlineMonitorTest, users_of_damon_who_exclude_others_are_named) {
    const auto file =
        std::filesystem::path(kernel->paths().sys) / "module/damon_reclaim/parameters/enabled";
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << "Y\n";
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message, HasSubstr("damon_reclaim is enabled"));
}

TEST_F(MainlineMonitorTest, a_kernel_that_tells_no_ages_is_refused) {
    const auto format = kernel->paths().tracing + "/events/damon/damon_aggregated/format";
    auto text = testing::aggregated_format;
    const std::string age = "\tfield:unsigned int age;\toffset:44;\tsize:4;\tsigned:0;\n";
    text.erase(text.find(age), age.size());
    std::ofstream(format) << text;
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::unsupported);
    EXPECT_THAT(opened.error().message, HasSubstr("age"));
    std::filesystem::remove(format);
    EXPECT_THAT(open().error().message, HasSubstr("mount -t tracefs"));
}

TEST_F(MainlineMonitorTest, what_mainline_cannot_do_is_refused) {
    auto opened = open();
    ASSERT_TRUE(opened);
    MonitorAttributes attributes;
    for (const TlbPolicy tlb : {TlbPolicy::none, TlbPolicy::page, TlbPolicy::full}) {
        attributes.tlb = tlb;
        EXPECT_EQ((*opened)->set_attributes(attributes).error().kind, ErrorKind::unsupported);
    }
    attributes = {};
    attributes.min_region_size = kibibytes(64);
    EXPECT_THAT((*opened)->set_attributes(attributes).error().message,
                HasSubstr("min_region_size"));
    attributes = {};
    attributes.interval_goal = IntervalGoal{};
    EXPECT_THAT((*opened)->set_attributes(attributes).error().message, HasSubstr("interval_goal"));
    attributes = {};
    attributes.min_regions = 2;
    EXPECT_EQ((*opened)->set_attributes(attributes).error().kind, ErrorKind::policy);
    EXPECT_EQ((*opened)->page_scanner(), nullptr);
    EXPECT_TRUE((*opened)->alone());
    EXPECT_FALSE((*opened)->flushes());
    EXPECT_EQ((*opened)->add_target(2).error().kind, ErrorKind::usage) << "a kernel thread";
    EXPECT_EQ((*opened)->add_target(999'999'999).error().kind, ErrorKind::usage);
    EXPECT_EQ(kernel->listing(), before);
}

TEST_F(MainlineMonitorTest, a_second_engine_is_refused_and_told_which_is_the_first) {
    ASSERT_NO_FATAL_FAILURE(start());
    const auto kept = kernel->listing();
    auto second = open();
    ASSERT_TRUE(second);
    Program another;
    ASSERT_TRUE((*second)->add_target(another.pid()));
    const auto started = (*second)->start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().kind, ErrorKind::unsupported);
    EXPECT_THAT(started.error().message, HasSubstr("pid " + std::to_string(getpid())));
    second->reset();
    EXPECT_EQ(kernel->listing(), kept);
}

TEST_F(MainlineMonitorTest, what_a_killed_engine_left_is_taken_down) {
    DamonTree tree(*kernel, kernel->admin());
    const MainlineRecord left = left_behind(tree);
    write_record(left);
    ASSERT_NO_FATAL_FAILURE(start());
    EXPECT_NE(kernel->kdamond(), left.kdamond);
    EXPECT_THAT(kernel->instances(), ElementsAre("damon-schemes-" + std::to_string(getpid())));
    EXPECT_EQ(recorded()->owner, getpid());
    monitor.reset();
    expect_nothing_left();
}

// Killed at any step of setting up.
TEST_F(MainlineMonitorTest, what_was_left_half_set_up_is_taken_down_too) {
    for (int step = 0; step < 4; ++step) {
        DamonTree tree(*kernel, kernel->admin());
        MainlineRecord record;
        record.boot_id = *KernelFiles().read("/proc/sys/kernel/random/boot_id");
        record.owner = 1;
        record.owner_start = 1;
        record.instance = "damon-schemes-4711";
        MonitorAttributes attributes;
        attributes.sampling_interval = std::chrono::microseconds(1'234);
        record.setup = virtual_setup(attributes, {program.pid()});
        if (step >= 1) {
            ASSERT_TRUE(tree.claim());
        }
        if (step >= 2) record.inode = tree.inode();
        if (step >= 3) {
            kernel->echo("1", "kdamonds/0/contexts/nr_contexts");
            kernel->echo("1234", "kdamonds/0/contexts/0/monitoring_attrs/intervals/sample_us");
        }
        write_record(record);
        ASSERT_NO_FATAL_FAILURE(start()) << "step " << step;
        monitor.reset();
        expect_nothing_left();
    }
}

TEST_F(MainlineMonitorTest, what_is_not_as_it_was_recorded_is_somebody_elses) {
    const auto changes = std::vector<std::function<void(MainlineRecord&)>>{
        [&](MainlineRecord&) {
            kernel->echo("7000", "kdamonds/0/contexts/0/monitoring_attrs/intervals/sample_us");
        },
        [&](MainlineRecord& record) { ++record.inode; },
        [&](MainlineRecord& record) { ++record.kdamond; },
        [&](MainlineRecord& record) { record.boot_id = "another"; },
        [&](MainlineRecord& record) { record.setup.back().text = "1"; }};
    for (std::size_t which = 0; which < changes.size(); ++which) {
        kernel = std::make_shared<FakeDamon>();
        DamonTree tree(*kernel, kernel->admin());
        MainlineRecord record = left_behind(tree);
        changes[which](record);
        write_record(record);
        const auto kdamond = kernel->kdamond();
        auto opened = open();
        Result<void> started;
        if (opened) {
            ASSERT_TRUE((*opened)->set_attributes({}));
            ASSERT_TRUE((*opened)->add_target(program.pid()));
            started = (*opened)->start();
        }
        const Error& error = opened ? started.error() : opened.error();
        ASSERT_FALSE(opened && started) << which;
        EXPECT_EQ(error.kind, ErrorKind::unsupported) << which;
        EXPECT_THAT(error.message, HasSubstr("pid " + std::to_string(kdamond))) << which;
        EXPECT_EQ(kernel->kdamond(), kdamond) << which;
        EXPECT_EQ(kernel->shown("kdamonds/0/state"), "on") << which;
        EXPECT_EQ(kernel->shown("kdamonds/0/contexts/0/targets/0/pid_target"),
                  std::to_string(program.pid()))
            << which;
    }
}

TEST_F(MainlineMonitorTest, what_belongs_to_an_engine_that_lives_is_not_touched) {
    DamonTree tree(*kernel, kernel->admin());
    MainlineRecord record = left_behind(tree);
    Program owner;
    record.owner = owner.pid();
    record.owner_start = read_process_stat(owner.pid(), "/proc")->start_ticks;
    write_record(record);
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message, HasSubstr("pid " + std::to_string(owner.pid())));
    EXPECT_EQ(kernel->shown("kdamonds/0/state"), "on");
}

TEST_F(MainlineMonitorTest, attributes_are_taken_over_while_it_runs) {
    ASSERT_NO_FATAL_FAILURE(start());
    const auto kdamond = kernel->kdamond();
    kernel->trace(0, TracePage(1).add(1, region(0x1000, 0x4000, 2).bytes()).bytes());
    EXPECT_FALSE(*monitor->take_snapshot());
    MonitorAttributes attributes;
    attributes.aggregation_interval = milliseconds(50);
    attributes.max_regions = 77;
    ASSERT_TRUE(monitor->set_attributes(attributes));
    EXPECT_EQ(kernel->kdamond(), kdamond);
    EXPECT_EQ(kernel->shown("kdamonds/0/contexts/0/monitoring_attrs/nr_regions/max"), "77");
    EXPECT_EQ(recorded()->setup, virtual_setup(attributes, {program.pid()}));
    // What was half told before counts by the old intervals.
    kernel->trace(0, TracePage(3).add(3, region(0x1000, 0x4000, 1, 10).bytes()).bytes());
    const auto snapshot = monitor->take_snapshot();
    ASSERT_TRUE(snapshot && *snapshot);
    EXPECT_EQ((*snapshot)->aggregation_interval, milliseconds(50));
    EXPECT_THAT((*snapshot)->targets[0].regions,
                ElementsAre(Region{{0x1000, 0x4000}, 10, 10, 0, 9}));
}

TEST_F(MainlineMonitorTest, with_a_target_gone_attributes_cannot_change) {
    ASSERT_NO_FATAL_FAILURE(start());
    program.end();
    MonitorAttributes attributes;
    attributes.max_regions = 77;
    const auto writes = kernel->writes;
    for (int again = 0; again < 2; ++again)
        EXPECT_EQ(monitor->set_attributes(attributes).error().kind, ErrorKind::unsupported);
    EXPECT_EQ(kernel->writes, writes) << "the kdamond would end";
}

TEST(MainlineRecordTest, a_record_is_read_back_as_it_was_written) {
    MainlineRecord record;
    record.boot_id = "b00";
    record.owner = 42;
    record.owner_start = 4242;
    record.instance = "damon-schemes-42";
    record.inode = 1ULL << 40;
    record.kdamond = 77;
    record.setup = virtual_setup({}, {1, 2, 3});
    EXPECT_EQ(parse_record(text_of(record)), record);
}

// It names a folder that is removed, and processes that are taken for dead.
TEST(MainlineRecordTest, what_is_no_record_is_none) {
    MainlineRecord record;
    record.instance = "damon-schemes-42";
    const auto whole = text_of(record);
    for (std::size_t length = 0; length + 2 < whole.size(); ++length)
        EXPECT_FALSE(parse_record(whole.substr(0, length))) << length;
    for (const char* name : {"", "..", ".", "../events", "a/b"}) {
        record.instance = name;
        EXPECT_FALSE(parse_record(text_of(record))) << name;
    }
    EXPECT_FALSE(parse_record("[]"));
    EXPECT_FALSE(parse_record("{\"version\": 2}"));
}

TEST(MainlineRecordTest, one_at_a_time_holds_it_and_it_ends_with_its_holder) {
    const testing::LaidOutFolder folder({});
    const std::string path = folder.path() + "/state";
    auto first = std::make_unique<RecordKeeper>(RecordKeeper::lock(path).value());
    MainlineRecord record;
    record.owner = 815;
    record.instance = "x";
    ASSERT_TRUE(first->write(record));
    const auto second = RecordKeeper::lock(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::unsupported);
    EXPECT_THAT(second.error().message, HasSubstr("pid 815"));
    first.reset();
    auto third = RecordKeeper::lock(path);
    ASSERT_TRUE(third);
    EXPECT_EQ(third->read(), record) << "it outlives its keeper, until somebody removes it";
    third->remove();
    EXPECT_FALSE(third->read());
}

}  // namespace
}  // namespace damon_schemes
