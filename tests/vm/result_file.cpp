// SPDX-License-Identifier: MIT
#include "result_file.h"

#include <cstring>
#include <stdexcept>

namespace damon_schemes::vm {
namespace {

// Packed, in the machine's byte order.
class Bytes {
  public:
    explicit Bytes(const std::string& bytes) : bytes_(bytes) {}
    bool at_end() const { return at_ == bytes_.size(); }
    std::string text(std::size_t size) {
        if (bytes_.size() - at_ < size) throw std::runtime_error("it ends within a record");
        at_ += size;
        return bytes_.substr(at_ - size, size);
    }
    template <typename Number>
    Number take() {
        Number number{};
        std::memcpy(&number, text(sizeof(number)).data(), sizeof(number));
        return number;
    }

  private:
    const std::string& bytes_;
    std::size_t at_ = 0;
};

}  // namespace

std::vector<ResultInterval> parse_result(const std::string& bytes) {
    Bytes in(bytes);
    if (in.text(16) != "damon_recfmt_ver") throw std::runtime_error("it has no header");
    if (in.take<std::int32_t>() != 1) throw std::runtime_error("it is of another version");
    std::vector<ResultInterval> intervals;
    while (!in.at_end()) {
        auto& interval = intervals.emplace_back();
        interval.seconds = in.take<std::int64_t>();
        interval.nanoseconds = in.take<std::int64_t>();
        const auto targets = in.take<std::uint32_t>();
        for (std::uint32_t t = 0; t < targets; t++) {
            auto& target = interval.targets.emplace_back();
            target.pid = in.take<std::int32_t>();
            const auto regions = in.take<std::uint32_t>();
            for (std::uint32_t r = 0; r < regions; r++) {
                auto& region = target.regions.emplace_back();
                region.start = in.take<std::uint64_t>();
                region.end = in.take<std::uint64_t>();
                region.nr_accesses = in.take<std::uint32_t>();
            }
        }
    }
    return intervals;
}

}  // namespace damon_schemes::vm
