// SPDX-License-Identifier: MIT
// The plain numbers of DAMON v12's user-space tool: lines of time, address and heat.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/reports/walk.h"

namespace damon_schemes {

struct HeatsShape {
    Instant from{};  // inclusive
    Instant to{};
    AddressRange addresses;
    std::size_t times = 500;
    std::size_t spaces = 500;
};

// A cell's heat is the mean of nr_accesses over its time and its addresses; what has no region
// counts as 0, as there.  Unlike a heat map's cell it is a mean, so small hot parts fade in large
// cells.  Times that do not divide evenly are cut short at the end, and addresses likewise.
class Heats {
  public:
    // Error (usage): nothing would be in a cell.
    static Result<Heats> create(const HeatsShape& shape);
    void add(const SeenTarget& seen);
    // "<ns since from>\t<bytes since the first address>\t<heat>\n" for each cell, by time.
    std::string lines() const;

  private:
    Heats(const HeatsShape& shape, Duration time_unit, std::uint64_t address_unit);

    HeatsShape shape_;
    Duration time_unit_;
    std::uint64_t address_unit_;
    std::vector<double> sums_;
};

}  // namespace damon_schemes
