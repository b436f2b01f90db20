// SPDX-License-Identifier: MIT
#include "cli/recording_file.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <utility>

#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

std::string origin() {
    utsname system{};
    std::string text = "damon-schemes " DAMON_SCHEMES_VERSION;
    if (uname(&system) == 0) text += std::string(", ") + system.sysname + " " + system.release;
    return text;
}

RecordingInfo info_of(const Policy& policy, RecordingFormat format) {
    RecordingInfo info;
    info.format = format;
    info.attributes = policy.monitor;
    info.attributes_known = true;
    info.started_unix_time = std::chrono::system_clock::now().time_since_epoch();
    info.origin = origin();
    for (const auto& scheme : policy.schemes) info.schemes.push_back({scheme.name, scheme.action});
    return info;
}

}  // namespace

Result<RecordingFormat> writable_format(const std::string& name) {
    for (const auto format :
         {RecordingFormat::own, RecordingFormat::damon_1, RecordingFormat::damon_2}) {
        if (name == name_of(format)) return format;
    }
    std::string message = "--format is one of " + std::string(format_choices) + ", not '" + name;
    message += name == name_of(RecordingFormat::damon_0) ? "', which can only be read" : "'";
    return Error{ErrorKind::usage, std::move(message), 0};
}

Result<void> check_output(const std::string& path) {
    if (path != "-" || isatty(STDOUT_FILENO) == 0) return {};
    return Error{ErrorKind::usage,
                 "a recording is not for a terminal: name a file, or send it through a pipe", 0};
}

Result<std::unique_ptr<Recorder>> start_recording(Session& session, const RecordingWish& wish) {
    if (session.policy().monitor.interval_goal && wish.format != RecordingFormat::own) {
        return Error{
            ErrorKind::usage,
            "monitor.interval_goal is set, and DAMON's formats have no place for intervals "
            "that change: record with --format own, or take it out of the policy",
            0};
    }
    auto writer = create_recording(wish.path, info_of(session.policy(), wish.format), wish.old_one);
    if (!writer) return writer.error();
    Recorder::Options options;
    options.update_interval = session.policy().monitor.update_interval;
    auto recorder = std::make_unique<Recorder>(std::move(*writer), std::move(options));
    for (const auto& target : session.targets()) recorder->introduce(target.id, target.process);
    session.on_child = [to = recorder.get(),
                        before = std::move(session.on_child)](const SessionTarget& target) {
        to->introduce(target.id, target.process);
        if (before) before(target);
    };
    session.on_action = [to = recorder.get()](std::uint32_t scheme, TargetId target,
                                              AddressRange range, const ActionOutcome& outcome) {
        // What was never asked of the kernel did not happen.
        if (outcome.calls == 0) return;
        // A recording names the scheme's action, and this was its undoing.
        if (outcome.unlock) return;
        to->did({std::chrono::steady_clock::now(), scheme, target, range, outcome.advised,
                 outcome.paged_out, outcome.spent});
    };
    return recorder;
}

std::string recording_summary(const std::string& path, const RecorderTally& tally) {
    std::string text = "recorded " + readable(tally.snapshots) +
                       (tally.snapshots == 1 ? " snapshot" : " snapshots") + " in " + path + " (" +
                       readable(tally.written) + ")";
    if (tally.dropped != 0)
        text += "; left out " + readable(tally.dropped) + " that the disk was too slow for";
    return text;
}

}  // namespace damon_schemes
