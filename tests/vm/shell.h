// SPDX-License-Identifier: MIT
// One line for the shell, as a person types it.
#pragma once

#include <string>

namespace damon_schemes::vm {

struct Said {
    int status = -1;   // as a shell gives it
    std::string text;  // output and errors
    bool good() const { return status == 0; }
    // Whether it failed, and said this error's words.
    bool failed_with(int error) const;
};

// Throws std::runtime_error where there is no shell.
Said shell(const std::string& line);

// What the file says; empty where it cannot be read.
std::string contents(const std::string& path);

// How often these words are in the kernel's log.
int times_in_log(const std::string& words);

}  // namespace damon_schemes::vm
