// SPDX-License-Identifier: MIT
#include "engine/actions/action_warnings.h"

#include "engine/targets/procfs.h"

namespace damon_schemes {

std::string chosen_setting(const std::string& text) {
    const auto open = text.find('[');
    const auto close = text.find(']', open == std::string::npos ? 0 : open);
    if (open == std::string::npos || close == std::string::npos) return {};
    return text.substr(open + 1, close - open - 1);
}

std::vector<std::string> action_warnings(const Policy& policy, const AdviceSupport& support,
                                         const MachinePaths& paths) {
    std::vector<std::string> warnings;
    const bool collapsing = policy.has(Action::collapse);
    const bool flagging = policy.has(Action::hugepage) || policy.has(Action::nohugepage);
    const auto enabled = read_file(paths.sys + "/kernel/mm/transparent_hugepage/enabled");
    if ((collapsing || flagging) && !enabled) {
        warnings.push_back(
            "this kernel is built without transparent huge pages: 'collapse', "
            "'hugepage' and 'nohugepage' do nothing");
    } else if (collapsing && support.collapse == false) {
        warnings.push_back(
            "this kernel does not take 'collapse' for other processes; Linux 6.1 is "
            "needed");
    }
    const bool never = enabled && chosen_setting(*enabled) == "never";
    if (never && policy.has(Action::hugepage))
        warnings.push_back(
            "transparent huge pages are turned off "
            "(/sys/kernel/mm/transparent_hugepage/enabled is 'never'): 'hugepage' "
            "has no effect until that is 'madvise' or 'always'");
    if (never && collapsing && support.collapse.value_or(true))
        warnings.push_back(
            "transparent huge pages are turned off "
            "(/sys/kernel/mm/transparent_hugepage/enabled is 'never'): 'collapse' "
            "makes them all the same");
    const auto memory = memory_of_machine(paths);
    if (policy.has(Action::mlock) && memory && memory->swap_total.count == 0)
        warnings.push_back(
            "this machine has no swap, so anonymous memory does not leave memory "
            "anyway: 'mlock' keeps but pages of files");
    if (policy.remote_syscall) return warnings;
    for (const Scheme& scheme : policy.schemes) {
        const bool by_itself =
            (scheme.action == Action::hugepage && !support.hugepage.value_or(false)) ||
            (scheme.action == Action::nohugepage && !support.nohugepage.value_or(false)) ||
            locks(scheme.action);
        if (by_itself)
            warnings.push_back("scheme '" + scheme.name + "' does nothing: '" +
                               std::string(name_of(scheme.action)) +
                               "' takes a system call that the target makes itself, and the policy "
                               "does not allow that (remote_syscall)");
    }
    return warnings;
}

}  // namespace damon_schemes
