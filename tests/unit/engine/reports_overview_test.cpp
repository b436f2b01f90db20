// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "engine/reports/overview.h"
#include "engine/reports/readable.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using observed::mib;
using ::testing::HasSubstr;
using ::testing::StartsWith;

OverviewTarget target(std::int32_t pid, const std::string& name, std::uint64_t rss_mib) {
    OverviewTarget target;
    target.pid = pid;
    target.name = name;
    target.rss = mebibytes(rss_mib);
    target.swapped = Bytes{};
    target.regions = 100;
    return target;
}

Overview overview(std::size_t targets = 3) {
    Overview overview;
    overview.elapsed = 83s;
    overview.cost.emplace();
    overview.cost->thread_time = 1s;
    for (std::size_t i = 0; i < targets; ++i)
        overview.targets.push_back(
            target(static_cast<std::int32_t>(100 + i), "program-" + std::to_string(i), 10 * i));
    overview.selected = 100;
    for (int line = 0; line < 40; ++line) overview.heatmap += "map " + std::to_string(line) + "\n";
    return overview;
}

std::string text_of(const std::vector<ScreenLine>& lines) {
    std::string text;
    for (const auto& line : lines) text += line.text + "\n";
    return text;
}

TEST(MemoryUseTest, tells_idle_from_absent_and_from_unknown) {
    Region half_absent = observed::cold(40, 50);
    half_absent.absent = half_absent.sampled / 2;
    Region at_times = observed::hot(50, 52);
    at_times.accessed = 2;
    const auto use = use_of(observed::target(1, {observed::hot(0, 1), observed::cold(1, 5, 200),
                                                 observed::cold(5, 8, 99), observed::unknown(8, 16),
                                                 observed::absent(16, 40), half_absent, at_times}),
                            100ms);
    EXPECT_EQ(use.often, mebibytes(1));
    EXPECT_EQ(use.at_times, mebibytes(2));
    EXPECT_EQ(use.idle, mebibytes(4 + 3 + 5));
    EXPECT_EQ(use.cold, mebibytes(4 + 5)) << "what has been idle for 9.9 s is not cold yet";
    EXPECT_EQ(use.absent, mebibytes(24 + 5));
    EXPECT_EQ(use.unknown, mebibytes(8));
}

TEST(OverviewTest, fills_any_screen_and_never_overflows_it) {
    for (const std::size_t targets : {0U, 1U, 3U, 300U}) {
        Overview shown = overview(targets);
        shown.schemes = {{"cold", Action::pageout, 12, mebibytes(300)}};
        for (const bool help : {false, true}) {
            shown.help = help;
            for (std::size_t width = 1; width < 200; width += 7) {
                for (std::size_t height = 1; height < 60; ++height) {
                    const auto lines = draw(shown, width, height);
                    ASSERT_EQ(lines.size(), height);
                    for (const auto& line : lines)
                        ASSERT_LE(columns_of(line.text), std::max<std::size_t>(width, 20));
                    ASSERT_EQ(lines.back().emphasis, Emphasis::keys) << "how to quit must stand";
                }
            }
        }
    }
}

TEST(OverviewTest, shows_everything_on_80_by_24) {
    Overview shown = overview();
    shown.targets[2].use.cold = mebibytes(7);
    shown.schemes = {{"cold", Action::pageout, 12, mebibytes(300)}};
    const auto lines = draw(shown, 80, 24);
    const std::string text = text_of(lines);
    EXPECT_THAT(lines[0].text,
                StartsWith("damon-schemes top  1:23  3 targets  300 regions  monitoring 1.2 %"));
    for (const char* word :
         {"PID", "RSS", "USED", "IDLE", "COLD", "UNKNOWN", "SWAPPED", "program-0", "7.0 MiB",
          "pageout", "300.0 MiB in 12 regions", "map 0", "map 7", "q quit", "h help"})
        EXPECT_THAT(text, HasSubstr(word));
    EXPECT_GE(heatmap_lines(shown, 24), 11U);
}

TEST(OverviewTest, puts_the_largest_the_coldest_or_the_first_name_on_top) {
    Overview shown = overview();
    shown.targets[0].use.cold = mebibytes(9);
    const auto first = [&](OverviewOrder order) {
        return in_order(shown.targets, order).front().name;
    };
    EXPECT_EQ(first(OverviewOrder::size), "program-2");
    EXPECT_EQ(first(OverviewOrder::cold), "program-0");
    EXPECT_EQ(first(OverviewOrder::name), "program-0");
}

TEST(OverviewTest, keeps_the_selected_target_on_the_screen) {
    Overview shown = overview(50);
    for (const OverviewTarget& wanted : shown.targets) {
        shown.selected = wanted.pid;
        const auto lines = draw(shown, 80, 24);
        const auto found = std::find_if(lines.begin(), lines.end(), [](const auto& line) {
            return line.emphasis == Emphasis::selected;
        });
        ASSERT_NE(found, lines.end());
        EXPECT_THAT(found->text, HasSubstr(" " + wanted.name + " "));
    }
}

TEST(OverviewTest, a_name_cannot_write_to_the_terminal) {
    Overview shown = overview(1);
    shown.targets[0].name = "\033[2Jevil\n";
    EXPECT_THAT(text_of(draw(shown, 80, 24)), HasSubstr("?[2Jevil?"));
}

TEST(OverviewTest, says_what_became_of_a_target_that_is_gone) {
    Overview shown = overview(1);
    shown.targets[0].state = "exited";
    const std::string text = text_of(draw(shown, 80, 24));
    EXPECT_THAT(text, HasSubstr("exited"));
    EXPECT_THAT(text, HasSubstr("0 targets"));
}

}  // namespace
}  // namespace damon_schemes
