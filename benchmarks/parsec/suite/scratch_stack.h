// SPDX-License-Identifier: MIT
// Memory for what a recursion needs at each depth: taken in turn, given back in reverse, all at
// once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "benchmarks/parsec/suite/ledger.h"

namespace damon_schemes::parsec {

class ScratchStack {
  public:
    struct Mark {
        std::size_t chunk = 0;
        std::size_t used = 0;
    };

    explicit ScratchStack(Ledger& ledger) : ledger_(ledger) {}
    ~ScratchStack() {
        for (const auto chunk : chunks_) ledger_.release(chunk);
    }
    ScratchStack(const ScratchStack&) = delete;
    ScratchStack& operator=(const ScratchStack&) = delete;

    // Of any content, and not touched by this.
    template <class T>
    std::span<T> take(std::size_t count) {
        const std::size_t bytes = (count * sizeof(T) + 15) / 16 * 16;
        while (top_.chunk < chunks_.size() && chunks_[top_.chunk].size() - top_.used < bytes)
            top_ = {top_.chunk + 1, 0};
        if (top_.chunk == chunks_.size())
            chunks_.push_back(ledger_.allocate(std::max(bytes, chunk_bytes)));
        std::byte* const at = chunks_[top_.chunk].data() + top_.used;
        top_.used += bytes;
        return {reinterpret_cast<T*>(at), count};
    }
    Mark mark() const { return top_; }
    // What was taken since is free again.
    void rewind(Mark mark) { top_ = mark; }

  private:
    static constexpr std::size_t chunk_bytes = std::size_t{1} << 20;

    Ledger& ledger_;
    std::vector<std::span<std::byte>> chunks_;
    Mark top_;
};

}  // namespace damon_schemes::parsec
