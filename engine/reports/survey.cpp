// SPDX-License-Identifier: MIT
#include "engine/reports/survey.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

// A gap that a monitor leaves out of an address space is larger than any that a program leaves
// between two of its mappings.
constexpr std::uint64_t zone_gap = 1ULL << 30;
constexpr std::size_t most_mappings = 20'000;

// The newest say what is where; older ones keep what those leave.
std::vector<RecordedMapping> updated(const std::vector<RecordedMapping>& old,
                                     const std::vector<RecordedMapping>& newest) {
    if (old.empty() || newest.empty()) return newest.empty() ? old : newest;
    std::vector<RecordedMapping> result = newest;
    auto over = newest.begin();
    for (const RecordedMapping& mapping : old) {
        while (over != newest.end() && over->range.end <= mapping.range.start) ++over;
        std::uint64_t from = mapping.range.start;
        auto keep = [&](std::uint64_t to) {
            if (to > from) result.push_back({{from, to}, mapping.kind, mapping.name});
        };
        for (auto next = over; next != newest.end() && next->range.start < mapping.range.end;
             ++next) {
            keep(next->range.start);
            from = std::max(from, next->range.end);
        }
        keep(mapping.range.end);
    }
    if (result.size() > most_mappings) return newest;
    std::sort(result.begin(), result.end(),
              [](const auto& a, const auto& b) { return a.range < b.range; });
    return result;
}

class Surveyor final : public ReportVisitor {
  public:
    void described(const RecordedTarget& target) override {
        const LifeKey key = {target.id.value, target.generation};
        mappings_[key] = updated(mappings_[key], target.mappings);
    }

    void saw(const SeenTarget& seen) override {
        if (seen.regions.empty()) return;
        Life* life = life_of(seen);
        if (life == nullptr) return;
        life->label = seen.label;
        life->to = std::max(life->to, seen.to);
        ++life->snapshots;
        life->unseen_accesses = life->unseen_accesses || seen.target.unseen_accesses;
        AddressRange watched;
        AddressRange present;
        AddressRange unknown;
        for (const Region& region : seen.regions) {
            extend(life->watched, watched, region.range);
            if (!region.known())
                extend(life->unknown, unknown, region.range);
            else if (!region.nothing_present())
                extend(life->present, present, region.range);
        }
        life->watched.add(watched);
        life->present.add(present);
        life->unknown.add(unknown);
    }

    std::vector<Life> finish() {
        for (Life& life : lives_) {
            const auto mappings = mappings_.find(life.key);
            if (mappings != mappings_.end()) life.mappings = std::move(mappings->second);
        }
        return std::move(lives_);
    }
    std::uint64_t left_out() const { return left_out_.size(); }

  private:
    // Runs of adjoining regions go into the set as one.
    static void extend(AddressSet& set, AddressRange& run, AddressRange next) {
        if (run.end == next.start) {
            run.end = next.end;
            return;
        }
        set.add(run);
        run = next;
    }

    Life* life_of(const SeenTarget& seen) {
        const auto known = index_.find(seen.life);
        if (known != index_.end()) return &lives_[known->second];
        if (lives_.size() == Survey::most_lives) {
            left_out_.insert(seen.life);
            return nullptr;
        }
        index_[seen.life] = lives_.size();
        Life life;
        life.key = seen.life;
        life.from = seen.from;
        life.first = seen.to;
        life.to = seen.to;
        lives_.push_back(std::move(life));
        return &lives_.back();
    }

    std::vector<Life> lives_;
    std::map<LifeKey, std::size_t> index_;
    std::map<LifeKey, std::vector<RecordedMapping>> mappings_;
    std::set<LifeKey> left_out_;
};

// Cuts a set at its largest gaps, of at least this size, until there are `most` pieces.
std::vector<AddressSet> pieces_of(const AddressSet& set, std::uint64_t least_gap,
                                  std::size_t most) {
    const auto& ranges = set.ranges();
    std::vector<std::size_t> cuts;  // before which range
    for (std::size_t i = 1; i < ranges.size(); ++i)
        if (ranges[i].start - ranges[i - 1].end >= least_gap) cuts.push_back(i);
    auto gap = [&ranges](std::size_t i) { return ranges[i].start - ranges[i - 1].end; };
    std::stable_sort(cuts.begin(), cuts.end(),
                     [&gap](std::size_t a, std::size_t b) { return gap(a) > gap(b); });
    if (cuts.size() + 1 > most) cuts.resize(most - 1);
    std::sort(cuts.begin(), cuts.end());
    std::vector<AddressSet> pieces;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        if (pieces.empty() || std::binary_search(cuts.begin(), cuts.end(), i))
            pieces.emplace_back();
        pieces.back().add(ranges[i]);
    }
    return pieces;
}

AddressRange hull_of(const AddressSet& set) {
    return {set.ranges().front().start, set.ranges().back().end};
}

bool has_kind(const Life& life, AddressRange range, MappingKind kind) {
    return std::any_of(life.mappings.begin(), life.mappings.end(),
                       [range, kind](const RecordedMapping& mapping) {
                           return mapping.kind == kind && mapping.range.start < range.end &&
                                  range.start < mapping.range.end;
                       });
}

std::string last_part(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos || slash + 1 == path.size() ? path : path.substr(slash + 1);
}

AddressSet addresses_of(const std::vector<const RecordedMapping*>& mappings) {
    AddressSet set;
    for (const RecordedMapping* mapping : mappings) set.add(mapping->range);
    return set;
}

// Those that a word means, by the closest sense that there is.
std::vector<const RecordedMapping*> mappings_named(const Life& life, const std::string& name) {
    for (int sense = 0; sense < 3; ++sense) {
        std::vector<const RecordedMapping*> found;
        for (const RecordedMapping& mapping : life.mappings) {
            if (mapping.name.empty()) continue;
            const bool meant = sense == 0   ? mapping.name == name
                               : sense == 1 ? last_part(mapping.name) == name
                                            : mapping.name.find(name) != std::string::npos;
            if (meant) found.push_back(&mapping);
        }
        if (!found.empty()) return found;
    }
    return {};
}

}  // namespace

Result<Survey> survey(RecordingReader& reader, const ReportSelection& selection) {
    Surveyor surveyor;
    auto walked = walk(reader, selection, surveyor);
    if (!walked) return walked.error();
    Survey result;
    result.info = reader.info();
    result.walked = std::move(*walked);
    result.left_out = surveyor.left_out();
    result.lives = surveyor.finish();
    return result;
}

std::vector<Area> zones_of(const Life& life) {
    std::vector<Area> zones;
    for (const AddressSet& piece : pieces_of(life.watched, zone_gap, 3)) {
        const AddressRange range = hull_of(piece);
        zones.push_back({"", range, life.present.cut_to(range).size()});
    }
    static constexpr const char* names[] = {"heap", "mmap", "stack"};
    bool named = false;
    for (Area& zone : zones) {
        if (has_kind(life, zone.range, MappingKind::stack))
            zone.name = names[2];
        else if (has_kind(life, zone.range, MappingKind::heap))
            zone.name = names[0];
        named = named || !zone.name.empty();
    }
    for (std::size_t i = 0; i < zones.size(); ++i) {
        if (!zones[i].name.empty()) continue;
        if (named)
            zones[i].name = names[1];
        else if (zones.size() == std::size(names))
            zones[i].name = names[i];
        else
            zones[i].name = zones.size() == 1 ? "memory" : "memory " + std::to_string(i + 1);
    }
    return zones;
}

std::vector<Area> areas_of(const Life& life, std::size_t most) {
    // A huge reservation that nobody looked at would leave no room for what was seen.
    AddressSet shown = life.present;
    if (life.unknown.size() <= life.present.size()) shown.add(life.unknown);
    const std::uint64_t noticeable =
        std::max<std::uint64_t>(shown.size().count / 32, kibibytes(64).count);
    std::vector<std::pair<Area, AddressSet>> parts;
    for (Area& zone : zones_of(life)) {
        AddressSet there = shown.cut_to(zone.range);
        if (!there.empty()) parts.emplace_back(std::move(zone), std::move(there));
    }
    std::vector<Area> areas;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const std::size_t left = parts.size() - i - 1;  // zones that want one each
        const std::size_t room = most > areas.size() + left ? most - areas.size() - left : 1;
        const auto pieces = pieces_of(parts[i].second, noticeable, room);
        for (std::size_t k = 0; k < pieces.size(); ++k) {
            std::string name = parts[i].first.name;
            if (pieces.size() > 1) name += " part " + std::to_string(k + 1);
            areas.push_back(
                {std::move(name), hull_of(pieces[k]), pieces[k].cut_to(life.present).size()});
        }
    }
    return areas;
}

std::vector<Area> mapping_areas_of(const Life& life, std::size_t most) {
    std::map<std::string, std::vector<const RecordedMapping*>> by_name;
    for (const RecordedMapping& mapping : life.mappings)
        if (!mapping.name.empty()) by_name[mapping.name].push_back(&mapping);
    std::vector<Area> areas;
    for (const auto& [name, mappings] : by_name) {
        const AddressSet present = addresses_of(mappings).cut_to(life.present);
        if (present.empty()) continue;
        // A file that is mapped at several places is shown where most of it is.
        AddressSet largest;
        for (const AddressSet& piece :
             pieces_of(present, std::max(present.size().count, kibibytes(256).count), 8))
            if (piece.size() > largest.size()) largest = piece;
        areas.push_back({printable(last_part(name)), hull_of(largest), largest.size()});
    }
    std::stable_sort(areas.begin(), areas.end(),
                     [](const Area& a, const Area& b) { return a.present > b.present; });
    if (areas.size() > most) areas.resize(most);
    return areas;
}

Result<std::map<LifeKey, AddressSet>> area_named(const Survey& survey, const std::string& name) {
    std::map<LifeKey, AddressSet> found;
    std::set<std::string> zones;
    std::vector<Area> mappings;
    for (const Life& life : survey.lives) {
        for (const Area& zone : zones_of(life)) {
            zones.insert(zone.name);
            if (zone.name == name) found[life.key].add(zone.range);
        }
        if (!found.contains(life.key)) {
            const AddressSet set = addresses_of(mappings_named(life, name));
            if (!set.empty()) found[life.key] = set;
        }
        if (mappings.empty()) mappings = mapping_areas_of(life, 8);
    }
    if (!found.empty()) return found;
    std::string there;
    for (const std::string& zone : zones) there += (there.empty() ? "" : ", ") + zone;
    std::string message = "there is no area '" + printable(name) + "' in the recording";
    if (!there.empty()) message += "; there are: " + there;
    if (!mappings.empty()) {
        message += "; and mappings, the largest of them:";
        for (std::size_t i = 0; i < mappings.size(); ++i)
            message += (i == 0 ? " " : ", ") + mappings[i].name;
    } else if (!there.empty()) {
        message += " (it has no mappings to choose by name)";
    }
    return Error{ErrorKind::usage, message, 0};
}

}  // namespace damon_schemes
