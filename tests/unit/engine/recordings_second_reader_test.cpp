// SPDX-License-Identifier: MIT
// What is written is what docs/recording-format.md says: a reader in another language, made from
// that text, finds the same in it.
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "engine/recordings/recording.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/engine/recorded.h"

namespace damon_schemes {
namespace {

using namespace testing;
using nlohmann::json;

std::string hexadecimal(const std::string& text) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string result;
    for (const char letter : text) {
        const auto octet = static_cast<unsigned char>(letter);
        result += digits[octet >> 4];
        result += digits[octet & 15];
    }
    return result;
}

json json_of(const RecordingInfo& info) {
    static constexpr const char* tlb[] = {"auto", "none", "page", "full"};
    json schemes = json::array();
    for (const auto& scheme : info.schemes)
        schemes.push_back({{"action", name_of(scheme.action)}, {"name", hexadecimal(scheme.name)}});
    const MonitorAttributes& attributes = info.attributes;
    return {{"info",
             {{"attributes_known", info.attributes_known},
              {"sampling_ns", attributes.sampling_interval.count()},
              {"aggregation_ns", attributes.aggregation_interval.count()},
              {"update_ns", attributes.update_interval.count()},
              {"min_regions", attributes.min_regions},
              {"max_regions", attributes.max_regions},
              {"min_region_size", attributes.min_region_size.count},
              {"tlb", tlb[static_cast<std::size_t>(attributes.tlb)]},
              {"search", attributes.search},
              {"started_ns",
               info.started_unix_time ? json(info.started_unix_time->count()) : json(nullptr)},
              {"origin", hexadecimal(info.origin)},
              {"schemes", schemes}}}};
}

json json_of(const RecordedTarget& target) {
    json mappings = json::array();
    for (const auto& mapping : target.mappings) {
        mappings.push_back({mapping.range.start, mapping.range.end, name_of(mapping.kind),
                            hexadecimal(mapping.name)});
    }
    return {{"target",
             {{"id", target.id.value},
              {"pid", target.pid},
              {"generation", target.generation},
              {"name", hexadecimal(target.name)},
              {"mappings", mappings}}}};
}

json json_of(const Snapshot& snapshot) {
    json targets = json::array();
    for (const auto& target : snapshot.targets) {
        json regions = json::array();
        for (const auto& region : target.regions)
            regions.push_back({region.range.start, region.range.end, region.sampled,
                               region.accessed, region.absent, region.age, region.hit});
        targets.push_back({{"id", target.id.value},
                           {"pid", target.pid},
                           {"generation", target.generation},
                           {"exited", target.exited},
                           {"unseen_accesses", target.unseen_accesses},
                           {"denied", target.denied},
                           {"regions", regions}});
    }
    return {{"snapshot",
             {{"sequence", snapshot.sequence},
              {"lost", snapshot.lost},
              {"time_ns", snapshot.time.time_since_epoch().count()},
              {"duration_ns", snapshot.duration.count()},
              {"sampling_ns", snapshot.sampling_interval.count()},
              {"aggregation_ns", snapshot.aggregation_interval.count()},
              {"passes", snapshot.passes},
              {"targets", targets}}}};
}

json json_of(const RecordedAction& action) {
    return {{"action",
             {{"time_ns", action.time.time_since_epoch().count()},
              {"scheme", action.scheme},
              {"target", action.target.value},
              {"start", action.range.start},
              {"end", action.range.end},
              {"advised", action.advised.count},
              {"paged_out", action.paged_out.count},
              {"spent_ns", action.spent.count()}}}};
}

// A snapshot as DAMON's formats have it.
json damon_json_of(const Snapshot& snapshot) {
    json targets = json::array();
    for (const auto& target : snapshot.targets) {
        json regions = json::array();
        for (const auto& region : target.regions)
            regions.push_back({region.range.start, region.range.end, region.accessed});
        targets.push_back({{"id", target.id.value}, {"regions", regions}});
    }
    return {{"snapshot",
             {{"time_ns", snapshot.time.time_since_epoch().count()}, {"targets", targets}}}};
}

// A line each; a null at the end where the reader failed.
std::vector<json> second_reader(const std::string& path) {
    const std::string command =
        "python3 '" DAMON_SCHEMES_SOURCE "/tests/unit/engine/read_recording.py' '" + path + "'";
    std::FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("popen");
    std::string text;
    char part[4096];
    while (const std::size_t got = std::fread(part, 1, sizeof(part), pipe)) text.append(part, got);
    const int status = pclose(pipe);
    std::vector<json> lines;
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
        lines.push_back(json::parse(text.substr(at, text.find('\n', at) - at)));
    if (status != 0) lines.emplace_back(nullptr);
    return lines;
}

class SecondReader : public ::testing::Test {
  protected:
    void SetUp() override {
        if (std::system("python3 -c 'import ctypes' 2>/dev/null") != 0)
            GTEST_SKIP() << "there is no python3";
    }
    void expect_same(const RecordingInfo& info, const std::vector<RecordedEvent>& events) const {
        write_recording(path, info, events);
        std::vector<json> expected = {json_of(info)};
        for (const auto& event : events)
            expected.push_back(std::visit([](const auto& each) { return json_of(each); }, event));
        expected.push_back({{"end", true}});
        const auto found = second_reader(path);
        ASSERT_EQ(found.size(), expected.size());
        for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], expected[i]) << i;
    }

    const LaidOutFolder folder{};
    const std::string path = folder.path() + "/recording";
};

TEST_F(SecondReader, FindsTheSameInOurFormat) {
    expect_same(sample_info(), sample_events());
}

TEST_F(SecondReader, FindsTheSameInAnythingThatCanBeRecorded) {
    std::mt19937_64 random(20260101);
    for (int i = 0; i < 20; ++i) {
        const auto info = random_info(random);
        expect_same(info, random_events(random, info.schemes.size()));
    }
}

TEST_F(SecondReader, FindsTheSameInDamonsFormats) {
    for (const auto format : {RecordingFormat::damon_1, RecordingFormat::damon_2}) {
        const auto info = sample_info(format);
        write_recording(path, info, sample_events());
        // Ours is the reader whose counts and addresses are compared: both read one file.
        const auto ours = read_recording(path);
        std::vector<json> expected;
        for (const auto& event : ours.events) {
            if (const auto* snapshot = std::get_if<Snapshot>(&event))
                expected.push_back(damon_json_of(*snapshot));
        }
        EXPECT_EQ(expected.size(), 5U);
        expected.push_back({{"end", true}});
        EXPECT_EQ(second_reader(path), expected);
    }
}

}  // namespace
}  // namespace damon_schemes
