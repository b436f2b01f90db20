// SPDX-License-Identifier: MIT
// The bytes of a file or a pipe, one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/targets/process.h"
#include "schemes/result.h"

namespace damon_schemes {

// One thread.
class ByteSource {
  public:
    // "-" is standard input.  Errors (usage): there is no such file, it is a folder, it may not be
    // read.
    static Result<ByteSource> open(const std::string& path);

    // The bytes from here on: `size` of them or more, fewer only where no more follow.  Valid until
    // the next call.  The buffer grows with the bytes that really come, never with what is asked
    // for.
    Result<std::span<const std::uint8_t>> at_least(std::size_t size);
    // Goes on behind the next `size` bytes, which at_least() has returned.
    void consume(std::size_t size) { begin_ += size; }

    std::uint64_t offset() const { return read_ - (end_ - begin_); }  // of the next byte
    const std::string& name() const { return name_; }                 // for messages

  private:
    ByteSource(Descriptor file, std::string name)
        : file_(std::move(file)), name_(std::move(name)) {}

    Descriptor file_;
    std::string name_;
    std::vector<std::uint8_t> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::uint64_t read_ = 0;
    bool at_end_ = false;
};

}  // namespace damon_schemes
