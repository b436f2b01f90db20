// SPDX-License-Identifier: MIT
#include "schemes/decide/watermark_rest.h"

namespace damon_schemes {

namespace {

std::optional<Watermark> mark_of(const std::optional<Watermarks>& watermarks,
                                 std::optional<Watermark> Watermarks::*metric) {
    return watermarks ? (*watermarks).*metric : std::nullopt;
}

}  // namespace

WatermarkRest::WatermarkRest(const std::optional<Watermarks>& watermarks)
    : memory_(mark_of(watermarks, &Watermarks::free_memory)),
      swap_(mark_of(watermarks, &Watermarks::free_swap)),
      interval_(watermarks ? watermarks->interval : Duration::zero()) {}

void WatermarkRest::Level::move(std::optional<Share> free) {
    measured_ = free.has_value();
    if (!mark_ || !free) return;
    if (*free < mark_->low) {
        resting_ = Rest::too_little_free;
    } else if (*free > mark_->high || (*free > mark_->mid && resting_ != Rest::no)) {
        resting_ = Rest::too_much_free;
    } else {
        resting_ = Rest::no;
    }
}

std::optional<WatermarkRest::Rest> WatermarkRest::Level::rest() const {
    if (!mark_) return std::nullopt;
    return measured_ ? resting_ : Rest::not_measured;
}

void WatermarkRest::look(const Conditions& conditions, Instant now) {
    // An instant before the last look is another clock's: time may come from a file.
    if (looked_ && now >= *looked_ && elapsed(*looked_, now) < interval_) return;
    memory_.move(conditions.free_memory);
    swap_.move(conditions.free_swap);
    looked_.reset();
    if (!memory_.unmeasured() && !swap_.unmeasured()) looked_ = now;
}

std::optional<Reason> WatermarkRest::held_back() const {
    if (memory_.unmeasured() || swap_.unmeasured()) return Reason::unmeasured;
    if (memory_.rests() || swap_.rests()) return Reason::watermark;
    return std::nullopt;
}

}  // namespace damon_schemes
