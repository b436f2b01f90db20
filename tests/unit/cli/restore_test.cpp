// SPDX-License-Identifier: MIT
// What 'restore' finds, refuses, and leaves alone; that it unlocks is tested in the VM.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "program.h"

namespace damon_schemes {
namespace {

using testing::HasSubstr;

class RestoreCommand : public testing::Test {
  protected:
    RestoreCommand() {
        std::string name = std::filesystem::temp_directory_path() / "damon-schemes-XXXXXX";
        folder_ = ::mkdtemp(name.data());
    }
    ~RestoreCommand() override { std::filesystem::remove_all(folder_); }
    ProgramRun restore() const { return run_program({"restore", "--journal", folder_}); }
    std::string folder_;
};

TEST_F(RestoreCommand, WhereNothingWasLeftThereIsNothingToDo) {
    const ProgramRun empty = restore();
    EXPECT_EQ(empty.status, 0) << empty.err;
    EXPECT_THAT(empty.out, HasSubstr("Nothing was left locked."));
    const ProgramRun none = run_program({"restore", "--journal", folder_ + "/none"});
    EXPECT_EQ(none.status, 0) << none.err;
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/none"));
}

TEST_F(RestoreCommand, AFileThatIsNoJournalIsToldAndKept) {
    std::ofstream(folder_ + "/4242-1.json") << "{ \"damon_schemes_locks\": 1, ";
    const ProgramRun ran = restore();
    EXPECT_EQ(ran.status, 1);
    EXPECT_THAT(ran.err, HasSubstr("4242-1.json is left alone: it is not a whole journal"));
    EXPECT_TRUE(std::filesystem::exists(folder_ + "/4242-1.json"));
}

TEST_F(RestoreCommand, AFolderThatOthersMayWriteIsRefused) {
    ASSERT_EQ(::chmod(folder_.c_str(), 0777), 0);
    const ProgramRun ran = restore();
    EXPECT_EQ(ran.status, 4);
    EXPECT_THAT(ran.err, HasSubstr("others than its owner may write it"));
}

}  // namespace
}  // namespace damon_schemes
