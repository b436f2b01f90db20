// SPDX-License-Identifier: MIT
// The part of Redis' protocol (RESP2) that a client of simple commands needs.
// https://redis.io/docs/reference/protocol-spec/
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemes/result.h"

namespace damon_schemes::demo {

struct Reply {
    enum class Kind { status, error, integer, bulk, nil };
    Kind kind = Kind::nil;
    std::string text;          // of status, error and bulk
    std::int64_t integer = 0;  // of integer
};

// A command as the server takes it, appended to `to`: an array of bulk strings.
void append_command(std::string& to, const std::vector<std::string_view>& words);

// Takes what the server sends, however it is cut, and gives whole replies.  Not thread-safe.
class ReplyReader {
  public:
    // No value longer than this is taken; a server that announces one speaks another protocol.
    static constexpr std::size_t max_bulk_bytes = std::size_t{64} << 20;
    static constexpr std::size_t max_line_bytes = 4096;

    void feed(std::string_view bytes);
    // The next whole reply; nullopt: more bytes are needed.  An error (runtime): this is no RESP,
    // or an array, which no command used here is answered with.  After an error nothing more is
    // read.
    Result<std::optional<Reply>> next();

  private:
    Error broken(const std::string& why);

    std::string buffer_;
    std::size_t position_ = 0;  // what lies before it was given out already
    std::optional<Error> error_;
};

}  // namespace damon_schemes::demo
