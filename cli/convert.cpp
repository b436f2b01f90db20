// SPDX-License-Identifier: MIT
// damon-schemes convert: a recording in another format.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/recording_file.h"
#include "engine/recordings/recording.h"
#include "engine/reports/readable.h"
#include "schemes/quantity.h"

namespace damon_schemes {
namespace {

struct ConvertOptions {
    std::string input;
    std::string output;
    std::string format = "own";
    std::string sampling;
    std::string aggregation;
    bool force = false;
};

// What DAMON's formats have no place for, by what it was.
class LeftOut {
  public:
    void count(const RecordedEvent& event) {
        if (std::holds_alternative<RecordedAction>(event)) ++actions_;
        if (const auto* target = std::get_if<RecordedTarget>(&event))
            described_targets_ += (target->name.empty() && target->mappings.empty()) ? 0U : 1U;
        const auto* snapshot = std::get_if<Snapshot>(&event);
        if (!snapshot) return;
        for (const auto& target : snapshot->targets) {
            for (const auto& region : target.regions) unknown_regions_ += region.known() ? 0U : 1U;
        }
    }
    std::string text() const {
        std::string text = "ages, numbers of samples, flags of targets";
        if (described_targets_ != 0) text += ", names and mappings of targets";
        if (actions_ != 0) text += ", " + readable(actions_) + " actions of schemes";
        if (unknown_regions_ != 0)
            text += ", " + readable(unknown_regions_) +
                    " regions that were not looked at (they would seem idle)";
        return text;
    }

  private:
    std::uint64_t actions_ = 0;
    std::uint64_t described_targets_ = 0;
    std::uint64_t unknown_regions_ = 0;
};

Result<void> read_interval(const std::string& text, const char* option, Duration& into) {
    if (text.empty()) return {};
    const auto duration = parse_duration(text);
    if (duration && *duration.value > Duration::zero()) {
        into = *duration.value;
        return {};
    }
    return Error{ErrorKind::usage,
                 std::string(option) + " wants a time such as 5ms, not '" + text + "'", 0};
}

Result<ReadingOptions> reading_options(const ConvertOptions& options) {
    ReadingOptions reading;
    MonitorAttributes& assumed = reading.assumed;
    if (auto read = read_interval(options.sampling, "--sampling", assumed.sampling_interval); !read)
        return read.error();
    if (auto read =
            read_interval(options.aggregation, "--aggregation", assumed.aggregation_interval);
        !read)
        return read.error();
    if (assumed.sampling_interval <= assumed.aggregation_interval) return reading;
    return Error{ErrorKind::usage,
                 "the aggregation interval (" + to_string(assumed.aggregation_interval) +
                     ") must not be shorter than the sampling interval (" +
                     to_string(assumed.sampling_interval) + "): give both with -s and -A",
                 0};
}

Result<void> convert(const ConvertOptions& options) {
    const auto format = writable_format(options.format);
    if (!format) return format.error();
    if (auto output = check_output(options.output); !output) return output;
    const auto reading = reading_options(options);
    if (!reading) return reading.error();
    auto reader = open_recording(options.input, *reading);
    if (!reader) return reader.error();
    RecordingInfo info = (*reader)->info();
    if (info.format == RecordingFormat::own &&
        !(options.sampling.empty() && options.aggregation.empty())) {
        return Error{ErrorKind::usage,
                     options.input + " says itself which intervals it has: leave -s and -A out", 0};
    }
    const RecordingFormat from = info.format;
    info.format = *format;
    auto writer = create_recording(options.output, info,
                                   options.force ? OldRecording::overwrite : OldRecording::rename);
    if (!writer) return writer.error();

    std::uint64_t snapshots = 0;
    LeftOut left_out;
    for (;;) {
        const auto event = (*reader)->next();
        if (!event) return event.error();
        if (!*event) break;
        snapshots += std::holds_alternative<Snapshot>(**event) ? 1U : 0U;
        left_out.count(**event);
        if (auto wrote = (*writer)->write(**event); !wrote) return wrote;
    }
    if (auto finished = (*writer)->finish(); !finished) return finished;

    // Standard output may be the recording.
    const auto say = [](const std::string& text) {
        std::fprintf(stderr, "damon-schemes: %s\n", text.c_str());
    };
    say("converted " + readable(snapshots) + (snapshots == 1 ? " snapshot" : " snapshots") +
        " from " + std::string(name_of(from)) + " to " + std::string(name_of(*format)) + " (" +
        readable((*writer)->written()) + ")");
    if ((*writer)->dropped())
        say("left out, as " + std::string(name_of(*format)) +
            " has no place for it: " + left_out.text());
    if ((*reader)->damage()) say("warning: " + *(*reader)->damage());
    return {};
}

}  // namespace

void add_convert(CLI::App& root, Invocation& invocation) {
    const auto options = std::make_shared<ConvertOptions>();
    CLI::App* app = root.add_subcommand("convert", "Write a recording in another format");
    app->add_option("IN", options->input,
                    "Recording: of damon-schemes, or DAMON's versions 0, 1 and 2; '-' is stdin")
        ->required();
    app->add_option("OUT", options->output,
                    "File to write; an old one is renamed to OUT.old; '-' is stdout")
        ->required();
    app->add_option("--format", options->format, "own (the default), or DAMON's: damon-1, damon-2");
    app->add_option("-s,--sampling", options->sampling,
                    "Sampling interval of a DAMON record, which does not say: 5ms if not given");
    app->add_option("-A,--aggregation", options->aggregation,
                    "Aggregation interval of a DAMON record, likewise: 100ms if not given");
    app->add_flag("--force", options->force, "Replace an old file instead of renaming it");
    app->footer(
        "Says what the new format has no place for. A recording that is cut or damaged is\n"
        "converted up to its last whole record, with a warning.\n\n"
        "examples:\n"
        "  damon-schemes convert damon.dsr damon.data --format damon-1\n"
        "  damon-schemes convert -s 1ms -A 50ms damon.data damon.dsr");
    app->callback([options, &invocation] {
        invocation.run = [options] {
            const auto converted = convert(*options);
            return converted ? int{exit_ok} : fail(converted.error());
        };
    });
}

}  // namespace damon_schemes
