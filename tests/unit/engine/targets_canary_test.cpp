// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "engine/actions/mappings.h"
#include "engine/actions/pagemap.h"
#include "engine/targets/canary.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;

std::string file_of(const Canary& canary, const char* name) {
    return "/proc/" + std::to_string(canary.pid()) + "/" + name;
}

TEST(CanaryTest, has_its_whole_area_in_memory_as_base_pages) {
    const auto canary = Canary::start();
    ASSERT_TRUE(canary.ok()) << canary.error().message;
    EXPECT_EQ(canary->area().size(), canary_size);
    const Descriptor folder(
        ::open(file_of(*canary, "").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto pagemap = Pagemap::open(folder.get());
    ASSERT_TRUE(pagemap.has_value());
    std::vector<PagemapEntry> entries;
    pagemap->read(canary->area(), Bytes{4096}, entries);
    ASSERT_EQ(entries.size(), 1024U);
    for (const PagemapEntry entry : entries) {
        ASSERT_TRUE(entry.present());
        ASSERT_TRUE(entry.exclusive()) << "a page of zeroes is everyone's";
    }
    EXPECT_EQ(pagemap->maps_huge_page(canary->area()).value_or(false), false);
}

// Clears the referenced marks and waits until all of them are set again, which nothing but a pass
// over the area does.
TEST(CanaryTest, touches_every_page_again_and_again) {
    const auto canary = Canary::start();
    ASSERT_TRUE(canary.ok()) << canary.error().message;
    for (int round = 0; round < 3; ++round) {
        // Clears the marks and, unlike clear_refs, flushes the TLB, without which a program that
        // never sleeps may never set them again.
        const iovec area{reinterpret_cast<void*>(canary->area().start),
                         canary->area().size().count};
        if (::syscall(SYS_process_madvise, canary->process().pidfd.get(), &area, 1, MADV_COLD, 0) !=
            static_cast<long>(area.iov_len)) {
            GTEST_SKIP() << "process_madvise is not allowed here: " << std::strerror(errno);
        }
        for (;;) {
            const auto smaps = read_file(file_of(*canary, "smaps"));
            ASSERT_TRUE(smaps.has_value());
            const auto at = smaps->find("\nReferenced:", smaps->find([&] {
                std::array<char, 20> start{};
                std::snprintf(start.data(), start.size(), "%lx-",
                              static_cast<unsigned long>(canary->area().start));
                return std::string(start.data());
            }()));
            ASSERT_NE(at, std::string::npos);
            if (kilobytes_of(std::string_view(*smaps).substr(at + 1), "Referenced") >= canary_size)
                break;
            ASSERT_TRUE(canary->process().alive());
        }
    }
}

TEST(CanaryTest, keeps_no_descriptor_of_the_engine) {
    const Descriptor ours(::open("/dev/null", O_RDONLY));  // not close-on-exec, and yet not kept
    const auto canary = Canary::start();
    ASSERT_TRUE(canary.ok()) << canary.error().message;
    std::vector<std::string> kept;
    for (const auto& entry : std::filesystem::directory_iterator(file_of(*canary, "fd"))) {
        kept.push_back(entry.path().filename());
    }
    EXPECT_EQ(kept, std::vector<std::string>{"0"});
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(CanaryTest, does_not_carry_the_engines_memory_with_it) {
    const std::vector<char> ballast(64 << 20, 'x');
    const auto canary = Canary::start();
    ASSERT_TRUE(canary.ok()) << canary.error().message;
    const auto maps = read_file(file_of(*canary, "maps"));
    ASSERT_TRUE(maps.has_value());
    Bytes anonymous;
    for (const Mapping& mapping : parse_mappings(*maps)) {
        if (mapping.anonymous && mapping.name.empty()) anonymous += mapping.range.size();
    }
    EXPECT_LT(anonymous, mebibytes(16));
    EXPECT_EQ(maps->find("[heap]"), std::string::npos)
        << "regions reach from the program to its heap, and are larger than the canary";
    EXPECT_EQ(ballast[1 << 20], 'x');
    EXPECT_TRUE(canary->process().alive());
}
#endif

TEST(CanaryTest, tells_for_how_long_it_did_not_run) {
    constexpr Duration gap = std::chrono::milliseconds(50);
    const auto canary = Canary::start(gap);
    ASSERT_TRUE(canary) << canary.error().message;
    const Duration before = canary->stood_still();
    ASSERT_EQ(::kill(canary->pid(), SIGSTOP), 0);
    const Instant stopped = std::chrono::steady_clock::now();
    // While it goes on, and when it is over.
    while (elapsed(stopped, std::chrono::steady_clock::now()) < 4 * gap) ::usleep(1000);
    EXPECT_GE(canary->stood_still() - before, 3 * gap);
    ASSERT_EQ(::kill(canary->pid(), SIGCONT), 0);
    while (elapsed(stopped, std::chrono::steady_clock::now()) < 6 * gap) ::usleep(1000);
    EXPECT_GE(canary->stood_still() - before, 3 * gap);
}

TEST(CanaryTest, is_ended_and_reaped_with_its_object) {
    std::int32_t pid = 0;
    {
        auto canary = Canary::start();
        ASSERT_TRUE(canary.ok()) << canary.error().message;
        pid = canary->pid();
        const Canary moved = std::move(*canary);
        EXPECT_EQ(moved.pid(), pid);
        EXPECT_TRUE(moved.process().alive());
    }
    EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
}

TEST(CanaryTest, dies_with_an_engine_that_is_killed) {
    // Orphans come to this process, which so can wait for them.
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const pid_t engine = ::fork();
    if (engine == 0) {
        const auto canary = Canary::start();
        const std::int32_t pid = canary ? canary->pid() : 0;
        if (::write(ends[1], &pid, sizeof pid) != sizeof pid) ::_exit(1);
        for (;;) ::pause();
    }
    std::int32_t pid = 0;
    ASSERT_EQ(::read(ends[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
    ::close(ends[0]);
    ::close(ends[1]);
    ASSERT_GT(pid, 0);
    ::kill(engine, SIGKILL);
    EXPECT_EQ(::waitpid(engine, nullptr, 0), engine);
    EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST(CanaryTest, stays_on_the_processor_it_names) {
    const auto canary = Canary::start();
    ASSERT_TRUE(canary.ok()) << canary.error().message;
    ASSERT_GE(canary->processor(), 0);
    cpu_set_t allowed;
    ASSERT_EQ(::sched_getaffinity(canary->pid(), sizeof allowed, &allowed), 0);
    EXPECT_EQ(CPU_COUNT(&allowed), 1);
    EXPECT_TRUE(CPU_ISSET(static_cast<std::size_t>(canary->processor()), &allowed));
}

}  // namespace
}  // namespace damon_schemes
