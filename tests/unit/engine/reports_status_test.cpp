// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "engine/reports/readable.h"
#include "engine/reports/status.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;

Status some_status() {
    Status status;
    status.elapsed = 42s;
    status.regions = 1000;
    status.rss = mebibytes(412);
    status.paged_out = mebibytes(310);
    return status;
}

TEST(StatusLine, SaysHowTheSessionIsDoing) {
    EXPECT_EQ(status_line(some_status()),
              "0:42  1,000 regions  RSS 412.0 MiB  paged out 310.0 MiB");
}

TEST(StatusLine, SaysWhatBecameHugeAndWhatIsLocked) {
    Status status = some_status();
    status.huge = mebibytes(12);
    status.locked = mebibytes(8);
    EXPECT_EQ(
        status_line(status, 100),
        "0:42  1,000 regions  RSS 412.0 MiB  paged out 310.0 MiB  huge 12.0 MiB  locked 8.0 MiB");
}

TEST(StatusLine, SaysWhatIsOutOfTheOrdinary) {
    Status status = some_status();
    status.targets = 3;
    status.regions = 1;
    status.rss.reset();
    status.note = "brake: redis";
    EXPECT_EQ(status_line(status),
              "0:42  3 targets  1 region  RSS -  paged out 310.0 MiB  brake: redis");
}

TEST(StatusLine, NeverIsWiderThanTheTerminal) {
    Status status = some_status();
    status.elapsed = 100h;
    status.targets = 12345;
    status.regions = 1'000'000;
    status.note = "observing: the canary was seen in 3 % of the samples, \xc3\xa9tonnant";
    for (std::size_t width = 40; width <= 160; ++width)
        EXPECT_LE(columns_of(status_line(status, width)), width);
}

TEST(StatusLine, CutsTheNoteBeforeTheFigures) {
    Status status = some_status();
    status.note = "observing: the canary was not seen";
    EXPECT_EQ(status_line(status),
              "0:42  1,000 regions  RSS 412.0 MiB  paged out 310.0 MiB  observing: the canar...");
}

TEST(StatusLine, ShowsIntervalsThatHaveAGoalWhereThereIsRoom) {
    Status status = some_status();
    status.intervals = Intervals{40ms, 800ms};
    EXPECT_EQ(status_line(status),
              "0:42  1,000 regions  RSS 412.0 MiB  paged out 310.0 MiB  every 40.0 ms/800.0 ms");
    EXPECT_EQ(status_line(status, 70), "0:42  1,000 regions  RSS 412.0 MiB  paged out 310.0 MiB");
    status.note = "brake: redis";
    EXPECT_EQ(status_line(status, 100),
              "0:42  1,000 regions  RSS 412.0 MiB  paged out 310.0 MiB  brake: redis  "
              "every 40.0 ms/800.0 ms");
}

// A pipe to write to, and what came through.
class Listener {
  public:
    Listener() {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0) {
            reader_ = ends[0];
            writer_ = ends[1];
        }
    }
    ~Listener() {
        close(reader_);
        close(writer_);
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    int writer() const { return writer_; }
    std::string heard() const {
        std::string text;
        std::array<char, 4096> part;
        for (;;) {
            const ssize_t got = read(reader_, part.data(), part.size());
            if (got <= 0) return text;
            text.append(part.data(), static_cast<std::size_t>(got));
        }
    }
    // Until nothing more goes in.
    void stuff() const {
        const std::string block(4096, 'x');
        while (write(writer_, block.data(), block.size()) > 0) {
        }
    }

  private:
    int reader_ = -1;
    int writer_ = -1;
};

TEST(StatusWriter, RewritesTheLineInPlaceOnATerminal) {
    const Listener listener;
    Terminal terminal;
    terminal.interactive = true;
    {
        StatusWriter writer(listener.writer(), terminal);
        writer.show(some_status());
        EXPECT_EQ(listener.heard(), "\r\x1b[K" + status_line(some_status(), 79));
        writer.show(some_status());
        EXPECT_EQ(listener.heard(), "\r\x1b[K" + status_line(some_status(), 79));
        writer.clear();
        EXPECT_EQ(listener.heard(), "\r\x1b[K");
        writer.clear();
        EXPECT_EQ(listener.heard(), "");
        writer.show(some_status());
        listener.heard();
    }
    EXPECT_EQ(listener.heard(), "\r\x1b[K");
}

TEST(StatusWriter, WritesPlainLinesNowAndThenThroughAPipe) {
    const Listener listener;
    StatusWriter writer(listener.writer(), Terminal{}, 10s);
    Status status = some_status();
    std::string expected;
    for (int second = 0; second <= 25; ++second) {
        status.elapsed = std::chrono::seconds(second);
        if (second % 10 == 0) expected += status_line(status) + "\n";
        writer.show(status);
    }
    const std::string heard = listener.heard();
    EXPECT_EQ(heard, expected);
    EXPECT_EQ(heard.find('\r'), std::string::npos);
    EXPECT_EQ(heard.find('\x1b'), std::string::npos);
}

TEST(StatusWriter, ShowsANewNoteAtOnceThroughAPipe) {
    const Listener listener;
    StatusWriter writer(listener.writer(), Terminal{}, 10s);
    Status status = some_status();
    writer.show(status);
    listener.heard();
    status.elapsed += 1s;
    status.note = "brake: redis-server";
    writer.show(status);
    EXPECT_NE(listener.heard().find("brake: redis-server\n"), std::string::npos);
    writer.show(status);
    EXPECT_EQ(listener.heard(), "");
}

TEST(StatusWriter, LeavesALineOutRatherThanWaitForAReader) {
    const Listener listener;
    listener.stuff();
    // Blocking from here on: a writer that waited would hang this test.
    ASSERT_EQ(fcntl(listener.writer(), F_SETFL, 0), 0);
    StatusWriter writer(listener.writer(), Terminal{}, 10s);
    writer.show(some_status());
    EXPECT_EQ(listener.heard().find("regions"), std::string::npos);
    writer.show(some_status());
    EXPECT_NE(listener.heard().find("regions"), std::string::npos);
}

TEST(StatusWriter, TakesControlCharactersOutOfANote) {
    Status status = some_status();
    status.note = "brake: \x1b[2J";
    EXPECT_EQ(status_line(status).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace damon_schemes
