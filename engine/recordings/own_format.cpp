// SPDX-License-Identifier: MIT
#include "engine/recordings/own_format.h"

#include <algorithm>
#include <limits>
#include <string>

#include "engine/recordings/varint.h"

namespace damon_schemes {
namespace {

// Bits of the flags.
constexpr std::uint64_t attributes_known = 1;
constexpr std::uint64_t start_known = 2;
constexpr std::uint64_t searched = 4;
constexpr std::uint64_t info_flags = attributes_known | start_known | searched;
constexpr std::uint64_t exited = 1;
constexpr std::uint64_t unseen_accesses = 2;
constexpr std::uint64_t denied = 4;
constexpr std::uint64_t with_hits = 8;
constexpr std::uint64_t target_flags = exited | unseen_accesses | denied | with_hits;

// Addresses are counted in pages where all of a target's are multiples of one.
constexpr unsigned page_shift = 12;
constexpr std::size_t columns = 6;

// Appends to a payload.  Room is made for the longest form, so that nothing is asked per byte.
class Writer {
  public:
    Writer(std::vector<std::uint8_t>& bytes, std::size_t numbers)
        : bytes_(bytes), begin_(bytes.size()) {
        bytes_.resize(begin_ + numbers * longest_varint);
        at_ = bytes_.data() + begin_;
    }
    ~Writer() { bytes_.resize(static_cast<std::size_t>(at_ - bytes_.data())); }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    Writer& number(std::uint64_t value) {
        at_ = put_varint(at_, value);
        return *this;
    }
    Writer& signed_number(std::int64_t value) { return number(folded(value)); }
    Writer& duration(Duration value) { return signed_number(value.count()); }

  private:
    std::vector<std::uint8_t>& bytes_;
    std::size_t begin_;
    std::uint8_t* at_;
};

void put_text(std::vector<std::uint8_t>& bytes, std::string_view text) {
    Writer(bytes, 1).number(text.size());
    bytes.insert(bytes.end(), text.begin(), text.end());
}

// Once anything is wrong it stays so, and all that is taken is zero.
class Reader {
  public:
    explicit Reader(std::span<const std::uint8_t> bytes)
        : cursor_{bytes.data(), bytes.data() + bytes.size()} {}

    std::uint64_t number(std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
        std::uint64_t value = 0;
        if (!good_ || !take_varint(cursor_, value) || value > most) return fail();
        return value;
    }
    std::uint32_t small_number() {
        return static_cast<std::uint32_t>(number(std::numeric_limits<std::uint32_t>::max()));
    }
    std::int64_t signed_number() { return unfolded(number()); }
    std::int32_t pid() {
        const std::int64_t value = signed_number();
        if (value < std::numeric_limits<std::int32_t>::min() ||
            value > std::numeric_limits<std::int32_t>::max()) {
            fail();
            return 0;
        }
        return static_cast<std::int32_t>(value);
    }
    Duration duration() { return Duration(signed_number()); }
    // How many follow, each at least so many bytes long: never more than there is room for behind
    // the number itself.
    std::size_t count(std::size_t bytes_each) {
        const std::uint64_t value = number();
        return value > cursor_.left() / bytes_each ? fail() : value;
    }
    std::string text() {
        const std::size_t size = count(1);
        std::string text(reinterpret_cast<const char*>(cursor_.at), size);
        cursor_.at += size;
        return text;
    }
    template <typename Store>
    void column(std::size_t size, const Store& store) {
        if (good_ && !take_varints(cursor_, size, store)) fail();
    }
    std::uint64_t fail() {
        good_ = false;
        cursor_.at = cursor_.end;
        return 0;
    }
    // All was read, and nothing was wrong.
    bool complete() const { return good_ && cursor_.at == cursor_.end; }
    bool good() const { return good_; }

  private:
    ByteCursor cursor_;
    bool good_ = true;
};

bool fits(std::uint64_t value, unsigned shift) {
    return value <= std::numeric_limits<std::uint64_t>::max() >> shift;
}

// Ranges stand as (gap to the end of the one before, size).
bool place(AddressRange& range, std::uint64_t gap, std::uint64_t size, std::uint64_t& reached) {
    const bool fits_in = !__builtin_add_overflow(reached, gap, &range.start) &&
                         !__builtin_add_overflow(range.start, size, &range.end);
    reached = range.end;
    return fits_in;
}

void take_regions(Reader& reader, std::vector<Region>& regions, bool hits) {
    const std::size_t count = reader.count(columns);
    if (count == 0) return;
    const unsigned shift = static_cast<unsigned>(reader.number(page_shift));
    if (shift != 0 && shift != page_shift) reader.fail();
    if (!reader.good()) return;
    regions.resize(count);
    Region* const region = regions.data();
    bool bad = false;
    std::uint64_t all_bits = 0;
    reader.column(count, [&](std::size_t i, std::uint64_t v) { region[i].range.start = v; });
    reader.column(count, [&](std::size_t i, std::uint64_t v) { region[i].range.end = v; });
    reader.column(count, [&](std::size_t i, std::uint64_t v) {
        all_bits |= v;
        region[i].sampled = static_cast<std::uint32_t>(v);
    });
    reader.column(count, [&](std::size_t i, std::uint64_t v) {
        all_bits |= v;
        region[i].accessed = static_cast<std::uint32_t>(v);
    });
    reader.column(count, [&](std::size_t i, std::uint64_t v) {
        all_bits |= v;
        region[i].absent = static_cast<std::uint32_t>(v);
    });
    reader.column(count, [&](std::size_t i, std::uint64_t v) {
        all_bits |= v;
        region[i].age = static_cast<std::uint32_t>(v);
    });
    if (hits)
        reader.column(count, [&](std::size_t i, std::uint64_t v) {
            bad |= v > 1;
            region[i].hit = v != 0;
        });
    std::uint64_t reached = 0;
    for (auto& each : regions) {
        const std::uint64_t gap = each.range.start;
        const std::uint64_t size = each.range.end;
        bad |= !fits(gap, shift) || !fits(size, shift);
        bad |= !place(each.range, gap << shift, size << shift, reached);
    }
    if (bad || all_bits > std::numeric_limits<std::uint32_t>::max()) reader.fail();
}

}  // namespace

std::array<std::uint8_t, own_header_size> own_header() {
    std::array<std::uint8_t, own_header_size> bytes{};
    auto* at = bytes.data();
    const auto put_u32 = [&at](std::uint32_t value) {
        for (int i = 0; i < 4; ++i) *at++ = static_cast<std::uint8_t>(value >> (8 * i));
    };
    put_u32(own_skippable_magic);
    put_u32(own_header_size - 8);
    at = std::copy(own_magic.begin(), own_magic.end(), at);
    put_u32(own_version);
    return bytes;
}

void OwnEncoder::finish_record(OwnRecord type) {
    bytes_.push_back(static_cast<std::uint8_t>(type));
    Writer(bytes_, 1).number(payload_.size());
    bytes_.insert(bytes_.end(), payload_.begin(), payload_.end());
    payload_.clear();
}

void OwnEncoder::put_info(const RecordingInfo& info) {
    const MonitorAttributes& attributes = info.attributes;
    Writer(payload_, 8)
        .number((info.attributes_known ? attributes_known : 0) |
                (info.started_unix_time ? start_known : 0) | (attributes.search ? searched : 0))
        .duration(attributes.sampling_interval)
        .duration(attributes.aggregation_interval)
        .duration(attributes.update_interval)
        .number(attributes.min_regions)
        .number(attributes.max_regions)
        .number(attributes.min_region_size.count)
        .number(static_cast<std::uint64_t>(attributes.tlb));
    if (info.started_unix_time) Writer(payload_, 1).duration(*info.started_unix_time);
    put_text(payload_, info.origin);
    Writer(payload_, 1).number(info.schemes.size());
    for (const auto& scheme : info.schemes) {
        put_text(payload_, name_of(scheme.action));
        put_text(payload_, scheme.name);
    }
    finish_record(OwnRecord::info);
}

void OwnEncoder::put_event(const RecordedEvent& event) {
    std::visit([this](const auto& each) { put(each); }, event);
}

void OwnEncoder::put(const RecordedTarget& target) {
    Writer(payload_, 3).number(target.id.value).signed_number(target.pid).number(target.generation);
    put_text(payload_, target.name);
    Writer(payload_, 1).number(target.mappings.size());
    std::uint64_t reached = 0;
    for (const auto& mapping : target.mappings) {
        Writer(payload_, 3)
            .number(mapping.range.start - reached)
            .number(mapping.range.size().count)
            .number(static_cast<std::uint64_t>(mapping.kind));
        put_text(payload_, mapping.name);
        reached = mapping.range.end;
    }
    finish_record(OwnRecord::target);
}

void OwnEncoder::put(const Snapshot& snapshot) {
    Writer(payload_, 8)
        .number(snapshot.sequence)
        .number(snapshot.lost)
        .duration(snapshot.time.time_since_epoch())
        .duration(snapshot.duration)
        .duration(snapshot.sampling_interval)
        .duration(snapshot.aggregation_interval)
        .number(snapshot.passes)
        .number(snapshot.targets.size());
    for (const auto& target : snapshot.targets) {
        const bool hits = std::any_of(target.regions.begin(), target.regions.end(),
                                      [](const Region& region) { return region.hit; });
        Writer(payload_, 4)
            .number(target.id.value)
            .signed_number(target.pid)
            .number(target.generation)
            .number((target.exited ? exited : 0) | (target.unseen_accesses ? unseen_accesses : 0) |
                    (target.denied ? denied : 0) | (hits ? with_hits : 0));
        put(target.regions, hits);
    }
    finish_record(OwnRecord::snapshot);
}

void OwnEncoder::put(const std::vector<Region>& regions, bool hits) {
    Writer writer(payload_, 2 + (columns + 1) * regions.size());
    writer.number(regions.size());
    if (regions.empty()) return;
    std::uint64_t bits = 0;
    for (const auto& region : regions) bits |= region.range.start | region.range.end;
    const unsigned shift = (bits & ((1U << page_shift) - 1)) == 0 ? page_shift : 0;
    writer.number(shift);
    std::uint64_t reached = 0;
    for (const auto& region : regions) {
        writer.number((region.range.start - reached) >> shift);
        reached = region.range.end;
    }
    for (const auto& region : regions) writer.number(region.range.size().count >> shift);
    for (const auto& region : regions) writer.number(region.sampled);
    for (const auto& region : regions) writer.number(region.accessed);
    for (const auto& region : regions) writer.number(region.absent);
    for (const auto& region : regions) writer.number(region.age);
    if (!hits) return;
    for (const auto& region : regions) writer.number(region.hit ? 1 : 0);
}

void OwnEncoder::put(const RecordedAction& action) {
    Writer(payload_, 8)
        .duration(action.time.time_since_epoch())
        .number(action.scheme)
        .number(action.target.value)
        .number(action.range.start)
        .number(action.range.size().count)
        .number(action.advised.count)
        .number(action.paged_out.count)
        .duration(action.spent);
    finish_record(OwnRecord::action);
}

void OwnEncoder::put_padding(std::size_t size) {
    // xorshift64*: the same bytes each time, and none that compress.
    std::uint64_t state = 0x9E3779B97F4A7C15U;
    payload_.resize(size);
    for (auto& byte : payload_) {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        byte = static_cast<std::uint8_t>((state * 0x2545F4914F6CDD1DU) >> 56);
    }
    finish_record(OwnRecord::padding);
}

void OwnEncoder::put_end() {
    finish_record(OwnRecord::end);
}

std::optional<RecordingInfo> decode_info(std::span<const std::uint8_t> payload) {
    Reader reader(payload);
    RecordingInfo info;
    const std::uint64_t flags = reader.number(info_flags);
    info.attributes_known = (flags & attributes_known) != 0;
    MonitorAttributes& attributes = info.attributes;
    attributes.search = (flags & searched) != 0;
    attributes.sampling_interval = reader.duration();
    attributes.aggregation_interval = reader.duration();
    attributes.update_interval = reader.duration();
    attributes.min_regions = reader.small_number();
    attributes.max_regions = reader.small_number();
    attributes.min_region_size = {reader.number()};
    attributes.tlb =
        static_cast<TlbPolicy>(reader.number(static_cast<std::uint64_t>(TlbPolicy::full)));
    if ((flags & start_known) != 0) info.started_unix_time = reader.duration();
    info.origin = reader.text();
    const std::size_t schemes = reader.count(2);
    for (std::size_t i = 0; i < schemes && reader.good(); ++i) {
        const auto action = action_named(reader.text());
        if (!action) return std::nullopt;
        info.schemes.push_back({reader.text(), *action});
    }
    if (!reader.complete()) return std::nullopt;
    return info;
}

std::optional<RecordedTarget> decode_target(std::span<const std::uint8_t> payload) {
    Reader reader(payload);
    RecordedTarget target;
    target.id = {reader.number()};
    target.pid = reader.pid();
    target.generation = reader.number();
    target.name = reader.text();
    const std::size_t count = reader.count(4);
    target.mappings.reserve(count);
    std::uint64_t reached = 0;
    for (std::size_t i = 0; i < count && reader.good(); ++i) {
        RecordedMapping mapping;
        const std::uint64_t gap = reader.number();
        const std::uint64_t size = reader.number();
        if (!place(mapping.range, gap, size, reached)) return std::nullopt;
        mapping.kind = static_cast<MappingKind>(
            reader.number(static_cast<std::uint64_t>(MappingKind::special)));
        mapping.name = reader.text();
        target.mappings.push_back(std::move(mapping));
    }
    if (!reader.complete()) return std::nullopt;
    return target;
}

std::optional<Snapshot> decode_snapshot(std::span<const std::uint8_t> payload) {
    Reader reader(payload);
    Snapshot snapshot;
    snapshot.sequence = reader.number();
    snapshot.lost = reader.number();
    snapshot.time = Instant(reader.duration());
    snapshot.duration = reader.duration();
    snapshot.sampling_interval = reader.duration();
    snapshot.aggregation_interval = reader.duration();
    snapshot.passes = reader.small_number();
    const std::size_t count = reader.count(5);
    snapshot.targets.reserve(count);
    for (std::size_t i = 0; i < count && reader.good(); ++i) {
        TargetSnapshot& target = snapshot.targets.emplace_back();
        target.id = {reader.number()};
        target.pid = reader.pid();
        target.generation = reader.number();
        const std::uint64_t flags = reader.number(target_flags);
        target.exited = (flags & exited) != 0;
        target.unseen_accesses = (flags & unseen_accesses) != 0;
        target.denied = (flags & denied) != 0;
        take_regions(reader, target.regions, (flags & with_hits) != 0);
    }
    if (!reader.complete()) return std::nullopt;
    return snapshot;
}

std::optional<RecordedAction> decode_action(std::span<const std::uint8_t> payload) {
    Reader reader(payload);
    RecordedAction action;
    action.time = Instant(reader.duration());
    action.scheme = reader.small_number();
    action.target = {reader.number()};
    const std::uint64_t start = reader.number();
    std::uint64_t reached = 0;
    if (!place(action.range, start, reader.number(), reached)) return std::nullopt;
    action.advised = {reader.number()};
    action.paged_out = {reader.number()};
    action.spent = reader.duration();
    if (!reader.complete()) return std::nullopt;
    return action;
}

}  // namespace damon_schemes
