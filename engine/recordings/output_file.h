// SPDX-License-Identifier: MIT
// The file that a recording goes to.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "engine/recordings/recording.h"
#include "engine/targets/process.h"
#include "schemes/result.h"

namespace damon_schemes {

// One thread.
class OutputFile {
  public:
    // As create_recording() says.
    static Result<OutputFile> create(const std::string& path, OldRecording old_one);

    // All of it, or an error (runtime: the disk is full, …).
    Result<void> append(std::span<const std::uint8_t> bytes);
    Bytes size() const { return size_; }  // what was appended
    // Errors that the file system has kept back until now.
    Result<void> close();

  private:
    OutputFile(Descriptor file, std::string name)
        : file_(std::move(file)), name_(std::move(name)) {}

    Descriptor file_;
    std::string name_;
    Bytes size_;
};

}  // namespace damon_schemes
