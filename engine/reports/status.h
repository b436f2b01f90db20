// SPDX-License-Identifier: MIT
// The one line that says how a session is doing while it runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/reports/terminal.h"
#include "schemes/observation.h"

namespace damon_schemes {

struct Status {
    Duration elapsed{};
    bool physical = false;    // of all memory: there are no targets, and their figures are left out
    std::size_t targets = 1;  // those that live
    std::uint64_t regions = 0;
    std::optional<Bytes> rss;                  // of all targets; nullopt: cannot be read (any more)
    std::optional<Bytes> paged_out = Bytes{};  // that really left memory so far; nullopt: not shown
    std::optional<Bytes> huge;                 // became huge pages so far; likewise
    std::optional<Bytes> locked;               // is locked now; likewise
    std::optional<Bytes> recorded;             // in the recording's file so far; likewise
    std::optional<Intervals> intervals;        // in force, where they have a goal; shown last
    std::string note;  // what is out of the ordinary, in a few words; may be empty
};

// "0:42  1,000 regions  RSS 412.3 MiB  paged out 310.0 MiB  brake: redis-server"; never wider than
// `width`: the note is cut first, and the intervals are left out before it.
std::string status_line(const Status& status, std::size_t width = 80);

// Shows the line on a terminal by writing it anew in place; elsewhere as a line of its own every
// `interval` of the session's time, and whenever the note has changed.  Never waits: where the
// reader is slow, a line is left out.  Belongs to one thread; the descriptor stays the caller's.
class StatusWriter {
  public:
    StatusWriter(int descriptor, Terminal terminal, Duration interval = std::chrono::seconds(10));
    // Leaves the cursor at the start of an empty line.
    ~StatusWriter();
    StatusWriter(const StatusWriter&) = delete;
    StatusWriter& operator=(const StatusWriter&) = delete;

    void show(const Status& status);
    // Takes the line away, so that something else can be printed; show() brings it back.
    void clear();

  private:
    bool put(const std::string& text);

    int descriptor_;
    Terminal terminal_;
    Duration interval_;
    bool shown_ = false;
    std::optional<Duration> last_line_;
    std::string last_note_;
};

}  // namespace damon_schemes
