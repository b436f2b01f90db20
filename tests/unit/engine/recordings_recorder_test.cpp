// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/actions/mappings.h"
#include "engine/recordings/recorder.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::LaidOutFolder;

// What was written, and a disk that a test can stop or fill up.  Any thread.
class Disk {
  public:
    Result<void> write(const RecordedEvent& event) {
        std::unique_lock lock(mutex_);
        ++waiting_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return !stopped_; });
        if (full_) return Error{ErrorKind::runtime, "full", 0};
        events_.push_back(event);
        return {};
    }
    Result<void> finish() {
        const std::lock_guard lock(mutex_);
        finished_ = true;
        return {};
    }
    void stop(bool stopped) {
        const std::lock_guard lock(mutex_);
        stopped_ = stopped;
        changed_.notify_all();
    }
    void fill() {
        const std::lock_guard lock(mutex_);
        full_ = true;
    }
    void wait_for_writer() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return waiting_ > 0; });
    }
    std::vector<RecordedEvent> events() const {
        const std::lock_guard lock(mutex_);
        return events_;
    }
    bool finished() const {
        const std::lock_guard lock(mutex_);
        return finished_;
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<RecordedEvent> events_;
    int waiting_ = 0;
    bool stopped_ = false;
    bool full_ = false;
    bool finished_ = false;
};

class DiskWriter final : public RecordingWriter {
  public:
    explicit DiskWriter(std::shared_ptr<Disk> disk) : disk_(std::move(disk)) {}
    Result<void> write(const RecordedEvent& event) override { return disk_->write(event); }
    Result<void> finish() override { return disk_->finish(); }
    bool dropped() const override { return false; }
    Bytes written() const override { return {disk_->events().size()}; }

  private:
    std::shared_ptr<Disk> disk_;
};

constexpr const char* maps =
    "00400000-00500000 r-xp 00000000 08:01 123                  /usr/bin/thing\n"
    "01000000-02000000 rw-p 00000000 00:00 0                    [heap]\n"
    "7f0000000000-7f0000100000 rw-p 00000000 00:00 0 \n"
    "7f0000200000-7f0000300000 rw-s 00000000 00:01 77           /dev/shm/x\n"
    "7ffe00000000-7ffe00100000 rw-p 00000000 00:00 0            [stack]\n"
    "7fff00000000-7fff00001000 r-xp 00000000 00:00 0            [vdso]\n";

class RecorderTest : public ::testing::Test {
  protected:
    RecorderTest() {
        lay("comm", "thing\n");
        lay("maps", maps);
    }
    void lay(const std::string& file, const std::string& content) {
        proc.lay(std::to_string(getpid()) + "/" + file, content);
    }
    // Itself, whose folder in procfs is the one laid out.
    Process process() const {
        auto self = open_process(getpid());
        EXPECT_TRUE(self);
        self->name = "command";
        return std::move(*self);
    }
    void begin(std::uint64_t queue_bytes = 1 << 20) {
        Recorder::Options options;
        options.queue_bytes = queue_bytes;
        options.proc = proc.path();
        recorder = std::make_unique<Recorder>(std::make_unique<DiskWriter>(disk), options);
    }
    static Snapshot seen(Duration when, std::uint64_t generation = 1) {
        auto snapshot = observed::snapshot(when, {observed::target(1, {observed::cold(0, 1)})});
        snapshot.targets[0].generation = generation;
        return snapshot;
    }
    std::vector<RecordedTarget> targets() const {
        std::vector<RecordedTarget> found;
        for (const auto& event : disk->events()) {
            if (const auto* target = std::get_if<RecordedTarget>(&event)) found.push_back(*target);
        }
        return found;
    }
    // Until all that was handed over so far is written.
    void drain(std::size_t events) const {
        while (disk->events().size() < events) std::this_thread::yield();
    }

    const LaidOutFolder proc{};
    const std::shared_ptr<Disk> disk = std::make_shared<Disk>();
    std::unique_ptr<Recorder> recorder;
};

TEST_F(RecorderTest, WritesATargetWithItsMappingsBeforeItsFirstSnapshot) {
    begin();
    recorder->introduce({1}, process());
    recorder->see(seen(0s));
    const RecordedAction action{{}, 0, {1}, {0, 4096}, {4096}, {4096}, 1ms};
    recorder->did(action);
    ASSERT_TRUE(recorder->finish());
    const RecordedTarget expected{
        {1},
        1001,
        1,
        "thing",
        {{{0x400000, 0x500000}, MappingKind::file, "/usr/bin/thing"},
         {{0x1000000, 0x2000000}, MappingKind::heap, "[heap]"},
         {{0x7f0000000000, 0x7f0000100000}, MappingKind::anonymous, ""},
         {{0x7f0000200000, 0x7f0000300000}, MappingKind::shared, "/dev/shm/x"},
         {{0x7ffe00000000, 0x7ffe00100000}, MappingKind::stack, "[stack]"},
         {{0x7fff00000000, 0x7fff00001000}, MappingKind::special, "[vdso]"}}};
    EXPECT_THAT(disk->events(), ElementsAre(RecordedEvent(expected), RecordedEvent(seen(0s)),
                                            RecordedEvent(action)));
    EXPECT_TRUE(disk->finished());
    EXPECT_EQ(recorder->tally().snapshots, 1U);
    EXPECT_EQ(recorder->tally().dropped, 0U);
}

TEST_F(RecorderTest, LooksAtTheMappingsOnceAnUpdateInterval) {
    begin();
    recorder->introduce({1}, process());
    recorder->see(seen(0s));
    drain(2);
    lay("maps", "00400000-00500000 r-xp 00000000 08:01 123 /usr/bin/thing\n");
    recorder->see(seen(900ms));
    drain(3);
    EXPECT_EQ(targets().size(), 1U);
    recorder->see(seen(1000ms));
    recorder->see(seen(2000ms));
    ASSERT_TRUE(recorder->finish());
    ASSERT_EQ(targets().size(), 2U);
    EXPECT_EQ(targets()[1].mappings.size(), 1U);
}

TEST_F(RecorderTest, LooksAgainAtOnceAfterAnExec) {
    begin();
    recorder->introduce({1}, process());
    recorder->see(seen(0s));
    drain(2);
    lay("comm", "other\n");
    recorder->see(seen(100ms, 2));
    ASSERT_TRUE(recorder->finish());
    ASSERT_EQ(targets().size(), 2U);
    EXPECT_EQ(targets()[1].generation, 2U);
    EXPECT_EQ(targets()[1].name, "other");
}

// Nothing of it can be read any more.
TEST_F(RecorderTest, ATargetThatHasExitedKeepsItsNameAndMappings) {
    begin();
    recorder->introduce({1}, process());
    recorder->see(seen(0s));
    drain(2);
    lay("comm", "");
    lay("maps", "");
    recorder->see(seen(5s));
    ASSERT_TRUE(recorder->finish());
    EXPECT_EQ(targets().size(), 1U);
}

TEST_F(RecorderTest, MappingsThatMovedWhileTheyWereReadDoNotOverlap) {
    lay("maps",
        "00400000-00500000 r-xp 00000000 08:01 123 /usr/bin/thing\n"
        "00480000-00600000 rw-p 00000000 00:00 0 \n"
        "00600000-00700000 rw-p 00000000 00:00 0 \n");
    begin();
    recorder->introduce({1}, process());
    recorder->see(seen(0s));
    ASSERT_TRUE(recorder->finish());
    ASSERT_EQ(targets().size(), 1U);
    ASSERT_EQ(targets()[0].mappings.size(), 2U);
    EXPECT_EQ(targets()[0].mappings[1].range.start, 0x600000U);
}

TEST_F(RecorderTest, WhatADiskIsTooSlowForIsDroppedAndCounted) {
    begin(10'000);
    disk->stop(true);
    recorder->see(seen(0s));
    disk->wait_for_writer();
    constexpr unsigned many = 1000;
    for (unsigned i = 1; i <= many; ++i) recorder->see(seen(i * 100ms));
    const auto dropped = recorder->tally().dropped;
    EXPECT_GT(dropped, many / 2);
    EXPECT_LT(dropped, many);
    disk->stop(false);
    ASSERT_TRUE(recorder->finish());
    EXPECT_EQ(recorder->tally().snapshots + dropped, many + 1);
    EXPECT_TRUE(disk->finished());
}

TEST_F(RecorderTest, ASnapshotLargerThanTheQueueIsTakenWhereNothingWaits) {
    begin(1);
    recorder->see(seen(0s));
    ASSERT_TRUE(recorder->finish());
    EXPECT_EQ(recorder->tally().snapshots, 1U);
}

TEST_F(RecorderTest, AFullDiskEndsTheRecordingAndNotMore) {
    begin();
    disk->fill();
    recorder->see(seen(0s));
    while (!recorder->failure()) std::this_thread::yield();
    recorder->see(seen(1s));
    const auto finished = recorder->finish();
    ASSERT_FALSE(finished);
    EXPECT_EQ(finished.error().message, "full");
    EXPECT_EQ(recorder->tally().dropped, 2U);
    EXPECT_EQ(recorder->tally().snapshots, 0U);
    EXPECT_FALSE(disk->finished());
}

TEST_F(RecorderTest, ThatIsNotFinishedLeavesARecordingThatIsCut) {
    begin();
    recorder->see(seen(0s));
    recorder.reset();
    EXPECT_FALSE(disk->finished());
}

}  // namespace
}  // namespace damon_schemes
