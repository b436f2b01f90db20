// SPDX-License-Identifier: MIT
#include "swap.h"

#include <sys/swap.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace damon_schemes::vm {
namespace {

// "Name:   123 kB" in a file of /proc, as bytes.
std::uint64_t figure(const std::string& file, const std::string& name) {
    std::ifstream in(file);
    for (std::string word; in >> word;)
        if (word == name + ":") {
            std::uint64_t kib = 0;
            in >> kib;
            return kib << 10;
        }
    return 0;
}

}  // namespace

SwapOff::SwapOff() {
    std::ifstream swaps("/proc/swaps");
    std::string line;
    std::getline(swaps, line);
    while (std::getline(swaps, line)) devices_.push_back(line.substr(0, line.find(' ')));
    for (const auto& device : devices_)
        if (swapoff(device.c_str()) != 0) throw std::runtime_error("swapoff " + device + " failed");
}

SwapOff::~SwapOff() {
    for (const auto& device : devices_) swapon(device.c_str(), 0);
}

SmallSwap::SmallSwap(std::uint64_t bytes) {
    std::ifstream("/sys/class/zram-control/hot_add") >> number_;
    if (number_.empty()) throw std::runtime_error("no further zram device");
    std::ofstream("/sys/block/zram" + number_ + "/disksize") << bytes << std::flush;
    const auto device = "/dev/zram" + number_;
    if (std::system(("mkswap " + device + " >/dev/null").c_str()) != 0 ||
        swapon(device.c_str(), 0) != 0)
        throw std::runtime_error("no swap on " + device);
}

SmallSwap::~SmallSwap() {
    swapoff(("/dev/zram" + number_).c_str());
    std::ofstream("/sys/block/zram" + number_ + "/reset") << 1 << std::flush;
    std::ofstream("/sys/class/zram-control/hot_remove") << number_ << std::flush;
}

std::uint64_t swap_total() {
    return figure("/proc/meminfo", "SwapTotal");
}

std::uint64_t memory_of(int pid, const std::string& name) {
    return figure("/proc/" + std::to_string(pid) + "/status", name);
}

}  // namespace damon_schemes::vm
