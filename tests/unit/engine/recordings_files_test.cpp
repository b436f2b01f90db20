// SPDX-License-Identifier: MIT
// Which files recordings are read from and written to.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>

#include "engine/recordings/recording.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/engine/recorded.h"

namespace damon_schemes {
namespace {

using namespace testing;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

std::string text_of(const std::string& path) {
    const auto octets = octets_of(path);
    return {octets.begin(), octets.end()};
}

class RecordingFile : public ::testing::Test {
  protected:
    Result<std::unique_ptr<RecordingWriter>> create(
        OldRecording old_one = OldRecording::rename) const {
        return create_recording(path, sample_info(), old_one);
    }
    // Why it cannot be created; empty: it can.
    std::string refusal() const {
        const auto writer = create();
        if (writer) return "";
        EXPECT_EQ(writer.error().kind, ErrorKind::usage);
        EXPECT_THAT(writer.error().message, HasSubstr(path));
        return writer.error().message;
    }
    // From any thread.
    void write_one() const {
        auto writer = create();
        if (!writer) return;
        for (const auto& event : sample_events()) {
            if (!(*writer)->write(event)) return;
        }
        if (!(*writer)->finish()) return;
    }
    std::string likeness(const std::string& content) const {
        folder.lay("other", content);
        const auto read = read_recording(folder.path() + "/other");
        EXPECT_TRUE(read.error);
        if (!read.error) return "";
        EXPECT_EQ(read.error->kind, ErrorKind::usage);
        return read.error->message;
    }

    const LaidOutFolder folder{};
    const std::string path = folder.path() + "/a.dsr";
};

TEST_F(RecordingFile, AnOldOneIsRenamedAndNeverReplaced) {
    folder.lay("a.dsr", "first");
    ASSERT_TRUE(create());
    EXPECT_EQ(text_of(path + ".old"), "first");
    fs::remove(path);
    folder.lay("a.dsr", "second");
    ASSERT_TRUE(create());
    EXPECT_EQ(text_of(path + ".old"), "first");
    EXPECT_EQ(text_of(path + ".old.2"), "second");
    ASSERT_TRUE(create());
    EXPECT_TRUE(fs::exists(path + ".old.3"));
}

TEST_F(RecordingFile, AnOldOneIsReplacedWhereThatIsAskedFor) {
    folder.lay("a.dsr", "first");
    fs::create_hard_link(path, folder.path() + "/kept");
    ASSERT_TRUE(create(OldRecording::overwrite));
    EXPECT_FALSE(fs::exists(path + ".old"));
    EXPECT_EQ(text_of(folder.path() + "/kept"), "first");
    EXPECT_FALSE(read_recording(path).error);
}

TEST_F(RecordingFile, IsNeverWrittenThroughASymbolicLink) {
    folder.lay("precious", "precious");
    folder.lay("a.dsr", "-> precious");
    EXPECT_THAT(refusal(), HasSubstr("symbolic link"));
    EXPECT_FALSE(create(OldRecording::overwrite));
    EXPECT_EQ(text_of(folder.path() + "/precious"), "precious");
    EXPECT_TRUE(fs::is_symlink(path));
}

TEST_F(RecordingFile, ADanglingSymbolicLinkIsRefusedAsWell) {
    folder.lay("a.dsr", "-> nowhere");
    EXPECT_THAT(refusal(), HasSubstr("symbolic link"));
    EXPECT_FALSE(fs::exists(folder.path() + "/nowhere"));
}

TEST_F(RecordingFile, WhatIsNoPlainFileIsRefused) {
    fs::create_directory(path);
    EXPECT_THAT(refusal(), HasSubstr("folder"));
    fs::remove(path);
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    EXPECT_THAT(refusal(), HasSubstr("no plain file"));
}

TEST_F(RecordingFile, InAFolderThatThereIsNotSaysWhatToDo) {
    const auto writer = create_recording(folder.path() + "/none/a.dsr", sample_info());
    ASSERT_FALSE(writer);
    EXPECT_EQ(writer.error().kind, ErrorKind::usage);
    EXPECT_THAT(writer.error().message, HasSubstr("Make the folder first"));
}

TEST_F(RecordingFile, CanBeReadByAllAndWrittenByOne) {
    const mode_t before = umask(022);
    ASSERT_TRUE(create());
    umask(before);
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0644U);
}

TEST_F(RecordingFile, TwoAtOnceUnderOneNameDoNotDisturbEachOther) {
    auto first = create();
    ASSERT_TRUE(first);
    ASSERT_TRUE((*first)->write(sample_events()[0]));
    auto second = create();
    ASSERT_TRUE(second);
    for (const auto& event : sample_events()) {
        ASSERT_TRUE((*second)->write(event));
        const bool written = event == sample_events()[0];
        ASSERT_TRUE(written || (*first)->write(event).ok());
    }
    ASSERT_TRUE((*first)->finish());
    ASSERT_TRUE((*second)->finish());
    EXPECT_EQ(read_recording(path).events, sample_events());
    EXPECT_EQ(read_recording(path + ".old").events, sample_events());
}

TEST_F(RecordingFile, ManyThatStartAtOnceEachGetAFile) {
    constexpr int many = 16;
    std::vector<std::thread> threads;
    for (int i = 0; i < many; ++i) threads.emplace_back([this] { write_one(); });
    for (auto& thread : threads) thread.join();
    int whole = 0;
    for (const auto& entry : fs::directory_iterator(folder.path())) {
        const auto read = read_recording(entry.path());
        EXPECT_FALSE(read.error);
        EXPECT_EQ(read.events, sample_events());
        ++whole;
    }
    EXPECT_EQ(whole, many);
}

TEST_F(RecordingFile, IsReadFromAPipe) {
    write_recording(path, sample_info(), sample_events());
    const std::string pipe = folder.path() + "/pipe";
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    std::thread feeder([&] {
        const int to = open(pipe.c_str(), O_WRONLY | O_CLOEXEC);
        // A byte at a time: nothing may depend on how a pipe cuts it.
        for (const auto octet : octets_of(path)) EXPECT_EQ(write(to, &octet, 1), 1);
        close(to);
    });
    const auto read = read_recording(pipe);
    feeder.join();
    EXPECT_EQ(read.events, sample_events());
    EXPECT_FALSE(read.damage) << *read.damage;
}

TEST_F(RecordingFile, AFullDiskIsAnErrorThatSaysSo) {
    if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "there is no /dev/full";
    // What is written to standard output goes to a full disk for once.
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    const int kept = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    dup2(full, STDOUT_FILENO);
    const auto writer = create_recording("-", sample_info());
    dup2(kept, STDOUT_FILENO);
    close(kept);
    close(full);
    ASSERT_FALSE(writer);
    EXPECT_EQ(writer.error().kind, ErrorKind::runtime);
    EXPECT_THAT(writer.error().message, HasSubstr("make room"));
}

TEST_F(RecordingFile, WhatIsNoRecordingIsToldByWhatItIs) {
    EXPECT_THAT(likeness(""), HasSubstr("it is empty"));
    EXPECT_THAT(likeness("hello, world\n"), HasSubstr("it is a text"));
    EXPECT_THAT(likeness(std::string("\x7f") + "ELF\x02\x01\x01"), HasSubstr("a program"));
    EXPECT_THAT(likeness("\x1f\x8b\x08"), HasSubstr("zcat"));
    EXPECT_THAT(likeness("PERFILE2xxxxxxxxxxxxx"), HasSubstr("perf.data"));
    EXPECT_THAT(likeness("\x28\xb5\x2f\xfd zstd"), HasSubstr("zstdcat"));
    EXPECT_THAT(likeness(std::string(4096, '\0')), HasSubstr("no recording starts with"));
    EXPECT_THAT(likeness(std::string(4096, '\xff')), HasSubstr("no recording starts with"));
    EXPECT_THAT(likeness("damon_recfmt"), HasSubstr("cut off"));
}

TEST_F(RecordingFile, ThatCannotBeOpenedSaysWhy) {
    const auto missing = read_recording(path);
    ASSERT_TRUE(missing.error);
    EXPECT_EQ(missing.error->kind, ErrorKind::usage);
    EXPECT_THAT(missing.error->message, HasSubstr("damon-schemes record"));
    const auto a_folder = read_recording(folder.path());
    ASSERT_TRUE(a_folder.error);
    EXPECT_EQ(a_folder.error->kind, ErrorKind::usage);
}

}  // namespace
}  // namespace damon_schemes
