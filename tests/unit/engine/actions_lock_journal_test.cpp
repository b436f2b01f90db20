// SPDX-License-Identifier: MIT
// What is written down of locks, what is believed of it, and what comes of it after a crash.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "engine/actions/lock_adoption.h"
#include "engine/actions/lock_journal.h"
#include "engine/actions/lock_undoing.h"
#include "engine/targets/procfs.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/engine/own_memory.h"
#include "tests/unit/engine/self_caller.h"

namespace damon_schemes {
namespace {

using ::testing::ElementsAre;
using testing::flagged;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::LaidOutFolder;
using testing::OwnMemory;
using testing::SelfCaller;
using ::testing::SizeIs;

constexpr std::uint64_t mib = 1 << 20;

ProcessIdentity own_identity() {
    const auto folder = open_process_folder(::getpid(), -1, "/proc");
    return *identity_of(folder->get());
}

LockRecord record_of(std::vector<AddressRange> ranges, OnExit on_exit = OnExit::restore) {
    LockRecord record;
    record.process = own_identity();
    record.name = "engine_tests";
    record.scheme = "hot";
    record.on_exit = on_exit;
    record.ranges = std::move(ranges);
    return record;
}

class LockJournalTest : public ::testing::Test {
  protected:
    std::string path() const { return folder_.path() + "/run/locks"; }
    LockJournal open() const {
        auto journal = LockJournal::open(path());
        EXPECT_TRUE(journal.ok()) << (journal ? "" : journal.error().message);
        return std::move(*journal);
    }
    // A child writes it and is gone before this returns.
    void leave(const std::vector<LockRecord>& records) const {
        const pid_t child = ::fork();
        if (child == 0) {
            auto journal = LockJournal::open(path());
            ::_exit(journal && journal->write(records) ? 0 : 1);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_EQ(status, 0);
    }
    std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(path()))
            names.push_back(entry.path().filename());
        return names;
    }

    LaidOutFolder folder_{{"empty", ""}};
};

TEST_F(LockJournalTest, IsReadAsItWasWritten) {
    WrittenJournal journal;
    journal.boot = "b";
    journal.pid = 4242;
    journal.start_ticks = 99;
    journal.records = {record_of({{4096, 8192}, {16384, 0x7fff00000000}}),
                       record_of({}, OnExit::keep)};
    journal.records[1].raised = RaisedMemlock{{65536, 65536}, {1 << 20, RLIM_INFINITY}};
    journal.records[1].name = "a \"name\"\n\xff";
    auto read = parse_journal(journal_text(journal));
    ASSERT_TRUE(read.has_value());
    read->records[1].name = journal.records[1].name;  // what is no UTF-8 is replaced
    EXPECT_EQ(*read, journal);
}

TEST_F(LockJournalTest, TextThatIsCutOrDamagedIsNotBelieved) {
    WrittenJournal journal;
    journal.boot = "b";
    journal.pid = 4242;
    journal.start_ticks = 99;
    journal.records = {record_of({{4096, 8192}})};
    journal.records[0].raised = RaisedMemlock{{1, 2}, {3, 4}};
    const std::string text = journal_text(journal);
    for (std::size_t end = 0; end + 2 < text.size(); ++end)
        EXPECT_FALSE(parse_journal(std::string_view(text).substr(0, end)).has_value()) << end;
    const auto damaged = [&](const std::string& what, const std::string& with) {
        std::string other = text;
        other.replace(other.find(what), what.size(), with);
        return parse_journal(other);
    };
    EXPECT_TRUE(damaged("4096", "0").has_value());
    EXPECT_FALSE(damaged("4096", "4097").has_value()) << "no page begins there";
    EXPECT_FALSE(damaged("4096", "12288").has_value()) << "it ends before it begins";
    EXPECT_FALSE(damaged("4096", "-4096").has_value());
    EXPECT_FALSE(damaged("4096", "\"4096\"").has_value());
    EXPECT_FALSE(damaged("restore", "delete").has_value());
    EXPECT_FALSE(damaged("damon_schemes_locks\": 1", "damon_schemes_locks\": 2").has_value());
    EXPECT_FALSE(damaged("\"ranges\"", "\"strange\"").has_value());
    EXPECT_FALSE(parse_journal("[]").has_value());
    EXPECT_FALSE(parse_journal("{}").has_value());
    // Whatever one byte is changed to, it is read or refused, and ranges are sound.
    std::mt19937_64 random(1);
    for (int i = 0; i < 2000; ++i) {
        std::string other = text;
        other[random() % other.size()] = static_cast<char>(random());
        const auto read = parse_journal(other);
        if (!read) continue;
        for (const LockRecord& record : read->records)
            for (const AddressRange range : record.ranges) EXPECT_FALSE(range.empty());
    }
}

TEST_F(LockJournalTest, AnEmptyOneIsNoFile) {
    LockJournal journal = open();
    ASSERT_TRUE(journal.write({record_of({{4096, 8192}})}));
    EXPECT_THAT(files(), SizeIs(1));
    ASSERT_TRUE(journal.write({}));
    EXPECT_THAT(files(), IsEmpty());
}

TEST_F(LockJournalTest, OnlyWhatIsLeftOfOthersIsFound) {
    LockJournal journal = open();
    ASSERT_TRUE(journal.write({record_of({{4096, 8192}})}));
    EXPECT_THAT(journal.survey().left, IsEmpty()) << "its own";
    leave({record_of({{8192, 16384}})});
    auto survey = journal.survey();
    ASSERT_THAT(survey.left, SizeIs(1));
    EXPECT_THAT(survey.left[0].records, ElementsAre(record_of({{8192, 16384}})));
    survey.left[0].records.clear();
    ASSERT_TRUE(journal.replace(survey.left[0]));
    EXPECT_THAT(journal.survey().left, IsEmpty());
    EXPECT_THAT(files(), SizeIs(1));
}

TEST_F(LockJournalTest, WhatARunningEngineHoldsIsLeftAloneAndCounted) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        auto journal = LockJournal::open(path());
        (void)journal->write({record_of({{4096, 4096 + mib}})});
        (void)!::write(ends[1], "", 1);
        for (;;) ::pause();
    }
    char byte = 0;
    ASSERT_EQ(::read(ends[0], &byte, 1), 1);
    ::close(ends[0]);
    ::close(ends[1]);
    LockJournal journal = open();
    const auto survey = journal.survey();
    EXPECT_THAT(survey.left, IsEmpty());
    EXPECT_EQ(survey.held_by_others, mebibytes(1));
    ::kill(child, SIGKILL);
    // A zombie runs no more.
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);
    EXPECT_THAT(journal.survey().left, SizeIs(1));
    ::waitpid(child, nullptr, 0);
}

TEST_F(LockJournalTest, OfAnEarlierBootNothingIsLeft) {
    leave({record_of({{4096, 8192}})});
    const std::string file = path() + "/" + files()[0];
    auto journal = *parse_journal(*read_file(file));
    journal.boot = "another";
    std::ofstream(file) << journal_text(journal);
    EXPECT_THAT(open().survey().left, IsEmpty());
    EXPECT_THAT(files(), IsEmpty());
}

TEST_F(LockJournalTest, FilesThatAreNotToBeTrustedAreRefused) {
    leave({record_of({{4096, 8192}})});
    const std::string file = path() + "/" + files()[0];
    const auto refused = [&] {
        const auto survey = open().survey();
        EXPECT_THAT(survey.left, IsEmpty());
        return survey.refused;
    };
    ASSERT_EQ(::chmod(file.c_str(), 0620), 0);
    EXPECT_THAT(refused(), ElementsAre(HasSubstr("others than its owner may write it")));
    ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
    EXPECT_THAT(open().survey().left, SizeIs(1));
    if (::geteuid() == 0) {
        ASSERT_EQ(::chown(file.c_str(), 12345, 12345), 0);
        EXPECT_THAT(refused(), ElementsAre(HasSubstr("another user (12345)")));
        ASSERT_EQ(::chown(file.c_str(), 0, 0), 0);
    }
    const std::string content = *read_file(file);
    std::ofstream(file) << content.substr(0, content.size() / 2);
    EXPECT_THAT(refused(), ElementsAre(HasSubstr("not a whole journal")));
    std::ofstream(file) << "garbage";
    EXPECT_THAT(refused(), ElementsAre(HasSubstr("not a whole journal")));
    std::filesystem::remove(file);
    std::ofstream(folder_.path() + "/elsewhere") << content;
    std::filesystem::create_symlink(folder_.path() + "/elsewhere", file);
    EXPECT_THAT(refused(), SizeIs(1));
    std::filesystem::remove(file);
    ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
    EXPECT_THAT(refused(), ElementsAre(HasSubstr("not a plain file")));
}

TEST_F(LockJournalTest, AFolderThatOthersMayWriteIsRefused) {
    (void)open();
    ASSERT_EQ(::chmod(path().c_str(), 0777), 0);
    const auto journal = LockJournal::open(path());
    ASSERT_FALSE(journal.ok());
    EXPECT_EQ(journal.error().kind, ErrorKind::unsupported);
    EXPECT_THAT(journal.error().message, HasSubstr("others than its owner may write it"));
    EXPECT_THAT(journal.error().message, HasSubstr("--journal"));
    EXPECT_FALSE(LockJournal::open(folder_.path() + "/empty").ok()) << "a file";
    EXPECT_FALSE(LockJournal::open_existing(folder_.path() + "/nothing").ok());
}

// The rest is about memory that really is locked: the test's own.
class LockUndoingTest : public LockJournalTest {
  protected:
    void SetUp() override {
        if (::syscall(SYS_mlock, memory_.start(), 2 * mib) != 0)
            GTEST_SKIP() << "the test may not lock 2 MiB of its own here (RLIMIT_MEMLOCK)";
    }
    void TearDown() override { ::syscall(SYS_munlock, memory_.start(), 4 * mib); }
    Bytes locked() const { return flagged(memory_.range(), &MappingFlags::locked); }
    RemoteAccess access(bool allowed = true) {
        RemoteAccess remote;
        remote.allowed = allowed;
        remote.caller = &caller_;
        return remote;
    }
    static Policy policy_with(Action action) {
        Policy policy;
        policy.remote_syscall = true;
        policy.schemes.emplace_back();
        policy.schemes[0].name = "mine";
        policy.schemes[0].action = action;
        policy.schemes[0].on_exit = OnExit::restore;
        return policy;
    }

    SelfCaller caller_;
    OwnMemory memory_{4 * mib};
};

TEST_F(LockUndoingTest, RestoresWhatAKilledEngineLeft) {
    leave({record_of({memory_.part(0, mib)})});
    LockJournal journal = open();
    const auto restored = restore_locks(journal, &caller_, {}, /*all=*/false);
    EXPECT_THAT(restored.done, ElementsAre(HasSubstr("unlocked 1.0 MiB")));
    EXPECT_THAT(restored.not_done, IsEmpty());
    EXPECT_EQ(locked(), mebibytes(1));
    EXPECT_THAT(files(), IsEmpty());
    EXPECT_THAT(restore_locks(journal, &caller_, {}, false).done, IsEmpty());
}

TEST_F(LockUndoingTest, KeepsWhatWasToBeKeptUnlessAllIsToGo) {
    leave({record_of({memory_.part(0, mib)}, OnExit::keep)});
    LockJournal journal = open();
    EXPECT_EQ(restore_locks(journal, &caller_, {}, false).kept, 1U);
    EXPECT_EQ(locked(), mebibytes(2));
    EXPECT_THAT(restore_locks(journal, &caller_, {}, true).done, SizeIs(1));
    EXPECT_EQ(locked(), mebibytes(1));
}

TEST_F(LockUndoingTest, WhatCannotBeUndoneStaysInTheJournal) {
    leave({record_of({memory_.part(0, mib)})});
    LockJournal journal = open();
    caller_.refuse = RemoteRefusal::traced;
    EXPECT_THAT(restore_locks(journal, &caller_, {}, false).not_done,
                ElementsAre(HasSubstr("stays locked")));
    EXPECT_EQ(locked(), mebibytes(2));
    caller_.refuse.reset();
    EXPECT_THAT(restore_locks(journal, &caller_, {}, false).done, SizeIs(1));
    EXPECT_EQ(locked(), mebibytes(1));
}

TEST_F(LockUndoingTest, LeavesAnotherProcessOrProgramAlone) {
    LockRecord other = record_of({memory_.part(0, mib)});
    other.process.start_ticks += 1;
    LockRecord program = record_of({memory_.part(0, mib)});
    program.process.address_space += 1;
    LockRecord nobody = record_of({memory_.part(0, mib)});
    nobody.process.pid = 4'194'304;  // above every pid_max
    for (const LockRecord& record : {other, program, nobody}) {
        const UndoneLock undone = undo_lock(record, &caller_, {});
        EXPECT_TRUE(undone.whole());
        EXPECT_EQ(undone.gone, mebibytes(1));
        EXPECT_EQ(undone.unlocked, Bytes{});
    }
    EXPECT_TRUE(caller_.requests.empty());
    EXPECT_EQ(locked(), mebibytes(2));
}

TEST_F(LockUndoingTest, WhatWasUnmappedSinceIsNoObstacle) {
    const LockRecord record = record_of({memory_.part(0, 2 * mib)});
    ::munmap(memory_.at(mib / 2), mib / 2);
    const UndoneLock undone = undo_lock(record, &caller_, {});
    EXPECT_TRUE(undone.whole()) << undone.why;
    EXPECT_EQ(undone.unlocked, Bytes{3 * mib / 2});
    EXPECT_EQ(undone.gone, Bytes{mib / 2});
    EXPECT_EQ(locked(), Bytes{});
}

TEST_F(LockUndoingTest, ALimitIsPutBackUnlessSomebodyElseSetItSince) {
    const auto before = memlock_limit_of(::getpid());
    ASSERT_TRUE(before.ok());
    if (before->hard < 4096 * 2) GTEST_SKIP() << "the limit is too low to play with";
    MemlockLimit lowered = *before;
    lowered.soft = before->hard == RLIM_INFINITY ? 64 * mib : before->hard - 4096;
    ASSERT_TRUE(set_memlock_limit(::getpid(), lowered));
    LockRecord record = record_of({});
    record.raised = RaisedMemlock{*before, lowered};
    EXPECT_TRUE(undo_lock(record, &caller_, {}).whole());
    EXPECT_EQ(*memlock_limit_of(::getpid()), *before);
    record.raised = RaisedMemlock{{4096, before->hard}, {8192, before->hard}};
    EXPECT_TRUE(undo_lock(record, &caller_, {}).whole());
    EXPECT_EQ(*memlock_limit_of(::getpid()), *before) << "it is not what we had set";
}

TEST_F(LockUndoingTest, TheNextSessionGoesOnWithItsOwnTargets) {
    leave({record_of({memory_.part(0, mib)})});
    LockJournal journal = open();
    LockLedger ledger(std::make_unique<LockJournal>(open()));
    const auto adoption =
        adopt_locks(policy_with(Action::mlock), {::getpid()}, journal, ledger, access());
    ASSERT_THAT(adoption.adopted, SizeIs(1));
    EXPECT_EQ(adoption.adopted[0].pid, ::getpid());
    EXPECT_THAT(adoption.adopted[0].ranges, ElementsAre(memory_.part(0, mib)));
    EXPECT_THAT(ledger.held(own_identity()).ranges(), ElementsAre(memory_.part(0, mib)));
    EXPECT_EQ(ledger.records()[0].scheme, "mine");
    EXPECT_EQ(locked(), mebibytes(2));
    EXPECT_THAT(journal.survey().left, IsEmpty());
    EXPECT_THAT(files(), SizeIs(1)) << "this one's own";
}

TEST_F(LockUndoingTest, TheNextSessionUndoesWhatIsNotItsOwn) {
    leave({record_of({memory_.part(0, mib)})});
    LockJournal journal = open();
    LockLedger ledger;
    EXPECT_THAT(adopt_locks(policy_with(Action::mlock), {}, journal, ledger, access()).notes,
                ElementsAre(HasSubstr("left locked")));
    EXPECT_EQ(locked(), mebibytes(1));
    EXPECT_THAT(files(), IsEmpty());
}

TEST_F(LockUndoingTest, APolicyWithoutRemoteCallsOnlySaysWhatWasLeft) {
    leave({record_of({memory_.part(0, mib)})});
    LockJournal journal = open();
    LockLedger ledger;
    Policy policy = policy_with(Action::pageout);
    policy.remote_syscall = false;
    EXPECT_THAT(adopt_locks(policy, {::getpid()}, journal, ledger, access(false)).notes,
                ElementsAre(HasSubstr("damon-schemes restore")));
    EXPECT_TRUE(caller_.requests.empty());
    EXPECT_EQ(locked(), mebibytes(2));
    EXPECT_THAT(journal.survey().left, SizeIs(1));
}

TEST_F(LockUndoingTest, AMunlockSchemeTakesOverWhatWasKept) {
    leave({record_of({memory_.part(0, mib)}, OnExit::keep)});
    LockJournal journal = open();
    LockLedger ledger;
    const auto adoption =
        adopt_locks(policy_with(Action::munlock), {::getpid()}, journal, ledger, access());
    EXPECT_THAT(adoption.adopted, IsEmpty());
    EXPECT_EQ(ledger.held(own_identity()).size(), mebibytes(1));
    EXPECT_EQ(ledger.records()[0].on_exit, OnExit::keep);
}

}  // namespace
}  // namespace damon_schemes
