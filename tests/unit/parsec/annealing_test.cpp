// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/annealing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

namespace damon_schemes::parsec {
namespace {

using testing::HasSubstr;

class AnnealingTest : public testing::Test {
  protected:
    static AnnealingOptions with_elements(std::uint32_t elements) {
        AnnealingOptions options;
        options.elements = elements;
        options.swaps = 20 * elements;
        options.start_temperature = 50;
        return options;
    }

    Ledger ledger_{{.ages = {}, .ticking = false, .hot_on_huge = {}}};
};

// So few elements that many swaps are of two that a wire joins.
TEST_F(AnnealingTest, KeepsTheCostRightFromSwapToSwap) {
    Annealing annealing(ledger_, with_elements(64));
    annealing.make_netlist();
    int swapped = 0;
    for (std::uint32_t i = 0; i < 64; ++i) {
        for (std::uint32_t k = 0; k < 64; ++k) {
            swapped += annealing.swap(i, k, 1000);
            ASSERT_EQ(annealing.cost(), annealing.recomputed_cost());
        }
    }
    EXPECT_GT(swapped, 1000);
}

TEST_F(AnnealingTest, ShortensTheWires) {
    Annealing annealing(ledger_, with_elements(900));
    annealing.make_netlist();
    annealing.anneal();
    EXPECT_LT(annealing.cost(), annealing.first_cost() * 2 / 3);
    EXPECT_EQ(annealing.check(), "");
}

TEST_F(AnnealingTest, TakesNoWorseSwapWhenItIsCold) {
    Annealing annealing(ledger_, with_elements(400));
    annealing.make_netlist();
    std::int64_t before = annealing.cost();
    int refused = 0;
    for (std::uint32_t i = 0; i + 7 < 400; ++i) {
        refused += !annealing.swap(i, i + 7, 1e-6);
        EXPECT_LE(annealing.cost(), before);
        before = annealing.cost();
    }
    EXPECT_GT(refused, 0);
}

TEST_F(AnnealingTest, TakesWorseSwapsWhileItIsHot) {
    Annealing annealing(ledger_, with_elements(400));
    annealing.make_netlist();
    int worse = 0;
    for (std::uint32_t i = 0; i + 7 < 400; ++i) {
        const std::int64_t before = annealing.cost();
        annealing.swap(i, i + 7, 1e6);
        worse += annealing.cost() > before;
    }
    EXPECT_GT(worse, 50);
}

TEST_F(AnnealingTest, ChecksThatNoTwoShareAPlace) {
    Annealing annealing(ledger_, with_elements(400));
    annealing.make_netlist();
    annealing.anneal();
    annealing.set_place(3, annealing.place(9));
    EXPECT_THAT(annealing.check(), HasSubstr("where another one is"));
}

TEST_F(AnnealingTest, ChecksThatAllAreOnTheGrid) {
    Annealing annealing(ledger_, with_elements(400));
    annealing.make_netlist();
    annealing.set_place(3, annealing.width() << 16);
    EXPECT_THAT(annealing.check(), HasSubstr("outside of the grid"));
}

TEST_F(AnnealingTest, ChecksTheCost) {
    Annealing annealing(ledger_, with_elements(400));
    annealing.make_netlist();
    annealing.anneal();
    const std::uint32_t place = annealing.place(0);
    annealing.set_place(0, annealing.place(399));
    annealing.set_place(399, place);
    EXPECT_THAT(annealing.check(), HasSubstr("the swaps made the cost"));
}

TEST_F(AnnealingTest, ChecksThatTheCostFell) {
    Annealing annealing(ledger_, with_elements(400));
    annealing.make_netlist();
    EXPECT_THAT(annealing.check(), HasSubstr("did not fall"));
}

}  // namespace
}  // namespace damon_schemes::parsec
