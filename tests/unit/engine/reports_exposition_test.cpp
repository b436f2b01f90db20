// SPDX-License-Identifier: MIT
// What is told of metrics, to the letter.
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "engine/reports/exposition.h"

namespace damon_schemes {
namespace {

constexpr MetricFamily sent{"sent_bytes", MetricKind::counter, "bytes", "What was \"sent\".\nAll."};
constexpr MetricFamily level{"level", MetricKind::gauge, "", "How high, by \\place."};
constexpr MetricFamily build{"build", MetricKind::info, "", "What runs."};

Metrics some() {
    return {{&build, {{{{"version", "1.0"}}, 1}}},
            {&sent, {{{{"to", "a"}, {"by", "b"}}, 4096}, {{{"to", "b"}, {"by", "b"}}, 0}}},
            {&level, {{{}, 0.25}}}};
}

TEST(Exposition, InPrometheussFormatCountersAreCalledAsTheirSamplesAre) {
    EXPECT_EQ(exposition(some(), ExpositionFormat::text),
              "# TYPE build_info gauge\n"
              "# HELP build_info What runs.\n"
              "build_info{version=\"1.0\"} 1\n"
              "# TYPE sent_bytes_total counter\n"
              "# HELP sent_bytes_total What was \"sent\".\\nAll.\n"
              "sent_bytes_total{to=\"a\",by=\"b\"} 4096\n"
              "sent_bytes_total{to=\"b\",by=\"b\"} 0\n"
              "# TYPE level gauge\n"
              "# HELP level How high, by \\\\place.\n"
              "level 0.25\n");
}

TEST(Exposition, InOpenMetricsFamiliesHaveTheirOwnNamesAndUnitsAndThereIsAnEnd) {
    EXPECT_EQ(exposition(some(), ExpositionFormat::openmetrics),
              "# TYPE build info\n"
              "# HELP build What runs.\n"
              "build_info{version=\"1.0\"} 1\n"
              "# TYPE sent_bytes counter\n"
              "# UNIT sent_bytes bytes\n"
              "# HELP sent_bytes What was \\\"sent\\\".\\nAll.\n"
              "sent_bytes_total{to=\"a\",by=\"b\"} 4096\n"
              "sent_bytes_total{to=\"b\",by=\"b\"} 0\n"
              "# TYPE level gauge\n"
              "# HELP level How high, by \\\\place.\n"
              "level 0.25\n"
              "# EOF\n");
}

TEST(Exposition, WhatHasNoSamplesIsNotToldOf) {
    EXPECT_EQ(exposition({{&level, {}}}, ExpositionFormat::text), "");
    EXPECT_EQ(exposition({}, ExpositionFormat::openmetrics), "# EOF\n");
}

std::string told(const std::string& value) {
    return exposition({{&level, {{{{"name", value}}, 1}}}}, ExpositionFormat::text);
}

TEST(Exposition, ValuesOfLabelsAreEscaped) {
    EXPECT_NE(told("a\\b\"c\nd").find("level{name=\"a\\\\b\\\"c\\nd\"} 1\n"), std::string::npos)
        << told("a\\b\"c\nd");
}

TEST(Exposition, WhatIsNoUtf8IsReplacedAndTheRestIsKept) {
    EXPECT_EQ(to_utf8("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x90\x98z"),
              "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x90\x98z");
    const std::string bad = "\xEF\xBF\xBD";
    EXPECT_EQ(to_utf8("\xFFx"), bad + "x");
    EXPECT_EQ(to_utf8("x\xC3"), "x" + bad) << "cut short";
    EXPECT_EQ(to_utf8("\xC0\xAF"), bad + bad) << "longer than it has to be";
    EXPECT_EQ(to_utf8("\xED\xA0\x80"), bad + bad + bad) << "a surrogate";
    EXPECT_EQ(to_utf8("\xF5\x80\x80\x80"), bad + bad + bad + bad) << "beyond the last one";
    EXPECT_NE(told("\xFF\"").find("{name=\"" + bad + "\\\"\"}"), std::string::npos);
}

TEST(Exposition, NumbersAreExactAndTheOnesThatAreNoneHaveNames) {
    const auto number = [](double value) {
        const std::string text = exposition({{&level, {{{}, value}}}}, ExpositionFormat::text);
        return text.substr(text.rfind(' ') + 1);
    };
    EXPECT_EQ(number(0), "0\n");
    EXPECT_EQ(number(-0.1), "-0.1\n");
    EXPECT_EQ(std::stod(number(9007199254740993.0)), 9007199254740992.0);
    EXPECT_EQ(std::stod(number(1.0 / 3)), 1.0 / 3);
    EXPECT_EQ(number(std::numeric_limits<double>::infinity()), "+Inf\n");
    EXPECT_EQ(number(-std::numeric_limits<double>::infinity()), "-Inf\n");
    EXPECT_EQ(number(std::numeric_limits<double>::quiet_NaN()), "NaN\n");
}

TEST(Exposition, TheFormatIsWhatWasAskedFor) {
    const auto open = ExpositionFormat::openmetrics;
    const auto text = ExpositionFormat::text;
    // As Prometheus 2.42 asks.
    EXPECT_EQ(format_for("application/openmetrics-text;version=1.0.0,application/"
                         "openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;"
                         "q=0.1"),
              open);
    EXPECT_EQ(format_for("application/openmetrics-text; version=\"1.0.0\"; charset=utf-8"), open);
    EXPECT_EQ(format_for("Application/OpenMetrics-Text"), open);
    EXPECT_EQ(format_for(""), text);
    EXPECT_EQ(format_for("*/*"), text);
    EXPECT_EQ(format_for("application/openmetrics-text;version=0.0.1"), text);
    EXPECT_EQ(format_for("application/openmetrics-text;version=2.0.0"), text);
    EXPECT_EQ(format_for("application/openmetrics-text;q=0"), text);
    EXPECT_EQ(format_for("application/openmetrics-text;q=0.3,text/plain;q=0.6"), text);
    EXPECT_EQ(format_for("application/openmetrics-text;q=much"), text);
    EXPECT_EQ(format_for(",;,=;q=,\xFF"), text);
}

}  // namespace
}  // namespace damon_schemes
