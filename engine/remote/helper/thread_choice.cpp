// SPDX-License-Identifier: MIT
#include "engine/remote/helper/thread_choice.h"

#include "engine/remote/helper/task_files.h"

namespace damon_schemes::helper {

void ThreadChoice::look(pid_t pid, int tasks, const TargetMemory& memory, const Rests& rests,
                        const LateThreads& late, std::uint64_t now) {
    if (pid != looked_at_pid_) {
        favourite_ = 0;
        next_look_ = 0;
        looked_at_pid_ = pid;
    }
    for (std::uint32_t& count : found_count_) count = 0;
    any_thread_ = false;
    refusal_.reset();

    // A filter or a debugger of any thread that is looked at is taken for the whole program's; the
    // first thread is always looked at.
    Guards guards;
    if (read_guards(tasks, pid, guards)) {
        if (guards.by_another()) refusal_ = RemoteRefusal::traced;
        if (guards.filtered) refusal_ = RemoteRefusal::seccomp;
    }
    const std::uint32_t count = list_threads(tasks, tids_, most_threads);
    if (count == 0) return;
    const auto best = static_cast<std::uint32_t>(Hurt::tolerant);
    if (favourite_ != 0) consider(favourite_, tasks, memory, rests, late, now);
    for (std::uint32_t i = 0; i < count && i < most_looks && found_count_[best] == 0; ++i) {
        if (next_look_ >= count) next_look_ = 0;
        const pid_t tid = tids_[next_look_++];
        if (tid != favourite_) consider(tid, tasks, memory, rests, late, now);
        if (refusal_) return;
    }
}

void ThreadChoice::consider(pid_t tid, int tasks, const TargetMemory& memory, const Rests& rests,
                            const LateThreads& late, std::uint64_t now) {
    ThreadState state;
    if (!read_state(tasks, tid, state) || state.kernels_own) return;
    if (state.ended()) return;
    any_thread_ = true;
    if (state.letter == 'T') refusal_ = RemoteRefusal::stopped;
    if (late.has(tid)) return;
    Hurt hurt = Hurt::running;
    if (state.letter == 'S') {
        const CallInProgress call = read_call(tasks, tid);
        if (call.kind == CallInProgress::Kind::running) {
            hurt = Hurt::running;  // woken since
        } else if (call.kind != CallInProgress::Kind::call) {
            return;
        } else {
            const auto blocking = architecture::blocking_call(call.number, call.arguments);
            switch (blocking.interruption) {
                case architecture::Interruption::unfit:
                    return;
                case architecture::Interruption::tolerant:
                    hurt = Hurt::tolerant;
                    break;
                case architecture::Interruption::sleeping:
                    hurt = Hurt::sleeping;
                    break;
                case architecture::Interruption::reading:
                    hurt = Hurt::reading;
                    break;
                case architecture::Interruption::failing:
                    hurt = memory.length_of(blocking.timeout) == 0 ? Hurt::failing : Hurt::delayed;
                    break;
            }
        }
        if (!rests.may_stop(tid, now)) return;
    } else if (state.letter != 'R') {
        return;
    }
    const auto kind = static_cast<std::uint32_t>(hurt);
    if (found_count_[kind] < kept) found_[kind][found_count_[kind]++] = tid;
}

pid_t ThreadChoice::next() {
    for (std::uint32_t kind = 0; kind < static_cast<std::uint32_t>(Hurt::count_); ++kind) {
        if (found_count_[kind] > 0) return found_[kind][--found_count_[kind]];
    }
    return 0;
}

}  // namespace damon_schemes::helper
