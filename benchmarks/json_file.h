// SPDX-License-Identifier: MIT
// The figures of an experiment, for whoever reads them next.
#pragma once

#include <fstream>
#include <stdexcept>
#include <string>

namespace damon_schemes::bench {

// Nowhere where the path is empty.  Throws std::runtime_error.
inline void write_json(const std::string& path, const std::string& text) {
    if (path.empty()) return;
    std::ofstream file(path);
    file << text << "\n";
    if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

}  // namespace damon_schemes::bench
