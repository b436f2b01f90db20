// SPDX-License-Identifier: MIT
// What the programs of the suite have in common: options, rounds, the check, the report.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "benchmarks/parsec/suite/ledger.h"

namespace damon_schemes::parsec {

enum class Size : std::uint8_t { quick, small, medium, native };

// The value of each size.
template <class T>
struct BySize {
    T quick, small, medium, native;
    const T& of(Size size) const {
        switch (size) {
            case Size::quick:
                return quick;
            case Size::small:
                return small;
            case Size::medium:
                return medium;
            case Size::native:
                break;
        }
        return native;
    }
};

// A run of a program: what it was asked for, and its memory.
class Run {
  public:
    Run(Ledger& ledger, Size size, std::uint64_t seed, std::optional<Duration> seconds)
        : ledger_(ledger), size_(size), seed_(seed), seconds_(seconds) {}
    Ledger& ledger() const { return ledger_; }
    Size size() const { return size_; }
    std::uint64_t seed() const { return seed_; }
    // Whether another round of the same work is wanted, after the first, natural one:
    //     do { ... } while (run.goes_on());
    bool goes_on() const { return seconds_ && ledger_.elapsed() < *seconds_; }

  private:
    Ledger& ledger_;
    Size size_;
    std::uint64_t seed_;
    std::optional<Duration> seconds_;
};

// What a program found.
struct Finding {
    std::string result;      // a line for a person
    std::string difference;  // what its check found wrong; empty: the check passed
};

struct Program {
    std::string name;
    std::string description;  // of --help
    std::function<Finding(Run&)> work;
};

// The whole of main().  Returns its exit status: 0 the check passed, 1 it did not or something
// failed (stderr says what), else wrong usage.
int run_program(int argc, char** argv, const Program& program);

}  // namespace damon_schemes::parsec
