// SPDX-License-Identifier: MIT
#include "engine/reports/heats.h"

#include <algorithm>

#include "engine/reports/csv.h"

namespace damon_schemes {
namespace {

constexpr std::size_t most_cells = 8'000'000;

}  // namespace

Result<Heats> Heats::create(const HeatsShape& shape) {
    if (shape.times == 0 || shape.spaces == 0)
        return Error{ErrorKind::usage, "--tres and --ares must be at least 1", 0};
    if (shape.times > most_cells || shape.spaces > most_cells / shape.times) {
        return Error{ErrorKind::usage,
                     "--tres times --ares is more than 8,000,000 cells; take fewer", 0};
    }
    const Duration unit = elapsed(shape.from, shape.to) / static_cast<std::int64_t>(shape.times);
    if (unit <= Duration::zero()) {
        return Error{ErrorKind::usage,
                     "there is no time to divide into " + std::to_string(shape.times) +
                         " parts: the selection has one snapshot or none; take a smaller --tres, "
                         "or another --tmin and --tmax",
                     0};
    }
    const std::uint64_t bytes =
        shape.addresses.empty() ? 0 : shape.addresses.size().count / shape.spaces;
    if (bytes == 0) {
        return Error{ErrorKind::usage,
                     "there are fewer addresses than --ares " + std::to_string(shape.spaces) +
                         "; take fewer, or another --amin and --amax",
                     0};
    }
    return Heats(shape, unit, bytes);
}

Heats::Heats(const HeatsShape& shape, Duration time_unit, std::uint64_t address_unit)
    : shape_(shape), time_unit_(time_unit), address_unit_(address_unit) {
    shape_.to = shape.from + time_unit * static_cast<std::int64_t>(shape.times);
    shape_.addresses.end = shape.addresses.start + address_unit * shape.spaces;
    sums_.resize(shape.times * shape.spaces);
}

void Heats::add(const SeenTarget& seen) {
    const Instant from = std::max(seen.from, shape_.from);
    const Instant to = std::min(seen.to, shape_.to);
    if (from >= to) return;
    for (const Region& region : seen.regions) {
        const std::uint64_t start = std::max(region.range.start, shape_.addresses.start);
        const std::uint64_t end = std::min(region.range.end, shape_.addresses.end);
        if (start >= end || region.accessed == 0) continue;
        auto column = static_cast<std::size_t>((from - shape_.from) / time_unit_);
        for (Instant time = from; time < to; ++column) {
            const Instant next =
                std::min(to, shape_.from + time_unit_ * static_cast<std::int64_t>(column + 1));
            const double heat =
                static_cast<double>(region.accessed) * static_cast<double>((next - time).count());
            std::uint64_t row = (start - shape_.addresses.start) / address_unit_;
            for (std::uint64_t at = start; at < end; ++row) {
                const std::uint64_t upper =
                    std::min(end, shape_.addresses.start + (row + 1) * address_unit_);
                sums_[column * shape_.spaces + row] += heat * static_cast<double>(upper - at);
                at = upper;
            }
            time = next;
        }
    }
}

std::string Heats::lines() const {
    const double cell =
        static_cast<double>(time_unit_.count()) * static_cast<double>(address_unit_);
    std::string text;
    text.reserve(sums_.size() * 32);
    for (std::size_t column = 0; column < shape_.times; ++column) {
        const std::string time =
            std::to_string(time_unit_.count() * static_cast<std::int64_t>(column)) + "\t";
        for (std::size_t row = 0; row < shape_.spaces; ++row) {
            std::string heat = csv_number(sums_[column * shape_.spaces + row] / cell);
            // As the tool that first wrote them shows a float.
            if (heat.find_first_of(".e") == std::string::npos) heat += ".0";
            text += time;
            text += std::to_string(address_unit_ * row);
            text += '\t';
            text += heat;
            text += '\n';
        }
    }
    return text;
}

}  // namespace damon_schemes
