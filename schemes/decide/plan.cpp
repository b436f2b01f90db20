// SPDX-License-Identifier: MIT
#include "schemes/decide/plan.h"

namespace damon_schemes {

std::string_view name_of(Reason reason) {
    switch (reason) {
        case Reason::unknown:
            return "unknown";
        case Reason::size:
            return "size";
        case Reason::frequency:
            return "frequency";
        case Reason::age:
            return "age";
        case Reason::other_scheme:
            return "other_scheme";
        case Reason::recently_acted:
            return "recently_acted";
        case Reason::already_locked:
            return "already_locked";
        case Reason::nothing_present:
            return "nothing_present";
        case Reason::unseen_accesses:
            return "unseen_accesses";
        case Reason::target_denied:
            return "target_denied";
        case Reason::observing_only:
            return "observing_only";
        case Reason::paused:
            return "paused";
        case Reason::brake:
            return "brake";
        case Reason::guard:
            return "guard";
        case Reason::headroom_low:
            return "headroom_low";
        case Reason::swap_low:
            return "swap_low";
        case Reason::zram_poor:
            return "zram_poor";
        case Reason::unmeasured:
            return "unmeasured";
        case Reason::watermark:
            return "watermark";
        case Reason::small_target:
            return "small_target";
        case Reason::filter:
            return "filter";
        case Reason::not_due:
            return "not_due";
        case Reason::floor:
            return "floor";
        case Reason::lock_budget:
            return "lock_budget";
        case Reason::quota_bytes:
            return "quota_bytes";
        case Reason::quota_time:
            return "quota_time";
        case Reason::quota_goal:
            return "quota_goal";
        case Reason::count_:
            break;
    }
    return "none";
}

std::string_view explanation_of(Reason reason) {
    switch (reason) {
        case Reason::unknown:
            return "no look at it was completed in this interval, so nothing is known of it";
        case Reason::size:
            return "the region is smaller or larger than the scheme asks for";
        case Reason::frequency:
            return "it is accessed more, or less, often than the scheme asks for";
        case Reason::age:
            return "it has not been so for as long as the scheme asks for, or for too long";
        case Reason::other_scheme:
            return "another scheme of this policy matches it too, and comes first";
        case Reason::recently_acted:
            return "this scheme acted on it, or tried to, and its age counts anew from then";
        case Reason::already_locked:
            return "this scheme has locked it already";
        case Reason::nothing_present:
            return "every look found that nothing of it is in memory";
        case Reason::unseen_accesses:
            return "others map the target's memory, so it may be accessed unseen, and the scheme "
                   "does not say allow_unseen_accesses = true";
        case Reason::target_denied:
            return "the target may not be watched any more";
        case Reason::observing_only:
            return "this session has not proved that it sees accesses, so it only observes";
        case Reason::paused:
            return "it was told to pause, or to leave the target alone for a while";
        case Reason::brake:
            return "the target's major faults rose, so it is left alone for a while";
        case Reason::guard:
            return "the target paid for what this scheme does, so it is left alone for a while";
        case Reason::headroom_low:
            return "memory and swap are nearly used up: less is left than limits.min_headroom asks "
                   "for";
        case Reason::swap_low:
            return "less swap is free than limits.min_free_swap asks for";
        case Reason::zram_poor:
            return "zram saves less of what it is given than limits.min_zram_saving asks for";
        case Reason::unmeasured:
            return "a figure that one of the scheme's controls needs could not be had";
        case Reason::watermark:
            return "the scheme rests by its watermarks";
        case Reason::small_target:
            return "the target has less in memory than the scheme's min_rss";
        case Reason::filter:
            return "the scheme's filters reject it";
        case Reason::not_due:
            return "the scheme's apply_interval has not passed yet";
        case Reason::floor:
            return "the target keeps so much in memory by the scheme's floor";
        case Reason::lock_budget:
            return "so much of the target is locked already as the scheme's lock.target allows";
        case Reason::quota_bytes:
            return "the quota of bytes for this window is used up";
        case Reason::quota_time:
            return "the quota of time for this window is used up";
        case Reason::quota_goal:
            return "the quota's goals allow no more in this window";
        case Reason::count_:
            break;
    }
    return "nothing holds it back";
}

}  // namespace damon_schemes
