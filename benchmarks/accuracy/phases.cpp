// SPDX-License-Identifier: MIT
// Uses memory as a phase file says, and writes down what it really touched.
//
//     phases FILE --seed N --truth OUT
//
// With --wait it says "ready" once its memory is there, and begins with its first phase when a line
// comes, or the end of its input.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "benchmarks/accuracy/truth_file.h"
#include "benchmarks/accuracy/workload.h"
#include "schemes/quantity.h"

namespace {

using namespace damon_schemes;
using namespace damon_schemes::accuracy;

struct Options {
    std::string file, truth, slot = "10ms";
    double sizes = 1, times = 1;
    bool wait = false;
    WorkloadOptions workload{};
};

int run(Options options) {
    std::ifstream in(options.file);
    std::stringstream text;
    if (!in || !(text << in.rdbuf())) throw std::runtime_error("cannot read " + options.file);
    const auto file = read_phase_file(text.str(), options.file);
    const auto slot = parse_duration(options.slot);
    if (!file || !slot || *slot.value <= Duration()) {
        std::fprintf(stderr, "phases: %s\n",
                     file ? slot.message.c_str() : file.error().message.c_str());
        return 2;
    }
    options.workload.slot = *slot.value;
    Workload workload(scaled(*file, options.sizes, options.times), options.workload);
    if (options.wait) {
        std::cout << "ready" << std::endl;
        std::string line;
        std::getline(std::cin, line);
    }
    const Truth truth = workload.run();
    if (options.truth.empty()) return 0;
    if (const auto written = write_truth(truth, options.truth); !written)
        throw std::runtime_error(written.error().message);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"Uses memory as a phase file says, and writes down what it really touched."};
    app.add_option("FILE", options.file, "the phase file")->required();
    app.add_option("--seed", options.workload.seed, "of everything that is random (default: 1)");
    app.add_option("--truth", options.truth, "where to write what was touched");
    app.add_option("--slot", options.slot, "the time that the truth tells apart (default: 10ms)");
    app.add_option("--sizes", options.sizes, "areas and spots so many times as large")
        ->check(CLI::PositiveNumber);
    app.add_option("--times", options.times, "phases and rounds so many times as long")
        ->check(CLI::PositiveNumber);
    app.add_option("--folder", options.workload.folder, "for areas that are files (default: /tmp)");
    app.add_flag("--wait", options.wait, "say 'ready', and begin when a line comes");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    try {
        return run(std::move(options));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "phases: %s\n", error.what());
        return 1;
    }
}
