// SPDX-License-Identifier: MIT
// A program that answers requests from its hot memory, while most of its memory is cold.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "schemes/observation.h"

namespace damon_schemes::bench {

template <typename Shared>
class SharingChild;

struct ServiceShape {
    // Hot and cold memory lie in turn, so many bytes of each, so often.
    Bytes hot_piece = mebibytes(4);
    Bytes cold_piece = mebibytes(8);
    unsigned pieces = 12;
    unsigned pages_of_request = 32;                    // hot ones, at random
    Duration between = std::chrono::milliseconds(10);  // a request's end and the next one's begin
    bool locks_itself = false;                         // its hot memory, as its author could

    Bytes hot_bytes() const { return {hot_piece.count * pieces}; }
    Bytes cold_bytes() const { return {cold_piece.count * pieces}; }
};

// How requests fared in a time.
struct ServiceFigures {
    std::uint64_t requests = 0;
    double requests_per_second = 0;
    double mean_ms = 0;  // of a request
    double p50_ms = 0;
    double p99_ms = 0;
};

// A child process; killed and reaped when it goes.  Its memory is all there before it begins, and
// holds what can be checked.
class HotService {
  public:
    // Returns when the memory is filled and requests come.  Throws std::runtime_error.
    explicit HotService(const ServiceShape& shape);
    ~HotService();
    HotService(const HotService&) = delete;
    HotService& operator=(const HotService&) = delete;

    pid_t pid() const;
    std::vector<AddressRange> hot() const;

    // Requests so far; a moment to measure from.
    std::uint64_t requests() const;
    // Of those from `first` on, which took `time` together with the waits between them.  At most
    // the last 1,048,576 are remembered.
    ServiceFigures since(std::uint64_t first, Duration time) const;
    std::uint64_t wrong() const;  // pages that did not hold what was written to them

  private:
    struct Shared;
    [[noreturn]] static void live(const ServiceShape& shape, Shared& shared);

    ServiceShape shape_;
    std::unique_ptr<SharingChild<Shared>> child_;
};

}  // namespace damon_schemes::bench
