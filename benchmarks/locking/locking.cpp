// SPDX-License-Identifier: MIT
// A service beside a program that presses on memory: as it is, with its hot memory locked by its
// author, and under each policy, in turn.
#include <sys/types.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/interruption.h"
#include "benchmarks/json_file.h"
#include "benchmarks/locking/hot_service.h"
#include "benchmarks/locking/memory_presser.h"
#include "benchmarks/named_policy.h"
#include "benchmarks/ways.h"
#include "engine/actions/pagemap.h"
#include "engine/machine/memory.h"
#include "engine/targets/process.h"
#include "engine/targets/procfs.h"

namespace {

using namespace damon_schemes;
using namespace damon_schemes::bench;
using namespace std::chrono_literals;
using demo::PolicyCommand;
using demo::PolicyRun;
using Clock = std::chrono::steady_clock;

struct Options {
    ServiceShape shape;
    double calm = 30;
    double pressed = 20;
    unsigned pressure = 125;  // per cent of what is available
    WayOptions all;
};

struct Configuration {
    std::string name;
    bool locks_itself = false;
    std::optional<PolicyCommand> policy;
};

Bytes locked_of(pid_t pid) {
    const auto status = read_file("/proc/" + std::to_string(pid) + "/status");
    if (!status) throw std::runtime_error("the service has gone");
    return kilobytes_of(*status, "VmLck").value_or(Bytes{});
}

// Of its hot memory.
Bytes resident_of(const HotService& service) {
    const auto folder = open_process_folder(service.pid(), -1, "/proc");
    const auto pagemap = folder ? Pagemap::open(folder->get()) : std::nullopt;
    if (!pagemap) throw std::runtime_error("pagemap cannot be read");
    Bytes resident;
    std::vector<PagemapEntry> entries;
    for (const AddressRange range : service.hot()) {
        pagemap->read(range, kibibytes(4), entries);
        for (const PagemapEntry entry : entries)
            if (entry.present()) resident += kibibytes(4);
    }
    return resident;
}

std::uint64_t major_faults_of(pid_t pid) {
    const auto memory = memory_of(pid);
    if (!memory) throw std::runtime_error("the service has gone");
    return memory->major_faults;
}

// The figures of the service in a time of that length.
nlohmann::json measure(const HotService& service, Duration length) {
    const std::uint64_t first = service.requests();
    const std::uint64_t faults = major_faults_of(service.pid());
    const auto began = Clock::now();
    sleep_unless_interrupted(length);
    const auto figures = service.since(first, Clock::now() - began);
    return {{"requests_per_second", figures.requests_per_second},
            {"mean_ms", figures.mean_ms},
            {"p50_ms", figures.p50_ms},
            {"p99_ms", figures.p99_ms},
            {"requests", figures.requests},
            {"major_faults", major_faults_of(service.pid()) - faults}};
}

nlohmann::json run_once(const Configuration& configuration, const Options& options) {
    ServiceShape shape = options.shape;
    shape.locks_itself = configuration.locks_itself;
    const HotService service(shape);
    std::optional<PolicyRun> policy = start_policy(configuration.policy, service.pid());
    nlohmann::json figures;
    // A policy finds what is hot in the first part; the calm speed is that of the last third.
    sleep_unless_interrupted(seconds_of(options.calm * 2 / 3));
    figures["calm"] = measure(service, seconds_of(options.calm / 3));
    figures["locked_bytes"] = locked_of(service.pid()).count;

    const auto machine = memory_of_machine();
    if (!machine) throw std::runtime_error("/proc/meminfo cannot be read");
    const Bytes pressure{machine->available.count / 100 * options.pressure / 4096 * 4096};
    {
        const MemoryPresser presser(pressure);
        while (!presser.filled()) {
            if (!presser.running())
                throw std::runtime_error("the program that presses was killed: too little swap?");
            sleep_unless_interrupted(50ms);
        }
        const std::uint64_t used = presser.pages_used();
        const auto began = Clock::now();
        figures["pressed"] = measure(service, seconds_of(options.pressed));
        figures["presser_pages_per_second"] =
            static_cast<double>(presser.pages_used() - used) /
            std::chrono::duration<double>(Clock::now() - began).count();
        figures["hot_resident_bytes"] = resident_of(service).count;
        if (!presser.running())
            throw std::runtime_error("the program that presses was killed: too little swap?");
    }
    figures["pressure_bytes"] = pressure.count;
    figures["wrong_pages"] = service.wrong();
    if (policy) {
        figures["summary"] = finish_policy(*policy);
        figures["locked_afterwards_bytes"] = locked_of(service.pid()).count;
    }
    return figures;
}

std::vector<Configuration> configurations_of(const Options& options, unsigned turn) {
    return ways_of<Configuration>(
        {{"without", false, {}}, {"by-itself", true, {}}}, options.all, turn,
        [](NamedPolicy named) {
            return Configuration{named.name, false, std::move(named.command)};
        });
}

void run(Options options) {
    if (options.all.quick) {
        options.shape.pieces = 3;
        options.pressed = 3;
    }
    nlohmann::json turns = nlohmann::json::array();
    for (unsigned turn = 0; turn < options.all.turns; ++turn) {
        nlohmann::json figures;
        for (const Configuration& configuration : configurations_of(options, turn)) {
            nlohmann::json one = run_once(configuration, options);
            std::printf(
                "%-12s calm %6.1f requests/s, %7.2f ms each; pressed %6.1f, %7.2f ms, p99 %8.2f "
                "ms, %6.0f major faults; locked %5.1f MiB\n",
                configuration.name.c_str(), one["calm"]["requests_per_second"].get<double>(),
                one["calm"]["mean_ms"].get<double>(),
                one["pressed"]["requests_per_second"].get<double>(),
                one["pressed"]["mean_ms"].get<double>(), one["pressed"]["p99_ms"].get<double>(),
                one["pressed"]["major_faults"].get<double>(),
                one["locked_bytes"].get<double>() / (1 << 20));
            std::fflush(stdout);
            figures[configuration.name] = std::move(one);
        }
        turns.push_back(std::move(figures));
    }
    const nlohmann::json all = {
        {"hot_bytes", options.shape.hot_bytes().count},
        {"cold_bytes", options.shape.cold_bytes().count},
        {"pages_of_request", options.shape.pages_of_request},
        {"between_ms", std::chrono::duration<double, std::milli>(options.shape.between).count()},
        {"calm_seconds", options.calm},
        {"pressed_seconds", options.pressed},
        {"settings", settings_of(options.all)},
        {"turns", turns}};
    write_json(options.all.json, all.dump(1));
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    unsigned between_ms = 10;
    CLI::App app{"Measures a service whose hot memory is locked, or not, while memory is short.",
                 "locking"};
    add_way_options(app, options.all, "without, by-itself", "Little of everything");
    app.add_option("--calm", options.calm, "Seconds before memory is pressed on")
        ->capture_default_str()
        ->check(CLI::Range(1.0, 3600.0));
    app.add_option("--pressed", options.pressed, "Seconds in which it is")
        ->capture_default_str()
        ->check(CLI::Range(1.0, 3600.0));
    app.add_option("--pressure", options.pressure, "Per cent of the available memory that it takes")
        ->capture_default_str()
        ->check(CLI::Range(1U, 1000U));
    app.add_option("--request-pages", options.shape.pages_of_request, "Hot pages of a request")
        ->capture_default_str()
        ->check(CLI::Range(1U, 100'000U));
    app.add_option("--between", between_ms, "Milliseconds between two requests")
        ->capture_default_str()
        ->check(CLI::Range(0U, 60'000U));
    app.footer("Needs swap and root; with policies the damon_schemes module.");
    CLI11_PARSE(app, argc, argv);
    options.shape.between = std::chrono::milliseconds(between_ms);
    return run_experiment("locking", [&] { run(options); });
}
