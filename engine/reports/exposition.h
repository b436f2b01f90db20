// SPDX-License-Identifier: MIT
// Metrics as plain values, and the two texts in which Prometheus and its kin read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace damon_schemes {

enum class MetricKind : std::uint8_t {
    counter,  // only ever grows; its samples are called NAME_total
    gauge,
    info,  // always 1: what matters is its labels; its samples are called NAME_info
};

// What is measured.  Names are of lower-case letters, digits and underscores, and end with the unit
// where there is one ("bytes", "seconds", "ratio").
struct MetricFamily {
    std::string_view name;
    MetricKind kind = MetricKind::gauge;
    std::string_view unit;
    std::string_view help;
};
// As its samples are called, and as people ask for it.
std::string sample_name(const MetricFamily& family);

struct MetricLabel {
    std::string_view name;
    std::string value;  // any bytes; what is not UTF-8 is shown as U+FFFD
    bool operator==(const MetricLabel&) const = default;
};
using MetricLabels = std::vector<MetricLabel>;

struct MetricSample {
    MetricLabels labels;
    double value = 0;
};

// No two samples of a family have the same labels: who reads them would refuse them all.
struct Metric {
    const MetricFamily* family = nullptr;  // outlives it
    std::vector<MetricSample> samples;
};
using Metrics = std::vector<Metric>;

enum class ExpositionFormat : std::uint8_t {
    text,         // Prometheus's text format 0.0.4
    openmetrics,  // OpenMetrics 1.0.0
};
// What an HTTP request's Accept asks for; anything else than OpenMetrics 1.0.0 gets the text.
ExpositionFormat format_for(std::string_view accept);
std::string_view content_type_of(ExpositionFormat format);

// With U+FFFD for each byte that belongs to no UTF-8 sequence.
std::string to_utf8(std::string_view text);

// Families without samples are left out.
std::string exposition(const Metrics& metrics, ExpositionFormat format);

}  // namespace damon_schemes
