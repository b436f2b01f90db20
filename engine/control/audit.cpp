// SPDX-License-Identifier: MIT
#include "engine/control/audit.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "engine/reports/readable.h"

namespace damon_schemes {
namespace {

using nlohmann::json;

// Jobs of one key run in order; there are no others.
constexpr std::uint64_t lines = 1;
constexpr std::size_t most_waiting_lines = 1024;

std::string hexadecimal(std::uint64_t address) {
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "0x%llx", static_cast<unsigned long long>(address));
    return text.data();
}

std::string utc(std::chrono::system_clock::time_point time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(
                           time - std::chrono::system_clock::from_time_t(seconds))
                           .count();
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 40> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::snprintf(text.data() + size, text.size() - size, ".%03dZ", static_cast<int>(since));
    return text.data();
}

// A process's name need not be UTF-8.
std::string line_of(const json& entry) {
    return entry.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Beside the descriptor, so that a job that runs late has it.
Result<Descriptor> opened(const std::string& path) {
    Descriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
    if (!file)
        return Error{ErrorKind::usage,
                     "the audit file " + path + " cannot be opened: " + std::strerror(errno),
                     errno};
    return file;
}

// 0, or why some of it is left.
int write_all(int file, std::string_view& rest) {
    while (!rest.empty()) {
        const ssize_t written = ::write(file, rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        if (written == 0) return EIO;
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

}  // namespace

// Once there is a thread that writes, it alone has all but `lost`.
struct Audit::File {
    std::string path;
    Descriptor descriptor;
    Failed failed;
    int last_error = 0;
    bool torn = false;  // the last line is not whole
    std::atomic<std::uint64_t> lost{0};

    void append(const std::string& line, std::uint64_t entries) {
        const std::string text = (torn ? "\n" : "") + line;
        std::string_view rest = text;
        const int error = write_all(descriptor.get(), rest);
        if (rest.size() < text.size()) torn = error != 0;
        if (error != 0) lost += entries;
        if (error != 0 && last_error == 0)
            failed({ErrorKind::runtime,
                    "the audit file " + path + " cannot be written: " + std::strerror(error) +
                        "; what is left out is counted",
                    error});
        last_error = error;
    }
    void reopen() {
        auto again = opened(path);
        if (!again) return failed(again.error());
        descriptor = std::move(*again);
        torn = false;
    }
};

AuditEntry audit_entry(const std::string& policy, const Session::Batch& batch) {
    AuditEntry entry;
    entry.policy = policy;
    entry.scheme = batch.scheme.name;
    entry.action = std::string(name_of(batch.scheme.action));
    if (batch.target != nullptr) {
        entry.pid = batch.target->process.pid;
        entry.target = batch.target->process.name;
    }
    entry.ranges = batch.ranges.size();
    // They stand in the order in which they were acted on.
    for (const AddressRange range : batch.ranges)
        entry.all = entry.all.empty() ? range
                                      : AddressRange{std::min(entry.all.start, range.start),
                                                     std::max(entry.all.end, range.end)};
    std::array<Bytes, gap_count> gaps{};
    for (const ActionOutcome& outcome : batch.outcomes) {
        if (outcome.unlock) entry.action = "unlock";
        entry.asked += outcome.asked;
        entry.advised += outcome.advised;
        entry.paged_out += outcome.paged_out;
        entry.confirmed += outcome.confirmed;
        entry.spent += outcome.spent;
        if (outcome.last_errno != 0) entry.last_errno = outcome.last_errno;
        for (std::size_t i = 0; i < gap_count; ++i) gaps[i] += outcome.gaps[i];
    }
    for (std::size_t i = 0; i < gap_count; ++i)
        if (gaps[i].count > 0) entry.gaps.emplace_back(name_of(static_cast<Gap>(i)), gaps[i]);
    return entry;
}

std::string audit_json(const AuditEntry& entry, std::chrono::system_clock::time_point time) {
    json gaps = json::object();
    for (const auto& [reason, bytes] : entry.gaps) gaps[reason] = bytes.count;
    return line_of({{"time", utc(time)},
                    {"policy", entry.policy},
                    {"scheme", entry.scheme},
                    {"action", entry.action},
                    {"pid", entry.pid},
                    {"target", entry.target},
                    {"ranges", entry.ranges},
                    {"first", hexadecimal(entry.all.start)},
                    {"last", hexadecimal(entry.all.end)},
                    {"asked_bytes", entry.asked.count},
                    {"advised_bytes", entry.advised.count},
                    {"paged_out_bytes", entry.paged_out.count},
                    {"confirmed_bytes", entry.confirmed.count},
                    {"gaps_bytes", std::move(gaps)},
                    {"errno", entry.last_errno == 0 ? json(nullptr) : json(entry.last_errno)},
                    {"spent_ns", entry.spent.count()}});
}

std::string audit_words(const AuditEntry& entry) {
    std::string words =
        entry.policy + ": " + printable(entry.scheme) + ", " + entry.action + " of " +
        (entry.pid == 0 ? "a process that has gone"
                        : printable(entry.target) + " (" + std::to_string(entry.pid) + ")") +
        ": " + std::to_string(entry.ranges) + (entry.ranges == 1 ? " range in " : " ranges in ") +
        hexadecimal(entry.all.start) + "-" + hexadecimal(entry.all.end) + ", " +
        readable(entry.asked) + " asked for, " + readable(entry.advised) + " advised, " +
        readable(entry.paged_out) + " paged out";
    if (entry.confirmed.count > 0) words += ", " + readable(entry.confirmed) + " done";
    for (const auto& [reason, bytes] : entry.gaps) words += ", " + reason + " " + readable(bytes);
    if (entry.last_errno != 0) words += ", " + std::string(std::strerror(entry.last_errno));
    return words + ", in " + readable(entry.spent);
}

Audit::Audit(std::shared_ptr<File> file, std::function<void(const std::string&)> log,
             LineBudget budget)
    : file_(std::move(file)),
      log_(std::move(log)),
      budget_(budget),
      writing_(1, most_waiting_lines) {}

// What waits to be written is written.
Audit::~Audit() {
    while (writing_.pending(lines) > 0) ::usleep(1000);
}

Result<std::unique_ptr<Audit>> Audit::to_file(const std::string& path, Failed failed) {
    auto opening = opened(path);
    if (!opening) return opening.error();
    auto file = std::make_shared<File>();
    file->path = path;
    file->descriptor = std::move(*opening);
    file->failed = std::move(failed);
    return std::unique_ptr<Audit>(new Audit(
        std::move(file), nullptr, LineBudget(file_lines_a_second, most_file_lines_at_once)));
}

std::unique_ptr<Audit> Audit::to_log(std::function<void(const std::string&)> write) {
    return std::unique_ptr<Audit>(new Audit(nullptr, std::move(write), LineBudget()));
}

void Audit::write(const AuditEntry& entry) {
    const Instant now = std::chrono::steady_clock::now();
    std::uint64_t lost = budget_.left_out(now) + std::exchange(not_taken_, 0);
    if (file_) lost += file_->lost.exchange(0);
    if (lost > 0) tell_left_out(lost);
    if (budget_.take(now) && !put(entry)) ++not_taken_;
}

// False: so many wait to be written that it was not taken.
bool Audit::put(const AuditEntry& entry) {
    if (file_) return append(audit_json(entry, std::chrono::system_clock::now()), 1);
    log_(audit_words(entry));
    return true;
}

void Audit::tell_left_out(std::uint64_t lost) {
    if (!file_) return log_(std::to_string(lost) + " actions were left out here");
    const auto now = std::chrono::system_clock::now();
    if (!append(line_of({{"time", utc(now)}, {"left_out", lost}}), lost)) not_taken_ += lost;
}

// A line that tells of so many entries.
bool Audit::append(std::string line, std::uint64_t entries) {
    return writing_.submit({lines, [file = file_, line = std::move(line) + "\n",
                                    entries](const auto&) { file->append(line, entries); }});
}

void Audit::reopen() {
    if (file_) (void)writing_.submit({lines, [file = file_](const auto&) { file->reopen(); }});
}

}  // namespace damon_schemes
