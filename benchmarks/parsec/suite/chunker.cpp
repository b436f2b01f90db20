// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/chunker.h"

#include <algorithm>

#include "benchmarks/random.h"

namespace damon_schemes::parsec {
namespace {

// The top 13 bits, which hang on all 64 bytes: a cut once in 8 KiB.
constexpr std::uint64_t cut_mask = ~std::uint64_t{0} << (64 - 13);

}  // namespace

Chunker::Chunker() {
    // Any numbers do, as long as they are always the same.
    bench::Random random(0x6765'6172);
    for (std::uint64_t& number : gear_) number = random.next();
}

std::size_t Chunker::cut(std::span<const std::byte> data) const {
    const std::size_t end = std::min(data.size(), most);
    std::uint64_t hash = 0;
    // The hash forgets what is 64 bytes back: nothing before that is worth a look.
    for (std::size_t at = least - 64; at < end; ++at) {
        hash = (hash << 1) + gear_[std::to_integer<std::size_t>(data[at])];
        if (at + 1 >= least && (hash & cut_mask) == 0) return at + 1;
    }
    return end;
}

}  // namespace damon_schemes::parsec
