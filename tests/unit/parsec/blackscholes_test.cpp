// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/blackscholes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>

#include "benchmarks/parsec/suite/option_file.h"
#include "ledger_by_hand.h"

namespace damon_schemes::parsec {
namespace {

// The expected payoff itself, by Simpson's rule over the normal distribution.
double integrated(const OptionTerms& terms) {
    const double years = static_cast<double>(terms.years);
    const double volatility = static_cast<double>(terms.volatility);
    const double rate = static_cast<double>(terms.rate);
    constexpr int steps = 200'000;
    constexpr double from = -10;
    constexpr double width = 20.0 / steps;
    double sum = 0;
    for (int i = 0; i <= steps; ++i) {
        const double z = from + i * width;
        const double at = static_cast<double>(terms.spot) *
                          std::exp((rate - volatility * volatility / 2) * years +
                                   volatility * std::sqrt(years) * z);
        const double gain = at - static_cast<double>(terms.strike);
        const double payoff = std::fmax(0, terms.type == OptionType::call ? gain : -gain);
        const double weight = i == 0 || i == steps ? 1 : i % 2 != 0 ? 4 : 2;
        sum += weight * payoff * std::exp(-z * z / 2) / std::sqrt(2 * 3.14159265358979323846);
    }
    return std::exp(-rate * years) * sum * width / 3;
}

constexpr OptionType both_types[] = {OptionType::call, OptionType::put};

// Hull, "Options, futures, and other derivatives": 42, 40, 10 %, 20 %, half a year.
TEST(BlackScholes, TextbookExample) {
    EXPECT_NEAR(black_scholes({42, 40, 0.1F, 0.2F, 0.5F, OptionType::call}), 4.7594, 1e-3);
    EXPECT_NEAR(black_scholes({42, 40, 0.1F, 0.2F, 0.5F, OptionType::put}), 0.8086, 1e-3);
}

TEST(BlackScholes, IsTheExpectedPayoff) {
    for (const OptionType type : both_types)
        for (const float strike : {70.0F, 100.0F, 130.0F})
            for (const float volatility : {0.05F, 0.3F, 0.6F})
                for (const float years : {0.05F, 1.0F, 2.0F}) {
                    const OptionTerms terms = {100, strike, 0.04F, volatility, years, type};
                    EXPECT_NEAR(black_scholes(terms), integrated(terms), 2e-3)
                        << strike << " " << volatility << " " << years;
                    EXPECT_NEAR(
                        reference_value(type == OptionType::call, 100, static_cast<double>(strike),
                                        static_cast<double>(0.04F), static_cast<double>(volatility),
                                        static_cast<double>(years)),
                        integrated(terms), 1e-5);
                }
}

TEST(Portfolio, ReadsLinesAndValuesThem) {
    Ledger ledger(by_hand());
    Portfolio portfolio(ledger, 3);
    portfolio.parse("C 42 40 0.1 0.2 0.5 7 10 4.759422\n");
    portfolio.parse("P 42 40 0.1 0.2 0.5 8 -100 0.808600\n");
    portfolio.lay_out();
    portfolio.value();
    EXPECT_EQ(portfolio.size(), 2U);
    EXPECT_NEAR(portfolio.total(), 10 * 4.759422 - 100 * 0.808600, 0.02);
    EXPECT_EQ(portfolio.check(), "");
}

TEST(Portfolio, CheckSeesAValueThatIsOff) {
    Ledger ledger(by_hand());
    Portfolio portfolio(ledger, 2);
    portfolio.parse("C 42 40 0.1 0.2 0.5 7 10 4.759422\nC 42 40 0.1 0.2 0.5 7 10 4.8\n");
    portfolio.lay_out();
    portfolio.value();
    EXPECT_THAT(portfolio.check(), testing::HasSubstr("option 2 is worth 4.75"));
}

TEST(Portfolio, CheckSeesThatNothingWasValued) {
    Ledger ledger(by_hand());
    Portfolio portfolio(ledger, 1);
    portfolio.parse("C 42 40 0.1 0.2 0.5 7 10 4.759422\n");
    portfolio.lay_out();
    EXPECT_NE(portfolio.check(), "");
}

TEST(Portfolio, NamesTheLineThatItCannotRead) {
    const auto error_of = [](const std::string& text) -> std::string {
        Ledger ledger(by_hand());
        Portfolio portfolio(ledger, 2);
        try {
            portfolio.parse("C 42 40 0.1 0.2 0.5 7 10 4.759422\n" + text);
        } catch (const std::invalid_argument& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_EQ(error_of("X 42 40 0.1 0.2 0.5 7 10 4\n"),
              "option 2: the type is 'X', and should be C or P");
    EXPECT_EQ(error_of("C 42 40 0.1 0.2 much 7 10 4\n"),
              "option 2: the time is 'much', and should be a number");
    EXPECT_EQ(error_of("C 42 40 0.1 0.2 0 7 10 4\n"), "option 2: the time must be above 0");
    EXPECT_EQ(error_of("C 42 40\n"), "option 2: the rate is '', and should be a number");
    EXPECT_EQ(error_of("C 42 40 0.1 0.2 0.5 7 10 4 9\n"),
              "option 2: there is more than the nine fields of an option");
    EXPECT_EQ(error_of("C 42 40"), "option 2: the line has no end");
    EXPECT_EQ(error_of("C 42 40 0.1 0.2 0.5 7 10 4\nC 42 40 0.1 0.2 0.5 7 10 4\n"),
              "option 3: there was room for fewer");
}

TEST(OptionFile, IsReadInPartsAndAgreesWithItsReferences) {
    Ledger ledger(by_hand());
    constexpr std::size_t positions = 5000;
    OptionFile file(ledger, positions, 1);
    Portfolio portfolio(ledger, positions);
    int reads = 0;
    for (auto text = file.read(); !text.empty(); text = file.read()) {
        portfolio.parse(text);
        ++reads;
    }
    EXPECT_GT(reads, 1);
    EXPECT_EQ(portfolio.size(), positions);
    portfolio.lay_out();
    portfolio.value();
    EXPECT_EQ(portfolio.check(), "");
}

// What is cold once all is read: 36 bytes of each 64.
TEST(Portfolio, LeavesItsRecordsAloneWhileItValues) {
    Ledger ledger(by_hand());
    constexpr std::size_t positions = 20'000;
    OptionFile file(ledger, positions, 1);
    Portfolio portfolio(ledger, positions);
    for (auto text = file.read(); !text.empty(); text = file.read()) portfolio.parse(text);
    portfolio.lay_out();
    ledger.advance(std::chrono::seconds(10));
    portfolio.value();
    ledger.advance(std::chrono::seconds(11));
    const CoursePoint point = ledger.close().course.back();
    EXPECT_NEAR(1 - static_cast<double>(point.hot_bytes) / static_cast<double>(point.touched_bytes),
                36.0 / 64, 0.05);
}

}  // namespace
}  // namespace damon_schemes::parsec
