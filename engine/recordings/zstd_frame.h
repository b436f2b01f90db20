// SPDX-License-Identifier: MIT
// One zstd frame (RFC 8878) at a time, whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace damon_schemes {

// One thread.
class FrameCompressor {
  public:
    FrameCompressor();
    // With the content's size in its header and its checksum at its end.  Valid until the next
    // call; empty: there is not enough memory.
    std::span<const std::uint8_t> compress(std::span<const std::uint8_t> content);

  private:
    struct Free {
        void operator()(ZSTD_CCtx_s* context) const;
    };
    std::unique_ptr<ZSTD_CCtx_s, Free> context_;
    std::vector<std::uint8_t> frame_;
};

// How long the frame is that starts with these bytes.
struct FrameLength {
    enum class Known { yes, needs_more, no_frame } known = Known::no_frame;
    std::size_t bytes = 0;
};
FrameLength frame_length(std::span<const std::uint8_t> bytes);
// What its header says of its content; nullopt: nothing.
std::optional<std::uint64_t> frame_content_size(std::span<const std::uint8_t> frame);

// One thread.
class FrameDecompressor {
  public:
    FrameDecompressor();
    // The content of a whole frame, `content_size` bytes by its header.  Valid until the next call;
    // nullopt: it is damaged.
    std::optional<std::span<const std::uint8_t>> decompress(std::span<const std::uint8_t> frame,
                                                            std::size_t content_size);

  private:
    struct Free {
        void operator()(ZSTD_DCtx_s* context) const;
    };
    std::unique_ptr<ZSTD_DCtx_s, Free> context_;
    std::vector<std::uint8_t> content_;
};

}  // namespace damon_schemes
