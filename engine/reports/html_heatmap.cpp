// SPDX-License-Identifier: MIT
#include "engine/reports/html_heatmap.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

#include "engine/reports/markup.h"
#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

constexpr std::size_t most_mappings = 5000;

// heatmap_page.html, as the build system wraps it.
constexpr std::string_view page =
#include "reports/heatmap_page.inc"
    ;

std::string hexadecimal(std::uint64_t address) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%llx", static_cast<unsigned long long>(address));
    return text.data();
}

void put_number(std::string& bytes, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
    bytes += static_cast<char>(value);
}

struct Packed {
    std::uint8_t code = 0;
    std::uint64_t age = 0;  // milliseconds
    bool operator==(const Packed&) const = default;
};

Packed packed_cell(const Raster::View& view) {
    if (view.state == CellState::absent) return {0, 0};
    if (view.state == CellState::unknown) return {1, 0};
    Packed cell;
    cell.age = static_cast<std::uint64_t>(
        std::clamp<std::int64_t>(view.age / std::chrono::milliseconds(1), 0, 0xFFFFFFFF));
    cell.code = 2;
    if (view.frequency > 0)
        cell.code =
            static_cast<std::uint8_t>(2 + std::clamp(std::lround(view.frequency * 253), 1L, 253L));
    return cell;
}

std::string_view described(const RecordedMapping& mapping) {
    if (!mapping.name.empty()) return mapping.name;
    return mapping.kind == MappingKind::heap      ? "heap"
           : mapping.kind == MappingKind::stack   ? "stack"
           : mapping.kind == MappingKind::file    ? "a file"
           : mapping.kind == MappingKind::shared  ? "shared memory"
           : mapping.kind == MappingKind::special ? "special"
                                                  : "anonymous";
}

// Those that lie in what is drawn; neighbours of one name are one.
nlohmann::json mappings_of(const LifeMap& life) {
    nlohmann::json mappings = nlohmann::json::array();
    AddressRange last;
    std::string_view last_name;
    for (const RecordedMapping& mapping : life.mappings) {
        const bool drawn =
            std::any_of(life.areas.begin(), life.areas.end(), [&mapping](const DrawnArea& area) {
                return mapping.range.start < area.area.range.end &&
                       area.area.range.start < mapping.range.end;
            });
        if (!drawn) continue;
        const std::string_view name = described(mapping);
        if (!mappings.empty() && last.end == mapping.range.start && last_name == name) {
            mappings.back()[1] = hexadecimal(mapping.range.end);
        } else if (mappings.size() < most_mappings) {
            mappings.push_back(
                {hexadecimal(mapping.range.start), hexadecimal(mapping.range.end), name});
        }
        last = mapping.range;
        last_name = name;
    }
    return mappings;
}

nlohmann::json json_of(const AccessMap& map, const LifeMap& life) {
    nlohmann::json areas = nlohmann::json::array();
    for (const DrawnArea& area : life.areas) {
        const Raster& raster = area.raster;
        areas.push_back({{"name", area.area.name},
                         {"mapping", area.mapping},
                         {"start", hexadecimal(raster.range().start)},
                         {"size", raster.range().size().count},
                         {"row_bytes", raster.row_size().count},
                         {"rows", raster.rows()},
                         {"columns", raster.columns()},
                         {"cells", base64(packed(raster))}});
    }
    std::string about = readable(since(life.from, life.to)) + ", " + readable(life.snapshots) +
                        (life.snapshots == 1 ? " snapshot" : " snapshots");
    if (map.lost_snapshots != 0) about += ", " + readable(map.lost_snapshots) + " lost";
    if (life.unseen_accesses)
        about += "; others map this memory, too: what they access is not seen";
    if (map.lives_left_out != 0) {
        about += "; " + readable(map.lives_left_out) +
                 " more targets or programs are not in this page (choose one with --target)";
    }
    return {{"title", title_of(map, life)},
            {"about", about},
            {"from", since(map.beginning, life.from).count()},
            {"to", since(map.beginning, std::max(life.to, later(life.from, Duration(1)))).count()},
            {"mappings", mappings_of(life)},
            {"areas", std::move(areas)}};
}

void replace_all(std::string& text, std::string_view what, const std::string& with) {
    for (std::size_t at = text.find(what); at != std::string::npos;
         at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
}

}  // namespace

AccessMapShape html_heatmap_shape() {
    AccessMapShape shape;
    shape.mappings = 12;
    return shape;
}

std::string packed(const Raster& raster) {
    std::string bytes;
    Packed run;
    std::uint64_t length = 0;
    auto put = [&] {
        if (length == 0) return;
        put_number(bytes, length);
        bytes += static_cast<char>(run.code);
        if (run.code >= 2) put_number(bytes, run.age);
    };
    for (std::size_t column = 0; column < raster.columns(); ++column) {
        for (std::size_t row = 0; row < raster.rows(); ++row) {
            const Packed cell = packed_cell(raster.at(column, row));
            if (length == 0 || !(cell == run)) {
                put();
                run = cell;
                length = 0;
            }
            ++length;
        }
    }
    put();
    return bytes;
}

std::string html_heatmap(const AccessMap& map) {
    nlohmann::json lives = nlohmann::json::array();
    for (const LifeMap& life : map.lives) lives.push_back(json_of(map, life));
    const nlohmann::json data = {{"lives", std::move(lives)}};
    std::string title = "Heat map of memory accesses";
    if (map.lives.size() == 1) title = "Heat map of " + map.lives.front().label.title();
    // A program may call itself "%DATA%", so the page is cut before anything is put into it.
    constexpr std::string_view mark = "%DATA%";
    constexpr std::size_t place = page.find(mark);
    static_assert(place != std::string_view::npos);
    std::string text(page.substr(0, place));
    replace_all(text, "%TITLE%", markup_text(title));
    text += script_json(data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    text += page.substr(place + mark.size());
    return text;
}

}  // namespace damon_schemes
