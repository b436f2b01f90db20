// SPDX-License-Identifier: MIT
// What the schemes of a recording did, in all and over time.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/reports/plot.h"
#include "engine/reports/walk.h"

namespace damon_schemes {

struct SchemeDeeds {
    std::uint64_t ranges = 0;
    Bytes advised;
    Bytes paged_out;
    Duration spent{};
    SchemeDeeds& operator+=(const SchemeDeeds& other);
    bool operator==(const SchemeDeeds&) const = default;
};

// Memory is bounded: when the time no longer fits, its parts are joined in pairs.
class SchemeCourse final : public ReportVisitor {
  public:
    static constexpr std::size_t most_parts = 128;

    explicit SchemeCourse(const RecordingInfo& info);
    void saw(const SeenTarget& seen) override;
    void acted(const RecordedAction& action) override;

    struct Scheme {
        RecordedScheme scheme;
        SchemeDeeds total;
        std::vector<SchemeDeeds> parts;  // those behind the last deed are left out
    };
    const std::vector<Scheme>& schemes() const { return schemes_; }
    Instant start_of(std::size_t part) const;
    Instant begin() const { return begin_; }
    Instant end() const { return end_; }
    Duration part_time() const { return part_time_; }

  private:
    void reach(Instant time);

    std::vector<Scheme> schemes_;
    bool begun_ = false;
    Instant begin_{};
    Instant end_{};
    Duration part_time_ = std::chrono::seconds(1);
};

// What is drawn of a scheme: for pageout what left memory in each part of the time, else what was
// advised.
Plot plot_of(const SchemeCourse& course, std::size_t scheme, Instant beginning);

// A table of totals, and below it a plot for each scheme that did anything.
std::string scheme_text(const SchemeCourse& course, const RecordingInfo& info, Instant beginning,
                        const PlotStyle& style);

}  // namespace damon_schemes
