// SPDX-License-Identifier: MIT
#include "schemes/quantity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <string>

namespace damon_schemes {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

TEST(Size, IsReadAsPeopleWriteIt) {
    const auto bytes = [](std::string_view text) {
        const auto reading = parse_bytes(text);
        EXPECT_TRUE(reading) << text << ": " << reading.message;
        return reading.value.value_or(Bytes{}).count;
    };
    EXPECT_EQ(bytes("0"), 0U);
    EXPECT_EQ(bytes("4096"), 4096U);
    EXPECT_EQ(bytes("4096B"), 4096U);
    EXPECT_EQ(bytes("4KiB"), 4096U);
    EXPECT_EQ(bytes("4 KiB"), 4096U);
    EXPECT_EQ(bytes(" 4kib "), 4096U);
    EXPECT_EQ(bytes("4K"), 4096U);
    EXPECT_EQ(bytes("1.5GiB"), 1536ULL << 20);
    EXPECT_EQ(bytes("0.1KiB"), 102U);
    EXPECT_EQ(bytes("2MiB"), 2U << 20);
    EXPECT_EQ(bytes("3T"), 3ULL << 40);
    EXPECT_EQ(bytes("7.999999999EiB"), 9223372035701854303U);
    EXPECT_EQ(bytes("9223372036854775807"), 9223372036854775807U);
    EXPECT_EQ(bytes("000000000000000000000000000000000000000001M"), 1U << 20);
}

struct Refusal {
    std::string_view text, message, suggestion;
};

TEST(Size, IsRefusedWithTheReason) {
    for (const Refusal& refusal : std::initializer_list<Refusal>{
             {"", "a number with a unit", "4KiB"},
             {"KiB", "a number with a unit", "4KiB"},
             {"-4KiB", "cannot be negative", "4KiB"},
             {"4KB", "powers of 1000", "'KiB'"},
             {"4mb", "powers of 1000", "'MiB'"},
             {"4 pages", "'pages' is not a unit of size", "KiB"},
             {"4KiB KiB", "not a unit of size", ""},
             {"1e6", "'e6' is not a unit of size", ""},
             {"1.", "a number with a unit", ""},
             {".5K", "a number with a unit", ""},
             {"1.2.3K", "not a unit of size", ""},
             {"0x10", "not a unit of size", ""},
             {"8EiB", "too large", "8EiB"},
             {"9223372036854775808", "too large", ""},
             {"99999999999999999999999999999999999999999999999", "too large", ""},
             {"16777216TiB", "too large", ""},
             {"0.5B", "less than one byte", ""},
             {"0.0000000000000000000000001GiB", "less than one byte", ""},
         }) {
        const auto reading = parse_bytes(refusal.text);
        EXPECT_FALSE(reading) << refusal.text;
        EXPECT_THAT(reading.message, HasSubstr(refusal.message)) << refusal.text;
        EXPECT_THAT(reading.suggestion, HasSubstr(refusal.suggestion)) << refusal.text;
    }
}

TEST(DurationText, IsReadAsPeopleWriteIt) {
    const auto duration = [](std::string_view text) {
        const auto reading = parse_duration(text);
        EXPECT_TRUE(reading) << text << ": " << reading.message;
        return reading.value.value_or(Duration(-1));
    };
    EXPECT_EQ(duration("0s"), 0s);
    EXPECT_EQ(duration("17ns"), 17ns);
    EXPECT_EQ(duration("500us"), 500us);
    EXPECT_EQ(duration("500\xc2\xb5s"), 500us);
    EXPECT_EQ(duration("5ms"), 5ms);
    EXPECT_EQ(duration("5 ms"), 5ms);
    EXPECT_EQ(duration("5MS"), 5ms);
    EXPECT_EQ(duration("1.5s"), 1500ms);
    EXPECT_EQ(duration("2min"), 2min);
    EXPECT_EQ(duration("1h"), 1h);
    EXPECT_EQ(duration("8760h"), longest_duration);
}

TEST(DurationText, IsRefusedWithTheReason) {
    for (const Refusal& refusal : std::initializer_list<Refusal>{
             {"", "a number with a unit", "100ms"},
             {"-5ms", "cannot be negative", ""},
             {"5", "needs a unit", "\"5ms\" or \"5s\""},
             {"5m", "'m' is not a unit of time", "did you mean 'min'?"},
             {"5 seconds", "'seconds' is not a unit", "did you mean 's'?"},
             {"5 fortnights", "'fortnights' is not a unit", "us, ms, s, min and h"},
             {"1min 30s", "not a unit of time", ""},
             {"8761h", "too long", "8760h"},
             {"9223372036854775808ns", "too long", ""},
             {"0.1ns", "less than a nanosecond", ""},
         }) {
        const auto reading = parse_duration(refusal.text);
        EXPECT_FALSE(reading) << refusal.text;
        EXPECT_THAT(reading.message, HasSubstr(refusal.message)) << refusal.text;
        EXPECT_THAT(reading.suggestion, HasSubstr(refusal.suggestion)) << refusal.text;
    }
}

TEST(ShareText, IsReadToThePartPerMillion) {
    const auto ppm = [](std::string_view text) {
        const auto reading = parse_share(text);
        EXPECT_TRUE(reading) << text << ": " << reading.message;
        return reading.value.value_or(Share{4'000'000}).ppm;
    };
    EXPECT_EQ(ppm("0%"), 0U);
    EXPECT_EQ(ppm("5%"), 50'000U);
    EXPECT_EQ(ppm("5 %"), 50'000U);
    EXPECT_EQ(ppm("0.5%"), 5'000U);
    EXPECT_EQ(ppm("0.0001%"), 1U);
    EXPECT_EQ(ppm("33.33339%"), 333'333U);
    EXPECT_EQ(ppm("100%"), 1'000'000U);
}

TEST(ShareText, IsRefusedWithTheReason) {
    for (const Refusal& refusal : std::initializer_list<Refusal>{
             {"", "a number with a percent sign", "5%"},
             {"-5%", "cannot be negative", ""},
             {"0.05", "needs a percent sign", "0.05%"},
             {"5", "needs a percent sign", "5%"},
             {"5 percent", "'percent' is not a unit of a share", ""},
             {"101%", "more than 100%", ""},
             {"100.0001%", "more than 100%", ""},
             {"0.00001%", "less than one part per million", "0.0001%"},
         }) {
        const auto reading = parse_share(refusal.text);
        EXPECT_FALSE(reading) << refusal.text;
        EXPECT_THAT(reading.message, HasSubstr(refusal.message)) << refusal.text;
        EXPECT_THAT(reading.suggestion, HasSubstr(refusal.suggestion)) << refusal.text;
    }
}

TEST(QuantityText, IsTheShortestThatSaysItExactly) {
    EXPECT_EQ(to_string(Bytes{0}), "0B");
    EXPECT_EQ(to_string(Bytes{4096}), "4KiB");
    EXPECT_EQ(to_string(Bytes{4097}), "4097B");
    EXPECT_EQ(to_string(mebibytes(1536)), "1.5GiB");
    EXPECT_EQ(to_string(Duration(0s)), "0s");
    EXPECT_EQ(to_string(Duration(1500ms)), "1.5s");
    EXPECT_EQ(to_string(Duration(90s)), "1.5min");
    EXPECT_EQ(to_string(Duration(1501ms)), "1501ms");
    EXPECT_EQ(to_string(Duration(-5ms)), "-5ms");
    EXPECT_EQ(to_string(Duration::min()), "-9223372036854775807ns");
    EXPECT_EQ(to_string(Share{0}), "0%");
    EXPECT_EQ(to_string(Share{1}), "0.0001%");
    EXPECT_EQ(to_string(Share{105'000}), "10.5%");
    EXPECT_EQ(to_string(Share{1'000'000}), "100%");
}

TEST(QuantityText, MeansTheSameWhenReadAgain) {
    EXPECT_TRUE(rc::check("sizes", [](std::uint64_t bits) {
        const auto shift = *rc::gen::inRange(1, 64);
        const Bytes bytes{bits >> shift};
        RC_ASSERT(parse_bytes(to_string(bytes)).value == bytes);
    }));
    EXPECT_TRUE(rc::check("durations", [](std::uint64_t bits) {
        const auto shift = *rc::gen::inRange(10, 64);
        const Duration duration(static_cast<Duration::rep>(bits >> shift));
        RC_ASSERT(parse_duration(to_string(duration)).value == duration);
    }));
    EXPECT_TRUE(rc::check("shares", [] {
        const Share share{*rc::gen::inRange<std::uint32_t>(0, 1'000'001)};
        RC_ASSERT(parse_share(to_string(share)).value == share);
    }));
}

}  // namespace
}  // namespace damon_schemes
