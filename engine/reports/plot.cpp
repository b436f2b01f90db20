// SPDX-License-Identifier: MIT
#include "engine/reports/plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "engine/reports/markup.h"
#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

constexpr std::size_t label_columns = 12;  // " 128.0 MiB |"
constexpr int picture_width = 1000;
constexpr int left_margin = 110;
constexpr int plot_width = picture_width - left_margin - 30;
constexpr int plot_height = 220;

std::string decimal(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f", value);
    return text.data();
}

double share_of(double value, double from, double to) {
    return to > from ? std::clamp((value - from) / (to - from), 0.0, 1.0) : 0.0;
}

std::string text_at(double x, double y, const char* style, const std::string& text) {
    return "<text x=\"" + decimal(x) + "\" y=\"" + decimal(y) + "\" class=\"" + style + "\">" +
           markup_text(text) + "</text>\n";
}

std::string svg_plot(const Plot& plot, double top) {
    std::string text = text_at(left_margin, top - 10, "b", plot.title);
    auto x_of = [&](double x) {
        return left_margin + plot_width * share_of(x, plot.x_from, plot.x_to);
    };
    auto y_of = [&](double y) { return top + plot_height * (1 - share_of(y, 0, plot.y_to)); };
    for (const auto& [value, mark] : plot.y_marks) {
        text += "<path class=\"grid\" d=\"M" + decimal(left_margin) + " " + decimal(y_of(value)) +
                "h" + std::to_string(plot_width) + "\"/>\n";
        text += text_at(left_margin - 8, y_of(value) + 4, "e", mark);
    }
    for (const auto& [value, mark] : plot.x_marks) {
        text += "<path class=\"axis\" d=\"M" + decimal(x_of(value)) + " " +
                decimal(top + plot_height) + "v5\"/>\n";
        text += text_at(x_of(value), top + plot_height + 19, "m", mark);
    }
    text += "<path class=\"axis\" d=\"M" + decimal(left_margin) + " " + decimal(top) + "v" +
            std::to_string(plot_height) + "h" + std::to_string(plot_width) + "\"/>\n";
    text += text_at(left_margin + plot_width / 2.0, top + plot_height + 38, "m", plot.x_title);

    const std::size_t count = plot_width / 2;
    const auto columns = columns_of(plot, count);
    const double step = static_cast<double>(plot_width) / static_cast<double>(count);
    for (std::size_t i = 0; i < count;) {
        if (!columns[i].any) {
            ++i;
            continue;
        }
        std::size_t end = i;
        while (end < count && columns[end].any) ++end;
        std::string line;
        std::string band;
        std::string back;
        for (std::size_t k = i; k < end; ++k) {
            const double x = left_margin + step * static_cast<double>(k);
            const std::string left = (line.empty() ? "M" : "L") + decimal(x) + " ";
            const std::string rest = "H" + decimal(x + step);
            line += left + decimal(y_of(columns[k].mean)) + rest;
            band += left + decimal(y_of(columns[k].greatest)) + rest;
            back = "L" + decimal(x + step) + " " + decimal(y_of(columns[k].least)) + "H" +
                   decimal(x) + back;
        }
        text += "<path class=\"band\" d=\"" + band + back + "Z\"/>\n";
        text += "<path class=\"line\" d=\"" + line + "\"/>\n";
        i = end;
    }
    return text;
}

}  // namespace

std::vector<PlotColumn> columns_of(const Plot& plot, std::size_t count) {
    std::vector<PlotColumn> columns(count);
    std::vector<double> weights(count);
    const double width = (plot.x_to - plot.x_from) / static_cast<double>(count);
    if (!(width > 0)) return columns;
    for (const PlotPoint& point : plot.points) {
        const double from = std::max(point.x, plot.x_from);
        const double to = std::min(point.x2, plot.x_to);
        if (!(from < to)) continue;
        const auto first = static_cast<std::size_t>((from - plot.x_from) / width);
        for (std::size_t i = first; i < count; ++i) {
            const double left = plot.x_from + width * static_cast<double>(i);
            const double weight = std::min(to, left + width) - std::max(from, left);
            if (left >= to) break;
            if (weight <= width * 1e-6) continue;  // of rounding
            PlotColumn& column = columns[i];
            column.least = column.any ? std::min(column.least, point.y) : point.y;
            column.greatest = column.any ? std::max(column.greatest, point.y) : point.y;
            column.any = true;
            column.mean += point.y * weight;
            weights[i] += weight;
        }
    }
    for (std::size_t i = 0; i < count; ++i)
        if (columns[i].any) columns[i].mean /= weights[i];
    return columns;
}

std::string terminal_plot(const Plot& plot, const PlotStyle& style) {
    static constexpr std::array<const char*, 9> eighths = {
        " ", "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};
    const std::size_t width = std::max<std::size_t>(style.width, 40);
    const std::size_t rows = std::max<std::size_t>(style.rows, 2);
    const std::size_t count = width - label_columns;
    const auto columns = columns_of(plot, count);
    std::string text = shortened(plot.title, width) + "\n";
    for (std::size_t row = 0; row < rows; ++row) {
        // This line shows values from `low` to `high`.
        const std::size_t below = rows - 1 - row;
        const double high = plot.y_to * static_cast<double>(below + 1) / static_cast<double>(rows);
        const double low = plot.y_to * static_cast<double>(below) / static_cast<double>(rows);
        std::string label;
        for (const auto& [value, mark] : plot.y_marks)
            if (value > low && value <= high) label = mark;
        if (below == 0) label = label.empty() ? "0" : label;
        std::string line = right(label, label_columns - 2) + " |";
        for (const PlotColumn& column : columns) {
            if (!column.any) {
                line += below == 0 ? "?" : " ";
                continue;
            }
            const double part = share_of(column.mean, low, high) * (column.mean > low ? 1 : 0);
            if (style.unicode) {
                auto level = static_cast<std::size_t>(std::lround(part * 8));
                // What is not nothing is seen, if only just.
                if (level == 0 && below == 0 && column.mean > 0) level = 1;
                line += eighths[level];
            } else {
                const bool seen = part >= 0.5 || (below == 0 && column.mean > 0);
                line += seen ? '#' : ' ';
            }
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    std::string axis(count, '-');
    std::string marks(label_columns, ' ');
    for (const auto& [value, mark] : plot.x_marks) {
        const auto x =
            std::min(count - 1, static_cast<std::size_t>(share_of(value, plot.x_from, plot.x_to) *
                                                         static_cast<double>(count)));
        axis[x] = '+';
        if (marks.size() > label_columns + x || x + mark.size() > count) continue;
        marks.resize(label_columns + x, ' ');
        marks += mark + " ";
    }
    marks.erase(marks.find_last_not_of(' ') + 1);
    text += std::string(label_columns - 1, ' ') + "+" + axis + "\n" + marks + "\n";
    text += shortened(right(plot.x_title, label_columns + columns_of(plot.x_title)), width) + "\n";
    return text;
}

std::string svg_plots(const std::string& title, const std::vector<Plot>& plots) {
    constexpr int each = plot_height + 90;
    const std::string height = std::to_string(60 + each * static_cast<int>(plots.size()));
    std::string described;
    for (const Plot& plot : plots) {
        described += plot.title + ". ";
    }
    std::string text =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
        "viewBox=\"0 0 " +
        std::to_string(picture_width) + " " + height + "\" width=\"" +
        std::to_string(picture_width) + "\" height=\"" + height +
        "\" role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">" +
        markup_text(title) + "</title>\n<desc id=\"desc\">" + markup_text(described) +
        "</desc>\n<style>\n"
        "text{font-family:system-ui,-apple-system,'DejaVu Sans',sans-serif;font-size:12px;"
        "fill:#1f2328}\n.h{font-size:18px;font-weight:600}.b{font-size:14px}"
        ".e{text-anchor:end}.m{text-anchor:middle}\n"
        ".axis{stroke:#59636e;fill:none}.grid{stroke:#d1d9e0;fill:none}"
        ".line{stroke:#0550ae;stroke-width:1.5;fill:none}.band{fill:#a5cdf7;stroke:none}\n"
        "</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n" +
        text_at(20, 32, "h", title);
    for (std::size_t i = 0; i < plots.size(); ++i)
        text += svg_plot(plots[i], 82 + each * static_cast<double>(i));
    if (plots.empty()) text += text_at(20, 56, "b", "No snapshot to draw.");
    return text + "</svg>\n";
}

}  // namespace damon_schemes
