// SPDX-License-Identifier: MIT
#include "benchmarks/demo/redis_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <thread>

namespace damon_schemes::demo {
namespace {

using namespace std::chrono_literals;

// Takes one connection, reads as many bytes as it is told to expect, and answers with some parts.
class FakeServer {
  public:
    FakeServer(std::size_t expected, std::vector<std::string> parts) {
        std::string folder = (std::filesystem::temp_directory_path() / "demo-XXXXXX").string();
        EXPECT_NE(::mkdtemp(folder.data()), nullptr);
        folder_ = folder;
        listener_ = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address),
                  0);
        EXPECT_EQ(::listen(listener_.get(), 1), 0);
        thread_ =
            std::thread([this, expected, parts = std::move(parts)] { serve(expected, parts); });
    }
    ~FakeServer() {
        thread_.join();
        std::filesystem::remove_all(folder_);
    }
    std::string path() const { return folder_ + "/socket"; }
    // Ends with the connection.
    const std::string& heard() {
        if (thread_.joinable()) thread_.join();
        thread_ = std::thread([] {});
        return heard_;
    }

  private:
    void serve(std::size_t expected, const std::vector<std::string>& parts) {
        const Descriptor client(::accept(listener_.get(), nullptr, nullptr));
        std::array<char, 4096> bytes;
        while (heard_.size() < expected) {
            const ssize_t got = ::recv(client.get(), bytes.data(), bytes.size(), 0);
            if (got <= 0) return;
            heard_.append(bytes.data(), static_cast<std::size_t>(got));
        }
        for (const std::string& part : parts)
            EXPECT_EQ(::send(client.get(), part.data(), part.size(), MSG_NOSIGNAL),
                      static_cast<ssize_t>(part.size()));
    }

    std::string folder_;
    Descriptor listener_;
    std::string heard_;
    std::thread thread_;
};

const std::string get_a = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n";

TEST(RedisConnection, AsksAndTakesAnAnswerThatComesInParts) {
    FakeServer server(get_a.size(), {"$", "4\r", "\nab", "cd\r", "\n"});
    auto connection = RedisConnection::open(server.path(), 30s);
    ASSERT_TRUE(connection.ok()) << connection.error().message;
    const auto reply = connection->ask({"GET", "a"});
    ASSERT_TRUE(reply.ok()) << reply.error().message;
    EXPECT_EQ(reply->text, "abcd");
    EXPECT_EQ(server.heard(), get_a);
}

TEST(RedisConnection, AnswersOfCommandsSentAheadComeInOrder) {
    FakeServer server(2 * get_a.size(), {":1\r\n:2\r\n"});
    auto connection = RedisConnection::open(server.path(), 30s);
    ASSERT_TRUE(connection.ok());
    connection->queue({"GET", "a"});
    connection->queue({"GET", "a"});
    ASSERT_TRUE(connection->flush().ok());
    EXPECT_EQ(connection->receive()->integer, 1);
    EXPECT_EQ(connection->receive()->integer, 2);
}

TEST(RedisConnection, AnErrorOfTheServerIsAnErrorWithItsWords) {
    FakeServer server(get_a.size(), {"-OOM command not allowed\r\n"});
    auto connection = RedisConnection::open(server.path(), 30s);
    ASSERT_TRUE(connection.ok());
    const auto reply = connection->ask({"GET", "a"});
    ASSERT_FALSE(reply.ok());
    EXPECT_THAT(reply.error().message, testing::HasSubstr("OOM command not allowed"));
}

TEST(RedisConnection, AServerThatGoesAwayInTheMiddleIsAnError) {
    FakeServer server(get_a.size(), {"$4\r\nab"});
    auto connection = RedisConnection::open(server.path(), 30s);
    ASSERT_TRUE(connection.ok());
    const auto reply = connection->ask({"GET", "a"});
    ASSERT_FALSE(reply.ok());
    EXPECT_THAT(reply.error().message, testing::HasSubstr("closed"));
}

TEST(RedisConnection, NobodyListeningIsAnErrorThatNamesThePlace) {
    const auto connection = RedisConnection::open("/nonexistent/socket", 30s);
    ASSERT_FALSE(connection.ok());
    EXPECT_THAT(connection.error().message, testing::HasSubstr("/nonexistent/socket"));
    EXPECT_FALSE(RedisConnection::open(std::string(200, 'x'), 30s).ok());
}

}  // namespace
}  // namespace damon_schemes::demo
