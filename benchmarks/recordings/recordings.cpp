// SPDX-License-Identifier: MIT
// What recording costs, and how long reading takes: an hour of 1,000 regions at ten snapshots a
// second, written and read again.
//
//     recordings_benchmark [SNAPSHOTS [REGIONS [FILE]]]
//
// Bounds: recording takes less than 0.3 % of a processor (300 us a snapshot), an hour is read in
// about a second.  FILE is left behind, in our own format.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "engine/recordings/recorder.h"
#include "engine/recordings/recording.h"

namespace {

using namespace damon_schemes;
using namespace std::chrono_literals;

constexpr std::uint32_t looks = 20;
constexpr std::uint64_t page = 4096;

// A program as a monitor sees it: a few hot places, much that lies idle for long, sizes over four
// orders of magnitude.  From one snapshot to the next a tenth of the borders and counts move.
class Program {
  public:
    explicit Program(std::size_t regions) {
        snapshot_.sampling_interval = 5ms;
        snapshot_.aggregation_interval = 100ms;
        snapshot_.duration = 100ms;
        snapshot_.passes = looks;
        TargetSnapshot target;
        target.id = {1};
        target.pid = 4242;
        target.generation = 1;
        std::uint64_t at = 0x7f0000000000;
        for (std::size_t i = 0; i < regions; ++i) {
            if (below(20) == 0) at += page * (1 + below(5000));
            Region region;
            region.range.start = at;
            at += page * (2 + (below(1 << 14) >> below(14)));
            region.range.end = at;
            region.sampled = looks;
            use(region);
            region.age = static_cast<std::uint32_t>(below(3000));
            target.regions.push_back(region);
        }
        snapshot_.targets.push_back(std::move(target));
    }
    const Snapshot& next() {
        ++snapshot_.sequence;
        snapshot_.time += 100ms + Duration(static_cast<std::int64_t>(below(50'000)));
        auto& regions = snapshot_.targets[0].regions;
        for (std::size_t i = 0; i < regions.size(); ++i) {
            Region& region = regions[i];
            ++region.age;
            region.sampled = below(50) == 0 ? looks - 1 : looks;
            region.accessed = std::min(region.accessed, region.sampled);
            if (below(10) != 0) continue;
            if (below(4) == 0) use(region);
            if (i + 1 < regions.size() && region.range.end == regions[i + 1].range.start) {
                const std::uint64_t pages = (regions[i + 1].range.end - region.range.start) / page;
                region.range.end = region.range.start + page * (1 + below(pages - 1));
                regions[i + 1].range.start = region.range.end;
            }
        }
        return snapshot_;
    }

  private:
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    void use(Region& region) {
        const std::uint64_t kind = below(10);
        region.accessed = kind < 6   ? 0
                          : kind < 9 ? static_cast<std::uint32_t>(below(looks - 1))
                                     : looks - 1;
        region.absent = kind == 0 ? looks - 1 : 0;
        region.age = 0;
    }

    std::mt19937_64 random_{42};
    Snapshot snapshot_;
};

double cpu_seconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double peak_mib() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / 1024;
}

[[noreturn]] void end(const std::string& why) {
    std::fprintf(stderr, "recordings_benchmark: %s\n", why.c_str());
    std::exit(1);
}

// CPU time of making the snapshots up, which is not the recording's.
double seconds_of_making(int snapshots, std::size_t regions) {
    Program program(regions);
    std::uint64_t sum = 0;
    const double start = cpu_seconds();
    for (int i = 0; i < snapshots; ++i) sum += program.next().sequence;
    const double taken = cpu_seconds() - start;
    if (sum == 0 && snapshots > 0) end("no snapshots");
    return taken;
}

void record(RecordingFormat format, const std::string& path, int snapshots, std::size_t regions) {
    const double making = seconds_of_making(snapshots, regions);
    RecordingInfo info;
    info.format = format;
    info.attributes_known = true;
    auto writer = create_recording(path, info, OldRecording::overwrite);
    if (!writer) end(writer.error().message);
    Program program(regions);
    const double start = cpu_seconds();
    // Through the recorder, as a session does it: its copy, its queue and its thread are in the
    // figure.
    Recorder::Options options;
    options.queue_bytes = 8 << 20;
    Recorder recorder(std::move(*writer), options);
    std::uint64_t handed = 0;
    for (int i = 0; i < snapshots; ++i) {
        recorder.see(program.next());
        ++handed;
        // Ten a second in life; here as fast as they are written.
        while (i % 32 == 0) {
            const auto tally = recorder.tally();
            if (handed - tally.snapshots - tally.dropped < 64) break;
            usleep(200);
        }
    }
    if (auto finished = recorder.finish(); !finished) end(finished.error().message);
    const double taken = cpu_seconds() - start - making;
    const auto tally = recorder.tally();
    if (tally.dropped != 0) end("the disk did not keep up");
    std::printf(
        "%-8s written  %6.1f us CPU a snapshot (%.3f %% of a CPU at 10/s)  %8.1f MiB  "
        "%6.0f bytes a snapshot  peak RSS %.1f MiB\n",
        std::string(name_of(format)).c_str(), taken / snapshots * 1e6, taken / snapshots * 10 * 100,
        static_cast<double>(tally.written.count) / (1 << 20),
        static_cast<double>(tally.written.count) / snapshots, peak_mib());
    std::fflush(stdout);
}

void read(const std::string& path, int snapshots, std::size_t regions) {
    const auto start = std::chrono::steady_clock::now();
    auto reader = open_recording(path);
    if (!reader) end(reader.error().message);
    std::uint64_t found = 0, found_regions = 0;
    for (;;) {
        const auto event = (*reader)->next();
        if (!event) end(event.error().message);
        if (!*event) break;
        const auto* snapshot = std::get_if<Snapshot>(&**event);
        if (!snapshot) continue;
        ++found;
        for (const auto& target : snapshot->targets) found_regions += target.regions.size();
    }
    if ((*reader)->damage()) end(*(*reader)->damage());
    if (found != static_cast<std::uint64_t>(snapshots) || found_regions != found * regions)
        end("what was written is not what was read");
    const double taken =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("%-8s read     %6.2f s for %llu regions (%.1f ns each)  peak RSS %.1f MiB\n",
                std::string(name_of((*reader)->info().format)).c_str(), taken,
                static_cast<unsigned long long>(found_regions),
                taken * 1e9 / static_cast<double>(found_regions), peak_mib());
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    const int snapshots = argc > 1 ? std::atoi(argv[1]) : 36'000;
    const auto regions = static_cast<std::size_t>(argc > 2 ? std::atoi(argv[2]) : 1000);
    const std::string path = argc > 3 ? argv[3]
                                      : std::filesystem::temp_directory_path() /
                                            ("recordings-benchmark-" + std::to_string(getpid()));
    if (snapshots < 1 || regions < 1)
        end("usage: recordings_benchmark [SNAPSHOTS [REGIONS [FILE]]]");
    for (const auto format : {RecordingFormat::damon_1, RecordingFormat::own}) {
        record(format, path, snapshots, regions);
        read(path, snapshots, regions);
    }
    if (argc <= 3) std::filesystem::remove(path);
}
