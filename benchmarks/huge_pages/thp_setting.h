// SPDX-License-Identifier: MIT
// The machine's setting for transparent huge pages, changed for a time and put back.
#pragma once

#include <string>

namespace damon_schemes::bench {

// Sets /sys/kernel/mm/transparent_hugepage/enabled; what it was before comes back when this goes.
class ThpSetting {
  public:
    // "always", "madvise" or "never".  Throws std::runtime_error where it cannot be set.
    // `folder` is where the setting is; tests lay out their own.
    explicit ThpSetting(const std::string& word,
                        std::string folder = "/sys/kernel/mm/transparent_hugepage");
    ~ThpSetting();
    ThpSetting(const ThpSetting&) = delete;
    ThpSetting& operator=(const ThpSetting&) = delete;

  private:
    std::string file_;
    std::string before_;
};

}  // namespace damon_schemes::bench
