// SPDX-License-Identifier: MIT
// Cuts data where its content says so: an insertion moves the cuts next to it, and no others.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace damon_schemes::parsec {

// By a gear hash of the last 64 bytes (Xia et al., "FastCDC", USENIX ATC 2016, without its
// normalisation).
class Chunker {
  public:
    static constexpr std::size_t least = std::size_t{2} << 10;
    static constexpr std::size_t most = std::size_t{64} << 10;

    Chunker();
    // How long the first chunk is; data.size() where no cut comes before.  Reads no more than the
    // chunk.
    std::size_t cut(std::span<const std::byte> data) const;

  private:
    std::array<std::uint64_t, 256> gear_;
};

}  // namespace damon_schemes::parsec
