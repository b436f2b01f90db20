// SPDX-License-Identifier: MIT
// Lines of name, figure and words, as summaries have them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace damon_schemes {

class FigureTable {
  public:
    explicit FigureTable(std::size_t width) : width_(width < least_width ? least_width : width) {}

    static constexpr std::size_t least_width = 60;
    static constexpr std::size_t name_columns = 18;
    static constexpr std::size_t figure_columns = 11;

    void paragraph(std::string_view text, std::size_t indent = 0);
    void blank() { text_ += "\n"; }
    // "  matched           310.2 MiB  in 12 regions of the last snapshot"; what does not fit goes
    // on in further lines, in its own column.
    void row(std::string_view name, std::string_view value, std::string_view words,
             std::size_t indent = 2);
    // "  quota             12 MiB of 128 MiB are left": words alone.
    void words(std::string_view name, std::string_view words, std::size_t indent = 2);
    void line(std::string_view text);
    std::string finish() { return std::move(text_); }

  private:
    void wrap_behind(const std::string& head, std::size_t column, std::string_view words);

    std::size_t width_;
    std::string text_;
};

}  // namespace damon_schemes
