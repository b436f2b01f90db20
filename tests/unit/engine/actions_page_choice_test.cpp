// SPDX-License-Identifier: MIT
// What filters and looks let through, on real memory and as a scanner that a test plays finds it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "engine/actions/chunk.h"
#include "engine/actions/dry_run.h"
#include "engine/actions/idle_mark.h"
#include "engine/actions/page_choice.h"
#include "engine/actions/process_madvise.h"
#include "tests/unit/engine/fake_scanner.h"
#include "tests/unit/engine/outcomes.h"
#include "tests/unit/engine/own_child.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using testing::FakeScanner;
using testing::filled_memory;
using testing::gap;
using testing::OwnChild;
using testing::sum_of_gaps;

constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t page = 4096;

class PageChoiceTest : public ::testing::Test {
  protected:
    void SetUp() override {
        Process process;
        process.pid = child_.pid();
        process.pidfd = Descriptor(::dup(child_.pidfd()));
        const auto allowed = may_advise(process);
        if (!allowed) GTEST_SKIP() << allowed.error().message;
        ASSERT_NE(child_.address(), 0U);
    }
    ActionRequest request(Action action, std::vector<Filter> filters) {
        Scheme scheme;
        scheme.action = action;
        scheme.filters = std::move(filters);
        ActionRequest request;
        request.action = action;
        request.scheme = std::make_shared<const Scheme>(std::move(scheme));
        request.pid = child_.pid();
        request.pidfd = child_.pidfd();
        request.target = {1};
        request.generation = 1;
        request.target_name = "own_child";
        request.ranges = {area()};
        return request;
    }
    AddressRange area() const { return {child_.address(), child_.address() + size}; }

    static constexpr std::uint64_t size = 8 * mib;
    OwnChild child_{[] { return filled_memory(size); }};
    ProcessMadvise executor_;
};

TEST_F(PageChoiceTest, acts_on_what_no_filter_rejects) {
    Filter address{false, FilterKind::address, "", {}};
    address.range = {area().start + 2 * mib, area().start + 3 * mib};
    const auto outcomes = executor_.execute(request(Action::cold, {address}), {});
    EXPECT_EQ(outcomes[0].advised, mebibytes(7));
    EXPECT_EQ(gap(outcomes[0], Gap::filtered), mebibytes(1));
    EXPECT_EQ(outcomes[0].advised + sum_of_gaps(outcomes[0]), Bytes{size});

    // The same as a dry run, which acts on nothing.
    DryRun dry_run;
    const auto planned = dry_run.execute(request(Action::cold, {address}), {});
    EXPECT_EQ(dry_run.advisable(), mebibytes(7));
    EXPECT_EQ(gap(planned[0], Gap::filtered), mebibytes(1));
}

TEST_F(PageChoiceTest, rejects_by_target_and_by_mapping) {
    auto outcomes =
        executor_.execute(request(Action::cold, {{false, FilterKind::target, "own*", {}}}), {});
    EXPECT_EQ(gap(outcomes[0], Gap::filtered), Bytes{size});
    EXPECT_EQ(outcomes[0].calls, 0U);
    outcomes =
        executor_.execute(request(Action::cold, {{true, FilterKind::mapping, "/*", {}}}), {});
    EXPECT_EQ(gap(outcomes[0], Gap::filtered), Bytes{size}) << "anonymous memory has no path";
    outcomes =
        executor_.execute(request(Action::cold, {{true, FilterKind::anonymous, "", {}}}), {});
    EXPECT_EQ(outcomes[0].advised, Bytes{size});
}

TEST_F(PageChoiceTest, tells_a_files_pages_from_written_ones_in_a_private_mapping) {
    char name[] = "/tmp/damon-schemes-test-XXXXXX";
    const int file = ::mkstemp(name);
    ASSERT_GE(file, 0);
    ::unlink(name);
    const std::vector<char> content(mib, 'x');
    ASSERT_EQ(::write(file, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    const OwnChild child([file] {
        void* memory = ::mmap(nullptr, mib, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
        if (memory == MAP_FAILED) return std::uint64_t{0};
        auto* bytes = static_cast<volatile unsigned char*>(memory);
        unsigned sum = 0;
        for (std::uint64_t at = 0; at < mib; at += page) sum += bytes[at];
        // Every fourth page is written, and so anonymous from then on.
        for (std::uint64_t at = 0; at < mib; at += 4 * page) bytes[at] = 1;
        return sum == 0 ? std::uint64_t{0} : reinterpret_cast<std::uint64_t>(memory);
    });
    ::close(file);
    ASSERT_NE(child.address(), 0U);
    ActionRequest asked = request(Action::cold, {{true, FilterKind::anonymous, "", {}}});
    asked.pid = child.pid();
    asked.pidfd = child.pidfd();
    asked.ranges = {{child.address(), child.address() + mib}};
    const auto outcomes = executor_.execute(asked, {});
    EXPECT_EQ(outcomes[0].advised, Bytes{mib / 4});
    EXPECT_EQ(gap(outcomes[0], Gap::filtered), Bytes{mib - mib / 4});
}

TEST_F(PageChoiceTest, leaves_young_pages_and_those_of_which_nothing_is_known) {
    const std::uint64_t start = area().start;
    // Of eight pages one is young, one cannot be looked at, one is not there.
    const auto scanner = std::make_shared<FakeScanner>([start](std::uint64_t at) -> std::uint8_t {
        switch ((at - start) / page % 8) {
            case 1:
                return PageState::present_bit | PageState::young_bit;
            case 3:
                return PageState::unknown_bit;
            case 5:
                return PageState::swapped_bit;
            default:
                return PageState::present_bit;
        }
    });
    auto asked = request(Action::cold, {{false, FilterKind::young, "", {}}});
    asked.scanner = scanner;
    auto outcomes = executor_.execute(asked, {});
    EXPECT_EQ(outcomes[0].advised, Bytes{size / 8 * 5});
    EXPECT_EQ(gap(outcomes[0], Gap::filtered), Bytes{size / 4});
    EXPECT_EQ(gap(outcomes[0], Gap::absent), Bytes{size / 8});
    for (const auto& call : scanner->calls()) {
        EXPECT_FALSE(call.clear);
        EXPECT_EQ(call.generation, 1U);
    }

    DryRun dry_run;
    (void)dry_run.execute(asked, {});
    EXPECT_EQ(dry_run.advisable(), Bytes{size / 8 * 5});

    scanner->fail_with(EAGAIN);
    outcomes = executor_.execute(asked, {});
    EXPECT_EQ(outcomes[0].advised, Bytes{}) << "nothing is known of any page";
    EXPECT_EQ(gap(outcomes[0], Gap::filtered), Bytes{size});
}

TEST_F(PageChoiceTest, acts_on_exactly_the_pages_that_are_idle) {
    const std::uint64_t start = area().start;
    const auto scanner = std::make_shared<FakeScanner>([start](std::uint64_t at) -> std::uint8_t {
        const bool young = (at - start) / page % 64 == 0;
        return static_cast<std::uint8_t>(PageState::present_bit |
                                         (young ? PageState::young_bit : 0));
    });
    auto asked = request(Action::pageout, {});
    asked.scanner = scanner;
    asked.only_idle = true;
    asked.tell_what_left = true;
    const auto outcomes = executor_.execute(asked, {});
    EXPECT_EQ(outcomes[0].advised, Bytes{size - size / 64});
    EXPECT_EQ(gap(outcomes[0], Gap::not_idle), Bytes{size / 64});
    EXPECT_EQ(outcomes[0].paged_out + sum_of_gaps(outcomes[0]), Bytes{size});
    const Verified& verified = outcomes[0].verified;
    EXPECT_EQ(verified.looked, Bytes{size});
    EXPECT_EQ(verified.idle, Bytes{size - size / 64});
    EXPECT_EQ(verified.not_idle, Bytes{size / 64});
    EXPECT_GE(verified.acts, size / largest_chunk.count);
    EXPECT_GT(verified.longest, Duration::zero());
    EXPECT_GE(verified.total, verified.longest);
    EXPECT_LE(verified.total, verified.longest * static_cast<int>(verified.acts));
    // Each look is right before its call: never for more than one chunk ahead.
    for (const auto& call : scanner->calls())
        EXPECT_LE(call.range.size(), largest_chunk + mebibytes(2));
    // What left is what was taken.
    Bytes left;
    for (const AddressRange run : outcomes[0].left) {
        left += run.size();
        for (std::uint64_t at = run.start; at < run.end; at += page)
            EXPECT_NE((at - start) / page % 64, 0U);
    }
    EXPECT_LE(left, outcomes[0].paged_out);
}

TEST_F(PageChoiceTest, stops_where_another_program_runs_now) {
    const auto scanner = std::make_shared<FakeScanner>();
    scanner->fail_with(ESTALE);
    auto asked = request(Action::pageout, {});
    asked.scanner = scanner;
    asked.only_idle = true;
    auto outcomes = executor_.execute(asked, {});
    EXPECT_EQ(gap(outcomes[0], Gap::cancelled), Bytes{size});
    EXPECT_EQ(outcomes[0].calls, 0U);
    EXPECT_EQ(scanner->calls().size(), 1U);
    scanner->fail_with(ESRCH);
    outcomes = executor_.execute(asked, {});
    EXPECT_TRUE(outcomes[0].target_gone);
    EXPECT_EQ(gap(outcomes[0], Gap::unmapped), Bytes{size});
    scanner->fail_with(ECANCELED);
    outcomes = executor_.execute(asked, {});
    EXPECT_EQ(gap(outcomes[0], Gap::not_idle), Bytes{size}) << "it could not be verified";
}

TEST_F(PageChoiceTest, marks_what_is_mapped_and_not_rejected_in_bounded_pieces) {
    const auto scanner = std::make_shared<FakeScanner>();
    Filter address{false, FilterKind::address, "", {}};
    address.range = {area().start + 2 * mib, area().start + 3 * mib};
    auto asked = request(Action::pageout, {address});
    asked.scanner = scanner;
    ASSERT_TRUE(clear_accessed(asked, {}));
    Bytes cleared;
    for (const auto& call : scanner->calls()) {
        EXPECT_TRUE(call.clear);
        EXPECT_LE(call.range.size(), mebibytes(16));
        EXPECT_TRUE(call.range.end <= address.range.start || call.range.start >= address.range.end);
        cleared += call.range.size();
    }
    EXPECT_EQ(cleared, mebibytes(7));

    const auto stopped = clear_accessed(asked, [] { return true; });
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, ECANCELED);
    scanner->fail_with(EOPNOTSUPP);
    EXPECT_EQ(clear_accessed(asked, {}).error().code, EOPNOTSUPP);
    child_.kill(false);
    EXPECT_EQ(clear_accessed(asked, {}).error().code, ESRCH);
}

}  // namespace
}  // namespace damon_schemes
