// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/form_factor.h"

#include <gtest/gtest.h>

#include <array>

namespace damon_schemes::parsec {
namespace {

const Rectangle lower{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}};  // shines up
const Rectangle upper{{0, 0, 1}, {0, 1, 0}, {1, 0, 0}};  // shines down

double finely_exchanged(const Rectangle& one, const Rectangle& other, unsigned parts) {
    const auto part = [parts](const Rectangle& whole, unsigned i, unsigned j) {
        const double size = 1.0 / parts;
        return Rectangle{whole.at(i * size, j * size), size * whole.u, size * whole.v};
    };
    double sum = 0;
    for (unsigned i = 0; i < parts * parts; ++i)
        for (unsigned k = 0; k < parts * parts; ++k)
            sum += exchange(part(one, i % parts, i / parts), part(other, k % parts, k / parts), {});
    return sum;
}

// The figures of tables (Howell's catalogue, C-11 and C-14).
TEST(FormFactor, OfFacingSquaresIsWhatTablesSay) {
    EXPECT_NEAR(exchange(lower, upper, {}), 0.19982, 0.002);
    EXPECT_NEAR(finely_exchanged(lower, upper, 4), 0.19982, 0.0001);
}

TEST(FormFactor, OfSquaresWithACommonEdgeIsWhatTablesSay) {
    const Rectangle wall{{0, 0, 0}, {0, 1, 0}, {0, 0, 1}};  // shines towards x
    EXPECT_NEAR(finely_exchanged(lower, wall, 8), 0.20004, 0.002);
}

TEST(FormFactor, IsTheSameFromBothSides) {
    const Rectangle small{{0.2, 0.3, 0.7}, {0, 0.1, 0}, {0.1, 0, 0}};
    EXPECT_GT(exchange(lower, small, {}), 0);
    EXPECT_DOUBLE_EQ(exchange(lower, small, {}), exchange(small, lower, {}));
}

TEST(FormFactor, OfAllThatIsAroundIsOne) {
    const Vector point{0.3, 0.6, 0};
    const std::array<Rectangle, 5> around{{upper,
                                           {{0, 0, 0}, {0, 1, 0}, {0, 0, 1}},
                                           {{1, 0, 0}, {0, 0, 1}, {0, 1, 0}},
                                           {{0, 0, 0}, {0, 0, 1}, {1, 0, 0}},
                                           {{0, 1, 0}, {1, 0, 0}, {0, 0, 1}}}};
    double sum = 0;
    for (const Rectangle& each : around) sum += point_form_factor(point, {0, 0, 1}, each);
    EXPECT_NEAR(sum, 1, 1e-12);
}

TEST(FormFactor, OfWhatIsBehindIsNothing) {
    EXPECT_EQ(point_form_factor({0.5, 0.5, 0}, {0, 0, -1}, upper), 0);
    const Rectangle back{upper.corner, upper.v, upper.u};
    EXPECT_EQ(point_form_factor({0.5, 0.5, 0}, {0, 0, 1}, back), 0);
}

// A surface that stands at a right angle in the middle below: half of `upper` is behind it.
TEST(FormFactor, CountsOnlyThePartInFront) {
    const Vector point{0.5, 0.5, 0};
    const Rectangle front{{0.5, 0, 1}, {0, 1, 0}, {0.5, 0, 0}};
    EXPECT_GT(point_form_factor(point, {1, 0, 0}, upper), 0);
    EXPECT_NEAR(point_form_factor(point, {1, 0, 0}, upper),
                point_form_factor(point, {1, 0, 0}, front), 1e-12);
}

TEST(FormFactor, IsNothingBehindABox) {
    const std::array<Box, 1> all{{{{-5, -5, 0.4}, {5, 5, 0.6}}}};
    EXPECT_EQ(exchange(lower, upper, all), 0);
    const std::array<Box, 1> half{{{{-5, -5, 0.4}, {0.5, 5, 0.6}}}};
    const double left = exchange(lower, upper, half);
    EXPECT_GT(left, 0.2 * exchange(lower, upper, {}));
    EXPECT_LT(left, 0.6 * exchange(lower, upper, {}));
}

TEST(FormFactor, IsNotLessForABoxThatOnlyTouches) {
    const std::array<Box, 1> below{{{{0, 0, -1}, {1, 1, 0}}}};
    EXPECT_DOUBLE_EQ(exchange(lower, upper, below), exchange(lower, upper, {}));
}

}  // namespace
}  // namespace damon_schemes::parsec
