// SPDX-License-Identifier: MIT
#include "schemes/policy/toml_text.h"

#include <algorithm>
#include <array>
#include <utility>

#include "schemes/policy/reader.h"
#include "schemes/utf8.h"

namespace damon_schemes {

namespace {

std::optional<TextFault> find_character_fault(std::string_view text) {
    std::uint32_t line = 1;
    std::uint32_t column = 1;
    for (std::size_t at = 0; at < text.size();) {
        const auto c = static_cast<unsigned char>(text[at]);
        if (c == 0)
            return TextFault{line, column, "this is not a text file: it has a NUL byte here",
                             "give the path of a policy, which is TOML text"};
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F)
            return TextFault{line, column, "a control character cannot stand in a policy",
                             "remove it, or write it as \\uXXXX inside of quotes"};
        const std::size_t length = utf8_length(text.substr(at));
        if (length == 0)
            return TextFault{line, column, "this is not UTF-8 text", "save the policy as UTF-8"};
        at += length;
        if (c == '\n') {
            ++line;
            column = 1;
        } else {
            ++column;
        }
    }
    return std::nullopt;
}

// Follows the nesting of a text that TOML allows.  Where the text is no TOML, what is found may be
// nonsense; the parser does not get beyond that place either.
class NestingScan {
  public:
    explicit NestingScan(std::string_view text) : text_(text) {}

    std::optional<TextFault> run() {
        std::size_t header_depth = 0;
        while (!fault_ && at_ < text_.size()) {
            switch (text_[at_]) {
                case ' ':
                case '\t':
                case '\r':
                case '\n':
                    ++at_;
                    break;
                case '#':
                    skip_comment();
                    break;
                case '[':
                    while (at_ < text_.size() && text_[at_] == '[') ++at_;
                    header_depth = scan_key(0, ']');
                    while (at_ < text_.size() && text_[at_] == ']') ++at_;
                    break;
                default: {
                    const std::size_t depth = scan_key(header_depth, '=');
                    if (at_ < text_.size() && text_[at_] == '=') {
                        ++at_;
                        scan_value(depth);
                    }
                }
            }
        }
        return fault_;
    }

  private:
    // Ends the scan at the place it has come to.
    TextFault& fail_here() {
        TextFault fault;
        fault.line = 1;
        fault.column = 1;
        for (std::size_t i = 0; i < at_; ++i) {
            if (text_[i] == '\n') {
                ++fault.line;
                fault.column = 1;
            } else if ((static_cast<unsigned char>(text_[i]) & 0xC0U) != 0x80U) {
                ++fault.column;
            }
        }
        at_ = text_.size();
        return fault_.emplace(std::move(fault));
    }

    // Outside of quotes and comments TOML is ASCII.
    bool check_ascii() {
        if (static_cast<unsigned char>(text_[at_]) < 0x80) return true;
        static constexpr auto quotes = std::to_array<std::string_view>(
            {"\u2018", "\u2019", "\u201a", "\u201c", "\u201d", "\u201e", "\u00ab", "\u00bb"});
        static constexpr auto spaces = std::to_array<std::string_view>(
            {"\u00a0", "\u2007", "\u200b", "\u202f", "\u3000", "\ufeff"});
        const std::string_view rest = text_.substr(at_);
        const auto starts = [&](std::string_view character) { return rest.starts_with(character); };
        std::string message = "this character can only stand in quotes or in a comment";
        std::string suggestion = "put the text in quotes, \"…\"";
        if (std::any_of(quotes.begin(), quotes.end(), starts)) {
            suggestion = "write a straight quotation mark, \"";
        } else if (std::any_of(spaces.begin(), spaces.end(), starts)) {
            message = "this is not an ordinary space, though it looks like one or like nothing";
            suggestion = "write a space, or remove it";
        }
        TextFault& fault = fail_here();
        fault.message = std::move(message);
        fault.suggestion = std::move(suggestion);
        return false;
    }

    bool check(std::size_t depth) {
        if (depth <= max_policy_depth) return true;
        TextFault& fault = fail_here();
        fault.message = "keys and values are nested more than " + std::to_string(max_policy_depth) +
                        " deep here";
        fault.suggestion = "no policy needs more than 8";
        return false;
    }

    void skip_comment() {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    }

    // At a quotation mark.  A string on one line ends at its end, closed or not.
    void skip_string(bool may_span_lines) {
        const char quote = text_[at_];
        const std::array<char, 3> triple{quote, quote, quote};
        const std::string_view fence(triple.data(), triple.size());
        const bool spans = may_span_lines && text_.substr(at_, 3) == fence;
        at_ += spans ? 3 : 1;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '\\' && quote == '"') {
                at_ += 2;
            } else if (c == '\n' && !spans) {
                return;
            } else if (c != quote) {
                ++at_;
            } else if (!spans) {
                ++at_;
                return;
            } else if (text_.substr(at_, 3) == fence) {
                at_ += 3;
                // Up to two quotation marks may stand right before the fence.
                for (int extra = 0; extra < 2 && at_ < text_.size() && text_[at_] == quote; ++extra)
                    ++at_;
                return;
            } else {
                ++at_;
            }
        }
        at_ = text_.size();
    }

    // A dotted key up to `stop` or the end of the line; its depth below `depth`.
    std::size_t scan_key(std::size_t depth, char stop) {
        if (!check(++depth)) return depth;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == stop || c == '\n' || c == '#') break;
            if (c == '"' || c == '\'') {
                skip_string(false);
                continue;
            }
            if (!check_ascii() || (c == '.' && !check(++depth))) break;
            ++at_;
        }
        return depth;
    }

    // A value of the given depth, up to the end of the line that it ends in.
    void scan_value(std::size_t depth) {
        struct Level {
            bool table = false;
            bool in_key = false;
            std::size_t depth = 0;  // of what stands directly in it
        };
        std::array<Level, max_policy_depth + 1> levels;
        std::size_t level = 0;  // levels[0] is the value itself
        levels[0].depth = depth;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            Level& here = levels[level];
            switch (c) {
                case '\n':
                    if (level == 0) return;
                    break;
                case '#':
                    skip_comment();
                    continue;
                case '"':
                case '\'':
                    skip_string(!here.in_key);
                    continue;
                case '[':
                case '{':
                    // Each level is at least one deeper than the last, so check() guards levels
                    // too.
                    if (!check(depth + 1)) return;
                    ++depth;
                    levels[++level] = {c == '{', c == '{', depth};
                    break;
                case ']':
                case '}':
                    if (level != 0) depth = levels[--level].depth;
                    break;
                case ',':
                    depth = here.depth;
                    here.in_key = here.table;
                    break;
                case '.':
                    if (here.in_key && !check(++depth)) return;
                    break;
                case '=':
                    here.in_key = false;
                    break;
                default:
                    if (!check_ascii()) return;
            }
            ++at_;
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::optional<TextFault> fault_;
};

}  // namespace

std::optional<TextFault> find_text_fault(std::string_view text) {
    if (text.size() > max_policy_bytes)
        return TextFault{0, 0,
                         "this is too large for a policy: more than the " +
                             std::to_string(max_policy_bytes) + " bytes that are allowed",
                         "give the path of a policy; policies are a few KiB"};
    if (auto fault = find_character_fault(text)) return fault;
    return NestingScan(text).run();
}

}  // namespace damon_schemes
