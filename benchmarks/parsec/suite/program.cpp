// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/program.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <exception>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "benchmarks/json_file.h"
#include "benchmarks/parsec/suite/hot_on_huge.h"

namespace damon_schemes::parsec {
namespace {

const std::map<std::string, Size> sizes = {{"quick", Size::quick},
                                           {"small", Size::small},
                                           {"medium", Size::medium},
                                           {"native", Size::native}};

struct Options {
    std::string size = "small";
    std::optional<double> seconds;
    std::uint64_t seed = 1;
    std::string report;
    std::vector<std::string> ages;
};

double seconds_of(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

// "500ms" or "3s".
Duration age_of(const std::string& text) {
    std::size_t end = 0;
    double number = -1;
    try {
        number = std::stod(text, &end);
    } catch (const std::exception&) {
    }
    const std::string unit = text.substr(end);
    const double milliseconds = unit == "s" ? number * 1000 : unit == "ms" ? number : -1;
    if (!(milliseconds >= 10 && milliseconds <= 3'600'000) || std::fmod(milliseconds, 10) != 0)
        throw CLI::ValidationError("--ages", "'" + text +
                                                 "' is no age: write 500ms or 3s, in whole steps "
                                                 "of 10 ms up to an hour");
    return std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds));
}

std::vector<Duration> ages_of(const std::vector<std::string>& texts) {
    if (texts.empty()) return default_ages();
    std::vector<Duration> ages;
    for (const std::string& text : texts) ages.push_back(age_of(text));
    std::sort(ages.begin(), ages.end());
    ages.erase(std::unique(ages.begin(), ages.end()), ages.end());
    return ages;
}

// As a key: 0.5, 3.
std::string name_of(Duration age) {
    return nlohmann::json(seconds_of(age)).dump().ends_with(".0")
               ? std::to_string(age / std::chrono::seconds(1))
               : nlohmann::json(seconds_of(age)).dump();
}

nlohmann::json json_of(const CoursePoint& point, const std::vector<Duration>& ages) {
    nlohmann::json idle = nlohmann::json::object();
    for (std::size_t i = 0; i < ages.size(); ++i) idle[name_of(ages[i])] = point.idle_bytes[i];
    nlohmann::json json = {{"t_s", seconds_of(point.at)},
                           {"touched_bytes", point.touched_bytes},
                           {"idle_bytes", std::move(idle)},
                           {"hot_bytes", point.hot_bytes},
                           {"hot_on_huge_bytes", nullptr}};
    if (point.hot_on_huge_bytes) json["hot_on_huge_bytes"] = *point.hot_on_huge_bytes;
    return json;
}

nlohmann::json json_of(const Balance& balance, const std::vector<Duration>& ages) {
    nlohmann::json phases = nlohmann::json::array();
    for (const Phase& phase : balance.phases)
        phases.push_back({{"name", phase.name},
                          {"begin_s", seconds_of(phase.begin)},
                          {"end_s", seconds_of(phase.end)}});
    nlohmann::json oracle = nlohmann::json::array();
    for (const Oracle& one : balance.oracle)
        oracle.push_back(
            {{"age_s", seconds_of(one.age)}, {"saved_byte_seconds", one.saved_byte_seconds}});
    nlohmann::json course = nlohmann::json::array();
    for (const CoursePoint& point : balance.course) course.push_back(json_of(point, ages));
    return {
        {"elapsed_s", seconds_of(balance.elapsed)},
        {"phases", std::move(phases)},
        {"page_bytes", page_bytes},
        {"touched_bytes", balance.touched_bytes},
        {"truth",
         {{"resident_byte_seconds", balance.resident_byte_seconds}, {"oracle", std::move(oracle)}}},
        {"course", std::move(course)}};
}

int run(const Program& program, const Options& options, const std::vector<Duration>& ages) {
    LedgerOptions ledger_options;
    ledger_options.ages = ages;
    ledger_options.hot_on_huge = look_at_huge_pages();
    Ledger ledger(std::move(ledger_options));
    std::optional<Duration> seconds;
    if (options.seconds)
        seconds =
            std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*options.seconds));
    Run run(ledger, sizes.at(options.size), options.seed, seconds);
    Finding finding = program.work(run);
    const Balance balance = ledger.close();
    const bool passed = finding.difference.empty();
    nlohmann::json report = json_of(balance, ages);
    report["schema"] = 1;
    report["program"] = program.name;
    report["size"] = options.size;
    report["seed"] = options.seed;
    report["checked"] = passed;
    bench::write_json(options.report, report.dump(1));
    std::printf("%s: %s, %.1f s, %.1f MiB\n", program.name.c_str(), finding.result.c_str(),
                seconds_of(balance.elapsed),
                static_cast<double>(balance.touched_bytes) / (1 << 20));
    if (passed) return 0;
    std::fprintf(stderr, "%s: the result is wrong: %s\n", program.name.c_str(),
                 finding.difference.c_str());
    return 1;
}

}  // namespace

int run_program(int argc, char** argv, const Program& program) {
    Options options;
    CLI::App app{program.description, program.name};
    app.add_option("--size", options.size, "quick, small, medium or native")
        ->capture_default_str()
        ->check(CLI::IsMember(sizes));
    app.add_option("--seconds", options.seconds,
                   "Go on with further rounds until so much time has gone (default: one natural "
                   "run)")
        ->check(CLI::Range(0.1, 1e6));
    app.add_option("--seed", options.seed, "Of the input")->capture_default_str();
    app.add_option("--report", options.report,
                   "Write what is known of the memory's use here, as JSON");
    app.add_option("--ages", options.ages,
                   "For which the oracle is told (default: 500ms,1s,2s,3s,5s,10s,20s)")
        ->delimiter(',');
    app.footer("exit status: 0 the program's own check of its result passed; 1 it did not");
    std::vector<Duration> ages;
    app.callback([&] { ages = ages_of(options.ages); });
    CLI11_PARSE(app, argc, argv);
    try {
        return run(program, options, ages);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", program.name.c_str(), error.what());
        return 1;
    }
}

}  // namespace damon_schemes::parsec
