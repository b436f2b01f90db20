// SPDX-License-Identifier: MIT
#include "benchmarks/demo/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace damon_schemes::demo {

// Bucket b of the first 2 * parts holds exactly b ns; from there on each power of two has `parts`
// buckets, of 2, 4, 8, ... ns.
std::size_t LatencyHistogram::bucket_of(std::uint64_t ns) {
    if (ns < parts) return static_cast<std::size_t>(ns);
    const auto shift = static_cast<unsigned>(std::bit_width(ns)) - 1 - part_bits;
    const std::uint64_t bucket = (std::uint64_t{shift} + 1) * parts + ((ns >> shift) - parts);
    return static_cast<std::size_t>(std::min<std::uint64_t>(bucket, buckets - 1));
}

std::uint64_t LatencyHistogram::greatest_of(std::size_t bucket) {
    if (bucket < parts) return bucket;
    const auto shift = static_cast<unsigned>(bucket / parts - 1);
    return ((parts + bucket % parts + 1) << shift) - 1;
}

void LatencyHistogram::add(Duration latency) {
    const auto ns = static_cast<std::uint64_t>(std::max<Duration::rep>(latency.count(), 0));
    ++counts_[bucket_of(ns)];
    ++count_;
}

void LatencyHistogram::add(const LatencyHistogram& other) {
    for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
}

Duration LatencyHistogram::percentile(double share) const {
    if (count_ == 0) return Duration::zero();
    const double wanted = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count_));
    const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets; ++i) {
        seen += counts_[i];
        if (seen >= rank) return Duration(static_cast<Duration::rep>(greatest_of(i)));
    }
    return Duration(static_cast<Duration::rep>(greatest_of(buckets - 1)));
}

}  // namespace damon_schemes::demo
