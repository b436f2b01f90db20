// SPDX-License-Identifier: MIT
#include "engine/reports/svg_heatmap.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "engine/reports/axis.h"
#include "engine/reports/markup.h"
#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

constexpr int picture_width = 1000;
constexpr int left_margin = 150;
constexpr int right_margin = 30;
constexpr int plot_width = picture_width - left_margin - right_margin;
constexpr double life_height = 560;  // of all areas of a life together
constexpr double least_height = 42;
constexpr std::size_t raster_columns = 205;  // 4 units each
constexpr std::size_t levels = 8;

// Pale for never, then from yellow to dark red: darker is hotter, also without colours.
constexpr std::array<const char*, levels + 1> colours = {"#dde3e8", "#ffeda0", "#fed976",
                                                         "#feb24c", "#fd8d3c", "#fc4e2a",
                                                         "#e31a1c", "#bd0026", "#800026"};
constexpr int unknown_class = -1;
constexpr int blank_class = -2;

int class_of(const Raster::View& view) {
    if (view.state == CellState::unknown) return unknown_class;
    if (view.state == CellState::absent) return blank_class;
    if (view.frequency <= 0) return 0;
    return std::clamp(static_cast<int>(std::ceil(view.frequency * levels)), 1,
                      static_cast<int>(levels));
}

std::string decimal(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f", value);
    std::string result = text.data();
    if (result.ends_with(".0")) result.resize(result.size() - 2);
    return result;
}

std::string hexadecimal(std::uint64_t address) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%llx", static_cast<unsigned long long>(address));
    return text.data();
}

std::string text_at(double x, double y, const char* style, const std::string& text) {
    return "<text x=\"" + decimal(x) + "\" y=\"" + decimal(y) + "\" class=\"" + style + "\">" +
           markup_text(text) + "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2) {
    return "<path class=\"axis\" d=\"M" + decimal(x1) + " " + decimal(y1) + "L" + decimal(x2) +
           " " + decimal(y2) + "\"/>\n";
}

struct Run {
    std::size_t x;
    std::size_t width;
    std::size_t y;
    std::size_t height;
    int kind;
};

std::string rectangle(const Run& run, const std::string& unknown) {
    std::string text = "<rect x=\"" + std::to_string(run.x) + "\" y=\"" + std::to_string(run.y) +
                       "\" width=\"" + std::to_string(run.width) + "\" height=\"" +
                       std::to_string(run.height) + "\" class=\"";
    if (run.kind == unknown_class) return text + "u\" fill=\"url(#" + unknown + ")\"/>\n";
    return text + "h" + std::to_string(run.kind) + "\"/>\n";
}

// Runs along the time that go on alike in the next row are one rectangle.
std::string cells_of(const Raster& raster, const std::string& unknown) {
    std::string text;
    std::vector<Run> open;
    for (std::size_t row = 0; row <= raster.rows(); ++row) {
        std::vector<Run> runs;
        for (std::size_t x = 0; row < raster.rows() && x < raster.columns(); ++x) {
            const int kind = class_of(raster.at(x, row));
            if (!runs.empty() && runs.back().kind == kind)
                ++runs.back().width;
            else
                runs.push_back({x, 1, row, 1, kind});
        }
        auto before = open.begin();
        for (Run& run : runs) {
            while (before != open.end() && before->x < run.x) ++before;
            if (before != open.end() && before->x == run.x && before->width == run.width &&
                before->kind == run.kind) {
                run.y = before->y;
                run.height = before->height + 1;
                before->kind = blank_class;  // goes on in this one
            }
        }
        for (const Run& run : open)
            if (run.kind != blank_class) text += rectangle(run, unknown);
        open = std::move(runs);
    }
    return text;
}

std::vector<double> heights_of(const std::vector<DrawnArea>& mapped) {
    std::vector<Area> areas;
    for (const DrawnArea& area : mapped) areas.push_back(area.area);
    std::vector<double> heights = height_shares(areas);
    for (std::size_t i = 0; i < heights.size(); ++i) {
        // A small area by itself needs no such height.
        const double pages = static_cast<double>(areas[i].range.size().count) / 4096;
        const double enough = 24 * std::log2(std::max(pages, 4.0));
        heights[i] = std::max(least_height, std::min(life_height * heights[i], enough));
    }
    return heights;
}

class Picture {
  public:
    explicit Picture(const AccessMap& map) : map_(map) {}

    std::string draw() {
        legend();
        if (map_.lives.empty())
            say("No snapshot is in the recording, or none in what was selected.");
        for (const LifeMap& life : map_.lives) draw(life);
        if (map_.lives_left_out != 0)
            say(readable(map_.lives_left_out) + " more are not drawn; choose one with --target.");
        return head() + body_ + "</svg>\n";
    }

  private:
    void say(const std::string& text) {
        y_ += 20;
        body_ += text_at(20, y_, "t", text);
    }

    std::string head() const {
        const std::string height = decimal(y_ + 24);
        std::string described = "Time runs to the right, addresses run downwards.";
        for (const LifeMap& life : map_.lives) {
            described +=
                " " + title_of(map_, life) + ", " + readable(since(life.from, life.to)) + ":";
            for (const DrawnArea& area : life.areas) described += " " + heading_of(area.area) + ";";
        }
        std::string title = "Heat map of memory accesses";
        if (map_.lives.size() == 1) title += ": " + map_.lives.front().label.title();
        std::string text =
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " +
            std::to_string(picture_width) + " " + height + "\" width=\"" +
            std::to_string(picture_width) + "\" height=\"" + height +
            "\" role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">" +
            markup_text(title) + "</title>\n<desc id=\"desc\">" + markup_text(described) +
            "</desc>\n<style>\n"
            "text{font-family:system-ui,-apple-system,'DejaVu Sans',sans-serif;font-size:13px;"
            "fill:#1f2328}\n"
            ".b{font-size:18px;font-weight:600}.t{font-size:13px}.s{fill:#4d555e;font-size:12px}\n"
            ".e{text-anchor:end;font-size:12px;font-family:ui-monospace,'DejaVu Sans Mono',"
            "monospace}.m{text-anchor:middle;font-size:12px}\n"
            ".axis{stroke:#59636e;stroke-width:1;fill:none}\n";
        for (std::size_t i = 0; i < colours.size(); ++i)
            text += ".h" + std::to_string(i) + "{fill:" + colours[i] + "}";
        text +=
            "\n.x{stroke:#59636e;stroke-width:.6}\n</style>\n<rect width=\"100%\" height=\"100%\" "
            "fill=\"#fff\"/>\n";
        return text;
    }

    void pattern(const std::string& name, double x, double y) {
        body_ += "<pattern id=\"" + name +
                 "\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" "
                 "patternTransform=\"scale(" +
                 std::to_string(1 / x) + " " + std::to_string(1 / y) +
                 ") rotate(45)\"><rect width=\"7\" height=\"7\" fill=\"#efe6f7\"/>"
                 "<rect width=\"2.2\" height=\"7\" fill=\"#8250df\"/></pattern>\n";
    }

    void legend() {
        y_ = 30;
        body_ += text_at(20, y_, "t", "Accessed:");
        double x = 92;
        auto box = [&](const std::string& attributes, double width) {
            body_ += "<rect x=\"" + decimal(x) + "\" y=\"" + decimal(y_ - 12) + "\" width=\"" +
                     decimal(width) + "\" height=\"15\" " + attributes + "/>\n";
            x += width;
        };
        auto word = [&](const std::string& text, double width) {
            body_ += text_at(x + 6, y_, "s", text);
            x += width;
        };
        box("class=\"x h0\"", 22);
        word("never", 56);
        for (std::size_t level = 1; level <= levels; ++level)
            box("class=\"x h" + std::to_string(level) + "\"", 22);
        word("seldom (yellow) to always (dark red)", 236);
        pattern("unknown", 1, 1);
        box("class=\"x\" fill=\"url(#unknown)\"", 22);
        word("not looked at: unknown", 156);
        box("class=\"x\" fill=\"#fff\"", 22);
        word("not in memory", 100);
        y_ += 22;
        body_ += text_at(20, y_, "s",
                         "A cell shows the hottest region within its addresses, averaged over its "
                         "time. Each area has a scale of its own.");
    }

    void draw(const LifeMap& life) {
        y_ += 34;
        body_ += text_at(20, y_, "b", title_of(map_, life));
        y_ += 18;
        std::string about = readable(since(life.from, life.to)) + ", " + readable(life.snapshots) +
                            (life.snapshots == 1 ? " snapshot" : " snapshots");
        if (map_.lost_snapshots != 0) about += ", " + readable(map_.lost_snapshots) + " lost";
        if (life.unseen_accesses)
            about += "; others map this memory, too: what they access is not seen";
        body_ += text_at(20, y_, "s", about);
        if (life.areas.empty()) {
            say(life.saw_unknown ? "No memory was looked at often enough to be drawn."
                                 : "Nothing was seen in memory.");
            return;
        }
        const auto heights = heights_of(life.areas);
        for (std::size_t i = 0; i < life.areas.size(); ++i) {
            if (i != 0 && !life.areas[i].mapping) {
                const std::uint64_t before = life.areas[i - 1].area.range.end;
                const std::uint64_t after = life.areas[i].area.range.start;
                if (after > before) {
                    y_ += 22;
                    body_ += text_at(left_margin, y_, "s",
                                     "\u22EF " + size_mark({after - before}) +
                                         " of addresses left out: nothing was there");
                }
            }
            draw(life.areas[i], heights[i], i);
        }
        time_axis(life);
        ++number_;
    }

    void draw(const DrawnArea& area, double height, std::size_t index) {
        const Raster& raster = area.raster;
        y_ += 24;
        body_ += text_at(left_margin, y_, "t",
                         area.area.name + ", " + readable(area.area.range.size()) +
                             " (a row of cells is " + size_mark(raster.row_size()) + ")");
        y_ += 7;
        const double x_scale = plot_width / static_cast<double>(raster.columns());
        const double y_scale = height / static_cast<double>(raster.rows());
        const std::string name = "unknown-" + std::to_string(number_) + "-" + std::to_string(index);
        pattern(name, x_scale, y_scale);
        body_ += "<svg class=\"area\" x=\"" + std::to_string(left_margin) + "\" y=\"" +
                 decimal(y_) + "\" width=\"" + std::to_string(plot_width) + "\" height=\"" +
                 decimal(height) + "\" viewBox=\"0 0 " + std::to_string(raster.columns()) + " " +
                 std::to_string(raster.rows()) +
                 "\" preserveAspectRatio=\"none\" shape-rendering=\"crispEdges\" data-area=\"" +
                 markup_text(area.area.name) + "\" data-start=\"0x" +
                 hexadecimal(raster.range().start) + "\" data-row-bytes=\"" +
                 std::to_string(raster.row_size().count) + "\" data-from-ns=\"" +
                 std::to_string(since(map_.beginning, raster.from()).count()) + "\" data-to-ns=\"" +
                 std::to_string(since(map_.beginning, raster.to()).count()) + "\">\n" +
                 cells_of(raster, name) + "</svg>\n";
        body_ += line(left_margin, y_, left_margin, y_ + height);
        address_axis(raster, height);
        y_ += height;
    }

    void address_axis(const Raster& raster, double height) {
        const double size =
            static_cast<double>(raster.row_size().count) * static_cast<double>(raster.rows());
        const Bytes step =
            round_step(Bytes{static_cast<std::uint64_t>(size)}, std::max(1.0, height / 34));
        for (const std::uint64_t at : multiples(step.count, raster.range().size().count)) {
            const double place = y_ + height * static_cast<double>(at) / size;
            if (at != 0 && place > y_ + height - 4) break;
            body_ += line(left_margin - 5, place, left_margin, place);
            const std::string text =
                at == 0 ? hexadecimal(raster.range().start) : "+" + size_mark({at});
            body_ += text_at(left_margin - 9, place + 4, "e", text);
        }
    }

    void time_axis(const LifeMap& life) {
        const Duration from = since(map_.beginning, life.from);
        const Duration to = since(map_.beginning, life.to);
        const double length =
            std::max(1.0, static_cast<double>(to.count()) - static_cast<double>(from.count()));
        y_ += 3;
        body_ += line(left_margin, y_, left_margin + plot_width, y_);
        for (const Duration at : time_marks(from, to, 9)) {
            const double place =
                (static_cast<double>(at.count()) - static_cast<double>(from.count())) / length;
            const double x = left_margin + plot_width * place;
            body_ += line(x, y_, x, y_ + 5);
            body_ += text_at(x, y_ + 19, "m", time_mark(at));
        }
        y_ += 38;
        body_ += text_at(left_margin + plot_width / 2.0, y_, "m", "time since the recording began");
    }

    const AccessMap& map_;
    std::string body_;
    double y_ = 0;
    std::size_t number_ = 0;
};

}  // namespace

AccessMapShape svg_heatmap_shape() {
    AccessMapShape shape;
    shape.columns = raster_columns;
    shape.rows_together = 190;  // of 3 units each
    return shape;
}

std::string svg_heatmap(const AccessMap& map) {
    return Picture(map).draw();
}

}  // namespace damon_schemes
