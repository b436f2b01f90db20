// SPDX-License-Identifier: MIT
// What others in the kernel are told: the trace event, and observers.
#include <unistd.h>

#include <cstdio>
#include <sstream>
#include <string>

#include "debugfs.h"
#include "process.h"

namespace damon_schemes::vm {
namespace {

class Tracing : public DebugfsTest {
  protected:
    void SetUp() override {
        DebugfsTest::SetUp();
        if (IsSkipped()) return;
        for (const std::string system : {"damon_schemes", "damon"}) {
            event = "/sys/kernel/tracing/events/" + system + "/damon_aggregated";
            if (access(event.c_str(), F_OK) == 0) return;
        }
        GTEST_SKIP() << "this kernel has no tracefs";
    }
    void TearDown() override {
        shell("echo 0 > " + event + "/enable; echo > /sys/kernel/tracing/trace");
        DebugfsTest::TearDown();
    }
    std::string event;
};

TEST_F(Tracing, TheEventTellsOfEveryRegion) {
    const auto format = contents(event + "/format");
    for (const std::string field :
         {"pid_t pid;", "unsigned int nr_regions;", "unsigned long start;", "unsigned long end;",
          "unsigned int nr_accesses;"})
        EXPECT_NE(format.find(field), std::string::npos) << format;
    Target target;
    const auto hot = target.map("hot", 64 * mib);
    target.hot("hot");
    name(target);
    ASSERT_TRUE(shell("echo > /sys/kernel/tracing/trace && echo 1 > " + event + "/enable").good());
    ASSERT_TRUE(works("echo on > monitor_on"));
    const std::string begins = "damon_aggregated: pid=" + std::to_string(target.pid()) + " ";
    bool seen = false;
    EXPECT_TRUE(eventually([&] {
        std::istringstream trace(contents("/sys/kernel/tracing/trace"));
        for (std::string line; std::getline(trace, line);) {
            const auto at = line.find(begins);
            if (at == std::string::npos) continue;
            unsigned int regions = 0, accesses = 0;
            unsigned long start = 0, end = 0;
            const auto* fields = line.c_str() + at + begins.size();
            if (std::sscanf(fields, "nr_regions=%u %lu-%lu: %u", &regions, &start, &end,
                            &accesses) != 4)
                ADD_FAILURE() << line;
            seen |= regions > 0 && start >= hot.start && end <= hot.end && accesses >= 5;
        }
        return seen;
    }));
}

TEST_F(Tracing, ItSaysNothingOfWhatNobodyAskedFor) {
    Target target;
    name(target);
    record_to(result);
    ASSERT_TRUE(shell("echo > /sys/kernel/tracing/trace").good());
    ASSERT_TRUE(works("echo on > monitor_on"));
    ASSERT_TRUE(eventually([&] { return contents(result).size() > 1024; }));
    EXPECT_EQ(contents("/sys/kernel/tracing/trace").find("damon_aggregated:"), std::string::npos);
}

// On a kernel with a DAMON of its own the event is in a system of our own.
TEST_F(Tracing, AKernelsOwnEventStaysAndTheLogTellsOfOurs) {
    ASSERT_TRUE(shell("rmmod damon_schemes").good());
    const bool kernels_own = access("/sys/kernel/tracing/events/damon/damon_aggregated", F_OK) == 0;
    ASSERT_TRUE(shell("modprobe damon_schemes").good());
    EXPECT_EQ(access("/sys/kernel/tracing/events/damon/damon_aggregated", F_OK), 0);
    EXPECT_EQ(access("/sys/kernel/tracing/events/damon_schemes/damon_aggregated", F_OK) == 0,
              kernels_own);
    EXPECT_EQ(times_in_log("ours is damon_schemes:damon_aggregated"), kernels_own ? 1 : 0);
}

const std::string counter = "/sys/module/damon_schemes_access_counter/parameters/";

class Observer : public DebugfsTest {
  protected:
    void SetUp() override {
        DebugfsTest::SetUp();
        if (!IsSkipped() && access(file, F_OK) != 0) GTEST_SKIP() << "no " << file;
    }
    void TearDown() override {
        if (access(counter.c_str(), F_OK) == 0) shell("rmmod damon_schemes_access_counter");
        DebugfsTest::TearDown();
    }
    static Said load() { return shell(std::string("insmod ") + file); }
    static Said unload() { return shell("rmmod damon_schemes_access_counter"); }
    static long counted(const std::string& what) { return std::stol(contents(counter + what)); }
    static constexpr const char* file = "/root/damon_schemes_access_counter.ko";
};

TEST_F(Observer, IsToldOfSamplingsAndAggregations) {
    Target target;
    target.map("hot", 64 * mib);
    target.hot("hot");
    name(target);
    ASSERT_TRUE(load().good());
    EXPECT_EQ(counted("samplings"), 0);
    ASSERT_TRUE(works("echo on > monitor_on"));
    EXPECT_TRUE(eventually([] {
        return counted("aggregations") >= 3 &&
               counted("accessed_bytes") >= static_cast<long>(32 * mib);
    }));
    EXPECT_EQ(counted("last_pid"), target.pid());
    EXPECT_GE(counted("watched_bytes"), counted("accessed_bytes"));
    EXPECT_GT(counted("samplings"), counted("aggregations"));
}

TEST_F(Observer, ComesAndGoesWhileMonitoringRuns) {
    Target target;
    name(target);
    ASSERT_TRUE(works("echo 1000 20000 400000 200 1000 > attrs"));
    ASSERT_TRUE(works("echo on > monitor_on"));
    for (int i = 0; i < 5; i++) {
        ASSERT_TRUE(load().good());
        EXPECT_TRUE(eventually([] { return counted("aggregations") >= 2; }));
        EXPECT_TRUE(shell("rmmod damon_schemes").status != 0) << "its user was forgotten";
        ASSERT_TRUE(unload().good());
    }
    EXPECT_TRUE(is_on());
}

TEST_F(Observer, IsToldOfTheDevicesSessionsToo) {
    Target target;
    Session session;
    ASSERT_EQ(session.set(scaled_attrs()), 0);
    ASSERT_EQ(session.add(target.pid()), 0);
    ASSERT_TRUE(load().good());
    ASSERT_EQ(session.start(), 0);
    EXPECT_TRUE(eventually([] { return counted("aggregations") >= 2; }));
    EXPECT_EQ(counted("last_pid"), target.pid());
}

TEST_F(Observer, IsRefusedWhereTheInterfacesAreOff) {
    ASSERT_TRUE(reload("legacy_interfaces=0").good());
    EXPECT_FALSE(load().good());
    ASSERT_TRUE(reload().good());
    EXPECT_TRUE(load().good());
}

}  // namespace
}  // namespace damon_schemes::vm
