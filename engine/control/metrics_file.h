// SPDX-License-Identifier: MIT
// Metrics in a file, as node_exporter's textfile collector reads them.
#pragma once

#include <string>

#include "engine/reports/exposition.h"
#include "schemes/result.h"

namespace damon_schemes {

// A file that is there whole or not at all, and goes with this object.  Any one thread: a disk may
// be slow.
class MetricsFile {
  public:
    // Errors (usage): its name does not end with ".prom", without which nobody reads it, or it has
    // no folder.
    static Result<MetricsFile> at(const std::string& path);
    ~MetricsFile();
    MetricsFile(MetricsFile&& other) noexcept;
    MetricsFile& operator=(MetricsFile&& other) = delete;

    // Replaces what was there.  Errors (runtime): what was there is still there.
    Result<void> write(const Metrics& metrics);

  private:
    explicit MetricsFile(std::string path);
    std::string path_;  // empty: moved from
    std::string beside_;
    bool written_ = false;
};

}  // namespace damon_schemes
