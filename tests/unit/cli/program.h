// SPDX-License-Identifier: MIT
// Runs the built command as a user would.
#pragma once

#include <string>
#include <vector>

namespace damon_schemes {

struct ProgramRun {
    int status = -1;  // as a shell gives it: 128 + signal if one ended it
    std::string out;
    std::string err;
};

// The command with these arguments, `input` on its standard input, its output through pipes, and
// neither colours, a width nor a locale in its environment.
ProgramRun run_program(const std::vector<std::string>& arguments, const std::string& input = "");

// Likewise, with standard output written to this file.
ProgramRun run_program_into(const std::string& file, const std::vector<std::string>& arguments);

// A file with this text; removed with the object.
class TextFile {
  public:
    explicit TextFile(const std::string& text);
    ~TextFile();
    TextFile(const TextFile&) = delete;
    TextFile& operator=(const TextFile&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

}  // namespace damon_schemes
