// SPDX-License-Identifier: MIT
#include "benchmarks/soak/aftermath.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "benchmarks/device/device_session.h"

namespace damon_schemes::soak {
namespace {

namespace fs = std::filesystem;

constexpr const char* kmemleak = "/sys/kernel/debug/kmemleak";

void nap(long milliseconds) {
    const timespec time{milliseconds / 1000, milliseconds % 1000 * 1'000'000};
    nanosleep(&time, nullptr);
}

std::string contents(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

template <typename Function>
void for_each_process(const Function& function) {
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator("/proc", gone)) {
        const std::string name = entry.path().filename();
        if (name.find_first_not_of("0123456789") == std::string::npos) function(entry.path());
    }
}

std::string monitoring_threads() {
    std::string found;
    for_each_process([&](const fs::path& process) {
        const std::string name = contents(process / "comm");
        if (name.starts_with("damon_schemes")) found += " " + name.substr(0, name.find('\n'));
    });
    return found;
}

int unload() {
    return syscall(SYS_delete_module, "damon_schemes", O_NONBLOCK) == 0 ? 0 : errno;
}

bool scan_for_leaks() {
    std::ofstream file(kmemleak);
    file << "scan" << std::flush;
    return file.good();
}

// What kmemleak takes for lost is looked at while the module's names can still be told.
std::string leaks() {
    if (!scan_for_leaks()) {
        std::puts(
            "kmemleak: not at work on this kernel (the debug kernel has it with kmemleak=on)");
        return "";
    }
    // It lets an object alone that is younger than five seconds, and reports what two scans found.
    nap(6000);
    scan_for_leaks();
    const std::string report = contents(kmemleak);
    std::printf("kmemleak: scanned; %s\n", report.empty() ? "nothing was lost" : report.c_str());
    return report.find("damon_schemes") == std::string::npos ? "" : report;
}

// Twenty times is far more often than any scheduling needs: the last user is long gone.
template <typename Function>
bool soon(const Function& holds) {
    for (int i = 0; i < 20; i++) {
        if (holds()) return true;
        nap(500);
    }
    return false;
}

}  // namespace

std::vector<std::string> look_at_aftermath() {
    std::vector<std::string> wrong;
    if (soon([] { return monitoring_threads().empty(); }))
        std::puts("monitoring threads: none is left");
    else
        wrong.push_back("monitoring threads are left:" + monitoring_threads());
    if (const auto lost = leaks(); !lost.empty())
        wrong.push_back("kmemleak found what the module allocated:\n" + lost);
    int error = 0;
    if (!soon([&] { return (error = unload()) == 0; })) {
        wrong.push_back("the module cannot be unloaded: " + std::string(std::strerror(error)));
        return wrong;
    }
    if (access(DAMON_SCHEMES_DEVICE, F_OK) == 0) wrong.push_back("the device outlived its module");
    std::puts("module: unloaded");
    if (std::system("modprobe damon_schemes") != 0) {
        wrong.push_back("the module cannot be loaded again");
        return wrong;
    }
    bench::DeviceSession session;
    if (session.open() != 0 || session.add(getpid()) != 0 || session.start() != 0 ||
        !session.wait(30'000))
        wrong.push_back("loaded again, the module gives no snapshot");
    else
        std::puts("module: loaded again, and gives snapshots");
    return wrong;
}

std::string where_everything_stands() {
    std::string text;
    for_each_process([&](const fs::path& process) {
        const std::string stat = contents(process / "stat");
        text += stat.substr(0, stat.find(')') + 3) + "\n" + contents(process / "stack");
    });
    return text;
}

}  // namespace damon_schemes::soak
