// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "engine/machine/figure.h"
#include "engine/machine/pressure.h"
#include "tests/unit/engine/laid_out_folder.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using testing::LaidOutFolder;

TEST(Pressure, is_the_total_of_the_line_some) {
    EXPECT_EQ(parse_stalled("some avg10=1.00 avg60=0.50 avg300=0.10 total=123456\n"
                            "full avg10=0.00 avg60=0.00 avg300=0.00 total=99\n"),
              123456us);
    EXPECT_EQ(parse_stalled("full avg10=0.00 total=99\n"), std::nullopt);
    EXPECT_EQ(parse_stalled("some avg10=0.00 total=x\n"), std::nullopt);
    EXPECT_EQ(parse_stalled("some avg10=0.00 total=18446744073709551615\n"), std::nullopt);
    EXPECT_EQ(parse_stalled(""), std::nullopt);
}

TEST(Pressure, is_read_of_the_machine_and_of_a_cgroup) {
    LaidOutFolder root({{"proc/pressure/memory", "some total=5\nfull total=1\n"},
                        {"cgroup/a/memory.pressure", "some total=6\nfull total=2\n"}});
    root.lay("proc/self/mountinfo",
             "30 1 0:26 / " + root.path() + "/cgroup rw shared:4 - cgroup2 cgroup2 rw\n");
    const MachinePaths paths{root.path() + "/proc", root.path() + "/sys"};
    EXPECT_EQ(memory_stalled(paths), 5us);
    EXPECT_EQ(memory_stalled_of("/a", paths), 6us);
    EXPECT_EQ(memory_stalled_of("/b", paths), std::nullopt);
    EXPECT_EQ(memory_stalled({root.path() + "/none", ""}), std::nullopt);
}

TEST(Figure, is_one_finite_number_with_blanks_around_it) {
    EXPECT_EQ(parse_figure("12\n"), 12.0);
    EXPECT_EQ(parse_figure(" \t-0.5e1 \n"), -5.0);
    for (const char* text : {"", "\n", "12 13", "12ms", "inf", "nan", "1e999", "0x10", "+"})
        EXPECT_EQ(parse_figure(text), std::nullopt) << text;
}

TEST(Figure, comes_from_a_regular_file_alone_and_never_waits) {
    LaidOutFolder root({{"good", "7\n"}, {"long", std::string(300, '1')}});
    EXPECT_EQ(figure_in(root.path() + "/good"), 7.0);
    EXPECT_EQ(figure_in(root.path() + "/long"), std::nullopt);
    EXPECT_EQ(figure_in(root.path() + "/missing"), std::nullopt);
    EXPECT_EQ(figure_in(root.path()), std::nullopt);
    const std::string pipe = root.path() + "/pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_EQ(figure_in(pipe), std::nullopt);
}

}  // namespace
}  // namespace damon_schemes
