// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "engine/monitors/trace_page.h"
#include "trace_pages.h"

namespace damon_schemes {
namespace {

using testing::AggregatedEvent;
using testing::EventBytes;
using testing::TracePage;

struct Seen {
    std::uint64_t time = 0;
    std::vector<std::byte> bytes;
};
std::pair<PageLoss, std::vector<Seen>> read(std::span<const std::byte> page) {
    std::vector<Seen> seen;
    const PageLoss loss = read_trace_page(page, [&](std::uint64_t time, auto event) {
        seen.push_back({time, {event.begin(), event.end()}});
    });
    return {loss, seen};
}

TEST(TraceFormatTest, fields_are_found_by_what_the_format_says) {
    const auto format = parse_trace_format(testing::aggregated_format);
    ASSERT_TRUE(format);
    EXPECT_EQ(format->id, 501U);
    ASSERT_NE(format->field("age"), nullptr);
    EXPECT_EQ(format->field("age")->offset, 44U);
    ASSERT_NE(format->field("common_pid"), nullptr);
    EXPECT_EQ(format->field("common_pid")->size, 4U);
    EXPECT_EQ(format->field("target"), nullptr);

    // Fields may move, and others may come between.
    auto text = testing::aggregated_format;
    const std::string age = "age;\toffset:44";
    text.replace(text.find(age), age.size(), "age;\toffset:60");
    EXPECT_EQ(parse_trace_format(text)->field("age")->offset, 60U);

    const auto exit = parse_trace_format(testing::exit_format);
    ASSERT_TRUE(exit);
    ASSERT_NE(exit->field("comm"), nullptr) << "an array's name ends at its bracket";
}

TEST(TraceFormatTest, what_is_no_format_is_none) {
    EXPECT_FALSE(parse_trace_format(""));
    EXPECT_FALSE(parse_trace_format("name: x\nformat:\n"));
    EXPECT_FALSE(parse_trace_format("ID: many\n\tfield:int a;\toffset:0;\tsize:4;\n"));
    EXPECT_FALSE(parse_trace_format("ID: 5\n\tfield:int a;\toffset:-4;\tsize:4;\n"));
}

TEST(TraceFormatTest, a_number_outside_of_its_event_is_none) {
    const auto event = EventBytes(8).put(4, std::uint32_t{7}).bytes();
    EXPECT_EQ(number_in(event, {4, 4}), 7U);
    EXPECT_EQ(number_in(event, {5, 4}), std::nullopt);
    EXPECT_EQ(number_in(event, {9, 1}), std::nullopt);
    EXPECT_EQ(number_in(event, {0, 3}), std::nullopt) << "no number has three bytes";
    EXPECT_EQ(number_in(event, {UINT32_MAX, 8}), std::nullopt);
}

TEST(TracePageTest, events_come_with_their_times_and_bytes) {
    const std::vector<std::byte> small(48, std::byte{1});
    const std::vector<std::byte> large(200, std::byte{2});
    const auto page = TracePage(1'000)
                          .add(1'000, small)
                          .add(1'500, large)
                          .add_padding(3)
                          .add(9'000'000'000, small)  // more than a delta can say
                          .add_time_stamp(20'000'000'000)
                          .add(20'000'000'007, small)
                          .close()
                          .bytes();
    const auto [loss, seen] = read(page);
    EXPECT_EQ(loss, PageLoss::none);
    ASSERT_EQ(seen.size(), 4U);
    EXPECT_EQ(seen[0].time, 1'000U);
    EXPECT_EQ(seen[0].bytes, small);
    EXPECT_EQ(seen[1].time, 1'500U);
    EXPECT_EQ(seen[1].bytes, large);
    EXPECT_EQ(seen[2].time, 9'000'000'000U);
    EXPECT_EQ(seen[3].time, 20'000'000'007U);
}

TEST(TracePageTest, that_events_were_lost_is_told_and_the_rest_is_read) {
    const std::vector<std::byte> event(48, std::byte{1});
    const auto [loss, seen] = read(TracePage(5, true).add(6, event).bytes());
    EXPECT_EQ(loss, PageLoss::before);
    EXPECT_EQ(seen.size(), 1U);
}

TEST(TracePageTest, an_empty_page_has_nothing) {
    const auto [loss, seen] = read(TracePage(5).bytes());
    EXPECT_EQ(loss, PageLoss::none);
    EXPECT_TRUE(seen.empty());
}

// Whatever the bytes are, nothing outside of them is read, and what is cut off is not made up.
TEST(TracePageTest, a_torn_page_ends_where_it_is_torn) {
    const auto whole = TracePage(5)
                           .add(6, AggregatedEvent{.start = 1, .end = 2}.bytes())
                           .add(7, std::vector<std::byte>(200, std::byte{1}))
                           .bytes();
    for (std::size_t length = 0; length < 16 + 4 + 48 + 8 + 200; ++length) {
        const std::vector<std::byte> torn(whole.begin(),
                                          whole.begin() + static_cast<std::ptrdiff_t>(length));
        const auto [loss, seen] = read(torn);
        EXPECT_EQ(loss, PageLoss::malformed) << length;
        EXPECT_TRUE(seen.empty()) << length;
    }
    // A page that says less than it has.
    for (std::uint64_t size = 1; size < 4 + 48; ++size) {
        auto cut = whole;
        std::memcpy(cut.data() + 8, &size, sizeof size);
        EXPECT_EQ(read(cut).first, PageLoss::malformed) << size;
        EXPECT_TRUE(read(cut).second.empty()) << size;
    }
    // An event that says it is longer than what is left, or shorter than its own head.
    for (const std::uint32_t length : {0U, 3U, 5'000U, UINT32_MAX}) {
        const std::uint64_t size = 16;
        auto page = TracePage(5).bytes();
        std::memcpy(page.data() + 8, &size, sizeof size);
        std::memcpy(page.data() + 20, &length, sizeof length);
        EXPECT_EQ(read(page).first, PageLoss::malformed) << length;
    }
}

}  // namespace
}  // namespace damon_schemes
