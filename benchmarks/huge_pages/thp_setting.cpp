// SPDX-License-Identifier: MIT
#include "benchmarks/huge_pages/thp_setting.h"

#include <fstream>
#include <stdexcept>
#include <utility>

#include "engine/actions/action_warnings.h"
#include "engine/targets/procfs.h"

namespace damon_schemes::bench {
namespace {

bool write_word(const std::string& path, const std::string& word) {
    std::ofstream file(path);
    file << word << std::flush;
    return file.good();
}

}  // namespace

ThpSetting::ThpSetting(const std::string& word, std::string folder)
    : file_(std::move(folder) + "/enabled") {
    before_ = chosen_setting(read_file(file_).value_or(""));
    if (before_.empty()) throw std::runtime_error("this kernel has no huge pages: " + file_);
    if (!write_word(file_, word)) throw std::runtime_error("cannot set " + file_);
}

ThpSetting::~ThpSetting() {
    write_word(file_, before_);
}

}  // namespace damon_schemes::bench
