// SPDX-License-Identifier: MIT
// What is asked over a control socket, by good and by bad askers.
#include "engine/control/control_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class ControlSocketTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string folder =
            (std::filesystem::temp_directory_path() / "control-socket-XXXXXX").string();
        ASSERT_NE(::mkdtemp(folder.data()), nullptr);
        folder_ = folder;
        path_ = folder + "/run/control.sock";
        auto loop = make_event_loop(LoopKind::epoll);
        ASSERT_TRUE(loop) << loop.error().message;
        loop_ = std::move(*loop);
    }
    void TearDown() override {
        socket_.reset();
        std::filesystem::remove_all(folder_);
    }
    Result<void> open() {
        return open([this](const ControlSocket::Reply& reply) { reply(answer_); });
    }
    Result<void> open(std::function<void(const ControlSocket::Reply&)> replying,
                      Duration longest = ControlSocket::longest_answer) {
        auto opened = ControlSocket::open(
            *loop_, path_,
            [this, replying = std::move(replying)](const std::string& request, const Peer& peer,
                                                   const ControlSocket::Reply& reply) {
                requests_.push_back(request);
                peers_.push_back(peer);
                replying(reply);
            },
            longest);
        if (!opened) return opened.error();
        socket_ = std::move(*opened);
        return {};
    }
    // Runs the loop while `asker` does, which is on a thread of its own.
    void run_beside(const std::function<void()>& asker) {
        std::thread thread([&] {
            asker();
            loop_->post([this] { loop_->stop(); });
        });
        ASSERT_TRUE(loop_->run());
        thread.join();
    }
    Descriptor connect() const {
        Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::copy(path_.begin(), path_.end(), address.sun_path);
        EXPECT_EQ(
            ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
            0);
        return socket;
    }
    static std::string read_to_end(int socket) {
        std::string text;
        char part[4096];
        for (ssize_t got = 0; (got = ::recv(socket, part, sizeof part, 0)) > 0;)
            text.append(part, static_cast<std::size_t>(got));
        return text;
    }

    std::filesystem::path folder_;
    std::string path_;
    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<ControlSocket> socket_;
    std::vector<std::string> requests_;
    std::vector<Peer> peers_;
    std::string answer_ = "yes";
};

TEST_F(ControlSocketTest, answers_a_line_with_a_line_and_knows_who_asks) {
    ASSERT_TRUE(open());
    std::string answer;
    run_beside([&] {
        const auto asked = ask_daemon(path_, "how are you");
        answer = asked ? *asked : asked.error().message;
    });
    EXPECT_EQ(answer, "yes");
    EXPECT_THAT(requests_, ::testing::ElementsAre("how are you"));
    EXPECT_EQ(peers_.at(0).pid, ::getpid());
    EXPECT_EQ(peers_.at(0).uid, ::geteuid());
}

TEST_F(ControlSocketTest, an_answer_may_come_later_and_others_are_answered_meanwhile) {
    std::vector<ControlSocket::Reply> waiting;
    ASSERT_TRUE(open([&](const ControlSocket::Reply& reply) {
        if (requests_.back() == "later")
            waiting.push_back(reply);
        else
            reply("now");
    }));
    std::string later;
    run_beside([&] {
        const Descriptor first = connect();
        EXPECT_EQ(::send(first.get(), "later\n", 6, MSG_NOSIGNAL), 6);
        for (bool asked = false; !asked;) {
            const auto other = ask_daemon(path_, "other");
            ASSERT_TRUE(other) << other.error().message;
            EXPECT_EQ(*other, "now");
            std::promise<bool> answered;
            loop_->post([&] {
                for (const auto& reply : waiting) reply("then");
                // What was answered once is not answered again.
                for (const auto& reply : waiting) reply("and again");
                answered.set_value(!waiting.empty());
            });
            asked = answered.get_future().get();
        }
        later = read_to_end(first.get());
    });
    EXPECT_EQ(later, "then\n");
}

TEST_F(ControlSocketTest, what_is_never_answered_is_refused_in_the_end) {
    ControlSocket::Reply late;
    ASSERT_TRUE(open([&](const ControlSocket::Reply& reply) { late = reply; }, 10ms));
    std::string answer;
    run_beside([&] {
        const auto asked = ask_daemon(path_, "anything");
        answer = asked ? *asked : asked.error().message;
    });
    EXPECT_THAT(answer, HasSubstr("no answer in time"));
    late("too late");
    socket_.reset();
    late("after its end");
}

TEST_F(ControlSocketTest, an_answer_may_be_far_larger_than_a_socket_takes_at_once) {
    answer_.assign(8 << 20, 'x');
    ASSERT_TRUE(open());
    std::size_t length = 0;
    run_beside([&] {
        if (const auto asked = ask_daemon(path_, "all")) length = asked->size();
    });
    EXPECT_EQ(length, answer_.size());
}

TEST_F(ControlSocketTest, is_for_the_owner_and_the_group_alone_and_goes_with_the_daemon) {
    ASSERT_TRUE(open());
    struct stat found {};
    ASSERT_EQ(::stat(path_.c_str(), &found), 0);
    EXPECT_TRUE(S_ISSOCK(found.st_mode));
    EXPECT_EQ(found.st_mode & 0777U, 0660U);
    socket_.reset();
    EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ControlSocketTest, a_second_daemon_is_refused_and_what_a_killed_one_left_is_not_in_the_way) {
    ASSERT_TRUE(open());
    const auto second = ControlSocket::open(*loop_, path_, {});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::usage);
    EXPECT_THAT(second.error().message, HasSubstr("another daemon answers"));
    EXPECT_TRUE(std::filesystem::exists(path_)) << "the first one's is still there";

    const std::string left = (folder_ / "left.sock").string();
    {
        const Descriptor dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::copy(left.begin(), left.end(), address.sun_path);
        ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
                  0);
    }
    EXPECT_TRUE(ControlSocket::open(*loop_, left, {}));
}

TEST_F(ControlSocketTest, what_never_ends_is_refused) {
    ASSERT_TRUE(open());
    std::string answer;
    run_beside([&] {
        const Descriptor socket = connect();
        const std::string endless(ControlSocket::most_bytes, 'a');
        EXPECT_EQ(::send(socket.get(), endless.data(), endless.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(endless.size()));
        answer = read_to_end(socket.get());
    });
    EXPECT_THAT(answer, HasSubstr("longer than 4096 bytes"));
    EXPECT_TRUE(requests_.empty());
}

TEST_F(ControlSocketTest, a_request_may_come_in_pieces_and_who_says_nothing_does_no_harm) {
    ASSERT_TRUE(open());
    std::string answer;
    run_beside([&] {
        const Descriptor silent = connect();
        { const Descriptor gone = connect(); }
        const Descriptor slow = connect();
        EXPECT_EQ(::send(slow.get(), "ha", 2, MSG_NOSIGNAL), 2);
        const auto other = ask_daemon(path_, "other");
        EXPECT_TRUE(other) << (other ? "" : other.error().message);
        EXPECT_EQ(::send(slow.get(), "lf\n", 3, MSG_NOSIGNAL), 3);
        answer = read_to_end(slow.get());
    });
    EXPECT_EQ(answer, "yes\n");
    EXPECT_THAT(requests_, ::testing::ElementsAre("other", "half"));
}

TEST_F(ControlSocketTest, more_at_once_than_it_takes_are_turned_away) {
    ASSERT_TRUE(open());
    run_beside([&] {
        std::vector<Descriptor> silent;
        for (std::size_t i = 0; i < ControlSocket::most_connections; ++i)
            silent.push_back(connect());
        EXPECT_FALSE(ask_daemon(path_, "one more"));
        silent.clear();
        // Those that hung up make room.
        bool answered = false;
        for (int tried = 0; tried < 1000 && !answered; ++tried) {
            answered = static_cast<bool>(ask_daemon(path_, "again"));
            if (!answered) std::this_thread::sleep_for(1ms);
        }
        EXPECT_TRUE(answered);
    });
}

TEST_F(ControlSocketTest, without_a_daemon_it_says_what_to_do) {
    const auto asked = ask_daemon(path_, "hello");
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().kind, ErrorKind::unsupported);
    EXPECT_THAT(asked.error().message, HasSubstr("start one with 'damon-schemes daemon'"));
    EXPECT_FALSE(ask_daemon(std::string(200, 'x'), "hello"));
}

}  // namespace
}  // namespace damon_schemes
