// SPDX-License-Identifier: MIT
#include "cli/description.h"

#include <string_view>

#include "engine/reports/readable.h"
#include "schemes/quantity.h"

namespace damon_schemes {
namespace {

constexpr Share whole{1'000'000};

std::string_view verb(Action action) {
    switch (action) {
        case Action::pageout:
            return "page out";
        case Action::cold:
            return "tell the kernel that it may reclaim first";
        case Action::willneed:
            return "read back from swap";
        case Action::stat:
            return "only count";
    }
    return name_of(action);
}

template <typename T>
std::string bounds(const Range<T>& range) {
    if (range.min && range.max)
        return *range.min == *range.max ? to_string(*range.min)
                                        : to_string(*range.min) + " to " + to_string(*range.max);
    if (range.min) return "at least " + to_string(*range.min);
    return "at most " + to_string(*range.max);
}

std::string accesses(const Range<Share>& range) {
    const bool from_none = !range.min || *range.min == Share{};
    if (range.max && *range.max == Share{} && from_none) return "no look found accessed";
    if (from_none && (!range.max || *range.max == whole)) return {};
    return "was found accessed in " + bounds(range) + " of the looks";
}

std::string sentence(const Scheme& scheme) {
    std::string text = scheme.name + ": " + std::string(verb(scheme.action)) + " memory";
    std::string conditions = accesses(scheme.frequency);
    if (!conditions.empty()) text += " that " + conditions;
    if (scheme.age.min || scheme.age.max) {
        // Without a frequency the age is that of whatever it is like.
        text += conditions.empty() ? " that has been used alike for " : ", for ";
        text += bounds(scheme.age);
    }
    if (scheme.size.min || scheme.size.max) text += ", in regions of " + bounds(scheme.size);
    if (acts(scheme.action)) {
        std::string quota;
        if (scheme.quota.bytes) quota = to_string(*scheme.quota.bytes);
        if (scheme.quota.time) {
            if (!quota.empty()) quota += " and ";
            quota += to_string(*scheme.quota.time) + " of work";
        }
        text += quota.empty() ? "; as much as there is"
                              : "; at most " + quota + " per " + to_string(scheme.quota.per);
        if (scheme.split_huge_pages) text += "; huge pages may be split";
        if (scheme.allow_unseen_accesses)
            text += "; also where others map the memory and their accesses are not seen";
    }
    return text + ".";
}

std::string targets(const Policy& policy) {
    if (policy.targets.empty())
        return "target: none in the policy; give --pid, --name or -- COMMAND to apply.";
    std::string text = policy.targets.size() == 1 ? "target: " : "targets: ";
    for (std::size_t i = 0; i < policy.targets.size(); ++i) {
        const TargetSelector& target = policy.targets[i];
        if (i != 0) text += ", ";
        if (target.pid) text += "process " + std::to_string(*target.pid);
        if (target.name)
            text += (target.all ? "every process named " : "the process named ") + *target.name;
    }
    return text + ".";
}

std::string limits(const Limits& limits) {
    std::string text = "limits: ";
    text += limits.min_free_swap ? "stop paging out while less than " +
                                       to_string(*limits.min_free_swap) + " of swap is free"
                                 : "swap may be filled to the last page";
    text += "; ";
    if (limits.brake) {
        text += "leave a target alone for " + to_string(limits.brake->pause) +
                " when its major faults rise over " + readable(limits.brake->faults_per_second) +
                " a second and " + std::to_string(limits.brake->times) + " times its earlier rate";
    } else {
        text += "no brake on a target's major faults";
    }
    return text + ".";
}

std::string monitor(const MonitorAttributes& attributes) {
    return "monitor: look every " + to_string(attributes.sampling_interval) + ", decide every " +
           to_string(attributes.aggregation_interval) + ", follow mappings every " +
           to_string(attributes.update_interval) + ", " +
           readable(std::uint64_t{attributes.min_regions}) + " to " +
           readable(std::uint64_t{attributes.max_regions}) + " regions of at least " +
           to_string(attributes.min_region_size) + ".";
}

}  // namespace

std::string describe(const Policy& policy, std::size_t width) {
    std::string result;
    auto add = [&](const std::string& text) {
        bool first = true;
        for (const std::string& line : wrapped(text, width > 24 ? width - 6 : 18)) {
            result += (first ? "  " : "      ") + line + "\n";
            first = false;
        }
    };
    for (const Scheme& scheme : policy.schemes) add(sentence(scheme));
    add(targets(policy));
    bool acting = false;
    for (const Scheme& scheme : policy.schemes) acting = acting || acts(scheme.action);
    if (acting) add(limits(policy.limits));
    add(monitor(policy.monitor));
    return result;
}

}  // namespace damon_schemes
