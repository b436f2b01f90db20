// SPDX-License-Identifier: MIT
// Events as the kernel's trace buffer has them: the formats of events and the pages that
// trace_pipe_raw hands out (Documentation/trace/ring-buffer-map.rst; events/header_page and
// events/header_event say the layout).  No system call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace damon_schemes {

// Where the kernel writes the fields of one kind of event: its file `format`.
struct TraceFormat {
    struct Field {
        std::uint32_t offset = 0;
        std::uint32_t size = 0;
    };
    std::uint32_t id = 0;  // common_type of its events
    std::map<std::string, Field, std::less<>> fields;

    // nullptr: there is none of that name.
    const Field* field(std::string_view name) const;
};
// nullopt: not the text of such a file.
std::optional<TraceFormat> parse_trace_format(std::string_view text);

// The unsigned number in that field; nullopt: it lies outside, or is none of 1, 2, 4 or 8 bytes.
std::optional<std::uint64_t> number_in(std::span<const std::byte> event,
                                       const TraceFormat::Field& field);

// Each of a page's events: when (nanoseconds of the buffer's clock) and its bytes, which are valid
// during the call.
using TraceEventSink = std::function<void(std::uint64_t time, std::span<const std::byte> event)>;

enum class PageLoss {
    none,
    before,     // events were overwritten between the page before, of the same processor, and this
    malformed,  // no page of this layout: what it had is lost
};
// Reads one page of one processor.  `loss` comes first where events are missing before it.
PageLoss read_trace_page(std::span<const std::byte> page, const TraceEventSink& sink);

// Whether events were lost before this page; known without reading it.
bool lost_before(std::span<const std::byte> page);

}  // namespace damon_schemes
