// SPDX-License-Identifier: MIT
// Reading: one whole snapshot or none, whatever the reader does.
#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "process.h"
#include "session.h"

namespace damon_schemes::vm {
namespace {

class Reading : public testing::Test {
  protected:
    void SetUp() override { NEEDS_MODULE(); }
    // A running session with one target.
    std::unique_ptr<Session> running(int flags = O_NONBLOCK) {
        auto session = std::make_unique<Session>(flags);
        EXPECT_EQ(session->set(scaled_attrs()), 0);
        target = std::make_unique<Target>();
        EXPECT_EQ(session->add(target->pid()), 0);
        EXPECT_EQ(session->start(), 0);
        return session;
    }
    static void wait_until_readable(const Session& session) {
        pollfd waiting{session.fd(), POLLIN, 0};
        ASSERT_EQ(poll(&waiting, 1, 60'000), 1);
        ASSERT_EQ(waiting.revents & POLLIN, POLLIN);
    }
    std::unique_ptr<Target> target;
};

TEST_F(Reading, NothingWaitsBeforeTheFirstInterval) {
    Session session;
    char byte = 0;
    EXPECT_EQ(read(session.fd(), &byte, 1), -1);
    EXPECT_EQ(errno, EAGAIN);
    pollfd waiting{session.fd(), POLLIN, 0};
    EXPECT_EQ(poll(&waiting, 1, 0), 0);
}

TEST_F(Reading, ASmallBufferGetsTheHeaderAndTheSnapshotStays) {
    auto session = running();
    wait_until_readable(*session);
    ASSERT_EQ(session->stop(), 0);

    std::vector<char> small(sizeof(damon_schemes_snapshot), 0x55);
    EXPECT_EQ(read(session->fd(), small.data(), small.size() - 1), -1);
    EXPECT_EQ(errno, EMSGSIZE);
    EXPECT_EQ(small.front(), 0x55) << "half a header was written";
    EXPECT_EQ(read(session->fd(), small.data(), 0), -1);
    EXPECT_EQ(errno, EMSGSIZE);

    EXPECT_EQ(read(session->fd(), small.data(), small.size()), -1);
    EXPECT_EQ(errno, EMSGSIZE);
    damon_schemes_snapshot header{};
    std::memcpy(&header, small.data(), sizeof(header));
    EXPECT_EQ(header.total_bytes, session->stats().snapshot_bytes);
    ASSERT_GT(header.total_bytes, small.size());

    std::vector<char> enough(header.total_bytes);
    EXPECT_EQ(read(session->fd(), enough.data(), enough.size() - 1), -1);
    EXPECT_EQ(errno, EMSGSIZE);
    EXPECT_EQ(read(session->fd(), enough.data(), enough.size()),
              static_cast<ssize_t>(enough.size()));
    parse(enough, 1000, 4096);
    EXPECT_EQ(read(session->fd(), enough.data(), enough.size()), -1);
    EXPECT_EQ(errno, EAGAIN) << "a snapshot is read once";
    EXPECT_EQ(session->stats().snapshot_bytes, 0U);
}

TEST_F(Reading, ABadBufferIsAFaultAndTheSnapshotStays) {
    auto session = running();
    wait_until_readable(*session);
    ASSERT_EQ(session->stop(), 0);
    void* forbidden = mmap(nullptr, mib, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(forbidden, MAP_FAILED);
    EXPECT_EQ(read(session->fd(), forbidden, mib), -1);
    EXPECT_EQ(errno, EFAULT);
    munmap(forbidden, mib);
    std::vector<char> enough(session->stats().snapshot_bytes);
    EXPECT_EQ(read(session->fd(), enough.data(), enough.size()),
              static_cast<ssize_t>(enough.size()));
}

TEST_F(Reading, ASlowReaderLosesWholeSnapshotsAndTheyAreCounted) {
    auto session = running();
    const auto first = session->next();
    EXPECT_EQ(first.header.lost, 0U);
    // Nobody reads until three have been replaced.
    ASSERT_TRUE(eventually([&] { return session->stats().lost >= 3; }));
    const auto next = session->next();
    EXPECT_GE(next.header.lost, 3U);
    EXPECT_EQ(next.header.sequence, first.header.sequence + 1 + next.header.lost);
}

TEST_F(Reading, SequenceAndTimeGrow) {
    auto session = running();
    const auto first = session->next();
    auto last = first;
    EXPECT_EQ(last.header.sequence, 1U + last.header.lost);
    for (int i = 0; i < 5; i++) {
        const auto next = session->next();
        EXPECT_GT(next.header.sequence, last.header.sequence);
        EXPECT_GE(next.header.time_ns, last.header.time_ns + next.header.duration_ns);
        EXPECT_GT(next.header.duration_ns, 0U);
        EXPECT_GT(next.header.passes, 0U);
        EXPECT_EQ(next.header.max_nr_accesses, 20U);
        EXPECT_EQ(next.header.sampling_interval_us, 10'000U);
        EXPECT_EQ(next.header.aggregation_interval_us, 200'000U);
        last = next;
    }
    // After one that came late the next may be short, but none is ahead of its time.
    const std::uint64_t intervals = last.header.sequence - first.header.sequence;
    EXPECT_GE(last.header.time_ns - first.header.time_ns, (intervals - 1) * 200'000'000U);
}

TEST_F(Reading, ABlockingReadWaitsForASnapshot) {
    auto session = running(0);
    std::vector<char> bytes(1 << 20);
    const auto got = read(session->fd(), bytes.data(), bytes.size());
    ASSERT_GT(got, 0);
    bytes.resize(static_cast<std::size_t>(got));
    parse(bytes, 1000, 4096);
}

// A thread that reads from a session in which nothing happens, and what becomes of it.
class BlockedReader {
  public:
    explicit BlockedReader(int fd)
        : thread_([this, fd] {
              tid_ = gettid();
              std::vector<char> bytes(1 << 20);
              const auto got = read(fd, bytes.data(), bytes.size());
              result_ = got < 0 ? -errno : static_cast<int>(got > 0);
          }) {}
    // Until the thread sleeps in the kernel.
    void wait_until_blocked() const {
        for (std::string state; state != "S";) {
            std::this_thread::yield();
            const auto path = "/proc/self/task/" + std::to_string(tid_) + "/stat";
            std::FILE* stat = tid_ ? std::fopen(path.c_str(), "r") : nullptr;
            if (!stat) continue;
            char letter = 0;
            if (std::fscanf(stat, "%*d (%*[^)]) %c", &letter) == 1) state = std::string(1, letter);
            std::fclose(stat);
        }
    }
    void signal(int number) { pthread_kill(thread_.native_handle(), number); }
    int join() {
        thread_.join();
        return result_;
    }

  private:
    std::atomic<pid_t> tid_ = 0;
    std::atomic<int> result_ = 0;
    std::thread thread_;
};

void ignore_signal(int) {}

TEST_F(Reading, ASignalInterruptsABlockedRead) {
    struct sigaction action {};
    action.sa_handler = ignore_signal;  // without SA_RESTART
    sigaction(SIGUSR1, &action, nullptr);
    Session session(0);
    BlockedReader reader(session.fd());
    reader.wait_until_blocked();
    reader.signal(SIGUSR1);
    EXPECT_EQ(reader.join(), -EINTR);
}

TEST_F(Reading, ClosingUnderABlockedReadEndsTheSessionWhenTheReadEnds) {
    struct sigaction action {};
    action.sa_handler = ignore_signal;
    sigaction(SIGUSR1, &action, nullptr);
    Target watched;
    Session session(0);
    ASSERT_EQ(session.add(watched.pid()), 0);
    BlockedReader reader(session.fd());
    reader.wait_until_blocked();
    session.close();
    Session other;
    EXPECT_EQ(other.add(watched.pid()), EBUSY) << "the session ended under its reader";
    reader.signal(SIGUSR1);
    EXPECT_EQ(reader.join(), -EINTR);
    EXPECT_EQ(other.add(watched.pid()), 0);
}

TEST_F(Reading, TwoReadersNeverGetTheSameSnapshot) {
    auto session = running(0);
    std::vector<std::uint64_t> seen[2];
    std::vector<std::thread> threads;
    for (auto& numbers : seen)
        threads.emplace_back([&session, &numbers] {
            std::vector<char> bytes(1 << 20);
            while (numbers.size() < 4) {
                const auto got = read(session->fd(), bytes.data(), bytes.size());
                if (got < static_cast<ssize_t>(sizeof(damon_schemes_snapshot))) break;
                damon_schemes_snapshot header{};
                std::memcpy(&header, bytes.data(), sizeof(header));
                if (header.total_bytes != static_cast<std::uint64_t>(got)) break;
                numbers.push_back(header.sequence);
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(seen[0].size(), 4U);
    EXPECT_EQ(seen[1].size(), 4U);
    for (const auto number : seen[0])
        EXPECT_EQ(std::count(seen[1].begin(), seen[1].end(), number), 0) << number;
}

TEST_F(Reading, PollSleepsUntilASnapshotComes) {
    auto session = running();
    for (int i = 0; i < 3; i++) {
        wait_until_readable(*session);
        // What poll promised can be read at once.
        std::vector<char> bytes(1 << 20);
        EXPECT_GT(read(session->fd(), bytes.data(), bytes.size()), 0);
    }
}

}  // namespace
}  // namespace damon_schemes::vm
