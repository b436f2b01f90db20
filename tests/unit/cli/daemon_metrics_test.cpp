// SPDX-License-Identifier: MIT
// What the daemon refuses of where its metrics are to go, before it opens a monitor.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "program.h"

namespace damon_schemes {
namespace {

using testing::HasSubstr;

ProgramRun run_daemon(const std::string& option, const std::string& value) {
    const TextFile policy(
        "version = 1\n[[target]]\nname = \"no-such-program\"\n"
        "[[scheme]]\nname = \"all\"\naction = \"stat\"\n");
    return run_program({"daemon", "--policies", policy.path(), "--socket", "none", option, value});
}

TEST(DaemonMetricsOptions, AnAddressThatIsNoneSaysHowOneLooks) {
    for (const char* address : {"somewhere", "127.0.0.1", "127.0.0.1:65536", "example.org:9797"}) {
        const ProgramRun ran = run_daemon("--metrics", address);
        EXPECT_EQ(ran.status, 2) << address;
        EXPECT_THAT(ran.err, HasSubstr(std::string("'") + address + "'"));
        EXPECT_THAT(ran.err, HasSubstr("127.0.0.1:9797"));
    }
}

TEST(DaemonMetricsOptions, AFileThatNobodyWouldReadSaysWhatToNameInstead) {
    const ProgramRun named = run_daemon("--metrics-textfile", "/tmp/metrics.txt");
    EXPECT_EQ(named.status, 2);
    EXPECT_THAT(named.err, HasSubstr(".prom"));
    const ProgramRun lost = run_daemon("--metrics-textfile", "/no/such/folder/a.prom");
    EXPECT_EQ(lost.status, 2);
    EXPECT_THAT(lost.err, HasSubstr("'/no/such/folder' is no folder"));
}

}  // namespace
}  // namespace damon_schemes
