// SPDX-License-Identifier: MIT
// damon-schemes report: what a recording says, as text, pictures and data.
#include "engine/reports/report.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "engine/recordings/recording.h"
#include "engine/reports/terminal.h"
#include "schemes/quantity.h"

namespace damon_schemes {
namespace {

struct ReportOptions {
    std::vector<std::string> words;  // KIND FILE, or FILE alone
    std::string format;
    bool json = false;
    bool csv = false;
    std::string output;
    std::optional<std::uint64_t> target;
    std::string tmin;
    std::string tmax;
    std::string amin;
    std::string amax;
    std::string area;
    std::optional<std::uint64_t> tres;
    std::optional<std::uint64_t> ares;
    bool guide = false;
    std::vector<std::uint64_t> range;
    std::string sort;
    bool plot = false;
    std::uint64_t skip = 20;
    std::string sampling;
    std::string aggregation;
    std::string color = "auto";
};

Error usage(const std::string& message) {
    return {ErrorKind::usage, message, 0};
}

std::optional<std::uint64_t> number(std::string_view text, int base) {
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
    return value;
}

Result<std::uint64_t> address(const char* option, const std::string& text) {
    const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    const auto value =
        hexadecimal ? number(std::string_view(text).substr(2), 16) : number(text, 10);
    if (value) return *value;
    std::string message =
        std::string(option) + " wants an address such as 0x7f0000000000, not '" + text + "'";
    if (!hexadecimal && number(text, 16)) message += "; write 0x" + text;
    return usage(message);
}

// "10s" since the beginning; a bare number is nanoseconds on the recording's
// clock, as DAMON v12's tool took them.
Result<TimeBound> time_bound(const char* option, const std::string& text) {
    if (const auto nanoseconds = number(text, 10);
        nanoseconds && *nanoseconds <= static_cast<std::uint64_t>(Duration::max().count()))
        return TimeBound{Duration(static_cast<std::int64_t>(*nanoseconds)), true};
    if (const auto reading = parse_duration(text); reading) return TimeBound{*reading.value, false};
    return usage(std::string(option) +
                 " wants a time since the beginning such as 10s, or nanoseconds on the "
                 "recording's clock, not '" +
                 text + "'");
}

// What was given to an option, and where it goes.
template <typename Value>
struct Given {
    const std::string& text;
    const char* option;
    Value& value;
};

Result<ReportSelection> selection_of(const ReportOptions& options) {
    ReportSelection selection;
    selection.target = options.target;
    using Time = Given<std::optional<TimeBound>>;
    for (const Time& given : {Time{options.tmin, "--tmin", selection.tmin},
                              Time{options.tmax, "--tmax", selection.tmax}}) {
        if (given.text.empty()) continue;
        const auto time = time_bound(given.option, given.text);
        if (!time) return time.error();
        given.value = *time;
    }
    using Address = Given<std::uint64_t>;
    for (const Address& given : {Address{options.amin, "--amin", selection.addresses.start},
                                 Address{options.amax, "--amax", selection.addresses.end}}) {
        if (given.text.empty()) continue;
        const auto value = address(given.option, given.text);
        if (!value) return value.error();
        given.value = *value;
    }
    if (selection.addresses.empty()) return usage("--amax must be greater than --amin");
    return selection;
}

Result<void> set_kind(ReportRequest& request, const ReportOptions& options, std::string& file) {
    if (options.words.size() == 1) {
        file = options.words.front();
        if (report_kind(file))
            return usage("report " + file + " of which recording? damon-schemes report " + file +
                         " FILE");
        return {};
    }
    const auto kind = report_kind(options.words.front());
    if (!kind) {
        return usage("there is no report '" + options.words.front() +
                     "'; there are summary, heatmap, wss, regions, schemes and raw");
    }
    request.kind = *kind;
    file = options.words.back();
    return {};
}

Result<void> set_format(ReportRequest& request, const ReportOptions& options) {
    const int ways =
        (options.json ? 1 : 0) + (options.csv ? 1 : 0) + (options.format.empty() ? 0 : 1);
    if (ways > 1) return usage("give one of --format, --json and --csv");
    if (options.json) request.format = ReportFormat::json;
    if (options.csv) request.format = ReportFormat::csv;
    if (!options.format.empty()) {
        const auto format = report_format(options.format);
        if (!format) {
            return usage("there is no format '" + options.format +
                         "'; there are text, svg, html, heats, json and csv");
        }
        request.format = *format;
    }
    return {};
}

Result<void> set_percentiles(ReportRequest& request, const ReportOptions& options) {
    if (options.range.empty()) return {};
    const std::uint64_t start = options.range[0];
    const std::uint64_t stop = options.range[1];
    const std::uint64_t step = options.range[2];
    if (step == 0 || start >= stop || stop > 101) {
        return usage(
            "--range wants START STOP STEP in percent, STOP itself left out, as in "
            "--range 0 101 10");
    }
    request.percentiles.clear();
    for (std::uint64_t at = start; at < stop; at += step) request.percentiles.push_back(at);
    return {};
}

Result<ReportRequest> request_of(const ReportOptions& options, std::string& file) {
    ReportRequest request;
    if (auto set = set_kind(request, options, file); !set) return set.error();
    if (auto set = set_format(request, options); !set) return set.error();
    if (auto set = set_percentiles(request, options); !set) return set.error();
    auto selection = selection_of(options);
    if (!selection) return selection.error();
    request.selection = std::move(*selection);
    request.area = options.area;
    if (options.tres) request.time_cells = *options.tres;
    if (options.ares) request.address_cells = *options.ares;
    request.guide = options.guide;
    if (!options.sort.empty())
        request.order = options.sort == "time" ? CourseOrder::time : CourseOrder::size;
    request.plot = options.plot;
    request.skip = options.skip;
    const ColourChoice choice = options.color == "always"  ? ColourChoice::always
                                : options.color == "never" ? ColourChoice::never
                                                           : ColourChoice::automatic;
    // A file is no terminal, whatever standard output is.
    Terminal out;
    if (options.output.empty()) out = terminal_of(STDOUT_FILENO, choice);
    request.style.width = out.width;
    request.style.colour = out.colour;
    request.style.unicode = out.unicode;
    // Titles, axes and the legend take about eleven lines.
    if (out.interactive) request.style.rows = std::clamp<std::size_t>(out.height, 19, 80) - 11;
    return request;
}

// A pipe can be read once only, and some reports walk twice: what comes is kept
// in a file without a name.
class Input {
  public:
    static Result<Input> of(const std::string& path) {
        struct stat status {};
        const bool piped = path == "-" || (stat(path.c_str(), &status) == 0 &&
                                           (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)));
        if (!piped) return Input(path, nullptr);
        const int source =
            path == "-" ? dup(STDIN_FILENO) : open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (source < 0) return failure("cannot read " + path);
        File spool(std::tmpfile());
        std::array<char, 65536> part{};
        ssize_t got = spool ? 1 : -1;
        while (got > 0) {
            got = read(source, part.data(), part.size());
            if (got < 0 && errno == EINTR)
                got = 1;
            else if (got > 0 && std::fwrite(part.data(), 1, static_cast<std::size_t>(got),
                                            spool.get()) != static_cast<std::size_t>(got))
                got = -1;
        }
        const bool whole = got == 0 && std::fflush(spool.get()) == 0;
        const int code = errno;
        close(source);
        errno = code;
        if (!whole) return failure("cannot keep what comes from " + path + " in a temporary file");
        std::string name = "/proc/self/fd/" + std::to_string(fileno(spool.get()));
        return Input(std::move(name), std::move(spool));
    }
    const std::string& path() const { return path_; }

  private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    using File = std::unique_ptr<std::FILE, Close>;
    Input(std::string path, File spool) : path_(std::move(path)), spool_(std::move(spool)) {}
    static Error failure(const std::string& what) {
        return {ErrorKind::runtime, what + ": " + std::strerror(errno), errno};
    }

    std::string path_;
    File spool_;
};

// Opened with the first text: what was there before stays where a report cannot be made at all.
class Output {
  public:
    explicit Output(std::string path) : path_(std::move(path)) {
        if (path_.empty() || path_ == "-") file_ = stdout;
    }
    ~Output() {
        if (file_ != nullptr && file_ != stdout) std::fclose(file_);
    }
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    Result<void> write(std::string_view text) {
        if (file_ == nullptr) {
            file_ = std::fopen(path_.c_str(), "we");
            if (file_ == nullptr)
                return usage("cannot write " + path_ + ": " + std::strerror(errno));
        }
        if (std::fwrite(text.data(), 1, text.size(), file_) == text.size()) return {};
        return failure();
    }
    Result<void> finish() {
        if (file_ == nullptr || std::fflush(file_) == 0) return {};
        return failure();
    }

  private:
    Error failure() const {
        return {ErrorKind::runtime,
                "cannot write " + (file_ == stdout ? std::string("the output") : path_) + ": " +
                    std::strerror(errno),
                errno};
    }

    std::string path_;
    std::FILE* file_ = nullptr;
};

Result<ReadingOptions> reading_of(const ReportOptions& options) {
    ReadingOptions reading;
    MonitorAttributes& assumed = reading.assumed;
    using Interval = Given<Duration>;
    for (const Interval& given :
         {Interval{options.sampling, "--sampling", assumed.sampling_interval},
          Interval{options.aggregation, "--aggregation", assumed.aggregation_interval}}) {
        if (given.text.empty()) continue;
        const auto duration = parse_duration(given.text);
        if (!duration || *duration.value <= Duration::zero())
            return usage(std::string(given.option) + " wants a time such as 5ms, not '" +
                         given.text + "'");
        given.value = *duration.value;
    }
    if (reading.assumed.aggregation_interval < reading.assumed.sampling_interval)
        return usage("--aggregation must not be shorter than --sampling");
    return reading;
}

int run_report(const ReportOptions& options) {
    std::string file;
    const auto request = request_of(options, file);
    if (!request) return fail(request.error());
    const auto reading = reading_of(options);
    if (!reading) return fail(reading.error());
    const auto input = Input::of(file);
    if (!input) return fail(input.error());
    Output output(options.output);
    const auto made = make_report(
        *request, [&] { return open_recording(input->path(), *reading); },
        [&output](std::string_view text) { return output.write(text); });
    if (!made) return fail(made.error());
    if (auto finished = output.finish(); !finished) return fail(finished.error());
    for (const std::string& warning : made->warnings)
        std::fprintf(stderr, "damon-schemes: %s\n", warning.c_str());
    return exit_ok;
}

}  // namespace

void add_report(CLI::App& root, Invocation& invocation) {
    const auto options = std::make_shared<ReportOptions>();
    CLI::App* app = root.add_subcommand("report",
                                        "Show what a recording says: summary, "
                                        "heatmap, wss, regions, schemes, raw");
    app->add_option("KIND FILE", options->words,
                    "What to show (summary if it is left out), and the "
                    "recording; - is stdin")
        ->required()
        ->expected(1, 2);
    app->add_option("-f,--format", options->format,
                    "text; json, csv; svg (heatmap, wss, regions); html, heats (heatmap)");
    app->add_flag("--json", options->json, "The same as --format json");
    app->add_flag("--csv", options->csv, "The same as --format csv");
    app->add_option("-o,--output", options->output, "Write to this file, not to standard output");
    app->add_option("-t,--target", options->target, "Only this target: a pid, or a target's id");
    app->add_option("--tmin", options->tmin, "From this time on: 10s since the beginning, or ns");
    app->add_option("--tmax", options->tmax, "Up to this time");
    app->add_option("--amin", options->amin, "From this address on, e.g. 0x7f0000000000");
    app->add_option("--amax", options->amax, "Up to this address");
    app->add_option("--area", options->area, "Only heap, mmap, stack, or mappings of this name");
    app->add_option("--tres", options->tres, "heatmap: parts of the time (heats: 500, data: 120)");
    app->add_option("--ares", options->ares,
                    "heatmap: parts of the addresses (heats: 500, data: 64)");
    app->add_flag("--guide", options->guide, "heatmap: say what there is to select");
    app->add_option("-r,--range", options->range,
                    "wss, regions: percentiles START STOP STEP, STOP left out")
        ->expected(3)
        ->type_name("UINT...");
    app->add_option("-s,--sortby", options->sort, "wss, regions: by time, or by size")
        ->check(CLI::IsMember({"time", "size"}));
    app->add_flag("--plot", options->plot, "wss, regions: draw it in the terminal, too");
    app->add_option("--skip", options->skip, "wss, regions: snapshots left out at the beginning")
        ->capture_default_str();
    app->add_option("--sampling", options->sampling,
                    "Sampling interval to assume of a file in DAMON's format (5ms)");
    app->add_option("--aggregation", options->aggregation,
                    "Aggregation interval to assume of such a file (100ms)");
    app->add_option("--color", options->color, "auto (on a terminal), always, never")
        ->check(CLI::IsMember({"auto", "always", "never"}));
    app->footer(
        "Examples:\n"
        "  damon-schemes report redis.dsr\n"
        "  damon-schemes report heatmap redis.dsr\n"
        "  damon-schemes report heatmap redis.dsr --format html -o redis.html\n"
        "  damon-schemes report wss redis.dsr --plot\n"
        "\n"
        "docs/reports.md says what each figure means.");
    app->callback(
        [options, &invocation] { invocation.run = [options] { return run_report(*options); }; });
}

}  // namespace damon_schemes
