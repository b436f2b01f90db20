// SPDX-License-Identifier: MIT
// A value along an axis, as a plot for the terminal or as SVG.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace damon_schemes {

// A value that holds from x to x2.
struct PlotPoint {
    double x = 0;
    double x2 = 0;
    double y = 0;
};

struct Plot {
    std::string title;
    std::string x_title;
    std::vector<PlotPoint> points;  // by x
    double x_from = 0;
    double x_to = 1;
    double y_to = 1;  // from 0
    std::vector<std::pair<double, std::string>> x_marks;
    std::vector<std::pair<double, std::string>> y_marks;
};

// What of a plot falls into one of so many parts of its x axis.
struct PlotColumn {
    bool any = false;  // false: nothing is known of it
    double least = 0;
    double mean = 0;
    double greatest = 0;
};
std::vector<PlotColumn> columns_of(const Plot& plot, std::size_t count);

struct PlotStyle {
    std::size_t width = 80;  // columns; less than 40 is taken for 40
    std::size_t rows = 10;   // of the plot itself
    bool unicode = false;    // eighths of blocks instead of "#"
};
// Several lines, none wider than the style's width; the mean of what falls into a column, and "?"
// where nothing is known.
std::string terminal_plot(const Plot& plot, const PlotStyle& style);

// One picture with the plots one below the other: the mean as a line, from least to greatest as a
// band, a gap where nothing is known.
std::string svg_plots(const std::string& title, const std::vector<Plot>& plots);

}  // namespace damon_schemes
