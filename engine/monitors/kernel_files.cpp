// SPDX-License-Identifier: MIT
#include "engine/monitors/kernel_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/targets/process.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {
namespace {

Error failure(const std::string& what, const std::string& path, int code) {
    return {ErrorKind::runtime, what + " " + path + ": " + std::strerror(code), code};
}

}  // namespace

Result<std::string> KernelFiles::read(const std::string& path) {
    auto text = read_file(path);
    if (!text) return failure("cannot read", path, errno);
    const auto end = text->find_last_not_of(" \t\n");
    text->erase(end == std::string::npos ? 0 : end + 1);
    return std::move(*text);
}

Result<void> KernelFiles::write(const std::string& path, const std::string& text) {
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    if (!file) return failure("cannot open", path, errno);
    ssize_t written = 0;
    do {
        written = ::write(file.get(), text.data(), text.size());
    } while (written < 0 && errno == EINTR);
    const std::string what = "cannot write '" + text + "' to";
    if (written < 0) return failure(what, path, errno);
    if (static_cast<std::size_t>(written) != text.size()) return failure(what, path, EIO);
    return {};
}

Result<void> KernelFiles::make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0) return failure("cannot make the folder", path, errno);
    return {};
}

Result<void> KernelFiles::remove_folder(const std::string& path) {
    if (::rmdir(path.c_str()) != 0) return failure("cannot remove the folder", path, errno);
    return {};
}

}  // namespace damon_schemes
