// SPDX-License-Identifier: MIT
#include "schemes/decide/explanation.h"

#include <algorithm>
#include <tuple>

namespace damon_schemes {

void Explanation::sort() {
    std::sort(verdicts.begin(), verdicts.end(), [](const Verdict& a, const Verdict& b) {
        return std::tie(a.target, a.range.start, a.scheme) <
               std::tie(b.target, b.range.start, b.scheme);
    });
}

}  // namespace damon_schemes
