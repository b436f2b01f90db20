// SPDX-License-Identifier: MIT
// What the demo keeps in Redis, and which part of it is hot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "schemes/observation.h"

namespace damon_schemes::demo {

struct DatasetShape {
    std::uint32_t keys = 51'200;
    std::size_t value_bytes = 4096;
    std::uint32_t hot_percent = 5;
    bool scattered = false;  // the hot keys lie evenly among the others, not together
};

// Keys in the order of their insertion, which is the order of their addresses, as good as.  Values
// are slices of one text of JSON records as a cache of web pages or sessions holds them: words that
// repeat, and identifiers that do not.  zram's default compressor (lzo-rle) makes such text about
// half as large; random bytes would not shrink at all, zeros to nothing, and either would make the
// net saving a different figure.  Each value begins with its own key, so that a reader can tell
// that it got the right one.  The same shape gives the same bytes.  Immutable: any thread.
class Dataset {
  public:
    explicit Dataset(DatasetShape shape);

    const DatasetShape& shape() const { return shape_; }
    Bytes value_bytes() const { return {shape_.keys * std::uint64_t{shape_.value_bytes}}; }

    static std::string key(std::uint32_t index);
    std::string value(std::uint32_t index) const;
    // Whether a value read back is the one of this key, judged by its first bytes.
    bool begins_right(std::uint32_t index, std::string_view value) const;

    std::uint32_t hot_keys() const { return shape_.keys / 100 * shape_.hot_percent; }
    // Index of the n-th hot key, n < hot_keys().  Together: from the middle of the data on, with as
    // many older as newer keys around them.  Redis finds a key by walking a chain of those with the
    // same hash, newest first; so the index entries of newer, cold keys are hot as well: about one
    // page in 80 of the cold memory.
    std::uint32_t hot_index(std::uint32_t n) const;
    // Some cold key, another one for each n.
    std::uint32_t cold_index(std::uint32_t n) const;
    bool is_hot(std::uint32_t index) const;

  private:
    std::uint32_t first_hot() const { return (shape_.keys - hot_keys()) / 2; }
    std::uint32_t hot_stride() const { return 100 / shape_.hot_percent; }

    DatasetShape shape_;
    std::string text_;
};

}  // namespace damon_schemes::demo
