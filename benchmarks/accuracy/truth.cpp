// SPDX-License-Identifier: MIT
#include "benchmarks/accuracy/truth.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

namespace damon_schemes::accuracy {
namespace {

constexpr std::uint64_t chunk_units = 1 << 16;
constexpr std::size_t chunk_words = chunk_units / 64;
// What is used alike for so long is not taken apart into units.
constexpr std::uint64_t worth_a_stride = 1 << 12;

std::int64_t floor_divided(std::int64_t a, std::int64_t b) {
    return a / b - (a % b < 0 ? 1 : 0);
}
std::int64_t ceil_divided(std::int64_t a, std::int64_t b) {
    return -floor_divided(-a, b);
}

// One slot's runs, read in step with the chunks.
struct Cursor {
    std::int64_t slot = 0;
    TouchReader reader;
    std::optional<UnitRun> run;
};

// Sets what the cursor has below `end`, relative to `begin`.
void take_units(Cursor& cursor, std::uint64_t begin, std::uint64_t end, Bitmap bitmap) {
    while (cursor.run && cursor.run->first < end) {
        const std::uint64_t first = std::max(cursor.run->first, begin);
        const std::uint64_t last = std::min(cursor.run->last, end);
        if (first < last) set_units(bitmap, {first - begin, last - begin});
        if (cursor.run->last > end) return;
        cursor.run = cursor.reader.next();
    }
}

// Up to where every cursor stays as it is at `begin`: within a run, or between two.
std::uint64_t next_border(const std::vector<Cursor>& cursors, std::uint64_t begin,
                          std::uint64_t end) {
    for (const Cursor& cursor : cursors)
        if (cursor.run)
            end = std::min(end, cursor.run->first > begin ? cursor.run->first : cursor.run->last);
    return end;
}

// Adds uses to a list, clipped to what was mapped and joined with their neighbours.
class UseSink {
  public:
    UseSink(const Area& area, const Window& window, std::vector<Use>& uses)
        : area_(area), uses_(uses) {
        for (const Mapping& mapping : area.mappings)
            if (mapping.from <= window.from && mapping.to >= window.to)
                mapped_.push_back(mapping.range);
        std::sort(mapped_.begin(), mapped_.end());
    }

    bool nothing_mapped() const { return mapped_.empty(); }

    void add(UnitRun run, std::uint32_t looks, bool at_edge) {
        const AddressRange all{area_.start + run.first * area_.unit,
                               area_.start + run.last * area_.unit};
        for (const AddressRange& mapped : mapped_) {
            const AddressRange range{std::max(all.start, mapped.start),
                                     std::min(all.end, mapped.end)};
            if (range.empty()) continue;
            if (!uses_.empty() && uses_.back().range.end == range.start &&
                uses_.back().looks == looks && uses_.back().at_edge == at_edge)
                uses_.back().range.end = range.end;
            else
                uses_.push_back({range, looks, at_edge});
        }
    }

  private:
    const Area& area_;
    std::vector<AddressRange> mapped_;
    std::vector<Use>& uses_;
};

}  // namespace

std::size_t Truth::add_process(std::int32_t pid) {
    processes_.push_back({pid, {}, {}});
    return processes_.size() - 1;
}

std::size_t Truth::add_area(std::size_t process, Area area) {
    auto& areas = processes_[process].areas;
    areas.push_back({std::move(area), {}, {}});
    return areas.size() - 1;
}

void Truth::exclude(std::size_t process, Excluded excluded) {
    processes_[process].excluded.push_back(std::move(excluded));
}

void Truth::record(std::size_t process, std::size_t area, std::uint64_t slot,
                   std::span<const UnitRun> runs) {
    RecordedArea& recorded = processes_[process].areas[area];
    const std::size_t offset = recorded.bytes.size();
    encode_runs(runs, recorded.bytes);
    if (recorded.bytes.size() != offset)
        recorded.slots.push_back({slot, offset, recorded.bytes.size() - offset});
}

void Truth::record_encoded(std::size_t process, std::size_t area, std::uint64_t slot,
                           std::span<const std::uint8_t> touches) {
    if (touches.empty()) return;
    RecordedArea& recorded = processes_[process].areas[area];
    recorded.slots.push_back({slot, recorded.bytes.size(), touches.size()});
    recorded.bytes.insert(recorded.bytes.end(), touches.begin(), touches.end());
}

void Truth::absorb(Truth&& other) {
    for (Process& process : other.processes_) processes_.push_back(std::move(process));
    other.processes_.clear();
}

std::span<const Truth::SlotTouches> Truth::slots(std::size_t process, std::size_t area) const {
    return processes_[process].areas[area].slots;
}

std::span<const std::uint8_t> Truth::touches(std::size_t process, std::size_t area,
                                             const SlotTouches& slot) const {
    return std::span(processes_[process].areas[area].bytes).subspan(slot.offset, slot.length);
}

std::uint32_t Truth::Slots::look_of(std::int64_t slot) const {
    // Slots that are left over belong to the last look.
    return std::min(static_cast<std::uint32_t>((slot - first) / slots_a_look), looks - 1);
}

Truth::Slots Truth::slots_in(const Window& window) const {
    const auto since = [this](Instant when) { return (when - begin_).count(); };
    const std::int64_t slot = slot_.count();
    Slots slots;
    slots.first = ceil_divided(since(window.from), slot);
    slots.last = std::max(slots.first, floor_divided(since(window.to), slot));
    slots.edge_first = floor_divided(since(window.from - window.look), slot);
    slots.edge_last = ceil_divided(since(window.to), slot);
    slots.slots_a_look = std::max<std::int64_t>(1, (window.look.count() + slot / 2) / slot);
    const std::int64_t whole = slots.last - slots.first;
    if (whole > 0)
        slots.looks =
            static_cast<std::uint32_t>(std::max<std::int64_t>(1, whole / slots.slots_a_look));
    return slots;
}

std::uint32_t Truth::looks_in(const Window& window) const {
    return slots_in(window).looks;
}

std::vector<Use> Truth::use_of(std::size_t process, const Window& window) const {
    std::vector<Use> uses;
    const Slots slots = slots_in(window);
    if (slots.looks == 0) return uses;
    std::vector<const RecordedArea*> areas;
    for (const RecordedArea& area : processes_[process].areas) areas.push_back(&area);
    std::sort(areas.begin(), areas.end(), [](const RecordedArea* a, const RecordedArea* b) {
        return a->area.start < b->area.start;
    });
    for (const RecordedArea* area : areas) add_use_of_area(*area, window, slots, uses);
    return uses;
}

void Truth::add_use_of_area(const RecordedArea& recorded, const Window& window, const Slots& slots,
                            std::vector<Use>& uses) const {
    const Area& area = recorded.area;
    UseSink sink(area, window, uses);
    if (sink.nothing_mapped()) return;

    std::vector<Cursor> cursors;
    const auto from = std::partition_point(
        recorded.slots.begin(), recorded.slots.end(), [&](const SlotTouches& each) {
            return static_cast<std::int64_t>(each.slot) < slots.edge_first;
        });
    for (auto each = from;
         each != recorded.slots.end() && static_cast<std::int64_t>(each->slot) < slots.edge_last;
         ++each) {
        Cursor cursor;
        cursor.slot = static_cast<std::int64_t>(each->slot);
        cursor.reader = TouchReader(std::span(recorded.bytes).subspan(each->offset, each->length));
        cursor.run = cursor.reader.next();
        cursors.push_back(std::move(cursor));
    }

    std::vector<std::uint64_t> look(chunk_words), edge(chunk_words);
    std::vector<std::uint32_t> looks(chunk_units);
    for (std::uint64_t begin = 0; begin < area.units;) {
        if (const std::uint64_t border = next_border(cursors, begin, area.units);
            border - begin >= worth_a_stride) {
            std::uint32_t in_looks = 0, newest = slots.looks;
            bool at_edge = false;
            for (Cursor& cursor : cursors) {
                if (!cursor.run || cursor.run->first > begin) continue;
                if (cursor.slot < slots.first || cursor.slot >= slots.last) {
                    at_edge = true;
                } else if (const std::uint32_t which = slots.look_of(cursor.slot);
                           which != newest) {
                    newest = which;
                    ++in_looks;
                }
                if (cursor.run->last == border) cursor.run = cursor.reader.next();
            }
            sink.add({begin, border}, in_looks, in_looks == 0 && at_edge);
            begin = border;
            continue;
        }
        const std::uint64_t end = std::min(begin + chunk_units, area.units);
        std::fill(looks.begin(), looks.end(), 0);
        std::fill(edge.begin(), edge.end(), 0);
        for (std::size_t at = 0; at < cursors.size();) {
            const bool whole = cursors[at].slot >= slots.first && cursors[at].slot < slots.last;
            if (!whole) {
                take_units(cursors[at++], begin, end, edge);
                continue;
            }
            const std::uint32_t which = slots.look_of(cursors[at].slot);
            std::fill(look.begin(), look.end(), 0);
            for (; at < cursors.size() && cursors[at].slot < slots.last &&
                   slots.look_of(cursors[at].slot) == which;
                 ++at)
                take_units(cursors[at], begin, end, look);
            for (std::size_t word = 0; word < chunk_words; ++word)
                for (std::uint64_t bits = look[word]; bits != 0; bits &= bits - 1)
                    ++looks[word * 64 + static_cast<unsigned>(std::countr_zero(bits))];
        }
        const auto at_edge = [&](std::uint64_t unit) {
            return looks[unit] == 0 && (edge[unit / 64] >> (unit % 64) & 1) != 0;
        };
        for (std::uint64_t unit = 0; unit < end - begin;) {
            std::uint64_t last = unit + 1;
            while (last < end - begin && looks[last] == looks[unit] &&
                   at_edge(last) == at_edge(unit))
                ++last;
            sink.add({begin + unit, begin + last}, looks[unit], at_edge(unit));
            unit = last;
        }
        begin = end;
    }
}

}  // namespace damon_schemes::accuracy
