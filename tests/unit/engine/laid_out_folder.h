// SPDX-License-Identifier: MIT
// A temporary folder with the files that a test says, in place of /proc, /sys or a mounted cgroup2.
#pragma once

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>

namespace damon_schemes::testing {

class LaidOutFolder {
  public:
    // Paths are relative; folders in between are made.  A content that starts with "-> " makes a
    // symbolic link.
    LaidOutFolder(std::initializer_list<std::pair<std::string, std::string>> files) {
        std::string name = std::filesystem::temp_directory_path() / "damon-schemes-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
        path_ = name;
        for (const auto& [file, content] : files) lay(file, content);
    }
    ~LaidOutFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    LaidOutFolder(const LaidOutFolder&) = delete;
    LaidOutFolder& operator=(const LaidOutFolder&) = delete;

    void lay(const std::string& file, const std::string& content) const {
        const auto at = path_ / file;
        std::filesystem::create_directories(at.parent_path());
        if (content.starts_with("-> ")) {
            std::filesystem::create_symlink(content.substr(3), at);
        } else {
            std::ofstream(at, std::ios::binary) << content;
        }
    }
    std::string path() const { return path_.string(); }

  private:
    std::filesystem::path path_;
};

// A line as /proc/PID/stat has it, with what matters to the engine.
struct StatLine {
    int pid = 0;
    std::string comm;
    char state = 'S';
    int parent = 1;
    unsigned flags = 0x400000;
    int minor_faults = 0;
    int major_faults = 0;
    int user_ticks = 0;
    int system_ticks = 0;
    int start_ticks = 4242;
    int rss_pages = 250;

    std::string text() const {
        return std::to_string(pid) + " (" + comm + ") " + state + " " + std::to_string(parent) +
               " 1 1 0 -1 " + std::to_string(flags) + " " + std::to_string(minor_faults) + " 0 " +
               std::to_string(major_faults) + " 0 " + std::to_string(user_ticks) + " " +
               std::to_string(system_ticks) + " 0 0 20 0 1 0 " + std::to_string(start_ticks) +
               " 1000000 " + std::to_string(rss_pages) + " 18446744073709551615\n";
    }
};

}  // namespace damon_schemes::testing
