// SPDX-License-Identifier: MIT
// Unloading the module: never while somebody has a session.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "session.h"

namespace damon_schemes::vm {
namespace {

int unload() {
    return syscall(SYS_delete_module, "damon_schemes", O_NONBLOCK) == 0 ? 0 : errno;
}

TEST(Unloading, IsRefusedWhileInUseAndWorksAfterwards) {
    NEEDS_MODULE();
    Target target;
    {
        Session session;
        EXPECT_EQ(unload(), EWOULDBLOCK);
        ASSERT_EQ(session.set(scaled_attrs()), 0);
        ASSERT_EQ(session.add(target.pid()), 0);
        ASSERT_EQ(session.start(), 0);
        session.next();
        EXPECT_EQ(unload(), EWOULDBLOCK);
        session.next();
    }
    EXPECT_EQ(unload(), 0);
    EXPECT_NE(access(DAMON_SCHEMES_DEVICE, F_OK), 0) << "the device outlived its module";
    ASSERT_EQ(std::system("modprobe damon_schemes"), 0);
    Session again;
    EXPECT_EQ(again.add(target.pid()), 0);
}

// A flush that is still on its way when the module goes would run code that is gone.
TEST(Unloading, RightAfterSamplingLeavesNothingBehind) {
    NEEDS_MODULE();
    Target target;
    target.map("area", 32 * mib);
    target.hot("area");
    for (int i = 0; i < 5; i++) {
        {
            Session session;
            auto attrs = scaled_attrs();
            attrs.sampling_interval_us = 500;
            attrs.aggregation_interval_us = 10'000;
            attrs.min_regions = 500;
            attrs.tlb_policy = i % 2 ? DAMON_SCHEMES_TLB_FULL : DAMON_SCHEMES_TLB_PAGE;
            ASSERT_EQ(session.set(attrs), 0);
            ASSERT_EQ(session.add(target.pid()), 0);
            ASSERT_EQ(session.start(), 0);
            session.next();
            session.next();
        }
        ASSERT_EQ(unload(), 0);
        ASSERT_EQ(std::system("modprobe damon_schemes"), 0);
    }
}

}  // namespace
}  // namespace damon_schemes::vm
