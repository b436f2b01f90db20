// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/radix.h"

#include <array>
#include <utility>

#include "benchmarks/random.h"

namespace damon_schemes::parsec {
namespace {

// The same for any order of the keys, and hardly for other keys.
std::uint64_t mixed(std::uint32_t key) {
    return bench::Random(key).next();
}

// Of a positive number below 2^63; much sooner done than std::floor().
double whole(double x) {
    return static_cast<double>(static_cast<std::int64_t>(x));
}

}  // namespace

KeyStream::KeyStream(std::uint64_t seed, std::size_t run)
    : x_(static_cast<double>((bench::Random(seed * 0x10001 + run).next() >> 18) | 1)) {}

double KeyStream::draw() {
    constexpr double half = 0x1p23;
    constexpr double a = 1220703125.0;  // 5^13
    // 46-bit factors are multiplied in halves of 23 bits, so that no product is rounded.
    const double a_high = whole(a / half);
    const double a_low = a - half * a_high;
    const double x_high = whole(x_ / half);
    const double x_low = x_ - half * x_high;
    const double middle = a_high * x_low + a_low * x_high;
    const double kept = middle - half * whole(middle / half);
    const double sum = half * kept + a_low * x_low;
    x_ = sum - half * half * whole(sum / (half * half));
    return x_ / (half * half);
}

std::uint32_t KeyStream::next() {
    double sum = 0;
    for (int i = 0; i < 4; ++i) sum += draw();
    return static_cast<std::uint32_t>(sum * 0x1p30);
}

Radix::Radix(Ledger& ledger, const RadixOptions& options) : ledger_(ledger), options_(options) {
    for (std::size_t run = 0; run < options.runs; ++run)
        runs_.emplace_back(ledger, options.keys_a_run, page_bytes);
}

void Radix::generate() {
    sums_.assign(runs_.size(), 0);
    for (std::size_t run = 0; run < runs_.size(); ++run) {
        KeyStream stream(options_.seed, run);
        runs_[run].for_each([&](std::uint32_t& key) {
            key = stream.next();
            sums_[run] += mixed(key);
        });
    }
}

void Radix::sort() {
    if (scratch_.empty()) scratch_ = Keys(ledger_, options_.keys_a_run, page_bytes);
    for (Keys& keys : runs_) sort_run(keys);
}

void Radix::sort_run(Keys& keys) {
    static_assert(digits % 2 == 0, "the last digit ends where the first began");
    for (unsigned digit = 0; digit < digits; digit += 2) {
        permute(keys, scratch_, digit * digit_bits);
        permute(scratch_, keys, (digit + 1) * digit_bits);
    }
}

void Radix::permute(const Keys& from, const Keys& to, unsigned shift) {
    std::array<std::size_t, buckets> place{};
    from.for_each([&](std::uint32_t key) { ++place[(key >> shift) % buckets]; });
    std::size_t sum = 0;
    for (std::size_t& each : place) sum += std::exchange(each, sum);
    from.for_each([&](std::uint32_t key) { to[place[(key >> shift) % buckets]++] = key; });
}

std::string Radix::check_order(std::size_t run) const {
    std::uint32_t before = 0;
    std::uint64_t sum = 0;
    bool ordered = true;
    runs_[run].for_each([&](std::uint32_t key) {
        ordered = ordered && before <= key;
        before = key;
        sum += mixed(key);
    });
    if (!ordered) return "run " + std::to_string(run) + " is not in order";
    if (sum != sums_[run]) return "run " + std::to_string(run) + " has other keys than before";
    return {};
}

bool Radix::holds(const Keys& keys, std::uint32_t key) const {
    std::size_t low = 0;
    std::size_t high = keys.size();
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        if (keys[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < keys.size() && keys[low] == key;
}

std::string Radix::check() {
    scratch_.clear();
    for (std::size_t run = 0; run < runs_.size(); ++run) {
        if (std::string wrong = check_order(run); !wrong.empty()) return wrong;
    }
    std::vector<KeyStream> streams;
    for (std::size_t run = 0; run < runs_.size(); ++run) streams.emplace_back(options_.seed, run);
    for (std::size_t i = 0; i < options_.lookups; ++i) {
        for (std::size_t run = 0; run < runs_.size(); ++run) {
            const std::uint32_t key = streams[run].next();
            if (!holds(runs_[run], key)) {
                return "run " + std::to_string(run) + " does not hold its key " +
                       std::to_string(key);
            }
        }
    }
    return {};
}

}  // namespace damon_schemes::parsec
