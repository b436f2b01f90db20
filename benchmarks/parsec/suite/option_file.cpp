// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/option_file.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace damon_schemes::parsec {

double reference_value(bool call, double spot, double strike, double rate, double volatility,
                       double years) {
    const auto share_below = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
    const double deviation = volatility * std::sqrt(years);
    const double forward = spot * std::exp(rate * years);
    const double d1 = std::log(forward / strike) / deviation + deviation / 2;
    const double sign = call ? 1 : -1;
    return std::exp(-rate * years) * sign *
           (forward * share_below(sign * d1) - strike * share_below(sign * (d1 - deviation)));
}

OptionFile::OptionFile(Ledger& ledger, std::size_t positions, std::uint64_t seed)
    : random_(seed), left_(positions), buffer_(ledger, buffer_bytes) {
    // In whole steps, so that the text says exactly what the reference is of.
    const auto between = [&](std::uint64_t low, std::uint64_t high, double step) {
        return static_cast<double>(low + random_.below(high - low + 1)) * step;
    };
    for (std::size_t i = 0; i < contracts; ++i) {
        const bool call = random_.one_in(2);
        const double spot = between(1000, 20'000, 0.01);
        const double strike = std::round(spot * between(70, 130, 0.01) * 4) / 4;
        const double rate = between(5, 100, 0.001);
        const double volatility = between(5, 60, 0.01);
        const double years = between(5, 200, 0.01);
        char line[160];
        const int length = std::snprintf(
            line, sizeof line, "%c %.2f %.2f %.3f %.2f %.2f %zu %d %.6f\n", call ? 'C' : 'P', spot,
            strike, rate, volatility, years, i, static_cast<int>(random_.below(200)) - 100,
            reference_value(call, spot, strike, rate, volatility, years));
        lines_.emplace_back(line, static_cast<std::size_t>(length));
    }
}

std::string_view OptionFile::read() {
    std::size_t used = 0;
    for (; left_ > 0; --left_) {
        const std::string& line = lines_[random_.below(lines_.size())];
        if (buffer_.size() - used < line.size()) break;
        const auto at = buffer_.range(used, line.size());
        std::copy(line.begin(), line.end(), at.begin());
        used += line.size();
    }
    const auto text = buffer_.range(0, used);
    return {text.data(), text.size()};
}

}  // namespace damon_schemes::parsec
