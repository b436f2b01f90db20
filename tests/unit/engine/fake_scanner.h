// SPDX-License-Identifier: MIT
// A scanner that finds of each page what a test says, and keeps what it was asked.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/monitors/page_scanner.h"

namespace damon_schemes::testing {

class FakeScanner final : public PageScanner {
  public:
    static constexpr std::uint64_t page = 4096;
    struct Call {
        TargetId target;
        std::uint64_t generation = 0;
        AddressRange range;
        bool clear = false;
        Instant time{};
    };
    using Bits = std::function<std::uint8_t(std::uint64_t address)>;

    explicit FakeScanner(Bits bits = [](std::uint64_t) { return PageState::present_bit; })
        : bits_(std::move(bits)) {}

    Result<std::vector<PageState>> scan(TargetId target, std::uint64_t generation,
                                        AddressRange range, bool clear) override {
        const std::scoped_lock lock(mutex_);
        calls_.push_back({target, generation, range, clear, std::chrono::steady_clock::now()});
        if (error_) return Error{ErrorKind::runtime, "as the test says", *error_};
        std::vector<PageState> states;
        for (std::uint64_t at = range.start; at < range.end; at += page)
            states.push_back({bits_(at)});
        return states;
    }

    void fail_with(int error) {
        const std::scoped_lock lock(mutex_);
        error_ = error;
    }
    std::vector<Call> calls() const {
        const std::scoped_lock lock(mutex_);
        return calls_;
    }
    std::vector<Call> calls(bool clear) const {
        std::vector<Call> some = calls();
        std::erase_if(some, [clear](const Call& call) { return call.clear != clear; });
        return some;
    }

  private:
    mutable std::mutex mutex_;
    Bits bits_;
    std::optional<int> error_;
    std::vector<Call> calls_;
};

}  // namespace damon_schemes::testing
