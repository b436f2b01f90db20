// SPDX-License-Identifier: MIT
#include "debugfs.h"

#include <unistd.h>

#include <filesystem>
#include <stdexcept>

namespace damon_schemes::vm {

Said in_folder(const std::string& line, const std::string& folder) {
    return shell("cd " + folder + " && " + line);
}

testing::AssertionResult works(const std::string& line) {
    const auto said = in_folder(line);
    if (said.good()) return testing::AssertionSuccess();
    return testing::AssertionFailure() << line << " said: " << said.text;
}

testing::AssertionResult fails(const std::string& line, int error) {
    const auto said = in_folder(line);
    if (said.failed_with(error)) return testing::AssertionSuccess();
    return testing::AssertionFailure()
           << line << " ended with " << said.status << " and said: " << said.text;
}

std::string shown(const std::string& file) {
    return in_folder("cat " + file).text;
}

bool is_on() {
    return shown("monitor_on") == "on\n";
}

Said reload(const std::string& parameters) {
    return shell("rmmod damon_schemes && modprobe damon_schemes " + parameters);
}

void DebugfsTest::SetUp() {
    NEEDS_MODULE();
    if (shell("ls " + debugfs).text.empty()) GTEST_SKIP() << "no debugfs is mounted";
    in_folder("echo off > monitor_on");
    ASSERT_TRUE(works("echo > pids"));
    ASSERT_TRUE(works("echo 0 none > record"));
    ASSERT_TRUE(works("echo " + attrs + " > attrs"));
    std::filesystem::remove_all(place);
    ASSERT_TRUE(std::filesystem::create_directory(place));
}

void DebugfsTest::TearDown() {
    in_folder("echo off > monitor_on");
    std::filesystem::remove_all(place);
}

void DebugfsTest::name(const Target& target) {
    ASSERT_TRUE(works("echo " + std::to_string(target.pid()) + " > pids"));
}

void DebugfsTest::record_to(const std::string& path, const std::string& buffer) {
    ASSERT_TRUE(works("echo " + buffer + " " + path + " > record"));
}

std::vector<ResultInterval> DebugfsTest::recorded_so_far() const {
    try {
        return parse_result(contents(result));
    } catch (const std::runtime_error&) {
        return {};
    }
}

}  // namespace damon_schemes::vm
