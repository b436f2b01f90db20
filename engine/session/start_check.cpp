// SPDX-License-Identifier: MIT
#include "engine/session/start_check.h"

#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/machine/cgroup.h"
#include "engine/machine/figure.h"
#include "engine/machine/pressure.h"
#include "schemes/decide/filters.h"

namespace damon_schemes {
namespace {

Error unsupported_for(const std::string& whom, const std::string& what) {
    return {ErrorKind::unsupported, whom + ": " + what, 0};
}

// `whom`: what asks for them, for people.
class FigureCheck {
  public:
    FigureCheck(std::string whom, const std::vector<CheckedTarget>& targets,
                const MachinePaths& paths)
        : whom_(std::move(whom)), targets_(targets), paths_(paths) {}

    Result<void> check_cgroups(const std::string& what, bool pressure) const {
        const auto mount = cgroup_folder("/", paths_);
        if (!mount)
            return unsupported(
                what +
                " needs cgroup v2, and it is mounted nowhere: this machine uses cgroup v1 (boot "
                "with systemd.unified_cgroup_hierarchy=1), or take it out of the policy");
        for (const CheckedTarget& target : targets_) {
            const std::string who =
                "process " + std::to_string(target.pid) + " ('" + target.name + "')";
            const auto cgroup = cgroup_of(target.pid, paths_);
            if (!cgroup)
                return unsupported(what + " needs the cgroup of " + who +
                                   ", which is in none of cgroup v2 that can be seen from here");
            if (!pressure || memory_stalled_of(*cgroup, paths_)) continue;
            return unsupported(
                what + " needs memory.pressure of " + who + ", and " +
                cgroup_folder(*cgroup, paths_).value_or(*cgroup) +
                " has none that can be read: cgroup v1 has no pressure (boot with "
                "systemd.unified_cgroup_hierarchy=1), and a kernel with PSI turned off neither "
                "(boot with psi=1)");
        }
        return {};
    }

    Result<void> check_file(const std::string& what, const std::string& file) const {
        if (figure_in(file)) return {};
        return Error{ErrorKind::usage,
                     whom_ + ": " + what + " needs a number in " + file +
                         (::access(file.c_str(), F_OK) == 0
                              ? ", which has no single number in it that can be read"
                              : ", which is not there") +
                         ": write one there before it starts, and keep it up to date (echo 0 > " +
                         file + ")",
                     0};
    }

  private:
    Error unsupported(const std::string& what) const { return unsupported_for(whom_, what); }

    const std::string whom_;
    const std::vector<CheckedTarget>& targets_;
    const MachinePaths& paths_;
};

class StartCheck {
  public:
    StartCheck(const Scheme& scheme, const std::vector<CheckedTarget>& targets, bool looks_at_pages,
               const MachinePaths& paths)
        : scheme_(scheme),
          figures_("scheme '" + scheme.name + "'", targets, paths),
          looks_at_pages_(looks_at_pages),
          paths_(paths) {}

    Result<void> run() const {
        if (auto pages = check_pages(); !pages) return pages;
        if (auto marks = check_watermarks(); !marks) return marks;
        if (ask_for_cgroup(scheme_.filters)) {
            if (auto groups = figures_.check_cgroups("its filter by cgroup", false); !groups)
                return groups;
        }
        for (const QuotaGoal& goal : scheme_.quota.goals) {
            if (auto checked = check(goal); !checked) return checked;
        }
        return {};
    }

  private:
    Error unsupported(const std::string& what) const {
        return unsupported_for("scheme '" + scheme_.name + "'", what);
    }

    Result<void> check_pages() const {
        if (looks_at_pages_) return {};
        const char* what = scheme_.verify                   ? "'verify'"
                           : ask_for_young(scheme_.filters) ? "the filter 'young'"
                                                            : nullptr;
        if (what == nullptr) return {};
        return unsupported(std::string(what) +
                           " needs a monitor that can look at single pages, and this one cannot: "
                           "load the damon_schemes module of this version ('./dev install' builds "
                           "both from one source), or take it out of the policy");
    }

    Result<void> check_watermarks() const {
        if (!scheme_.watermarks) return {};
        const bool by_swap = scheme_.watermarks->free_swap.has_value();
        const auto memory = memory_of_machine(paths_);
        if (!memory)
            return unsupported("its watermarks need " + paths_.proc +
                               "/meminfo, which cannot be read");
        if (by_swap && memory->swap_total.count == 0)
            return unsupported(
                "its watermark of free swap needs swap, and this machine has none: set up swap "
                "(zram, a partition or a file), or take watermarks.free_swap out of the policy");
        return {};
    }

    Result<void> check(const QuotaGoal& goal) const {
        const std::string what = "its goal '" + std::string(name_of(goal.metric)) + "'";
        switch (goal.metric) {
            case GoalMetric::pressure:
                if (memory_stalled(paths_)) return {};
                return unsupported(what + " needs " + paths_.proc +
                                   "/pressure/memory, which cannot be read: this kernel has no PSI "
                                   "(CONFIG_PSI), or it is turned off (boot with psi=1)");
            case GoalMetric::cgroup_pressure:
                return figures_.check_cgroups(what, true);
            case GoalMetric::free_memory:
                if (memory_of_machine(paths_)) return {};
                return unsupported(what + " needs " + paths_.proc +
                                   "/meminfo, which cannot be read");
            case GoalMetric::figure:
                return figures_.check_file(what, goal.file);
            case GoalMetric::refaults:
                return {};
        }
        return {};
    }

    const Scheme& scheme_;
    const FigureCheck figures_;
    const bool looks_at_pages_;
    const MachinePaths& paths_;
};

Result<void> check_guard(const Policy& policy, const FigureCheck& figures) {
    if (!policy.acts() || !policy.limits.guard) return {};
    if (policy.limits.guard->pressure)
        if (auto groups = figures.check_cgroups("its pressure", true); !groups) return groups;
    if (const auto& figure = policy.limits.guard->figure)
        return figures.check_file("its figure", figure->file);
    return {};
}

}  // namespace

Result<void> check_controls(const Policy& policy, const std::vector<CheckedTarget>& targets,
                            bool looks_at_pages, const MachinePaths& paths) {
    for (const Scheme& scheme : policy.schemes) {
        if (auto checked = StartCheck(scheme, targets, looks_at_pages, paths).run(); !checked)
            return checked;
    }
    return check_guard(policy, FigureCheck("limits.guard", targets, paths));
}

}  // namespace damon_schemes
