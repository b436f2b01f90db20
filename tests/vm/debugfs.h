// SPDX-License-Identifier: MIT
// The module's files in debugfs, by plain echo and cat as DAMON's first text has them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "result_file.h"
#include "session.h"
#include "shell.h"

namespace damon_schemes::vm {

inline const std::string debugfs = "/sys/kernel/debug";
// Long enough for an emulated machine.
inline const std::string attrs = "10000 200000 400000 10 1000";

// A line for the shell, in the folder; and that it works, or fails with these words of an error.
Said in_folder(const std::string& line, const std::string& folder = debugfs + "/damon");
testing::AssertionResult works(const std::string& line);
testing::AssertionResult fails(const std::string& line, int error);

std::string shown(const std::string& file);
bool is_on();
// The module, unloaded and loaded with these parameters.
Said reload(const std::string& parameters = "");

// Nothing runs, nothing is recorded, nobody is named; a folder of its own for files.
class DebugfsTest : public testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;
    // Named, but not turned on.
    static void name(const Target& target);
    static void record_to(const std::string& path, const std::string& buffer = "1024");
    // While the kernel writes, a reader may find the file ended within a record: then nothing.
    std::vector<ResultInterval> recorded_so_far() const;

    const std::string place = "/tmp/vm_debugfs";
    const std::string result = place + "/damon.data";
};

}  // namespace damon_schemes::vm
