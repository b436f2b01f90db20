// SPDX-License-Identifier: MIT
#include "engine/session/verification.h"

#include <algorithm>
#include <utility>

namespace damon_schemes {

std::vector<std::vector<AddressRange>> portions_of(const std::vector<AddressRange>& ranges,
                                                   Bytes largest) {
    std::vector<std::vector<AddressRange>> portions;
    Bytes room;
    for (AddressRange rest : ranges) {
        while (!rest.empty()) {
            if (room.count == 0) {
                portions.emplace_back();
                room = largest;
            }
            AddressRange part = rest;
            part.end = std::min(rest.end, rest.start + room.count);
            portions.back().push_back(part);
            room -= part.size();
            rest.start = part.end;
        }
    }
    return portions;
}

Bytes Verifications::size_of(const Verification& verification) {
    Bytes size;
    for (const AddressRange range : verification.request.ranges) size += range.size();
    return size;
}

void Verifications::plan(Verification verification, Instant now) {
    const auto at =
        std::upper_bound(waiting_.begin(), waiting_.end(), now,
                         [](Instant due, const Waiting& other) { return due < other.due; });
    waiting_.insert(at, {now, {Step::mark, std::move(verification)}});
}

void Verifications::marked(Verification verification, Instant now) {
    const Instant due = later(now, verification.idle);
    const auto at =
        std::upper_bound(waiting_.begin(), waiting_.end(), due,
                         [](Instant when, const Waiting& other) { return when < other.due; });
    waiting_.insert(at, {due, {Step::act, std::move(verification)}});
}

std::vector<Verifications::Due> Verifications::take_due(Instant now) {
    std::vector<Due> due;
    std::erase_if(waiting_, [now](const Waiting& waiting) {
        const Verification& verification = waiting.what.verification;
        const Duration still = waiting.what.step == Step::mark ? verification.idle : Duration{};
        return elapsed(verification.planned_at, later(now, still)) > longest_verification;
    });
    while (!waiting_.empty() && waiting_.front().due <= now && free_at_ <= now) {
        const double seconds =
            static_cast<double>(size_of(waiting_.front().what.verification).count) /
            static_cast<double>(rate_.count);
        free_at_ = later(now, Duration(static_cast<Duration::rep>(seconds * 1e9)));
        due.push_back(std::move(waiting_.front().what));
        waiting_.erase(waiting_.begin());
    }
    return due;
}

std::optional<Instant> Verifications::next() const {
    if (waiting_.empty()) return std::nullopt;
    return std::max(waiting_.front().due, free_at_);
}

void Verifications::drop(TargetId target) {
    std::erase_if(waiting_, [target](const Waiting& waiting) {
        return waiting.what.verification.request.target == target;
    });
}

void Verifications::drop_all() {
    waiting_.clear();
}

void Verifications::drop_older(TargetId target, std::uint64_t generation) {
    std::erase_if(waiting_, [target, generation](const Waiting& waiting) {
        const ActionRequest& request = waiting.what.verification.request;
        return request.target == target && request.generation < generation;
    });
}

}  // namespace damon_schemes
