// SPDX-License-Identifier: MIT
#include "engine/monitors/kdamond_setup.h"

namespace damon_schemes {
namespace {

std::string microseconds(Duration duration) {
    return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

// Contexts may be one at most.
const std::string context = "/contexts/0/";

}  // namespace

KdamondSetup monitored_setup(const std::string& operations, const MonitorAttributes& attributes) {
    const std::string intervals = context + "monitoring_attrs/intervals/";
    const std::string regions = context + "monitoring_attrs/nr_regions/";
    return {{"/contexts/nr_contexts", "1", "0"},
            {context + "operations", operations, "vaddr"},
            {intervals + "sample_us", microseconds(attributes.sampling_interval), "5000"},
            {intervals + "aggr_us", microseconds(attributes.aggregation_interval), "100000"},
            {intervals + "update_us", microseconds(attributes.update_interval), "60000000"},
            {regions + "min", std::to_string(attributes.min_regions), "10"},
            {regions + "max", std::to_string(attributes.max_regions), "1000"}};
}

KdamondSetup virtual_setup(const MonitorAttributes& attributes,
                           const std::vector<std::int32_t>& pids) {
    KdamondSetup setup = monitored_setup("vaddr", attributes);
    setup.push_back({context + "schemes/nr_schemes", "0", "0"});
    setup.push_back({context + "targets/nr_targets", std::to_string(pids.size()), "0"});
    for (std::size_t place = 0; place < pids.size(); ++place) {
        const std::string target = context + "targets/" + std::to_string(place) + "/";
        setup.push_back({target + "regions/nr_regions", "0", "0"});
        setup.push_back({target + "pid_target", std::to_string(pids[place]), "0"});
    }
    return setup;
}

}  // namespace damon_schemes
