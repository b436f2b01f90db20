// SPDX-License-Identifier: MIT
#include "engine/control/metrics_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "engine/targets/process.h"

namespace damon_schemes {
namespace {

constexpr mode_t for_all_to_read = 0644;

Error failed(const std::string& path, int code) {
    return {ErrorKind::runtime, path + " cannot be written: " + std::strerror(code), code};
}

bool write_all(int file, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(file, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

}  // namespace

// The name of the file beside it does not end with ".prom", so that nobody reads it.
MetricsFile::MetricsFile(std::string path)
    : path_(std::move(path)), beside_(path_ + ".new-" + std::to_string(::getpid())) {}

MetricsFile::MetricsFile(MetricsFile&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      beside_(std::move(other.beside_)),
      written_(other.written_) {}

MetricsFile::~MetricsFile() {
    if (!path_.empty() && written_) (void)::unlink(path_.c_str());
}

Result<MetricsFile> MetricsFile::at(const std::string& path) {
    const std::filesystem::path named(path);
    if (named.extension() != ".prom" || named.filename() == ".prom")
        return Error{ErrorKind::usage,
                     "'" + path +
                         "' does not end with .prom, and node_exporter would not read it: name "
                         "it damon-schemes.prom",
                     0};
    const std::filesystem::path folder = named.has_parent_path() ? named.parent_path() : ".";
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder, ignored))
        return Error{ErrorKind::usage,
                     "'" + folder.string() +
                         "' is no folder: name the one that node_exporter reads "
                         "(--collector.textfile.directory)",
                     0};
    return MetricsFile(path);
}

Result<void> MetricsFile::write(const Metrics& metrics) {
    // Whatever is there by that name is none of ours: pids are reused.
    (void)::unlink(beside_.c_str());
    const Descriptor file(
        ::open(beside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, for_all_to_read));
    if (!file) return failed(beside_, errno);
    // The collector is another user's, whatever our umask is.
    if (::fchmod(file.get(), for_all_to_read) != 0 ||
        !write_all(file.get(), exposition(metrics, ExpositionFormat::text)) ||
        ::rename(beside_.c_str(), path_.c_str()) != 0) {
        const int code = errno;
        (void)::unlink(beside_.c_str());
        return failed(path_, code);
    }
    written_ = true;
    return {};
}

}  // namespace damon_schemes
