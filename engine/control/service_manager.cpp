// SPDX-License-Identifier: MIT
#include "engine/control/service_manager.h"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

// A state is lines; a value is one.
std::string on_one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

std::string counted(std::size_t count, const char* one, const char* more) {
    return std::to_string(count) + " " + (count == 1 ? one : more);
}

std::uint64_t monotonic_microseconds() {
    // libstdc++'s steady clock is CLOCK_MONOTONIC, which the manager compares it with.
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

}  // namespace

ServiceManager::ServiceManager(EventLoop& loop, std::function<std::string()> describe)
    : loop_(loop),
      describe_(std::move(describe)),
      listens_(std::getenv("NOTIFY_SOCKET") != nullptr) {
    std::uint64_t microseconds = 0;
    if (listens_ && ::sd_watchdog_enabled(0, &microseconds) > 0)
        watchdog_ = std::chrono::microseconds(static_cast<std::int64_t>(microseconds));
}

ServiceManager::~ServiceManager() {
    if (timer_ != 0) loop_.forget(timer_);
}

Result<void> ServiceManager::ready() {
    if (!listens_) return {};
    tell("READY=1\nSTATUS=" + status());
    // sd_watchdog_enabled(3): half of the time.
    const Duration interval =
        watchdog_ > Duration{} ? std::min(status_interval, watchdog_ / 2) : status_interval;
    auto timer = loop_.on_timer(interval, true, [this] {
        tell((watchdog_ > Duration{} ? "WATCHDOG=1\nSTATUS=" : "STATUS=") + status());
    });
    if (!timer) return timer.error();
    timer_ = *timer;
    return {};
}

void ServiceManager::reloading() {
    if (!listens_) return;
    tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_microseconds()) +
         "\nSTATUS=Reading the policies again");
}

void ServiceManager::reloaded(const Result<void>& how) {
    not_reloaded_ = how ? "" : how.error().message;
    if (listens_) tell("READY=1\nSTATUS=" + status());
}

void ServiceManager::stopping(const std::string& why) {
    ending_ = why;
    if (listens_) tell("STOPPING=1\nSTATUS=" + status());
}

void ServiceManager::tell(const std::string& state) const {
    // A manager that does not take it will miss it, and act as it was told to.
    (void)::sd_notify(0, state.c_str());
}

std::string ServiceManager::status() const {
    if (!ending_.empty()) return on_one_line("Ending: " + ending_);
    std::string text = describe_();
    if (!not_reloaded_.empty()) text += "; NOT reloaded: " + not_reloaded_;
    return on_one_line(std::move(text));
}

std::string one_line(const DaemonStatus& status) {
    std::size_t targets = 0, observing = 0;
    Bytes paged_out;
    for (const auto& policy : status.policies) {
        targets += policy.targets.size();
        observing += policy.observing.empty() ? 0U : 1U;
        for (const auto& scheme : policy.schemes) paged_out += scheme.totals.paged_out;
    }
    std::string text = counted(status.policies.size(), "policy", "policies") + " at work on " +
                       counted(targets, "target", "targets") + "; " + readable(paged_out) +
                       " paged out";
    if (observing > 0)
        text += "; " + counted(observing, "policy observes", "policies observe") + " only";
    if (status.dry_run) text += "; dry run";
    return text;
}

}  // namespace damon_schemes
