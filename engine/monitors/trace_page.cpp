// SPDX-License-Identifier: MIT
#include "engine/monitors/trace_page.h"

#include <cstring>

#include "engine/targets/procfs.h"

namespace damon_schemes {
namespace {

// A page: the time of its first event, how many bytes of events it has with two flags above them,
// then the events.
constexpr std::size_t header_bytes = 16;
constexpr std::uint64_t size_mask = (std::uint64_t{1} << 27) - 1;
constexpr std::uint64_t missed_events = std::uint64_t{1} << 31;

// An event: 5 bits that say its kind or, in words of four bytes, its length; 27 bits of time since
// the one before.
enum Kind : std::uint32_t { long_event = 0, padding = 29, time_extend = 30, time_stamp = 31 };
constexpr unsigned time_bits = 27;
// What an absolute time of 59 bits leaves out.
constexpr std::uint64_t high_time_bits = std::uint64_t{0xf8} << 56;

template <typename Number>
Number at(std::span<const std::byte> bytes, std::size_t offset) {
    Number number;
    std::memcpy(&number, bytes.data() + offset, sizeof number);
    return number;
}

// The text behind "key:" up to the next semicolon.
std::optional<std::string_view> part(std::string_view line, std::string_view key) {
    const auto begin = line.find(key);
    if (begin == std::string_view::npos) return std::nullopt;
    line.remove_prefix(begin + key.size());
    const auto end = line.find(';');
    if (end == std::string_view::npos) return std::nullopt;
    return line.substr(0, end);
}

// "unsigned long target_id" and "char comm[16]" → the name.
std::string_view declared_name(std::string_view declaration) {
    declaration = declaration.substr(0, declaration.find('['));
    const auto blank = declaration.find_last_of(" \t");
    return blank == std::string_view::npos ? declaration : declaration.substr(blank + 1);
}

std::optional<std::uint32_t> small_number(std::optional<std::string_view> text) {
    const auto number = text ? parse_number(*text) : std::nullopt;
    if (!number || *number > UINT32_MAX) return std::nullopt;
    return static_cast<std::uint32_t>(*number);
}

}  // namespace

const TraceFormat::Field* TraceFormat::field(std::string_view name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? nullptr : &found->second;
}

std::optional<TraceFormat> parse_trace_format(std::string_view text) {
    TraceFormat format;
    bool has_id = false;
    while (!text.empty()) {
        const auto end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        if (line.starts_with("ID: ")) {
            const auto id = small_number(line.substr(4));
            if (!id) return std::nullopt;
            format.id = *id;
            has_id = true;
        } else if (const auto declaration = part(line, "field:")) {
            const auto offset = small_number(part(line, "offset:"));
            const auto size = small_number(part(line, "size:"));
            if (!offset || !size) return std::nullopt;
            format.fields[std::string(declared_name(*declaration))] = {*offset, *size};
        }
    }
    if (!has_id || format.fields.empty()) return std::nullopt;
    return format;
}

std::optional<std::uint64_t> number_in(std::span<const std::byte> event,
                                       const TraceFormat::Field& field) {
    if (field.offset > event.size() || event.size() - field.offset < field.size)
        return std::nullopt;
    switch (field.size) {
        case 1:
            return at<std::uint8_t>(event, field.offset);
        case 2:
            return at<std::uint16_t>(event, field.offset);
        case 4:
            return at<std::uint32_t>(event, field.offset);
        case 8:
            return at<std::uint64_t>(event, field.offset);
        default:
            return std::nullopt;
    }
}

bool lost_before(std::span<const std::byte> page) {
    return page.size() < header_bytes || (at<std::uint64_t>(page, 8) & missed_events) != 0;
}

PageLoss read_trace_page(std::span<const std::byte> page, const TraceEventSink& sink) {
    if (page.size() < header_bytes) return PageLoss::malformed;
    std::uint64_t time = at<std::uint64_t>(page, 0);
    const std::uint64_t size = at<std::uint64_t>(page, 8) & size_mask;
    if (size > page.size() - header_bytes) return PageLoss::malformed;
    const PageLoss loss = lost_before(page) ? PageLoss::before : PageLoss::none;
    std::span<const std::byte> rest = page.subspan(header_bytes, size);
    while (!rest.empty()) {
        if (rest.size() < 4) return PageLoss::malformed;
        const auto head = at<std::uint32_t>(rest, 0);
        const std::uint32_t kind = head & 31;
        const std::uint64_t delta = head >> 5;
        if (kind == padding && delta == 0) return loss;  // nothing follows
        const bool short_event = kind != long_event && kind < padding;
        if (!short_event && rest.size() < 8) return PageLoss::malformed;
        const std::uint64_t word = short_event ? 0 : at<std::uint32_t>(rest, 4);
        std::uint64_t total = 8;
        std::size_t from = 8;
        if (short_event) {
            total = 4 + std::uint64_t{kind} * 4;
            from = 4;
        } else if (kind == long_event || kind == padding) {
            if (word < 4) return PageLoss::malformed;
            total = 4 + ((word + 3) & ~std::uint64_t{3});
        }
        if (total > rest.size()) return PageLoss::malformed;
        if (kind == time_stamp) {
            time = (time & high_time_bits) | (delta + (word << time_bits));
        } else if (kind == time_extend) {
            time += delta + (word << time_bits);
        } else if (kind != padding) {  // the kernel counts no time for what was taken back
            time += delta;
        }
        if (kind == long_event || short_event) sink(time, rest.subspan(from, total - from));
        rest = rest.subspan(total);
    }
    return loss;
}

}  // namespace damon_schemes
