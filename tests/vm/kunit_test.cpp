// SPDX-License-Identifier: MIT
// The core's tests inside of the kernel, which run when the module is loaded.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "session.h"

namespace damon_schemes::vm {
namespace {

TEST(Kunit, TheCoresTestsPassInsideOfTheKernel) {
    NEEDS_MODULE();
    if (access("/sys/kernel/debug/kunit", F_OK) != 0) GTEST_SKIP() << "this kernel has no KUnit";
    std::ostringstream results;
    results << std::ifstream("/sys/kernel/debug/kunit/damon_schemes_core/results").rdbuf();
    EXPECT_NE(results.str().find("ok 8 "), std::string::npos) << results.str();
    EXPECT_EQ(results.str().find("not ok"), std::string::npos) << results.str();
}

}  // namespace
}  // namespace damon_schemes::vm
