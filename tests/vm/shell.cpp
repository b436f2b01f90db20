// SPDX-License-Identifier: MIT
#include "shell.h"

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace damon_schemes::vm {

bool Said::failed_with(int error) const {
    return status != 0 && text.find(std::strerror(error)) != std::string::npos;
}

Said shell(const std::string& line) {
    Said said;
    FILE* pipe = popen(("{ " + line + "\n} 2>&1").c_str(), "r");
    if (!pipe) throw std::runtime_error("no shell");
    std::array<char, 4096> piece{};
    while (const auto got = std::fread(piece.data(), 1, piece.size(), pipe))
        said.text.append(piece.data(), got);
    const int status = pclose(pipe);
    said.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return said;
}

std::string contents(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

int times_in_log(const std::string& words) {
    const auto log = shell("dmesg").text;
    int times = 0;
    for (auto at = log.find(words); at != std::string::npos; at = log.find(words, at + 1)) times++;
    return times;
}

}  // namespace damon_schemes::vm
