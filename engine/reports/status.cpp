// SPDX-License-Identifier: MIT
#include "engine/reports/status.h"

#include <poll.h>
#include <unistd.h>

#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

constexpr const char* erase_line = "\r\x1b[K";

}  // namespace

std::string status_line(const Status& status, std::size_t width) {
    std::string line = readable_clock(status.elapsed);
    if (status.physical) {
        line += "  physical memory";
    } else {
        if (status.targets != 1) line += "  " + std::to_string(status.targets) + " targets";
        line += "  " + readable(status.regions) + (status.regions == 1 ? " region" : " regions");
        line += "  RSS " + (status.rss ? readable(*status.rss) : std::string("-"));
    }
    if (status.paged_out) line += "  paged out " + readable(*status.paged_out);
    if (status.huge) line += "  huge " + readable(*status.huge);
    if (status.locked) line += "  locked " + readable(*status.locked);
    if (status.recorded) line += "  recorded " + readable(*status.recorded);
    if (!status.note.empty()) {
        const std::size_t used = columns_of(line) + 2;
        // A note of three letters says nothing.
        if (used + 8 <= width) line += "  " + shortened(printable(status.note), width - used);
    }
    if (status.intervals) {
        const std::string intervals = "  " + readable(*status.intervals);
        if (columns_of(line) + columns_of(intervals) <= width) line += intervals;
    }
    return shortened(line, width);
}

StatusWriter::StatusWriter(int descriptor, Terminal terminal, Duration interval)
    : descriptor_(descriptor), terminal_(terminal), interval_(interval) {}

StatusWriter::~StatusWriter() {
    clear();
}

void StatusWriter::show(const Status& status) {
    if (terminal_.interactive) {
        // The last column is left free: many terminals break the line when it is written.
        if (put(erase_line + status_line(status, terminal_.width - 1))) shown_ = true;
        return;
    }
    const bool due = !last_line_ || status.elapsed - *last_line_ >= interval_;
    if (!due && status.note == last_note_) return;
    if (!put(status_line(status, terminal_.width) + "\n")) return;
    last_line_ = status.elapsed;
    last_note_ = status.note;
}

void StatusWriter::clear() {
    if (!shown_) return;
    put(erase_line);
    shown_ = false;
}

bool StatusWriter::put(const std::string& text) {
    // A pipe that is ready takes at least PIPE_BUF bytes, and a line is far shorter than that.
    pollfd ready{descriptor_, POLLOUT, 0};
    if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return false;
    return write(descriptor_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace damon_schemes
