// SPDX-License-Identifier: MIT
// Which files of a folder are a daemon's policies, in which order, and what is said of bad ones.
#include "cli/policy_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace damon_schemes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* sound =
    "version = 1\n[[target]]\nname = \"x\"\n[[scheme]]\nname = \"a\"\naction = \"stat\"\n";

class PolicyFolder : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "policies-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    std::string write(const std::string& name, const std::string& text = sound) const {
        const std::filesystem::path path = folder_ / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
        return path;
    }

    std::filesystem::path folder_;
};

TEST_F(PolicyFolder, OneServiceGoesBeforeAllOthersAndNamesAreTheOrder) {
    const auto all = write("policy.toml");
    const auto web = write("policy.d/50-web.toml");
    const auto database = write("policy.d/10-database.toml");
    write("policy.d/README.md");
    write("policy.d/.50-web.toml");
    write("policy.d/50-web.toml~");
    write("policy.d/folder.toml/nothing");
    const auto files = policy_files_in(folder_);
    ASSERT_TRUE(files) << files.error().message;
    EXPECT_THAT(*files, ElementsAre(database, web, all));
}

TEST_F(PolicyFolder, EitherIsEnough) {
    const auto web = write("policy.d/web.toml");
    EXPECT_THAT(*policy_files_in(folder_), ElementsAre(web));
    std::filesystem::remove_all(folder_ / "policy.d");
    const auto all = write("policy.toml");
    EXPECT_THAT(*policy_files_in(folder_), ElementsAre(all));
}

TEST_F(PolicyFolder, WithoutAnyItSaysWhatToWrite) {
    const auto files = policy_files_in(folder_);
    ASSERT_FALSE(files);
    EXPECT_EQ(files.error().kind, ErrorKind::usage);
    EXPECT_THAT(files.error().message, HasSubstr("policy.toml"));
}

TEST_F(PolicyFolder, AllThatIsWrongIsToldAtOnce) {
    write("policy.d/good.toml");
    const auto first = write("policy.d/first.toml", "version = 1\nfoo = 1\n");
    const auto second = write("policy.toml", "version = 2\n");
    std::vector<PolicyError> warnings;
    const auto policies = read_policies(folder_, warnings);
    ASSERT_FALSE(policies);
    EXPECT_EQ(policies.error().kind, ErrorKind::policy);
    EXPECT_THAT(policies.error().message, HasSubstr(first));
    EXPECT_THAT(policies.error().message, HasSubstr(second));
    EXPECT_THAT(policies.error().message, Not(HasSubstr("good.toml")));
}

TEST_F(PolicyFolder, AFileStandsForItself) {
    const auto file = write("mine.toml");
    std::vector<PolicyError> warnings;
    const auto policies = read_policies(file, warnings);
    ASSERT_TRUE(policies) << policies.error().message;
    ASSERT_EQ(policies->size(), 1U);
    EXPECT_EQ((*policies)[0].name, file);
    EXPECT_EQ((*policies)[0].text, sound);
}

}  // namespace
}  // namespace damon_schemes
