// SPDX-License-Identifier: MIT
#include "engine/monitors/mainline_record.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/targets/procfs.h"

namespace damon_schemes {
namespace {

constexpr int version = 1;

std::string file_in(const std::string& folder) {
    return folder + "/mainline.json";
}

Error failure(const std::string& what, const std::string& path, int code) {
    const bool forbidden = code == EACCES || code == EPERM || code == EROFS;
    return {forbidden ? ErrorKind::unsupported : ErrorKind::runtime,
            "cannot " + what + " " + path + ": " + std::strerror(code) +
                ". What is set up in the kernel's DAMON has to be written down there first" +
                (forbidden ? ": run as root" : ""),
            code};
}

}  // namespace

std::optional<MainlineRecord> parse_record(const std::string& text) {
    const auto root = nlohmann::json::parse(text, nullptr, false);
    if (!root.is_object()) return std::nullopt;
    try {
        if (root.at("version") != version) return std::nullopt;
        MainlineRecord record;
        root.at("boot_id").get_to(record.boot_id);
        root.at("owner").get_to(record.owner);
        root.at("owner_start_ticks").get_to(record.owner_start);
        root.at("trace_instance").get_to(record.instance);
        root.at("folder_inode").get_to(record.inode);
        root.at("kdamond").get_to(record.kdamond);
        for (const auto& file : root.at("files")) {
            record.setup.push_back({file.at(0).get<std::string>(), file.at(1).get<std::string>(),
                                    file.at(2).get<std::string>()});
        }
        // It names a folder that is removed.
        if (record.instance.empty() || record.instance.find('/') != std::string::npos ||
            record.instance.front() == '.')
            return std::nullopt;
        return record;
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    }
}

std::string text_of(const MainlineRecord& record) {
    nlohmann::json files = nlohmann::json::array();
    for (const KdamondFile& file : record.setup)
        files.push_back({file.path, file.text, file.first});
    const nlohmann::json root = {{"version", version},
                                 {"boot_id", record.boot_id},
                                 {"owner", record.owner},
                                 {"owner_start_ticks", record.owner_start},
                                 {"trace_instance", record.instance},
                                 {"folder_inode", record.inode},
                                 {"kdamond", record.kdamond},
                                 {"files", std::move(files)}};
    return root.dump(2) + "\n";
}

std::optional<MainlineRecord> read_record(const std::string& folder) {
    const auto text = read_file(file_in(folder));
    return text ? parse_record(*text) : std::nullopt;
}

RecordKeeper::RecordKeeper(std::string folder, Descriptor lock)
    : folder_(std::move(folder)), lock_(std::move(lock)) {}

Result<RecordKeeper> RecordKeeper::lock(const std::string& folder) {
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
        return failure("make", folder, errno);
    const std::string path = folder + "/mainline.lock";
    Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock) return failure("open", path, errno);
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        const int code = errno;
        if (code != EWOULDBLOCK) return failure("lock", path, code);
        const auto record = read_record(folder);
        return Error{ErrorKind::unsupported,
                     "another damon-schemes" +
                         (record ? " (pid " + std::to_string(record->owner) + ")" : "") +
                         " watches by the kernel's own DAMON, which serves one at a time: end it "
                         "first, or load the damon_schemes module, which serves several",
                     code};
    }
    return RecordKeeper(folder, std::move(lock));
}

std::optional<MainlineRecord> RecordKeeper::read() const {
    return read_record(folder_);
}

Result<void> RecordKeeper::write(const MainlineRecord& record) {
    const std::string path = file_in(folder_);
    const std::string fresh = path + ".new";
    const std::string text = text_of(record);
    {
        const Descriptor file(
            ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!file) return failure("write", fresh, errno);
        const ssize_t written = ::write(file.get(), text.data(), text.size());
        if (written != static_cast<ssize_t>(text.size()))
            return failure("write", fresh, written < 0 ? errno : ENOSPC);
    }
    if (::rename(fresh.c_str(), path.c_str()) != 0) return failure("write", path, errno);
    return {};
}

void RecordKeeper::remove() {
    ::unlink(file_in(folder_).c_str());
}

}  // namespace damon_schemes
