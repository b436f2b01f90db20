// SPDX-License-Identifier: MIT
#include "phase_recording.h"

#include <sstream>
#include <stdexcept>

namespace damon_schemes::phase_recording {
namespace {

class MemoryReader final : public RecordingReader {
  public:
    explicit MemoryReader(const Recorded& recorded) : recorded_(recorded) {}
    const RecordingInfo& info() const override { return recorded_.info; }
    Result<std::optional<RecordedEvent>> next() override {
        if (next_ == recorded_.events.size()) return std::optional<RecordedEvent>();
        return std::optional(recorded_.events[next_++]);
    }
    const std::optional<std::string>& damage() const override { return recorded_.damage; }

  private:
    const Recorded& recorded_;
    std::size_t next_ = 0;
};

std::vector<Region> phase_regions(int number) {
    const int phase = (number - 1) / 10;
    const auto age = static_cast<std::uint32_t>(number);
    const auto band = static_cast<std::uint64_t>(phase) * mebibytes(8).count;
    std::vector<Region> regions;
    if (phase > 0) regions.push_back(region(heap, Bytes{band}, 0, age));
    regions.push_back(region(heap + band, mebibytes(8), looks));
    if (phase < 7) {
        const std::uint64_t rest = heap + band + mebibytes(8).count;
        regions.push_back(region(rest, Bytes{heap + mebibytes(64).count - rest}, 0, age));
    }
    const std::uint64_t gib = mebibytes(1024).count;
    regions.push_back(region(mapped, Bytes{gib}, 0, age));
    regions.push_back(region(mapped + gib, kibibytes(64), looks));
    const std::uint64_t after = mapped + gib + kibibytes(64).count;
    regions.push_back(region(after, Bytes{mapped + 4 * gib - after}, 0, age));
    regions.push_back(unknown(mapped + 4 * gib, mebibytes(64)));
    regions.push_back(absent(mapped + 4 * gib + mebibytes(64).count, Bytes{gib}));
    regions.push_back(region(stack, kibibytes(132), looks / 2));
    return regions;
}

}  // namespace

Region region(std::uint64_t start, Bytes size, std::uint32_t accessed, std::uint32_t age) {
    return {{start, start + size.count}, looks, accessed, 0, age};
}

Region absent(std::uint64_t start, Bytes size) {
    return {{start, start + size.count}, looks, 0, looks, 1};
}

Region unknown(std::uint64_t start, Bytes size) {
    return {{start, start + size.count}, 0, 0, 0, 1};
}

TargetSnapshot seen(std::uint64_t id, std::vector<Region> regions, std::uint64_t generation) {
    TargetSnapshot target;
    target.id = {id};
    target.pid = static_cast<std::int32_t>(41 + id);
    target.generation = generation;
    target.regions = std::move(regions);
    return target;
}

Snapshot snapshot(int number, std::vector<TargetSnapshot> targets) {
    Snapshot result;
    result.sequence = static_cast<std::uint64_t>(number);
    result.time = Instant(aggregation * number);
    result.duration = aggregation;
    result.sampling_interval = aggregation / looks;
    result.aggregation_interval = aggregation;
    result.passes = looks;
    result.targets = std::move(targets);
    return result;
}

std::unique_ptr<RecordingReader> Recorded::reader() const {
    return std::make_unique<MemoryReader>(*this);
}

OpenRecording Recorded::open() const {
    return [this]() -> Result<std::unique_ptr<RecordingReader>> { return reader(); };
}

Recorded phases() {
    Recorded recorded;
    recorded.info.attributes_known = true;
    recorded.events.emplace_back(RecordedTarget{{1}, 42, 1, "program", {}});
    for (int number = 1; number <= 80; ++number) {
        if (number > 40 && number <= 45) continue;
        std::vector<TargetSnapshot> targets = {seen(1, phase_regions(number))};
        if (number == 61) recorded.events.emplace_back(RecordedTarget{{2}, 43, 1, "worker", {}});
        if (number > 60) targets.push_back(seen(2, {region(heap, mebibytes(1), looks)}));
        recorded.events.emplace_back(snapshot(number, std::move(targets)));
    }
    return recorded;
}

Recorded phases_with_mappings() {
    Recorded recorded = phases();
    const std::uint64_t gib = mebibytes(1024).count;
    std::get<RecordedTarget>(recorded.events.front()).mappings = {
        {{heap, heap + mebibytes(64).count}, MappingKind::heap, "[heap]"},
        {{mapped, mapped + gib}, MappingKind::anonymous, ""},
        {{mapped + gib, mapped + gib + mebibytes(2).count},
         MappingKind::file,
         "/usr/lib/libbig.so"},
        {{mapped + gib + mebibytes(2).count, mapped + 6 * gib}, MappingKind::anonymous, ""},
        {{stack, stack + kibibytes(132).count}, MappingKind::stack, "[stack]"}};
    return recorded;
}

std::string report_of(const Recorded& recorded, const ReportRequest& request) {
    std::string text;
    const auto made =
        make_report(request, recorded.open(), [&text](std::string_view part) -> Result<void> {
            text += part;
            return {};
        });
    if (!made) throw std::runtime_error(made.error().message);
    return text;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

}  // namespace damon_schemes::phase_recording
