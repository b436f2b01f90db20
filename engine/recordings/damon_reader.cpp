// SPDX-License-Identifier: MIT
#include "engine/recordings/damon_reader.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <string>
#include <utility>

#include "engine/recordings/ages.h"
#include "engine/recordings/damon_format.h"
#include "engine/recordings/validity.h"

namespace damon_schemes {
namespace {

constexpr std::int64_t second = 1'000'000'000;

template <typename Number>
Number number_at(const std::uint8_t* bytes) {
    Number number;
    std::memcpy(&number, bytes, sizeof(number));
    return number;
}

std::size_t target_size(RecordingFormat format) {
    return (format == RecordingFormat::damon_1 ? 4 : 8) + 4;
}

class DamonReader final : public RecordingReader {
  public:
    DamonReader(ByteSource source, RecordingFormat format, const ReadingOptions& options)
        : source_(std::move(source)),
          looks_(
              looks_in(options.assumed.aggregation_interval, options.assumed.sampling_interval)) {
        info_.format = format;
        info_.attributes = options.assumed;
        if (format != RecordingFormat::damon_0) source_.consume(damon_header_size);
    }

    const RecordingInfo& info() const override { return info_; }
    const std::optional<std::string>& damage() const override { return damage_; }
    Result<std::optional<RecordedEvent>> next() override;

  private:
    // What one step came to: nothing yet, or the file's end or damage, after which nothing follows.
    using Step = Result<bool>;
    Step read_snapshot(Snapshot& snapshot);
    Step read_target(TargetSnapshot& target);
    Step read_regions(std::vector<Region>& regions, std::uint32_t count);
    Result<const std::uint8_t*> take(std::size_t size);
    void introduce(const std::vector<TargetSnapshot>& targets);
    bool damaged(std::uint64_t at, const std::string& what);

    ByteSource source_;
    RecordingInfo info_;
    std::uint32_t looks_;
    Ages ages_;
    std::uint64_t sequence_ = 0;
    std::optional<Instant> time_before_;
    std::vector<TargetId> known_;  // targets of the snapshot before
    std::deque<RecordedEvent> waiting_;
    bool ended_ = false;
    std::optional<std::string> damage_;
};

bool DamonReader::damaged(std::uint64_t at, const std::string& what) {
    ended_ = true;
    damage_ = source_.name() + ": damaged at byte " + std::to_string(at) + ": " + what +
              "; what stands before it was read";
    return false;
}

// nullptr: they are not there any more.
Result<const std::uint8_t*> DamonReader::take(std::size_t size) {
    const auto bytes = source_.at_least(size);
    if (!bytes) return bytes.error();
    if (bytes->size() < size) return static_cast<const std::uint8_t*>(nullptr);
    source_.consume(size);
    return bytes->data();
}

DamonReader::Step DamonReader::read_regions(std::vector<Region>& regions, std::uint32_t count) {
    // At most so many at a time: the memory they take comes after the bytes they stand in.
    constexpr std::uint32_t batch = 4096;
    for (std::uint32_t done = 0; done < count;) {
        const std::uint32_t now = std::min(batch, count - done);
        const auto bytes = take(now * damon_region_size);
        if (!bytes) return bytes.error();
        if (!*bytes) return false;
        for (std::uint32_t i = 0; i < now; ++i) {
            const std::uint8_t* at = *bytes + i * damon_region_size;
            Region region;
            region.range = {number_at<std::uint64_t>(at), number_at<std::uint64_t>(at + 8)};
            region.accessed = number_at<std::uint32_t>(at + 16);
            region.sampled = std::max(looks_, region.accessed);
            regions.push_back(region);
        }
        done += now;
    }
    return true;
}

DamonReader::Step DamonReader::read_target(TargetSnapshot& target) {
    const auto bytes = take(target_size(info_.format));
    if (!bytes) return bytes.error();
    if (!*bytes) return false;
    const std::uint8_t* at = *bytes;
    if (info_.format == RecordingFormat::damon_1) {
        target.pid = number_at<std::int32_t>(at);
        target.id = {static_cast<std::uint32_t>(target.pid)};
        at += 4;
    } else {
        target.id = {number_at<std::uint64_t>(at)};
        if (target.id.value <= greatest_pid)
            target.pid = static_cast<std::int32_t>(target.id.value);
        at += 8;
    }
    return read_regions(target.regions, number_at<std::uint32_t>(at));
}

// false: there is no more, whole or at all.
DamonReader::Step DamonReader::read_snapshot(Snapshot& snapshot) {
    const std::uint64_t start = source_.offset();
    const auto bytes = take(damon_snapshot_size);
    if (!bytes) return bytes.error();
    if (!*bytes) {
        const auto rest = source_.at_least(1);
        if (!rest) return rest.error();
        ended_ = true;
        return rest->empty() ? false : damaged(start, "the last record is cut off");
    }
    const auto seconds = number_at<std::int64_t>(*bytes);
    const auto nanoseconds = number_at<std::int64_t>(*bytes + 8);
    const auto targets = number_at<std::uint32_t>(*bytes + 16);
    std::int64_t time = 0;
    if (nanoseconds < 0 || nanoseconds >= second ||
        __builtin_mul_overflow(seconds, second, &time) ||
        __builtin_add_overflow(time, nanoseconds, &time)) {
        return damaged(start, "a time that cannot be");
    }
    snapshot.time = Instant(Duration(time));
    for (std::uint32_t i = 0; i < targets; ++i) {
        const auto read = read_target(snapshot.targets.emplace_back());
        if (!read) return read.error();
        if (!*read) return damaged(start, "the last record is cut off");
    }
    if (const char* what = contradiction_in(snapshot)) return damaged(start, what);
    return true;
}

// Its targets, as far as the snapshot before did not have them.
void DamonReader::introduce(const std::vector<TargetSnapshot>& targets) {
    std::vector<TargetId> known;
    known.reserve(targets.size());
    for (const auto& target : targets) {
        known.push_back(target.id);
    }
    std::sort(known.begin(), known.end());
    for (const auto& target : targets) {
        if (!std::binary_search(known_.begin(), known_.end(), target.id))
            waiting_.push_back(RecordedTarget{target.id, target.pid, 0, {}, {}});
    }
    known_ = std::move(known);
}

Result<std::optional<RecordedEvent>> DamonReader::next() {
    if (waiting_.empty() && !ended_) {
        Snapshot snapshot;
        const auto read = read_snapshot(snapshot);
        if (!read) return read.error();
        if (*read) {
            snapshot.sequence = ++sequence_;
            snapshot.sampling_interval = info_.attributes.sampling_interval;
            snapshot.aggregation_interval = info_.attributes.aggregation_interval;
            snapshot.duration = time_before_ ? elapsed(*time_before_, snapshot.time)
                                             : info_.attributes.aggregation_interval;
            snapshot.passes = looks_;
            time_before_ = snapshot.time;
            ages_.count(snapshot, looks_);
            introduce(snapshot.targets);
            waiting_.push_back(std::move(snapshot));
        }
    }
    if (waiting_.empty()) return std::optional<RecordedEvent>();
    std::optional<RecordedEvent> event(std::move(waiting_.front()));
    waiting_.pop_front();
    return event;
}

}  // namespace

bool may_be_damon_0(std::span<const std::uint8_t> bytes) {
    constexpr std::size_t target_end = damon_snapshot_size + 12;
    constexpr std::int64_t a_century = 100LL * 365 * 24 * 3600;  // of uptime
    constexpr std::uint32_t many_targets = 4096;
    constexpr std::uint32_t many_regions = 1 << 24;
    if (bytes.size() < target_end) return false;
    const auto seconds = number_at<std::int64_t>(bytes.data());
    const auto nanoseconds = number_at<std::int64_t>(bytes.data() + 8);
    const auto targets = number_at<std::uint32_t>(bytes.data() + 16);
    const auto pid = number_at<std::uint64_t>(bytes.data() + damon_snapshot_size);
    const auto regions = number_at<std::uint32_t>(bytes.data() + damon_snapshot_size + 8);
    if (seconds < 0 || seconds > a_century || nanoseconds < 0 || nanoseconds >= second ||
        targets == 0 || targets > many_targets || pid == 0 || pid > greatest_pid ||
        regions > many_regions) {
        return false;
    }
    if (regions == 0 || bytes.size() < target_end + 16) return true;
    return number_at<std::uint64_t>(bytes.data() + target_end) <
           number_at<std::uint64_t>(bytes.data() + target_end + 8);
}

std::unique_ptr<RecordingReader> open_damon_recording(ByteSource source, RecordingFormat format,
                                                      const ReadingOptions& options) {
    return std::make_unique<DamonReader>(std::move(source), format, options);
}

}  // namespace damon_schemes
