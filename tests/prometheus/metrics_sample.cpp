// SPDX-License-Identifier: MIT
// The metrics of a daemon that is made up, by the code that serves those of a real one.
//   metrics_sample names         what may be told, a line each
//   metrics_sample text          all of it, in Prometheus's text format
//   metrics_sample openmetrics   likewise, as OpenMetrics
//   metrics_sample serve         over HTTP, at the address that it prints, until its input ends
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "engine/control/exporter.h"
#include "tests/unit/engine/busy_daemon.h"

namespace damon_schemes {
namespace {

using testing::busy_daemon;
using testing::busy_engine;

int print(ExpositionFormat format) {
    const Metrics metrics = DaemonMetrics().of(busy_daemon(), busy_engine());
    std::fputs(exposition(metrics, format).c_str(), stdout);
    return 0;
}

int print_names() {
    for (const MetricFamily& family : daemon_metric_families())
        std::puts(sample_name(family).c_str());
    return 0;
}

int failed(const Error& error) {
    std::fprintf(stderr, "metrics_sample: %s\n", error.message.c_str());
    return 1;
}

int serve() {
    auto loop = make_event_loop(LoopKind::epoll);
    if (!loop) return failed(loop.error());
    Exporter::Parts parts;
    parts.status = [] { return busy_daemon(); };
    parts.inform = [](const std::string&) {};
    parts.warn = parts.inform;
    parts.version = "1.2.3";
    Exporter exporter(**loop, std::move(parts));
    if (auto served = exporter.serve("127.0.0.1:0"); !served) return failed(served.error());
    std::puts(exporter.address().c_str());
    std::fflush(stdout);
    const auto input = (*loop)->on_readable(STDIN_FILENO, [&] {
        char part[64];
        if (::read(STDIN_FILENO, part, sizeof part) <= 0) (*loop)->stop();
    });
    if (!input) return failed(input.error());
    const auto ran = (*loop)->run();
    return ran ? 0 : failed(ran.error());
}

}  // namespace
}  // namespace damon_schemes

int main(int argc, char** argv) {
    using namespace damon_schemes;
    const std::string_view what = argc == 2 ? argv[1] : "";
    if (what == "names") return print_names();
    if (what == "text") return print(ExpositionFormat::text);
    if (what == "openmetrics") return print(ExpositionFormat::openmetrics);
    if (what == "serve") return serve();
    std::fputs("usage: metrics_sample names|text|openmetrics|serve\n", stderr);
    return 2;
}
