// SPDX-License-Identifier: MIT
// Files of sysfs and tracefs, in which one write is one command to the kernel.
#pragma once

#include <string>

#include "schemes/result.h"

namespace damon_schemes {

// Errors (runtime) name the path and carry the errno.  Tests lay out their own folder and derive
// what the kernel would do when a file is written.  One thread.
class KernelFiles {
  public:
    KernelFiles() = default;
    virtual ~KernelFiles() = default;
    KernelFiles(const KernelFiles&) = delete;
    KernelFiles& operator=(const KernelFiles&) = delete;

    // All of it, without the blanks and newlines at its end.
    virtual Result<std::string> read(const std::string& path);
    // In one write(2).
    virtual Result<void> write(const std::string& path, const std::string& text);
    virtual Result<void> make_folder(const std::string& path);
    virtual Result<void> remove_folder(const std::string& path);
};

}  // namespace damon_schemes
