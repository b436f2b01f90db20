// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/radix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "benchmarks/random.h"

namespace damon_schemes::parsec {
namespace {

using testing::HasSubstr;

class RadixTest : public testing::Test {
  protected:
    static RadixOptions few_keys() {
        RadixOptions options;
        options.runs = 3;
        options.keys_a_run = 5000;
        options.lookups = 5000;
        return options;
    }
    std::vector<std::uint32_t> keys_of(const Radix& radix, std::size_t run) const {
        std::vector<std::uint32_t> keys;
        for (std::size_t i = 0; i < few_keys().keys_a_run; ++i) keys.push_back(radix.key(run, i));
        return keys;
    }

    Ledger ledger_{{.ages = {}, .ticking = false, .hot_on_huge = {}}};
};

TEST_F(RadixTest, PutsTheKeysOfEachRunInOrder) {
    Radix radix(ledger_, few_keys());
    radix.generate();
    std::vector<std::vector<std::uint32_t>> wanted;
    for (std::size_t run = 0; run < 3; ++run) {
        wanted.push_back(keys_of(radix, run));
        EXPECT_FALSE(std::is_sorted(wanted[run].begin(), wanted[run].end()));
        std::sort(wanted[run].begin(), wanted[run].end());
    }
    radix.sort();
    for (std::size_t run = 0; run < 3; ++run) EXPECT_EQ(keys_of(radix, run), wanted[run]);
    EXPECT_EQ(radix.check(), "");
}

TEST_F(RadixTest, ChecksTheOrder) {
    Radix radix(ledger_, few_keys());
    radix.generate();
    radix.sort();
    const std::uint32_t first = radix.key(1, 0);
    radix.set_key(1, 0, radix.key(1, 4999));
    radix.set_key(1, 4999, first);
    EXPECT_THAT(radix.check(), HasSubstr("run 1 is not in order"));
}

TEST_F(RadixTest, ChecksThatNoKeyWasLost) {
    Radix radix(ledger_, few_keys());
    radix.generate();
    radix.sort();
    ASSERT_NE(radix.key(2, 0), radix.key(2, 1));
    radix.set_key(2, 0, radix.key(2, 1));
    EXPECT_THAT(radix.check(), HasSubstr("run 2 has other keys"));
}

TEST_F(RadixTest, SortsAgainInFurtherRounds) {
    Radix radix(ledger_, few_keys());
    for (int round = 0; round < 2; ++round) {
        radix.generate();
        radix.sort();
        EXPECT_EQ(radix.check(), "");
    }
}

// In integers, which the processors of its day did not have wide enough.
TEST(KeyStream, FollowsTheGeneratorOfTheParallelBenchmarks) {
    constexpr std::uint64_t multiplier = 1220703125;
    constexpr std::uint64_t mask = (std::uint64_t{1} << 46) - 1;
    std::uint64_t x = (bench::Random(7 * 0x10001 + 2).next() >> 18) | 1;
    KeyStream stream(7, 2);
    for (int i = 0; i < 1000; ++i) {
        std::uint64_t sum = 0;
        for (int k = 0; k < 4; ++k) sum += x = (x * multiplier) & mask;
        ASSERT_EQ(stream.next(), sum >> 16);
    }
}

TEST(KeyStream, DiffersFromRunToRun) {
    KeyStream one(1, 0);
    KeyStream other(1, 1);
    int same = 0;
    for (int i = 0; i < 100; ++i) same += one.next() == other.next();
    EXPECT_LT(same, 3);
}

}  // namespace
}  // namespace damon_schemes::parsec
