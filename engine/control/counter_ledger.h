// SPDX-License-Identifier: MIT
// Counters that only grow, made of sources that come, go and begin anew.
#pragma once

#include <string>
#include <unordered_map>

namespace damon_schemes {

// A series adds up what its sources count.  A source that has less than when it was last told of
// has begun anew; one that goes takes nothing of the series with it; one that moves to another
// series brings along what it counts from then on.  What is not told of between begin() and end()
// is forgotten, so that the ledger is as large as what is told.  Not thread-safe.
class CounterLedger {
  public:
    void begin() {
        for (auto& [name, source] : sources_) source.told = false;
        for (auto& [name, series] : series_) series.told = false;
    }
    // `counted` by the source so far.  What the series stands at.
    double add(const std::string& series, const std::string& source, double counted) {
        Source& known = sources_[source];
        const double before = counted < known.last ? 0 : known.last;
        known = {counted, true};
        Series& shown = series_[series];
        shown.told = true;
        shown.stands += counted - before;
        return shown.stands;
    }
    bool knows(const std::string& series) const { return series_.contains(series); }
    void end() {
        std::erase_if(sources_, [](const auto& source) { return !source.second.told; });
        std::erase_if(series_, [](const auto& series) { return !series.second.told; });
    }

  private:
    struct Source {
        double last = 0;
        bool told = false;
    };
    struct Series {
        double stands = 0;
        bool told = false;
    };
    std::unordered_map<std::string, Source> sources_;
    std::unordered_map<std::string, Series> series_;
};

}  // namespace damon_schemes
