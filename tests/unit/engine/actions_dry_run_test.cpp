// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "engine/actions/dry_run.h"
#include "engine/actions/pagemap.h"
#include "tests/unit/engine/outcomes.h"
#include "tests/unit/engine/own_child.h"

namespace damon_schemes {
namespace {

using testing::filled_memory;
using testing::gap;
using testing::OwnChild;

constexpr std::uint64_t mib = 1 << 20;

ActionRequest pageout(const OwnChild& child, std::vector<AddressRange> ranges) {
    ActionRequest request;
    request.action = Action::pageout;
    request.pid = child.pid();
    request.pidfd = child.pidfd();
    request.ranges = std::move(ranges);
    return request;
}

TEST(DryRunTest, clips_as_the_act_would_and_changes_nothing) {
    const OwnChild child([] {
        const std::uint64_t address = filled_memory(8 * mib);
        ::munmap(reinterpret_cast<void*>(address + 3 * mib), mib);
        return address;
    });
    DryRun executor;
    const auto outcomes =
        executor.execute(pageout(child, {{child.address(), child.address() + 4 * mib},
                                         {child.address() + 4 * mib, child.address() + 8 * mib}}),
                         {});
    ASSERT_EQ(outcomes.size(), 2U);
    EXPECT_EQ(outcomes[0].asked, mebibytes(4));
    EXPECT_EQ(gap(outcomes[0], Gap::unmapped), mebibytes(1));
    for (const ActionOutcome& outcome : outcomes) {
        EXPECT_EQ(outcome.advised, Bytes{});
        EXPECT_EQ(outcome.paged_out, Bytes{});
        EXPECT_EQ(outcome.calls, 0U);
    }
    EXPECT_EQ(executor.ranges(), 2U);
    EXPECT_EQ(executor.advisable(), mebibytes(7));

    const std::string path = "/proc/" + std::to_string(child.pid());
    const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::vector<PagemapEntry> entries;
    Pagemap::open(folder.get())
        ->read({child.address(), child.address() + 3 * mib}, kibibytes(4), entries);
    for (const PagemapEntry entry : entries) ASSERT_TRUE(entry.present());
}

TEST(DryRunTest, says_that_the_target_is_gone) {
    OwnChild child([] { return filled_memory(mib); });
    child.kill(false);
    DryRun executor;
    const auto outcomes =
        executor.execute(pageout(child, {{child.address(), child.address() + mib}}), {});
    EXPECT_TRUE(outcomes[0].target_gone);
    EXPECT_EQ(gap(outcomes[0], Gap::unmapped), mebibytes(1));
    EXPECT_EQ(executor.advisable(), Bytes{});
}

TEST(DryRunTest, stops_when_cancelled) {
    const OwnChild child([] { return filled_memory(mib); });
    DryRun executor;
    const auto outcomes = executor.execute(
        pageout(child, {{child.address(), child.address() + mib}}), [] { return true; });
    EXPECT_EQ(gap(outcomes[0], Gap::cancelled), mebibytes(1));
}

}  // namespace
}  // namespace damon_schemes
