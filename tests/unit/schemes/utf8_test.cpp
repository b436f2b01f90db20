// SPDX-License-Identifier: MIT
#include "schemes/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace damon_schemes {
namespace {

TEST(Utf8, ACharacterIsAsLongAsItSays) {
    EXPECT_EQ(utf8_length("a"), 1U);
    EXPECT_EQ(utf8_length(std::string_view("\0", 1)), 1U);
    EXPECT_EQ(utf8_length("\u00e4x"), 2U);
    EXPECT_EQ(utf8_length("\u20ac"), 3U);
    EXPECT_EQ(utf8_length("\U0001F600"), 4U);
    EXPECT_EQ(utf8_length("\U0010FFFF"), 4U);
}

TEST(Utf8, WhatIsNoCharacterHasNoLength) {
    for (const char* text :
         {"", "\x80", "\xbf", "\xc3", "\xc3(", "\xe2\x82", "\xf0\x9f\x98", "\xff"})
        EXPECT_EQ(utf8_length(text), 0U) << text;
}

TEST(Utf8, OverlongFormsSurrogatesAndWhatIsTooLargeAreNone) {
    for (const char* text :
         {"\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80",
          "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"})
        EXPECT_EQ(utf8_length(text), 0U) << text;
}

}  // namespace
}  // namespace damon_schemes
