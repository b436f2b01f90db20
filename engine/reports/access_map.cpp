// SPDX-License-Identifier: MIT
#include "engine/reports/access_map.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

constexpr std::size_t least_rows = 16;

double weight_of(const Life& life) {
    return static_cast<double>(life.present.size().count) *
           std::max(1.0, static_cast<double>(since(life.from, life.to).count()));
}

// The lives to be shown, in the order of the recording.
std::vector<const Life*> chosen(const Survey& survey, std::size_t most) {
    std::vector<const Life*> lives;
    for (const Life& life : survey.lives) lives.push_back(&life);
    if (lives.size() <= most) return lives;
    std::stable_sort(lives.begin(), lives.end(),
                     [](const Life* a, const Life* b) { return weight_of(*a) > weight_of(*b); });
    lives.resize(most);
    // They lie in one vector, in the order of the recording.
    std::sort(lives.begin(), lives.end());
    return lives;
}

class Filler final : public ReportVisitor {
  public:
    explicit Filler(AccessMap& map) {
        for (LifeMap& life : map.lives) lives_[life.key] = &life;
    }
    void saw(const SeenTarget& seen) override {
        const auto life = lives_.find(seen.life);
        if (life == lives_.end() || seen.regions.empty()) return;
        for (DrawnArea& area : life->second->areas)
            area.raster.add(seen.regions, seen.from, seen.to, seen.snapshot.aggregation_interval);
    }

  private:
    std::map<LifeKey, LifeMap*> lives_;
};

}  // namespace

std::vector<double> height_shares(const std::vector<Area>& areas) {
    std::vector<double> shares;
    double sum = 0;
    for (const Area& area : areas) {
        const double pages = static_cast<double>(area.range.size().count) / 4096;
        shares.push_back(std::max(1.0, std::log2(std::max(pages, 1.0)) - 2));
        sum += shares.back();
    }
    for (double& share : shares) share /= sum;
    return shares;
}

AccessMap access_map_of(const Survey& survey, const AccessMapShape& shape) {
    AccessMap map;
    map.info = survey.info;
    map.beginning = survey.walked.beginning;
    map.lost_snapshots = survey.walked.lost;
    const auto lives = chosen(survey, shape.lives);
    map.lives_left_out = survey.lives.size() - lives.size() + survey.left_out;

    struct Planned {
        std::vector<Area> areas;
        std::vector<Area> mappings;
    };
    std::vector<Planned> plans;
    std::size_t rasters = 0;
    for (const Life* life : lives) {
        plans.push_back({areas_of(*life, shape.areas), {}});
        if (shape.mappings != 0) plans.back().mappings = mapping_areas_of(*life, shape.mappings);
        rasters += plans.back().areas.size() + plans.back().mappings.size();
    }
    const std::size_t columns = std::max<std::size_t>(shape.columns, 1);
    const std::size_t each = shape.cells / columns / std::max<std::size_t>(rasters, 1);
    const std::size_t rows = std::min(shape.rows, std::max(each, least_rows));
    for (std::size_t i = 0; i < lives.size(); ++i) {
        const Life& life = *lives[i];
        LifeMap drawn;
        drawn.label = life.label;
        drawn.key = life.key;
        drawn.from = life.from;
        drawn.to = life.to;
        drawn.snapshots = life.snapshots;
        drawn.unseen_accesses = life.unseen_accesses;
        drawn.saw_unknown = !life.unknown.empty();
        drawn.mappings = life.mappings;
        const auto shares = height_shares(plans[i].areas);
        for (std::size_t k = 0; k < shares.size(); ++k) {
            Area& area = plans[i].areas[k];
            std::size_t own = rows;
            if (shape.rows_together != 0) {
                const double wanted = shares[k] * static_cast<double>(shape.rows_together);
                own =
                    std::clamp<std::size_t>(static_cast<std::size_t>(std::lround(wanted)), 1, rows);
            }
            Raster raster(area.range, life.from, life.to, columns, own);
            drawn.areas.push_back({std::move(area), std::move(raster), false});
        }
        for (Area& area : plans[i].mappings) {
            Raster raster(area.range, life.from, life.to, columns, rows);
            drawn.areas.push_back({std::move(area), std::move(raster), true});
        }
        map.lives.push_back(std::move(drawn));
    }
    return map;
}

Result<void> fill(AccessMap& map, RecordingReader& reader, const ReportSelection& selection) {
    Filler filler(map);
    const auto walked = walk(reader, selection, filler);
    if (!walked) return walked.error();
    return {};
}

std::string heading_of(const Area& area) {
    char start[32];
    std::snprintf(start, sizeof start, "%llx", static_cast<unsigned long long>(area.range.start));
    return area.name + ": " + readable(area.range.size()) + " from " + start;
}

std::string title_of(const AccessMap& map, const LifeMap& life) {
    std::size_t lives = 0;
    std::size_t place = 0;
    for (const LifeMap& other : map.lives) {
        if (other.key.target != life.key.target) continue;
        ++lives;
        if (&other == &life) place = lives;
    }
    std::string title = life.label.title();
    if (lives > 1) {
        title +=
            ", program " + std::to_string(place) + " of " + std::to_string(lives) + " that it ran";
    }
    return title;
}

}  // namespace damon_schemes
