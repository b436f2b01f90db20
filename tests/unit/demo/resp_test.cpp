// SPDX-License-Identifier: MIT
#include "benchmarks/demo/resp.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace damon_schemes::demo {
namespace {

using Kind = Reply::Kind;

std::vector<Reply> all_of(ReplyReader& reader) {
    std::vector<Reply> replies;
    for (;;) {
        auto next = reader.next();
        EXPECT_TRUE(next.ok()) << next.error().message;
        if (!next || !next->has_value()) return replies;
        replies.push_back(**next);
    }
}

std::string refusal_of(const std::string& bytes) {
    ReplyReader reader;
    reader.feed(bytes);
    const auto next = reader.next();
    return next.ok() ? "" : next.error().message;
}

TEST(Resp, ACommandIsAnArrayOfBulkStrings) {
    std::string bytes = "before";
    append_command(bytes, {"SET", "key", std::string_view("a\r\n\0b", 5)});
    using namespace std::string_literals;
    EXPECT_EQ(bytes, "before*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\na\r\n\0b\r\n"s);
}

TEST(Resp, ReadsEachKindOfReply) {
    ReplyReader reader;
    reader.feed("+OK\r\n-ERR no\r\n:-42\r\n$3\r\nabc\r\n$-1\r\n$0\r\n\r\n+\r\n");
    const auto replies = all_of(reader);
    ASSERT_EQ(replies.size(), 7U);
    EXPECT_EQ(replies[0].kind, Kind::status);
    EXPECT_EQ(replies[0].text, "OK");
    EXPECT_EQ(replies[1].kind, Kind::error);
    EXPECT_EQ(replies[1].text, "ERR no");
    EXPECT_EQ(replies[2].kind, Kind::integer);
    EXPECT_EQ(replies[2].integer, -42);
    EXPECT_EQ(replies[3].kind, Kind::bulk);
    EXPECT_EQ(replies[3].text, "abc");
    EXPECT_EQ(replies[4].kind, Kind::nil);
    EXPECT_EQ(replies[5].kind, Kind::bulk);
    EXPECT_EQ(replies[5].text, "");
    EXPECT_EQ(replies[6].kind, Kind::status);
    EXPECT_EQ(replies[6].text, "");
}

TEST(Resp, ALineEndWithinAValueDoesNotEndIt) {
    ReplyReader reader;
    reader.feed("$7\r\na\r\n+OK\r\r\n+OK\r\n");
    const auto replies = all_of(reader);
    ASSERT_EQ(replies.size(), 2U);
    EXPECT_EQ(replies[0].text, "a\r\n+OK\r");
    EXPECT_EQ(replies[1].text, "OK");
}

TEST(Resp, HowTheBytesAreCutMakesNoDifference) {
    const std::string bytes = "$5\r\nab\r\nc\r\n:7\r\n$-1\r\n+PONG\r\n$0\r\n\r\n";
    for (std::size_t first = 0; first <= bytes.size(); ++first) {
        for (std::size_t second = first; second <= bytes.size(); ++second) {
            ReplyReader reader;
            std::vector<Reply> replies;
            for (const auto& part : {bytes.substr(0, first), bytes.substr(first, second - first),
                                     bytes.substr(second)}) {
                reader.feed(part);
                for (const Reply& reply : all_of(reader)) replies.push_back(reply);
            }
            ASSERT_EQ(replies.size(), 5U) << first << " " << second;
            EXPECT_EQ(replies[0].text, "ab\r\nc");
            EXPECT_EQ(replies[1].integer, 7);
            EXPECT_EQ(replies[2].kind, Kind::nil);
            EXPECT_EQ(replies[3].text, "PONG");
            EXPECT_EQ(replies[4].kind, Kind::bulk);
        }
    }
}

TEST(Resp, NoReplyIsGivenBeforeItsLastByte) {
    const std::string bytes = "$3\r\nabc\r\n";
    ReplyReader reader;
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
        reader.feed(bytes.substr(i, 1));
        const auto next = reader.next();
        ASSERT_TRUE(next.ok());
        EXPECT_FALSE(next->has_value()) << i;
    }
    reader.feed(bytes.substr(bytes.size() - 1));
    EXPECT_EQ(all_of(reader).size(), 1U);
}

TEST(Resp, KeepsItsPlaceOverMoreRepliesThanItsBufferHolds) {
    ReplyReader reader;
    const std::string value(5000, 'v');
    const std::string reply = "$5000\r\n" + value + "\r\n";
    // Each feed ends in the middle of a reply, so that something always stays behind.
    reader.feed(reply.substr(0, 1000));
    for (int i = 0; i < 200; ++i) {
        reader.feed(reply.substr(1000) + reply.substr(0, 1000));
        const auto replies = all_of(reader);
        ASSERT_EQ(replies.size(), 1U);
        EXPECT_EQ(replies[0].text, value);
    }
}

TEST(Resp, RefusesWhatIsNoReply) {
    EXPECT_NE(refusal_of("HTTP/1.1 400 Bad Request\r\n"), "");
    EXPECT_NE(refusal_of("*1\r\n:1\r\n"), "");
    EXPECT_NE(refusal_of("\r\n"), "");
    EXPECT_NE(refusal_of(":\r\n"), "");
    EXPECT_NE(refusal_of(":12x\r\n"), "");
    EXPECT_NE(refusal_of(":99999999999999999999\r\n"), "");
    EXPECT_NE(refusal_of("$-2\r\n"), "");
    EXPECT_NE(refusal_of("$x\r\n"), "");
    EXPECT_NE(refusal_of("$99999999999\r\n"), "");
    EXPECT_NE(refusal_of("$3\r\nabcde\r\n"), "");
    EXPECT_NE(refusal_of("+" + std::string(ReplyReader::max_line_bytes, 'x')), "");
}

TEST(Resp, StaysBrokenAfterAnError) {
    ReplyReader reader;
    reader.feed("?\r\n");
    EXPECT_FALSE(reader.next().ok());
    reader.feed("+OK\r\n");
    EXPECT_FALSE(reader.next().ok());
}

}  // namespace
}  // namespace damon_schemes::demo
