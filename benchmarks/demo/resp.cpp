// SPDX-License-Identifier: MIT
#include "benchmarks/demo/resp.h"

#include <charconv>

namespace damon_schemes::demo {
namespace {

constexpr std::string_view line_end = "\r\n";
// Bytes given out already are taken away in one go once there are so many of them.
constexpr std::size_t worth_moving = 64 * 1024;

std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

void append_command(std::string& to, const std::vector<std::string_view>& words) {
    to += '*';
    to += std::to_string(words.size());
    to += line_end;
    for (const std::string_view word : words) {
        to += '$';
        to += std::to_string(word.size());
        to += line_end;
        to += word;
        to += line_end;
    }
}

void ReplyReader::feed(std::string_view bytes) {
    if (position_ == buffer_.size()) {
        buffer_.clear();
        position_ = 0;
    } else if (position_ > worth_moving) {
        buffer_.erase(0, position_);
        position_ = 0;
    }
    buffer_ += bytes;
}

Error ReplyReader::broken(const std::string& why) {
    error_ = Error{ErrorKind::runtime, "the server's answer is no Redis protocol (" + why +
                                           "). Is something else listening at that address?"};
    return *error_;
}

Result<std::optional<Reply>> ReplyReader::next() {
    if (error_) return *error_;
    const std::string_view rest = std::string_view(buffer_).substr(position_);
    const std::size_t line_size = rest.find(line_end);
    if (line_size == std::string_view::npos) {
        if (rest.size() > max_line_bytes) return broken("a line that does not end");
        return std::optional<Reply>();
    }
    if (line_size == 0) return broken("an empty line");
    const std::string_view line = rest.substr(1, line_size - 1);
    std::size_t taken = line_size + line_end.size();
    Reply reply;
    switch (rest.front()) {
        case '+':
            reply.kind = Reply::Kind::status;
            reply.text = line;
            break;
        case '-':
            reply.kind = Reply::Kind::error;
            reply.text = line;
            break;
        case ':': {
            const auto value = whole_number(line);
            if (!value) return broken("an integer that is none");
            reply.kind = Reply::Kind::integer;
            reply.integer = *value;
            break;
        }
        case '$': {
            const auto size = whole_number(line);
            if (!size || *size < -1) return broken("a value without a length");
            if (*size == -1) break;
            const auto length = static_cast<std::size_t>(*size);
            if (length > max_bulk_bytes)
                return broken("a value of " + std::string(line) + " bytes");
            if (rest.size() < taken + length + line_end.size()) return std::optional<Reply>();
            if (rest.substr(taken + length, line_end.size()) != line_end)
                return broken("a value longer than its length");
            reply.kind = Reply::Kind::bulk;
            reply.text = rest.substr(taken, length);
            taken += length + line_end.size();
            break;
        }
        default:
            return broken("an answer that begins with byte " +
                          std::to_string(static_cast<unsigned char>(rest.front())));
    }
    position_ += taken;
    return std::optional<Reply>(std::move(reply));
}

}  // namespace damon_schemes::demo
