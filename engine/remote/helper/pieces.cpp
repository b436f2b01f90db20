// SPDX-License-Identifier: MIT
#include "engine/remote/helper/pieces.h"

#include <algorithm>

namespace damon_schemes::helper {

namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t largest_of_all = std::uint64_t{4} << 30;

}  // namespace

std::uint64_t Pieces::size(RemoteOperation operation, std::uint64_t ns) const {
    const Rate& rate = rates_[of(operation)];
    // A call that is late whatever its size is may take as long again as it does for a page.  With
    // a page only, a slow machine would be stopped for each page that there is.
    const std::uint64_t spare = ns > rate.call_ns ? ns - rate.call_ns : rate.call_ns;
    const std::uint64_t pages = spare / std::max<std::uint64_t>(rate.page_ns, 1);
    return std::clamp(pages * page, page, std::min(rate.largest, largest_of_all));
}

void Pieces::learn(RemoteOperation operation, std::uint64_t bytes, std::uint64_t ns) {
    Rate& rate = rates_[of(operation)];
    const std::uint64_t pages = bytes / page;
    if (pages <= 16) {
        // Up at once, down slowly; an outlier (we were not scheduled) is soon forgotten.
        rate.call_ns = ns > rate.call_ns ? (rate.call_ns + ns) / 2 : (rate.call_ns * 7 + ns) / 8;
        return;
    }
    const std::uint64_t per_page = (ns > rate.call_ns ? ns - rate.call_ns : 0) / pages;
    rate.page_ns = per_page > rate.page_ns ? per_page : (rate.page_ns * 3 + per_page) / 4;
    rate.largest = std::max(rate.largest, std::min(bytes * 8, largest_of_all));
}

}  // namespace damon_schemes::helper
