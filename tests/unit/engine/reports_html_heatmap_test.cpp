// SPDX-License-Identifier: MIT
// What the page does in a browser is tested by tests/browser.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/reports/html_heatmap.h"
#include "engine/reports/markup.h"
#include "phase_recording.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using namespace phase_recording;
using testing::HasSubstr;
using testing::Not;

std::string page_of(const Recorded& recorded) {
    ReportRequest request;
    request.kind = ReportKind::heatmap;
    request.format = ReportFormat::html;
    return report_of(recorded, request);
}

nlohmann::json data_of(const std::string& page) {
    const std::string mark = "<script type=\"application/json\" id=\"data\">";
    const std::size_t start = page.find(mark) + mark.size();
    return nlohmann::json::parse(page.substr(start, page.find("</script>", start) - start));
}

TEST(HtmlHeatmap, HasTheAreasTheMappingsAndWhatIsMapped) {
    const auto data = data_of(page_of(phases_with_mappings()));
    ASSERT_EQ(data["lives"].size(), 2U);
    std::vector<std::string> names;
    for (const auto& area : data["lives"][0]["areas"])
        names.push_back((area["mapping"].get<bool>() ? "*" : "") + area["name"].get<std::string>());
    EXPECT_THAT(names,
                testing::ElementsAre("heap", "mmap", "stack", "*[heap]", "*libbig.so", "*[stack]"));
    EXPECT_THAT(
        data["lives"][0]["mappings"],
        testing::Contains(nlohmann::json({"7f0040000000", "7f0040200000", "/usr/lib/libbig.so"})));
}

TEST(HtmlHeatmap, NeedsNothingFromElsewhere) {
    const std::string page = page_of(phases());
    for (const char* reference :
         {"http:", "https:", "src=", "href=", "@import", "fetch(", "XMLHttpRequest", "%DATA%"})
        EXPECT_THAT(page, Not(HasSubstr(reference)));
}

TEST(HtmlHeatmap, ANameCannotLeaveItsPlace) {
    Recorded recorded = phases();
    std::get<RecordedTarget>(recorded.events.front()).name = "</script><b>%DATA%\xff";
    recorded.events.resize(5);
    const std::string page = page_of(recorded);
    EXPECT_THAT(page, Not(HasSubstr("</script><b>")));
    EXPECT_THAT(page, HasSubstr("<title>Heat map of &lt;/script&gt;&lt;b&gt;%DATA%"));
    EXPECT_THAT(data_of(page)["lives"][0]["title"].get<std::string>(),
                testing::StartsWith("</script><b>%DATA%"));
}

TEST(HtmlHeatmap, PacksRunsOfCellsThatAreAlike) {
    Raster raster({0, 4 * 4096}, Instant(0s), Instant(1s), 2, 4);
    raster.add({region(0, kibibytes(4), looks, 2), region(4096, kibibytes(4), 0, 3),
                unknown(8192, kibibytes(4)), absent(12288, kibibytes(4))},
               Instant(0s), Instant(500ms), 100ms);
    // One always accessed for 200 ms, one never for 300 ms; unknown; absent; the second column.
    EXPECT_EQ(packed(raster),
              std::string("\x01\xff\xc8\x01\x01\x02\xac\x02\x01\x01\x01\x00\x04\x01", 14));
}

TEST(HtmlHeatmap, WhatIsHardlyEverAccessedIsNotPackedAsNever) {
    Raster raster({0, 4096}, Instant(0s), Instant(1000s), 1, 1);
    raster.add({region(0, kibibytes(4), 1, 0)}, Instant(0s), Instant(1s), 100ms);
    raster.add({region(0, kibibytes(4), 0, 0)}, Instant(1s), Instant(1000s), 100ms);
    EXPECT_EQ(packed(raster), std::string("\x01\x03\x00", 3));
}

TEST(Base64, IsThatOfRfc4648) {
    EXPECT_EQ(base64(""), "");
    EXPECT_EQ(base64("f"), "Zg==");
    EXPECT_EQ(base64("fo"), "Zm8=");
    EXPECT_EQ(base64("foo"), "Zm9v");
    EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
    EXPECT_EQ(base64("\xff\xfe"), "//4=");
}

TEST(Markup, ReplacesWhatNoDocumentMayHold) {
    EXPECT_EQ(markup_text("a<b>\"'&"), "a&lt;b&gt;&quot;&#39;&amp;");
    EXPECT_EQ(markup_text("\u00e4\u20ac\U0001F600"), "\u00e4\u20ac\U0001F600");
    for (const char* bad : {"\x01", "\xff", "\xc0", "\x80", "\xed", "\xef\xbf\xbe"})
        EXPECT_EQ(markup_text(bad), "\uFFFD") << bad;
    EXPECT_EQ(markup_text("\xe2\x82").size(), 6U);  // cut short: two bytes that are none
}

}  // namespace
}  // namespace damon_schemes
