// SPDX-License-Identifier: MIT
// What is asked over HTTP, by good and by bad askers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "engine/control/metrics_server.h"
#include "tests/unit/engine/http_asker.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using testing::ask_http;
using testing::get;
using testing::get_patiently;
using ::testing::HasSubstr;
using testing::HttpAsker;
using ::testing::Not;
using ::testing::StartsWith;

constexpr MetricFamily level{"level", MetricKind::gauge, "", "How high."};

class MetricsServerTest : public ::testing::Test {
  protected:
    void open(Duration patience = MetricsServer::usual_patience) {
        auto opened = MetricsServer::open(
            "127.0.0.1:0",
            [this](const auto&) {
                ++asked_;
                return metrics_;
            },
            patience);
        ASSERT_TRUE(opened) << opened.error().message;
        server_ = std::move(*opened);
    }
    const std::string& address() const { return server_->address(); }

    std::shared_ptr<const Metrics> metrics_ =
        std::make_shared<const Metrics>(Metrics{{&level, {{{}, 7}}}});
    std::atomic<int> asked_ = 0;
    std::unique_ptr<MetricsServer> server_;
};

TEST_F(MetricsServerTest, TellsMetricsInTheFormatThatIsAskedFor) {
    open();
    EXPECT_THAT(address(), StartsWith("127.0.0.1:"));
    EXPECT_THAT(address(), Not(HasSubstr(":0")));
    const auto text = get(address(), "/metrics");
    EXPECT_THAT(text.head, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(text.head, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    EXPECT_THAT(text.body, HasSubstr("level 7\n"));
    EXPECT_THAT(text.body, Not(HasSubstr("# EOF")));
    const auto open =
        get(address(), "/metrics?name=x", "Accept: application/openmetrics-text;version=1.0.0\r\n");
    EXPECT_THAT(open.head, HasSubstr("Content-Type: application/openmetrics-text; version=1.0.0"));
    EXPECT_THAT(open.body, HasSubstr("level 7\n# EOF\n"));
}

TEST_F(MetricsServerTest, ThereIsAnIndexAndNothingElse) {
    open();
    EXPECT_THAT(get(address(), "/").body, HasSubstr("/metrics"));
    for (const char* path : {"/metrics/", "/Metrics", "//metrics", "/metrics/../metrics",
                             "/etc/passwd", "/%2e%2e/etc/passwd", "*"})
        EXPECT_THAT(get(address(), path).head, StartsWith("HTTP/1.1 404 ")) << path;
    EXPECT_EQ(asked_, 0);
}

TEST_F(MetricsServerTest, OnlyGetIsAnswered) {
    open();
    for (const char* method : {"POST", "PUT", "DELETE", "HEAD", "OPTIONS", "BREW"}) {
        const auto answer = ask_http(
            address(), std::string(method) +
                           " /metrics HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\nabc");
        EXPECT_THAT(answer.head, StartsWith("HTTP/1.1 405 ")) << method;
        EXPECT_THAT(answer.head, HasSubstr("Allow: GET\r\n")) << method;
    }
    EXPECT_EQ(asked_, 0);
}

TEST_F(MetricsServerTest, WhatNeverEndsOrIsNoRequestIsRefused) {
    open();
    const std::string endless(4 * MetricsServer::most_bytes, 'a');
    EXPECT_THAT(get(address(), "/" + endless).head, StartsWith("HTTP/1.1 4"));
    EXPECT_THAT(get(address(), "/metrics", "Cookie: " + endless + "\r\n").head,
                StartsWith("HTTP/1.1 4"));
    // A body of any size is not read.
    EXPECT_THAT(get(address(), "/metrics", "Content-Length: 99999999999\r\n").head,
                StartsWith("HTTP/1.1 200 "));
    for (const char* nonsense : {"\r\n\r\n\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n",
                                 "GET /metrics HTTP/9.9\r\n\r\n"})
        EXPECT_THAT(ask_http(address(), nonsense).body, Not(HasSubstr("level")));
    EXPECT_THAT(get(address(), "/metrics").body, HasSubstr("level 7\n")) << "it still answers";
}

TEST_F(MetricsServerTest, WhoIsSlowDoesNoHarmAndIsLeftAfterAWhile) {
    open(300ms);
    const HttpAsker silent(address());
    const HttpAsker trickling(address());
    EXPECT_TRUE(trickling.say("GET /metrics HT"));
    EXPECT_THAT(get_patiently(address(), "/metrics").body, HasSubstr("level 7\n"));
    // A byte now and then does not help.
    const auto began = std::chrono::steady_clock::now();
    while (trickling.say("X") && std::chrono::steady_clock::now() - began < 60s)
        std::this_thread::sleep_for(10ms);
    EXPECT_FALSE(trickling.say("X"));
    EXPECT_EQ(silent.read_all(), "");
}

TEST_F(MetricsServerTest, WhoDoesNotTakeTheAnswerIsLeftToo) {
    // More than sockets hold.
    Metrics large{{&level, {}}};
    for (int i = 0; i < 200'000; ++i)
        large[0].samples.push_back(
            {{{"name", std::string(100, 'x') + std::to_string(i)}}, static_cast<double>(i)});
    metrics_ = std::make_shared<const Metrics>(std::move(large));
    open(1s);
    const HttpAsker stuck(address());
    EXPECT_TRUE(stuck.say("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n"));
    while (asked_ == 0) std::this_thread::sleep_for(1ms);
    // Its patience is over before that of anybody who comes now, and who is told still.
    EXPECT_THAT(get_patiently(address(), "/").body, HasSubstr("/metrics"));
    std::this_thread::sleep_for(1500ms);
    EXPECT_THAT(get_patiently(address(), "/").body, HasSubstr("/metrics"));
    const std::string got = stuck.read_all();
    EXPECT_LT(got.size(), 20'000'000U) << "it was cut off";
}

TEST_F(MetricsServerTest, MoreAtOnceThanItTakesWaitForTheirTurn) {
    open(300ms);
    std::vector<std::unique_ptr<HttpAsker>> silent;
    for (unsigned i = 0; i < 2 * MetricsServer::most_connections; ++i)
        silent.push_back(std::make_unique<HttpAsker>(address()));
    EXPECT_THAT(get_patiently(address(), "/metrics").body, HasSubstr("level 7\n"));
}

TEST_F(MetricsServerTest, WithoutMetricsItSaysThatItIsTooBusy) {
    metrics_.reset();
    open();
    EXPECT_THAT(get(address(), "/metrics").head, StartsWith("HTTP/1.1 503 "));
}

TEST_F(MetricsServerTest, ItsEndWaitsForNobody) {
    std::atomic<bool> waiting = false;
    auto opened = MetricsServer::open("127.0.0.1:0", [&](const std::function<bool()>& stopping) {
        waiting = true;
        while (!stopping()) std::this_thread::sleep_for(1ms);
        return std::shared_ptr<const Metrics>();
    });
    ASSERT_TRUE(opened) << opened.error().message;
    const HttpAsker silent((*opened)->address());
    const HttpAsker asking((*opened)->address());
    EXPECT_TRUE(asking.say("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n"));
    while (!waiting) std::this_thread::sleep_for(1ms);
    const std::string where = (*opened)->address();
    opened->reset();
    EXPECT_THROW(HttpAsker{where}, std::runtime_error);
}

TEST_F(MetricsServerTest, WhatIsTakenIsRefusedByItsName) {
    open();
    const auto second = MetricsServer::open(address(), {});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::usage);
    EXPECT_THAT(second.error().message, HasSubstr(address() + " is taken"));
}

TEST(ListenAddress, IsNumbersAndOfThisMachineUnlessItSaysOtherwise) {
    const auto family = [](const char* text) {
        const auto parsed = parse_listen_address(text);
        return parsed ? static_cast<int>(parsed->address.ss_family) : -1;
    };
    EXPECT_EQ(family("127.0.0.1:9797"), AF_INET);
    EXPECT_EQ(family("0.0.0.0:0"), AF_INET);
    EXPECT_EQ(family("[::1]:9797"), AF_INET6);
    EXPECT_EQ(family("localhost:9797"), AF_INET);
    for (const char* text :
         {"", ":", ":9797", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
          "127.0.0.1:97x", "::1:9797", "[::1]", "[]:1", "example.org:9797", "9797 ", "256.0.0.1:1"})
        EXPECT_EQ(family(text), -1) << text;
    const auto alone = parse_listen_address("9797");
    ASSERT_TRUE(alone);
    sockaddr_in four{};
    std::memcpy(&four, &alone->address, sizeof four);
    EXPECT_EQ(ntohl(four.sin_addr.s_addr), INADDR_LOOPBACK);
    EXPECT_EQ(ntohs(four.sin_port), 9797);
}

}  // namespace
}  // namespace damon_schemes
