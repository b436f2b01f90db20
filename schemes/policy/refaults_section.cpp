// SPDX-License-Identifier: MIT
#include "schemes/policy/sections.h"

namespace damon_schemes {

RefaultWatch read_refaults(TableReader& reader, const Table& table) {
    RefaultWatch watch;
    if (const auto window = reader.duration_of(table, "window")) {
        watch.window = *window;
        if (*window < std::chrono::seconds(1) || *window > std::chrono::hours(1))
            reader.fail_at_value(
                table, "window",
                "'window' is " + to_string(*window) + ", which is out of its range",
                "write a duration from \"1s\" to \"1h\"");
    }
    if (const auto rate = reader.size_of(table, "rate")) {
        watch.rate = *rate;
        if (*rate < mebibytes(1))
            reader.fail_at_value(table, "rate",
                                 "'rate' is " + to_string(*rate) +
                                     " a second, which is too little to see refaults by",
                                 "write at least \"1MiB\"");
    }
    return watch;
}

}  // namespace damon_schemes
