// SPDX-License-Identifier: MIT
#include "engine/reports/figure_table.h"

#include "engine/reports/readable.h"

namespace damon_schemes {

void FigureTable::paragraph(std::string_view text, std::size_t indent) {
    for (const std::string& line : wrapped(text, width_ - indent))
        text_ += std::string(indent, ' ') + line + "\n";
}

void FigureTable::wrap_behind(const std::string& head, std::size_t column, std::string_view words) {
    const auto lines = wrapped(words, width_ - column);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        text_ += i == 0 ? head + "  " : std::string(column, ' ');
        text_ += lines[i] + "\n";
    }
}

void FigureTable::row(std::string_view name, std::string_view value, std::string_view words,
                      std::size_t indent) {
    std::string head(indent, ' ');
    head += left(name, name_columns + 2 - indent);
    head += right(value, figure_columns);
    if (words.empty())
        text_ += head + "\n";
    else
        wrap_behind(head, name_columns + 2 + figure_columns + 2, words);
}

void FigureTable::words(std::string_view name, std::string_view words, std::size_t indent) {
    wrap_behind(std::string(indent, ' ') + left(name, name_columns - indent), name_columns + 2,
                words);
}

void FigureTable::line(std::string_view text) {
    text_ += shortened(printable(text), width_) + "\n";
}

}  // namespace damon_schemes
