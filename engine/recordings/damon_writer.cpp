// SPDX-License-Identifier: MIT
#include "engine/recordings/damon_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/recordings/damon_format.h"
#include "engine/recordings/validity.h"

namespace damon_schemes {
namespace {

constexpr std::int64_t second = 1'000'000'000;

template <typename Number>
void put(std::vector<std::uint8_t>& bytes, Number number) {
    const auto* raw = reinterpret_cast<const std::uint8_t*>(&number);
    bytes.insert(bytes.end(), raw, raw + sizeof(number));
}

// As the module counts (kmod/core/adjust.c): to the nearest, but never to 0 where any look found an
// access.
std::uint32_t scaled(const Region& region, std::uint32_t looks) {
    const std::uint64_t count =
        (std::uint64_t{region.accessed} * looks + region.sampled / 2) / region.sampled;
    return static_cast<std::uint32_t>(count == 0 && region.accessed != 0 ? 1 : count);
}

class DamonWriter final : public RecordingWriter {
  public:
    DamonWriter(OutputFile file, const RecordingInfo& info)
        : file_(std::move(file)),
          format_(info.format),
          scales_(info.attributes_known),
          schemes_(info.schemes.size()) {}

    Result<void> begin() {
        bytes_.assign(damon_magic.begin(), damon_magic.end());
        put<std::int32_t>(bytes_, format_ == RecordingFormat::damon_1 ? 1 : 2);
        return file_.append(bytes_);
    }
    Result<void> write(const RecordedEvent& event) override {
        if (const char* what = contradiction_in(event, schemes_)) {
            return Error{ErrorKind::runtime,
                         std::string("what is to be recorded contradicts itself: ") + what, 0};
        }
        if (const auto* snapshot = std::get_if<Snapshot>(&event)) return write(*snapshot);
        const auto* target = std::get_if<RecordedTarget>(&event);
        dropped_ |= !target || !target->name.empty() || !target->mappings.empty();
        return {};
    }
    Result<void> finish() override { return file_.close(); }
    Bytes written() const override { return file_.size(); }
    bool dropped() const override { return dropped_; }

  private:
    Result<void> write(const Snapshot& snapshot);
    void put_region(const Region& region, std::uint32_t looks);

    OutputFile file_;
    RecordingFormat format_;
    bool scales_;
    std::size_t schemes_;
    bool dropped_ = false;
    std::vector<std::uint8_t> bytes_;
};

Result<void> DamonWriter::write(const Snapshot& snapshot) {
    const std::int64_t time = snapshot.time.time_since_epoch().count();
    const std::int64_t nanoseconds = (time % second + second) % second;
    const std::uint32_t looks = looks_in(snapshot.aggregation_interval, snapshot.sampling_interval);
    bytes_.clear();
    put<std::int64_t>(bytes_, time / second - (time % second < 0 ? 1 : 0));
    put<std::int64_t>(bytes_, nanoseconds);
    put(bytes_, static_cast<std::uint32_t>(snapshot.targets.size()));
    dropped_ |= snapshot.lost != 0;
    for (const auto& target : snapshot.targets) {
        if (format_ == RecordingFormat::damon_1) {
            put<std::int32_t>(bytes_, target.pid);
            dropped_ |= target.id.value != static_cast<std::uint32_t>(target.pid);
        } else {
            put<std::uint64_t>(bytes_, target.id.value);
            dropped_ |=
                target.pid != 0 && target.id.value != static_cast<std::uint64_t>(target.pid);
        }
        dropped_ |=
            target.exited || target.unseen_accesses || target.denied || target.generation != 0;
        const auto known = std::count_if(target.regions.begin(), target.regions.end(),
                                         [](const Region& region) { return region.known(); });
        put(bytes_, static_cast<std::uint32_t>(known));
        for (const auto& region : target.regions) put_region(region, looks);
    }
    return file_.append(bytes_);
}

void DamonWriter::put_region(const Region& region, std::uint32_t looks) {
    if (!region.known()) {
        dropped_ = true;
        return;
    }
    // A reader of this file will count the ages itself, and take each region for looked at `looks`
    // times.
    dropped_ |= region.absent != 0 || (scales_ && region.sampled != looks);
    put(bytes_, region.range.start);
    put(bytes_, region.range.end);
    put(bytes_, scales_ ? scaled(region, looks) : region.accessed);
}

}  // namespace

Result<std::unique_ptr<RecordingWriter>> write_damon_recording(OutputFile file,
                                                               const RecordingInfo& info) {
    auto writer = std::make_unique<DamonWriter>(std::move(file), info);
    if (auto begun = writer->begin(); !begun) return begun.error();
    return std::unique_ptr<RecordingWriter>(std::move(writer));
}

}  // namespace damon_schemes
