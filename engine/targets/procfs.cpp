// SPDX-License-Identifier: MIT
#include "engine/targets/procfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include "engine/targets/process.h"

namespace damon_schemes {

namespace {

// include/linux/sched.h; stable, since ps(1) reads it.
constexpr std::uint64_t pf_kthread = 0x00200000;
// Of the machines that this is built for.
constexpr std::uint64_t page_size = 4096;

std::string_view trimmed(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

std::optional<std::string> read_to_end(const Descriptor& file) {
    if (!file) return std::nullopt;
    std::string text;
    std::array<char, 16384> buffer;
    for (;;) {
        const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
        if (got > 0) {
            text.append(buffer.data(), static_cast<std::size_t>(got));
        } else if (got == 0) {
            return text;
        } else if (errno != EINTR) {
            return std::nullopt;
        }
    }
}

}  // namespace

std::optional<std::string> read_file(const std::string& path) {
    return read_file_at(AT_FDCWD, path.c_str());
}

std::optional<std::string> read_file_at(int folder, const char* path) {
    return read_to_end(Descriptor(::openat(folder, path, O_RDONLY | O_CLOEXEC)));
}

std::optional<std::string> read_record(const Descriptor& file) {
    if (!file) return std::nullopt;
    std::array<char, 4096> buffer;
    for (;;) {
        const ssize_t got = ::pread(file.get(), buffer.data(), buffer.size(), 0);
        if (got >= 0) return std::string(buffer.data(), static_cast<std::size_t>(got));
        if (errno != EINTR) return std::nullopt;
    }
}

std::optional<std::uint64_t> parse_number(std::string_view text, int base) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<ProcessStat> parse_process_stat(std::string_view line) {
    // comm may hold blanks and parentheses itself; nothing behind it holds a ')'.
    const auto open = line.find('(');
    const auto close = line.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
        return std::nullopt;
    }
    ProcessStat stat;
    const auto pid = parse_number(trimmed(line.substr(0, open)));
    if (!pid) return std::nullopt;
    stat.pid = static_cast<std::int32_t>(*pid);
    stat.comm = line.substr(open + 1, close - open - 1);

    // Numbered as proc(5) does; comm is 2.
    std::string_view rest = line.substr(close + 1);
    std::uint64_t flags = 0;
    for (int field = 3; field <= 24; ++field) {
        rest = rest.substr(std::min(rest.find_first_not_of(" \n"), rest.size()));
        if (rest.empty()) return std::nullopt;
        const std::string_view word = rest.substr(0, rest.find_first_of(" \n"));
        rest.remove_prefix(word.size());
        const std::uint64_t number = parse_number(word).value_or(0);
        switch (field) {
            case 3:
                stat.state = word.front();
                break;
            case 4:
                stat.parent = static_cast<std::int32_t>(number);
                break;
            case 9:
                flags = number;
                break;
            case 10:
                stat.minor_faults = number;
                break;
            case 12:
                stat.major_faults = number;
                break;
            case 14:
                stat.user_ticks = number;
                break;
            case 15:
                stat.system_ticks = number;
                break;
            case 22:
                stat.start_ticks = number;
                break;
            case 24:
                stat.rss = Bytes{number * page_size};
                break;
            default:
                break;
        }
    }
    stat.kernel_thread = (flags & pf_kthread) != 0;
    return stat;
}

std::optional<ProcessStat> read_process_stat(std::int32_t pid, const std::string& proc) {
    const auto text = read_file(proc + "/" + std::to_string(pid) + "/stat");
    if (!text) return std::nullopt;
    return parse_process_stat(*text);
}

std::optional<std::string_view> value_of(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ':') {
            return trimmed(line.substr(key.size() + 1));
        }
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return std::nullopt;
}

std::optional<Bytes> kilobytes_of(std::string_view text, std::string_view key) {
    auto value = value_of(text, key);
    if (!value || !value->ends_with("kB")) return std::nullopt;
    value->remove_suffix(2);
    const auto number = parse_number(trimmed(*value));
    if (!number) return std::nullopt;
    return kibibytes(*number);
}

std::optional<std::uint64_t> number_of(std::string_view text, std::string_view key, int base) {
    const auto value = value_of(text, key);
    if (!value) return std::nullopt;
    return parse_number(*value, base);
}

std::vector<std::int32_t> list_pids(const std::string& proc) {
    std::vector<std::int32_t> pids;
    struct Close {
        void operator()(DIR* folder) const { ::closedir(folder); }
    };
    const std::unique_ptr<DIR, Close> folder(::opendir(proc.c_str()));
    if (!folder) return pids;
    while (const dirent* entry = ::readdir(folder.get())) {
        const auto pid = parse_number(entry->d_name);
        if (pid && *pid > 0 && *pid <= INT32_MAX) pids.push_back(static_cast<std::int32_t>(*pid));
    }
    std::sort(pids.begin(), pids.end());
    return pids;
}

}  // namespace damon_schemes
