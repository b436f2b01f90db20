// SPDX-License-Identifier: MIT
#include "tests/unit/engine/recorded.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>

#include "tests/unit/schemes/observed.h"

namespace damon_schemes::testing {
namespace {

using namespace std::chrono_literals;

// Mostly small, sometimes as large as can be.
std::uint64_t any(std::mt19937_64& random, std::uint64_t most) {
    const unsigned bits = static_cast<unsigned>(random() % 65);
    const std::uint64_t value = bits == 64 ? random() : random() & ((std::uint64_t{1} << bits) - 1);
    return std::min(value, most);
}

std::uint64_t any(std::mt19937_64& random) {
    return any(random, std::numeric_limits<std::uint64_t>::max());
}

std::int64_t any_signed(std::mt19937_64& random) {
    const auto value = static_cast<std::int64_t>(any(random));
    return random() % 2 == 0 ? value : ~value;
}

Duration any_length(std::mt19937_64& random) {
    return Duration(static_cast<std::int64_t>(
        any(random, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))));
}

std::uint32_t any_count(std::mt19937_64& random,
                        std::uint32_t most = std::numeric_limits<std::uint32_t>::max()) {
    return static_cast<std::uint32_t>(any(random, most));
}

std::int32_t any_pid(std::mt19937_64& random) {
    return static_cast<std::int32_t>(any_count(random));
}

std::string any_text(std::mt19937_64& random) {
    std::string text(random() % 20, ' ');
    for (auto& letter : text) letter = static_cast<char>(random());
    return text;
}

// Borders of up to so many ranges, strictly rising; whole pages or any addresses.
std::vector<AddressRange> any_ranges(std::mt19937_64& random, std::size_t most) {
    const bool pages = random() % 2 == 0;
    const std::uint64_t unit = pages ? 4096 : 1;
    std::vector<std::uint64_t> borders;
    for (std::size_t i = 0; i < 2 * most; ++i)
        borders.push_back(any(random, std::numeric_limits<std::uint64_t>::max() / unit) * unit);
    std::sort(borders.begin(), borders.end());
    borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
    std::vector<AddressRange> ranges;
    // Some adjoin, some do not.
    for (std::size_t i = 0; i + 1 < borders.size(); i += 1 + random() % 2)
        ranges.push_back({borders[i], borders[i + 1]});
    return ranges;
}

Snapshot any_snapshot(std::mt19937_64& random) {
    Snapshot snapshot;
    snapshot.sequence = any(random);
    snapshot.lost = any(random);
    snapshot.time = Instant(Duration(any_signed(random)));
    snapshot.duration = any_length(random);
    snapshot.sampling_interval = any_length(random);
    snapshot.aggregation_interval = any_length(random);
    snapshot.passes = any_count(random);
    for (std::size_t i = random() % 4; i > 0; --i) {
        TargetSnapshot target;
        target.id = {any(random)};
        target.pid = any_pid(random);
        target.generation = any(random);
        target.exited = random() % 4 == 0;
        target.unseen_accesses = random() % 4 == 0;
        target.denied = random() % 4 == 0;
        const bool hits = random() % 2 == 0;
        for (const auto& range : any_ranges(random, random() % 40)) {
            Region region;
            region.range = range;
            region.sampled = any_count(random);
            region.accessed = any_count(random, region.sampled);
            region.absent = any_count(random, region.sampled - region.accessed);
            region.age = any_count(random);
            region.hit = hits && random() % 2 == 0;
            target.regions.push_back(region);
        }
        snapshot.targets.push_back(std::move(target));
    }
    return snapshot;
}

RecordedTarget any_target(std::mt19937_64& random) {
    RecordedTarget target{{any(random)}, any_pid(random), any(random), any_text(random), {}};
    for (const auto& range : any_ranges(random, random() % 10))
        target.mappings.push_back(
            {range, static_cast<MappingKind>(random() % 6), any_text(random)});
    return target;
}

RecordedAction any_action(std::mt19937_64& random, std::size_t schemes) {
    RecordedAction action;
    action.time = Instant(Duration(any_signed(random)));
    action.scheme = static_cast<std::uint32_t>(random() % schemes);
    action.target = {any(random)};
    const std::uint64_t a = any(random), b = any(random);
    action.range = {std::min(a, b), std::max(a, b)};
    if (action.range.empty()) action.range = {1, 2};
    action.advised = {any(random)};
    action.paged_out = {any(random)};
    action.spent = any_length(random);
    return action;
}

}  // namespace

Octets octets_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

void put_octets(const std::string& path, const Octets& octets) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(octets.data()),
               static_cast<std::streamsize>(octets.size()));
    EXPECT_TRUE(file.flush()) << path;
}

ReadRecording read_recording(const std::string& path, const ReadingOptions& options) {
    ReadRecording read;
    auto reader = open_recording(path, options);
    if (!reader) {
        read.error = reader.error();
        return read;
    }
    read.info = (*reader)->info();
    for (;;) {
        auto event = (*reader)->next();
        if (!event) {
            read.error = event.error();
            return read;
        }
        if (!*event) break;
        read.events.push_back(std::move(**event));
    }
    read.damage = (*reader)->damage();
    return read;
}

void write_recording(const std::string& path, const RecordingInfo& info,
                     const std::vector<RecordedEvent>& events) {
    auto writer = create_recording(path, info, OldRecording::overwrite);
    ASSERT_TRUE(writer) << writer.error().message;
    for (const auto& event : events) {
        const auto wrote = (*writer)->write(event);
        ASSERT_TRUE(wrote) << wrote.error().message;
    }
    const auto finished = (*writer)->finish();
    ASSERT_TRUE(finished) << finished.error().message;
    EXPECT_EQ((*writer)->written().count, octets_of(path).size());
}

RecordingInfo sample_info(RecordingFormat format) {
    RecordingInfo info;
    info.format = format;
    info.attributes.max_regions = 500;
    info.attributes.tlb = TlbPolicy::full;
    info.attributes_known = true;
    info.started_unix_time = 1'700'000'000s;
    info.origin = "a test";
    info.schemes = {{"cold", Action::pageout}, {"counted", Action::stat}};
    return info;
}

std::vector<RecordedEvent> sample_events() {
    using observed::mib;
    std::vector<RecordedEvent> events;
    RecordedTarget first{{1}, 1001, 1, "redis-server", {}};
    first.mappings = {{{0, 64 * mib}, MappingKind::file, "/usr/bin/redis-server"},
                      {{64 * mib, 128 * mib}, MappingKind::heap, "[heap]"},
                      {{200 * mib, 201 * mib}, MappingKind::anonymous, ""}};
    events.emplace_back(first);
    events.emplace_back(RecordedTarget{{2}, 1002, 1, "sh", {}});
    for (unsigned i = 0; i < 5; ++i) {
        auto snapshot = observed::snapshot(
            i * 100ms,
            {observed::target(1, {observed::cold(0, 64, 100 + i), observed::hot(64, 100, i),
                                  observed::unknown(100, 128), observed::absent(200, 201)}),
             observed::target(2, {observed::hot(3, 4)})});
        snapshot.sequence = 2 * i + 1;
        snapshot.lost = i;
        snapshot.targets[1].exited = i == 4;
        events.emplace_back(snapshot);
        if (i == 2) {
            events.emplace_back(RecordedAction{
                snapshot.time + 20ms, 0, {1}, {0, 64 * mib}, {64 * mib}, {60 * mib}, 7ms});
            first.generation = 2;
            first.mappings.pop_back();
            events.emplace_back(first);
        }
    }
    return events;
}

RecordingInfo random_info(std::mt19937_64& random) {
    RecordingInfo info;
    info.attributes.sampling_interval = any_length(random);
    info.attributes.aggregation_interval = any_length(random);
    info.attributes.update_interval = any_length(random);
    info.attributes.min_regions = any_count(random);
    info.attributes.max_regions = any_count(random);
    info.attributes.min_region_size = {any(random)};
    info.attributes.tlb = static_cast<TlbPolicy>(random() % 4);
    info.attributes.search = random() % 2 == 0;
    info.attributes_known = random() % 2 == 0;
    if (random() % 2 == 0) info.started_unix_time = Duration(any_signed(random));
    info.origin = any_text(random);
    for (std::size_t i = random() % 4 + 1; i > 0; --i)
        info.schemes.push_back({any_text(random), static_cast<Action>(random() % 4)});
    return info;
}

std::vector<RecordedEvent> random_events(std::mt19937_64& random, std::size_t schemes) {
    std::vector<RecordedEvent> events;
    for (std::size_t i = random() % 12; i > 0; --i) {
        switch (random() % 4) {
            case 0:
                events.emplace_back(any_target(random));
                break;
            case 1:
                events.emplace_back(any_action(random, schemes));
                break;
            default:
                events.emplace_back(any_snapshot(random));
        }
    }
    return events;
}

}  // namespace damon_schemes::testing
