// SPDX-License-Identifier: MIT
#include "engine/actions/lock_journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/targets/procfs.h"

namespace damon_schemes {

namespace {

using nlohmann::json;

constexpr int version = 1;
constexpr off_t largest_journal = 16 << 20;
constexpr std::string_view suffix = ".json";

Error cannot(const std::string& what, int error) {
    return {ErrorKind::unsupported, what + ": " + std::strerror(error) + ".", error};
}

// Why it is not to be trusted; empty: it is.
std::string distrust(const struct stat& about) {
    if (about.st_uid != 0 && about.st_uid != ::geteuid())
        return "it belongs to another user (" + std::to_string(about.st_uid) + ")";
    if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0) return "others than its owner may write it";
    return {};
}

// Each folder of the path that is not there.
void make_folders(const std::string& path) {
    for (auto at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1))
        ::mkdir(path.substr(0, at).c_str(), 0755);
    ::mkdir(path.c_str(), 0700);
}

std::string boot_of(const std::string& proc) {
    const auto text = read_file(proc + "/sys/kernel/random/boot_id");
    return text ? text->substr(0, text->find('\n')) : std::string();
}

json json_of(const MemlockLimit& limit) {
    return {limit.soft, limit.hard};
}

json json_of(const LockRecord& record) {
    json ranges = json::array();
    for (const AddressRange range : record.ranges) ranges.push_back({range.start, range.end});
    json result = {{"pid", record.process.pid},
                   {"start_ticks", record.process.start_ticks},
                   {"address_space", record.process.address_space},
                   {"name", record.name},
                   {"scheme", record.scheme},
                   {"on_exit", name_of(record.on_exit)},
                   {"ranges", std::move(ranges)}};
    if (record.raised)
        result["memlock"] = {{"before", json_of(record.raised->before)},
                             {"after", json_of(record.raised->after)}};
    return result;
}

// Reads values of a document that may hold anything; once something is not there, all is lost.
class JournalReader {
  public:
    template <typename T>
    T number(const json& object, const char* key) {
        const auto found = object.is_object() ? object.find(key) : object.end();
        if (!object.is_object() || found == object.end() || !found->is_number_unsigned()) {
            sound_ = false;
            return {};
        }
        const auto value = found->get<std::uint64_t>();
        if (value > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) sound_ = false;
        return static_cast<T>(value);
    }
    std::string text(const json& object, const char* key) {
        const auto found = object.is_object() ? object.find(key) : object.end();
        if (object.is_object() && found != object.end() && found->is_string())
            return found->get<std::string>();
        sound_ = false;
        return {};
    }
    const json& member(const json& object, const char* key) {
        static const json nothing;
        const auto found = object.is_object() ? object.find(key) : object.end();
        return object.is_object() && found != object.end() ? *found : nothing;
    }
    std::pair<std::uint64_t, std::uint64_t> pair(const json& array) {
        if (array.is_array() && array.size() == 2 && array[0].is_number_unsigned() &&
            array[1].is_number_unsigned())
            return {array[0].get<std::uint64_t>(), array[1].get<std::uint64_t>()};
        sound_ = false;
        return {};
    }
    MemlockLimit limit(const json& array) {
        const auto [soft, hard] = pair(array);
        return {soft, hard};
    }

    LockRecord record(const json& object) {
        LockRecord record;
        record.process.pid = number<std::int32_t>(object, "pid");
        record.process.start_ticks = number<std::uint64_t>(object, "start_ticks");
        record.process.address_space = number<std::uint64_t>(object, "address_space");
        record.name = text(object, "name");
        record.scheme = text(object, "scheme");
        const std::string on_exit = text(object, "on_exit");
        record.on_exit = on_exit == name_of(OnExit::keep) ? OnExit::keep : OnExit::restore;
        sound_ &= on_exit == name_of(record.on_exit) && record.process.pid > 0;
        const json& ranges = member(object, "ranges");
        sound_ &= ranges.is_array();
        std::uint64_t reached = 0;
        for (const json& each : ranges) {
            const auto [start, end] = pair(each);
            sound_ &= reached <= start && start < end && start % 4096 == 0 && end % 4096 == 0;
            if (!sound_) return record;
            record.ranges.push_back({start, end});
            reached = end;
        }
        if (const json& memlock = member(object, "memlock"); !memlock.is_null()) {
            RaisedMemlock raised;
            raised.before = limit(member(memlock, "before"));
            raised.after = limit(member(memlock, "after"));
            record.raised = raised;
        }
        return record;
    }
    bool sound() const { return sound_; }

  private:
    bool sound_ = true;
};

}  // namespace

std::string journal_text(const WrittenJournal& journal) {
    json records = json::array();
    for (const LockRecord& record : journal.records) records.push_back(json_of(record));
    const json root = {{"damon_schemes_locks", version},
                       {"boot", journal.boot},
                       {"pid", journal.pid},
                       {"start_ticks", journal.start_ticks},
                       {"targets", std::move(records)}};
    return root.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::optional<WrittenJournal> parse_journal(std::string_view text) {
    const json root = json::parse(text, nullptr, /*allow_exceptions=*/false);
    JournalReader reader;
    WrittenJournal journal;
    if (!root.is_object() || reader.number<int>(root, "damon_schemes_locks") != version)
        return std::nullopt;
    journal.boot = reader.text(root, "boot");
    journal.pid = reader.number<std::int32_t>(root, "pid");
    journal.start_ticks = reader.number<std::uint64_t>(root, "start_ticks");
    const json& records = reader.member(root, "targets");
    if (!records.is_array()) return std::nullopt;
    for (const json& record : records) {
        journal.records.push_back(reader.record(record));
        if (!reader.sound()) return std::nullopt;
    }
    if (!reader.sound()) return std::nullopt;
    return journal;
}

Result<LockJournal> LockJournal::open(const std::string& folder, const std::string& proc) {
    make_folders(folder);
    return open_existing(folder, proc);
}

Result<LockJournal> LockJournal::open_existing(const std::string& folder, const std::string& proc) {
    LockJournal journal;
    journal.path_ = folder;
    journal.proc_ = proc;
    journal.folder_ =
        Descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    const std::string what =
        "the folder " + folder + ", where what is locked is written down, cannot be used";
    struct stat about {};
    if (!journal.folder_ || ::fstat(journal.folder_.get(), &about) != 0) {
        Error error = cannot(what, errno);
        error.message += " Name another with --journal.";
        return error;
    }
    if (const std::string reason = distrust(about); !reason.empty())
        return Error{ErrorKind::unsupported,
                     what + ": " + reason + ". Name another with --journal.", EPERM};
    const auto self = read_process_stat(::getpid(), proc);
    if (!self) return cannot(what + ": " + proc + "/self cannot be read", errno);
    journal.own_.boot = boot_of(proc);
    journal.own_.pid = ::getpid();
    journal.own_.start_ticks = self->start_ticks;
    return journal;
}

Result<void> LockJournal::put(const std::string& file, const WrittenJournal& journal) {
    if (journal.records.empty()) {
        if (::unlinkat(folder_.get(), file.c_str(), 0) == 0 || errno == ENOENT) return {};
        return cannot("the journal " + path_ + "/" + file + " cannot be removed", errno);
    }
    const std::string what = "the journal " + path_ + "/" + file + " cannot be written";
    const std::string fresh = file + ".new";
    (void)::unlinkat(folder_.get(), fresh.c_str(), 0);
    const Descriptor output(::openat(folder_.get(), fresh.c_str(),
                                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!output) return cannot(what, errno);
    const std::string text = journal_text(journal);
    for (std::size_t written = 0; written < text.size();) {
        const ssize_t size = ::write(output.get(), text.data() + written, text.size() - written);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) {
            const int error = size < 0 ? errno : EIO;
            (void)::unlinkat(folder_.get(), fresh.c_str(), 0);
            return cannot(what, error);
        }
        written += static_cast<std::size_t>(size);
    }
    if (::renameat(folder_.get(), fresh.c_str(), folder_.get(), file.c_str()) != 0)
        return cannot(what, errno);
    return {};
}

Result<void> LockJournal::write(const std::vector<LockRecord>& records) {
    WrittenJournal journal = own_;
    journal.records = records;
    return put(
        std::to_string(own_.pid) + "-" + std::to_string(own_.start_ticks) + std::string(suffix),
        journal);
}

Result<WrittenJournal> LockJournal::get(const std::string& file) const {
    const std::string what = path_ + "/" + file;
    const auto refuse = [&](const std::string& reason) {
        return Error{ErrorKind::runtime, what + " is left alone: " + reason + ".", EPERM};
    };
    const Descriptor input(
        ::openat(folder_.get(), file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!input) return refuse(std::strerror(errno));
    struct stat about {};
    if (::fstat(input.get(), &about) != 0) return refuse(std::strerror(errno));
    if (!S_ISREG(about.st_mode)) return refuse("it is not a plain file");
    if (const std::string reason = distrust(about); !reason.empty()) return refuse(reason);
    if (about.st_size > largest_journal) return refuse("it is too large for a journal");
    std::string text(static_cast<std::size_t>(about.st_size), '\0');
    std::size_t read = 0;
    while (read < text.size()) {
        const ssize_t size = ::read(input.get(), text.data() + read, text.size() - read);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        read += static_cast<std::size_t>(size);
    }
    text.resize(read);
    auto journal = parse_journal(text);
    if (!journal) return refuse("it is not a whole journal");
    return *std::move(journal);
}

bool LockJournal::running(std::int32_t pid, std::uint64_t start_ticks) const {
    const auto stat = read_process_stat(pid, proc_);
    return stat && !stat->zombie() && stat->start_ticks == start_ticks;
}

LockJournal::Survey LockJournal::survey() {
    Survey survey;
    struct Close {
        void operator()(DIR* folder) const { ::closedir(folder); }
    };
    const int copy = ::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, Close> folder(copy >= 0 ? ::fdopendir(copy) : nullptr);
    if (!folder) return survey;
    std::vector<std::string> files;
    while (const dirent* entry = ::readdir(folder.get())) {
        const std::string name = entry->d_name;
        if (name.ends_with(suffix)) files.push_back(name);
    }
    std::sort(files.begin(), files.end());
    for (const std::string& file : files) {
        auto journal = get(file);
        if (!journal) {
            survey.refused.push_back(journal.error().message);
            continue;
        }
        if (journal->boot != own_.boot) {
            (void)::unlinkat(folder_.get(), file.c_str(), 0);
            continue;
        }
        if (running(journal->pid, journal->start_ticks)) {
            if (journal->pid == own_.pid) continue;
            for (const LockRecord& record : journal->records)
                for (const AddressRange range : record.ranges)
                    survey.held_by_others += range.size();
            continue;
        }
        survey.left.push_back({file, std::move(journal->records)});
    }
    return survey;
}

Result<void> LockJournal::replace(const Left& left) {
    // Whose it was does not matter any more: that process is not there.
    WrittenJournal journal = own_;
    journal.records = left.records;
    journal.pid = 0;
    journal.start_ticks = 0;
    return put(left.file, journal);
}

Result<Descriptor> LockJournal::lock() const {
    Descriptor folder(::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::flock(folder.get(), LOCK_EX) != 0)
        return cannot("the folder " + path_ + " cannot be locked", errno);
    return folder;
}

}  // namespace damon_schemes
