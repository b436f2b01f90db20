// SPDX-License-Identifier: MIT
// Texts of other people's making within XML and HTML.
#pragma once

#include <string>
#include <string_view>

namespace damon_schemes {

// With &, <, > and quotes escaped, and what no XML document may hold (control characters, bytes
// that are no UTF-8) replaced: a process may call itself anything.
std::string markup_text(std::string_view text);

// JSON that may stand within <script>: without any "<".
std::string script_json(std::string_view json);

std::string base64(std::string_view bytes);

}  // namespace damon_schemes
