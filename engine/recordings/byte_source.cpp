// SPDX-License-Identifier: MIT
#include "engine/recordings/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace damon_schemes {
namespace {

constexpr std::size_t first_buffer = 128 << 10;

Error unreadable(const std::string& name, int code) {
    std::string message = name + ": cannot be read: " + std::strerror(code) + ".";
    if (code == ENOENT)
        message += " Name a recording; 'damon-schemes record' makes one, damon.dsr by default.";
    if (code == EACCES) message += " Give yourself read permission, or use a copy.";
    if (code == EISDIR) message += " Name a file in it.";
    const bool usage = code == ENOENT || code == EACCES || code == EISDIR || code == ENOTDIR;
    return {usage ? ErrorKind::usage : ErrorKind::runtime, std::move(message), code};
}

}  // namespace

Result<ByteSource> ByteSource::open(const std::string& path) {
    if (path == "-") {
        Descriptor input(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
        if (!input) return unreadable("<stdin>", errno);
        return ByteSource(std::move(input), "<stdin>");
    }
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file) return unreadable(path, errno);
    struct stat status {};
    if (fstat(file.get(), &status) == 0 && S_ISDIR(status.st_mode)) return unreadable(path, EISDIR);
    return ByteSource(std::move(file), path);
}

Result<std::span<const std::uint8_t>> ByteSource::at_least(std::size_t size) {
    while (end_ - begin_ < size && !at_end_) {
        if (end_ == buffer_.size() && begin_ > 0) {
            std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        if (end_ == buffer_.size())
            buffer_.resize(buffer_.empty() ? first_buffer : 2 * buffer_.size());
        const ssize_t got = ::read(file_.get(), buffer_.data() + end_, buffer_.size() - end_);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return unreadable(name_, errno);
        at_end_ = got == 0;
        end_ += static_cast<std::size_t>(got);
        read_ += static_cast<std::uint64_t>(got);
    }
    return std::span<const std::uint8_t>(buffer_.data() + begin_, end_ - begin_);
}

}  // namespace damon_schemes
