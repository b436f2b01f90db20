// SPDX-License-Identifier: MIT
#include "engine/recordings/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace damon_schemes {
namespace {

constexpr int most_old_ones = 10'000;

Error refused(const std::string& path, std::string why, int code) {
    return {ErrorKind::usage, path + ": cannot be created: " + std::move(why), code};
}

Error refused(const std::string& path, int code) {
    std::string why = std::string(std::strerror(code)) + ".";
    if (code == ENOENT || code == ENOTDIR) why += " Make the folder first, or name another file.";
    if (code == EACCES || code == EPERM || code == EROFS)
        why += " Name a file in a folder that you may write to.";
    if (code == ENOSPC || code == EDQUOT) why += " Make room, or name a file on another disk.";
    return refused(path, std::move(why), code);
}

// A rename that never replaces a file.  Where the file system cannot promise that (EINVAL), a look
// beforehand must do.
int rename_to_free_name(const std::string& from, const std::string& to) {
    if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return errno;
    struct stat status {};
    if (lstat(to.c_str(), &status) == 0) return EEXIST;
    return std::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

Result<void> set_aside(const std::string& path) {
    for (int number = 1; number <= most_old_ones; ++number) {
        const std::string name = path + ".old" + (number == 1 ? "" : "." + std::to_string(number));
        const int code = rename_to_free_name(path, name);
        if (code == 0 || code == ENOENT) return {};
        if (code != EEXIST) return refused(path, code);
    }
    return refused(path, "there are too many old ones; delete some of " + path + ".old*.", EEXIST);
}

// What is there already may be taken away only where it is a plain file.
Result<void> check_plain(const std::string& path) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) return {};  // gone meanwhile
    if (S_ISREG(status.st_mode)) return {};
    if (S_ISLNK(status.st_mode))
        return refused(path, "it is a symbolic link; name the file itself.", ELOOP);
    if (S_ISDIR(status.st_mode)) return refused(path, "it is a folder; name a file in it.", EISDIR);
    return refused(path, "it is no plain file; write to a pipe with '-'.", EINVAL);
}

}  // namespace

Result<OutputFile> OutputFile::create(const std::string& path, OldRecording old_one) {
    if (path == "-") {
        Descriptor output(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
        if (!output) return refused("<stdout>", errno);
        return OutputFile(std::move(output), "<stdout>");
    }
    // Another may create it between our rename and our open; then that one becomes the old one.
    for (int attempt = 0; attempt < 100; ++attempt) {
        Descriptor file(::open(
            path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0644));
        if (file) return OutputFile(std::move(file), path);
        if (errno != EEXIST) return refused(path, errno);
        if (auto plain = check_plain(path); !plain) return plain.error();
        if (old_one == OldRecording::rename) {
            if (auto renamed = set_aside(path); !renamed) return renamed.error();
        } else if (unlink(path.c_str()) != 0 && errno != ENOENT) {
            // A new file in its place: whoever still reads or writes the old one is not disturbed.
            return refused(path, errno);
        }
    }
    return refused(path, "others keep creating it; name another file.", EEXIST);
}

Result<void> OutputFile::append(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        const ssize_t wrote = ::write(file_.get(), bytes.data(), bytes.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) {
            const int code = errno;
            std::string message = name_ + ": cannot be written: " + std::strerror(code) + ".";
            if (code == ENOSPC || code == EDQUOT)
                message += " What was recorded before can be read; make room for more.";
            return Error{ErrorKind::runtime, std::move(message), code};
        }
        size_ += Bytes{static_cast<std::uint64_t>(wrote)};
        bytes = bytes.subspan(static_cast<std::size_t>(wrote));
    }
    return {};
}

Result<void> OutputFile::close() {
    const int descriptor = file_.release();
    if (descriptor < 0 || ::close(descriptor) == 0 || errno == EINTR) return {};
    return Error{ErrorKind::runtime,
                 name_ + ": cannot be written to its end: " + std::strerror(errno) + ".", errno};
}

}  // namespace damon_schemes
