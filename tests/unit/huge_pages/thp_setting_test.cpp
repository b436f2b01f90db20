// SPDX-License-Identifier: MIT
#include "benchmarks/huge_pages/thp_setting.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace damon_schemes::bench {
namespace {

class ThpSettingTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "thp-XXXXXX";
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    void write(const std::string& text) const { std::ofstream(folder_ + "/enabled") << text; }
    std::string text() const {
        std::ifstream file(folder_ + "/enabled");
        return {std::istreambuf_iterator<char>(file), {}};
    }

    std::string folder_;
};

TEST_F(ThpSettingTest, IsPutBack) {
    write("always [madvise] never\n");
    {
        const ThpSetting setting("always", folder_);
        EXPECT_EQ(text(), "always");
    }
    EXPECT_EQ(text(), "madvise");
}

TEST_F(ThpSettingTest, IsPutBackWhenAnExperimentFails) {
    write("[always] madvise never\n");
    EXPECT_THROW(
        {
            const ThpSetting setting("madvise", folder_);
            throw std::runtime_error("interrupted");
        },
        std::runtime_error);
    EXPECT_EQ(text(), "always");
}

TEST_F(ThpSettingTest, AKernelWithoutHugePagesIsToldSo) {
    EXPECT_THROW(ThpSetting("always", folder_), std::runtime_error);
    write("nonsense");
    EXPECT_THROW(ThpSetting("always", folder_), std::runtime_error);
    EXPECT_EQ(text(), "nonsense");
}

}  // namespace
}  // namespace damon_schemes::bench
