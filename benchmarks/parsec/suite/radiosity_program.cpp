// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/program.h"
#include "benchmarks/parsec/suite/radiosity.h"

using namespace damon_schemes::parsec;

namespace {

Finding light_room(Run& run) {
    const BySize<std::uint32_t> elements{16 << 10, 64 << 10, 192 << 10, 2 << 20};
    const BySize<std::uint32_t> links{512 << 10, 2 << 20, 4 << 20, 40 << 20};
    const BySize<double> power_a_link{5e-4, 2e-4, 1e-4, 2e-5};
    const BySize<unsigned> pictures{10, 12, 25, 80};
    RadiosityOptions options;
    options.elements = elements.of(run.size());
    options.links = links.of(run.size());
    options.power_a_link = power_a_link.of(run.size());
    options.seed = run.seed();
    run.ledger().begin_phase("pools");
    Radiosity radiosity(run.ledger(), options);
    run.ledger().begin_phase("pictures");
    std::string wrong;
    unsigned made = 0;
    do {
        for (unsigned i = 0; wrong.empty() && i < pictures.of(run.size()); ++i, ++made) {
            radiosity.make_picture();
            wrong = radiosity.check();
        }
    } while (wrong.empty() && run.goes_on());
    return {std::to_string(made) + " pictures, the last of " +
                std::to_string(radiosity.elements_used()) + " elements and " +
                std::to_string(radiosity.links_used()) + " links",
            wrong};
}

}  // namespace

int main(int argc, char** argv) {
    return run_program(argc, argv,
                       {"radiosity", "Lights a room by hierarchical radiosity.", light_room});
}
