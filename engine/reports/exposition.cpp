// SPDX-License-Identifier: MIT
#include "engine/reports/exposition.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>

#include "schemes/utf8.h"

namespace damon_schemes {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

// Quotes are escaped in values of labels, and in what OpenMetrics has to say of a metric.
void add_escaped(std::string& out, std::string_view text, bool quotes) {
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const std::string_view one = text.substr(0, std::max<std::size_t>(length, 1));
        if (length == 0)
            out += replacement;
        else if (one == "\\")
            out += "\\\\";
        else if (one == "\n")
            out += "\\n";
        else if (one == "\"" && quotes)
            out += "\\\"";
        else
            out += one;
        text.remove_prefix(one.size());
    }
}

void add_number(std::string& out, double value) {
    if (std::isnan(value)) {
        out += "NaN";
        return;
    }
    if (std::isinf(value)) {
        out += value > 0 ? "+Inf" : "-Inf";
        return;
    }
    std::array<char, 32> digits;
    const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    out.append(digits.data(), written.ptr);
}

void add_sample(std::string& out, const std::string& name, const MetricSample& sample) {
    out += name;
    char before = '{';
    for (const MetricLabel& label : sample.labels) {
        out += before;
        before = ',';
        out += label.name;
        out += "=\"";
        add_escaped(out, label.value, /*quotes=*/true);
        out += '"';
    }
    if (before == ',') out += '}';
    out += ' ';
    add_number(out, sample.value);
    out += '\n';
}

std::string_view word_for(MetricKind kind, ExpositionFormat format) {
    if (kind == MetricKind::counter) return "counter";
    return kind == MetricKind::info && format == ExpositionFormat::openmetrics ? "info" : "gauge";
}

void add_metric(std::string& out, const Metric& metric, ExpositionFormat format) {
    const MetricFamily& family = *metric.family;
    const bool open = format == ExpositionFormat::openmetrics;
    // The older format knows no families: it describes what its samples are called.
    const std::string samples = sample_name(family);
    const std::string described = open ? std::string(family.name) : samples;
    out += "# TYPE " + described + " ";
    out += word_for(family.kind, format);
    out += '\n';
    if (open && !family.unit.empty()) {
        out += "# UNIT " + described + " ";
        out += family.unit;
        out += '\n';
    }
    out += "# HELP " + described + " ";
    add_escaped(out, family.help, open);
    out += '\n';
    for (const MetricSample& sample : metric.samples) add_sample(out, samples, sample);
}

// One of the media ranges of an Accept (RFC 9110, 12.5.1), as far as it matters here.
struct MediaRange {
    std::string type;     // in lower case
    std::string version;  // empty: any
    double quality = 1;   // not a number: it cannot be read
};

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string lower(std::string_view text) {
    std::string made(text);
    for (char& each : made)
        if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
    return made;
}

// Up to the next `separator`, which is taken away with it.
std::string_view take_part(std::string_view& text, char separator) {
    const std::size_t end = text.find(separator);
    const std::string_view part = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return part;
}

double quality_of(std::string_view text) {
    double quality = std::nan("");
    const auto read = std::from_chars(text.data(), text.data() + text.size(), quality);
    return read.ec == std::errc() && quality >= 0 && quality <= 1 ? quality : std::nan("");
}

MediaRange media_range(std::string_view text) {
    MediaRange range;
    range.type = lower(take_part(text, ';'));
    while (!text.empty()) {
        std::string_view value = take_part(text, ';');
        const std::string key = lower(take_part(value, '='));
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
            value = value.substr(1, value.size() - 2);
        if (key == "q") range.quality = quality_of(value);
        if (key == "version") range.version = value;
    }
    return range;
}

}  // namespace

std::string sample_name(const MetricFamily& family) {
    std::string name(family.name);
    if (family.kind == MetricKind::counter) name += "_total";
    if (family.kind == MetricKind::info) name += "_info";
    return name;
}

std::string to_utf8(std::string_view text) {
    std::string made;
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        made += length == 0 ? replacement : text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return made;
}

ExpositionFormat format_for(std::string_view accept) {
    double open = 0;
    double text = 0;
    while (!accept.empty()) {
        const MediaRange range = media_range(take_part(accept, ','));
        if (std::isnan(range.quality)) continue;
        if (range.type == "application/openmetrics-text" &&
            (range.version.empty() || range.version == "1.0.0"))
            open = std::max(open, range.quality);
        if (range.type == "text/plain" && (range.version.empty() || range.version == "0.0.4"))
            text = std::max(text, range.quality);
    }
    return open > 0 && open >= text ? ExpositionFormat::openmetrics : ExpositionFormat::text;
}

std::string_view content_type_of(ExpositionFormat format) {
    return format == ExpositionFormat::openmetrics
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

std::string exposition(const Metrics& metrics, ExpositionFormat format) {
    std::string out;
    for (const Metric& metric : metrics)
        if (!metric.samples.empty()) add_metric(out, metric, format);
    if (format == ExpositionFormat::openmetrics) out += "# EOF\n";
    return out;
}

}  // namespace damon_schemes
