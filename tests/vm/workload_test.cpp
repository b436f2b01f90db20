// SPDX-License-Identifier: MIT
// What a workload of benchmarks/accuracy says that it touched, against the Accessed bits.
#include "benchmarks/accuracy/workload.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "benchmarks/accuracy/truth_file.h"
#include "engine/monitors/module_monitor.h"
#include "session.h"

namespace damon_schemes::vm {
namespace {

using namespace accuracy;

constexpr const char* truth_path = "/tmp/workload-truth";

// A workload in a process of its own, which waits before its first phase and after its last.
class OtherWorkload {
  public:
    explicit OtherWorkload(const std::string& phases) {
        EXPECT_EQ(pipe(to_), 0);
        EXPECT_EQ(pipe(from_), 0);
        pid_ = fork();
        if (pid_ != 0) return;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        try {
            const auto file = read_phase_file("about = \"a test\"\n" + phases, "test.toml");
            if (!file) throw std::runtime_error(file.error().message);
            Workload workload(*file, {});
            const AddressRange mapped = workload.mapped(0);
            tell(&mapped, sizeof(mapped));
            wait();
            const Truth truth = workload.run();
            const char done = 1;
            tell(&done, 1);
            wait();
            _exit(write_truth(truth, truth_path) ? 0 : 1);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "%s\n", error.what());
            _exit(1);
        }
    }
    ~OtherWorkload() {
        if (pid_ > 0) finish();
        for (const int end : {to_[0], to_[1], from_[0], from_[1]}) close(end);
        unlink(truth_path);
    }
    OtherWorkload(const OtherWorkload&) = delete;
    OtherWorkload& operator=(const OtherWorkload&) = delete;

    pid_t pid() const { return pid_; }
    // True: it came so far.
    bool ready(AddressRange* mapped) { return hear(mapped, sizeof(*mapped)); }
    bool run() {
        char done = 0;
        return write(to_[1], "", 1) == 1 && hear(&done, 1);
    }
    int finish() {
        int status = 0;
        if (write(to_[1], "", 1) != 1) kill(pid_, SIGKILL);
        waitpid(pid_, &status, 0);
        pid_ = -1;
        return status;
    }

  private:
    void tell(const void* bytes, std::size_t size) const {
        if (write(from_[1], bytes, size) != static_cast<ssize_t>(size)) _exit(1);
    }
    void wait() const {
        char go = 0;
        if (read(to_[0], &go, 1) != 1) _exit(1);
    }
    bool hear(void* bytes, std::size_t size) {
        close(from_[1]);
        from_[1] = -1;
        return read(from_[0], bytes, size) == static_cast<ssize_t>(size);
    }

    int to_[2] = {-1, -1}, from_[2] = {-1, -1};
    pid_t pid_ = -1;
};

// Each page of the first area, whether any slot has it.
std::vector<bool> touched_pages(const Truth& truth) {
    const accuracy::Area& area = truth.area(0, 0);
    const std::uint64_t pages_a_unit = area.unit / page_bytes;
    std::vector<bool> touched(area.units * pages_a_unit);
    for (const Truth::SlotTouches& slot : truth.slots(0, 0)) {
        TouchReader reader(truth.touches(0, 0, slot));
        while (const auto run = reader.next())
            for (std::uint64_t page = run->first * pages_a_unit; page < run->last * pages_a_unit;
                 ++page)
                touched[page] = true;
    }
    return touched;
}

// Clears every Accessed bit, lets the workload run, and expects set bits exactly where it says.
void expect_true(const std::string& phases) {
    auto opened = open_module_monitor();
    ASSERT_TRUE(opened) << opened.error().message;
    Monitor& monitor = **opened;
    OtherWorkload workload(phases);
    AddressRange mapped;
    ASSERT_TRUE(workload.ready(&mapped));
    MonitorAttributes attributes;
    attributes.sampling_interval = std::chrono::milliseconds(10);
    attributes.aggregation_interval = std::chrono::milliseconds(200);
    attributes.update_interval = std::chrono::milliseconds(400);
    ASSERT_TRUE(monitor.set_attributes(attributes));
    auto added = monitor.add_target(workload.pid());
    ASSERT_TRUE(added) << added.error().message;
    ASSERT_TRUE(monitor.start());
    pollfd waiting{monitor.descriptor(), POLLIN, 0};
    ASSERT_EQ(poll(&waiting, 1, 60'000), 1);
    const auto snapshot = monitor.take_snapshot();
    ASSERT_TRUE(snapshot && snapshot->has_value());
    const std::uint64_t generation = (*snapshot)->targets.at(0).generation;
    const auto scanner = monitor.page_scanner();
    ASSERT_TRUE(scanner->scan(*added, generation, mapped, true));
    ASSERT_TRUE(workload.run());
    const auto states = scanner->scan(*added, generation, mapped, false);
    ASSERT_TRUE(states) << states.error().message;
    ASSERT_EQ(workload.finish(), 0);
    const auto truth = read_truth(truth_path);
    ASSERT_TRUE(truth) << truth.error().message;
    ASSERT_EQ(truth->area(0, 0).start, mapped.start);

    const std::vector<bool> touched = touched_pages(*truth);
    ASSERT_EQ(touched.size(), states->size());
    std::size_t count = 0;
    for (std::size_t page = 0; page < touched.size(); ++page) {
        ASSERT_EQ((*states)[page].young(), touched[page]) << "page " << page;
        count += touched[page];
    }
    EXPECT_GT(count, 0U);
    EXPECT_LT(count, touched.size());
}

TEST(Workload, TouchesExactlyTheBasePagesThatItSays) {
    NEEDS_MODULE();
    expect_true(R"(
[[area]]
name = "heap"
size = "64MiB"
[[phase]]
duration = "500ms"
access = [
    { area = "heap", share = "30%", part = { to = "25%" }, order = "random" },
    { area = "heap", round = "2s", part = { from = "25%", to = "50%" }, writes = "50%" },
    { area = "heap", share = "20%", part = { from = "50%" }, spots = { number = 20, size = "8KiB" } },
]
[[phase]]
duration = "300ms"
access = [{ area = "heap", share = "30%", part = { from = "80%" }, stride = "12KiB" }]
)");
}

TEST(Workload, TouchesExactlyTheHugePagesThatItSays) {
    NEEDS_MODULE();
    expect_true(R"(
[[area]]
name = "heap"
size = "64MiB"
pages = "huge"
[[phase]]
duration = "500ms"
access = [
    { area = "heap", share = "30%", part = { to = "25%" }, order = "random" },
    { area = "heap", share = "20%", part = { from = "50%" }, spots = { number = 4, size = "4KiB" } },
]
)");
}

}  // namespace
}  // namespace damon_schemes::vm
