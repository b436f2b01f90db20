// SPDX-License-Identifier: MIT
#include "engine/actions/pagemap.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace damon_schemes {

static_assert(sizeof(PagemapEntry) == 8, "read in place from the kernel's file");

namespace {

// PAGEMAP_SCAN as Documentation/admin-guide/mm/pagemap.rst describes it; the headers of Debian 12
// are older than the call.
struct ScanRequest {
    std::uint64_t size = sizeof(ScanRequest);
    std::uint64_t flags = 0;
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    std::uint64_t walk_end = 0;  // out
    std::uint64_t found = 0;     // address of an array of ScanRange
    std::uint64_t found_length = 0;
    std::uint64_t max_pages = 0;  // 0: no limit
    std::uint64_t category_inverted = 0;
    std::uint64_t category_mask = 0;
    std::uint64_t category_anyof_mask = 0;
    std::uint64_t return_mask = 0;
};
struct ScanRange {
    std::uint64_t start;
    std::uint64_t end;
    std::uint64_t categories;
};
constexpr std::uint64_t scan_page_is_huge = 1 << 6;

}  // namespace

std::optional<Pagemap> Pagemap::open(int process_folder) {
    Descriptor file(::openat(process_folder, "pagemap", O_RDONLY | O_CLOEXEC));
    if (!file) return std::nullopt;
    return Pagemap(std::move(file));
}

void Pagemap::read(AddressRange range, Bytes page_size, std::vector<PagemapEntry>& entries) const {
    entries.resize(range.size().count / page_size.count);
    const std::size_t wanted = entries.size() * sizeof(PagemapEntry);
    const std::uint64_t offset = range.start / page_size.count * sizeof(PagemapEntry);
    std::size_t done = 0;
    while (done < wanted) {
        const ssize_t got = ::pread(file_.get(), reinterpret_cast<char*>(entries.data()) + done,
                                    wanted - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        done += static_cast<std::size_t>(got);
    }
    entries.resize(done / sizeof(PagemapEntry));
}

std::optional<bool> Pagemap::maps_huge_page(AddressRange range) const {
    ScanRange found{};
    ScanRequest request;
    request.start = range.start;
    request.end = range.end;
    request.found = reinterpret_cast<std::uint64_t>(&found);
    request.found_length = 1;
    request.category_mask = scan_page_is_huge;
    request.return_mask = scan_page_is_huge;
    // How many ranges were found.
    const int count = ::ioctl(file_.get(), _IOWR('f', 16, ScanRequest), &request);
    if (count < 0) return std::nullopt;
    return count > 0;
}

std::optional<FrameFlags> FrameFlags::open() {
    Descriptor file(::open("/proc/kpageflags", O_RDONLY | O_CLOEXEC));
    if (!file) return std::nullopt;
    return FrameFlags(std::move(file));
}

std::optional<std::uint64_t> FrameFlags::of(std::uint64_t frame) const {
    std::uint64_t flags = 0;
    if (frame == 0 || ::pread(file_.get(), &flags, sizeof flags,
                              static_cast<off_t>(frame * sizeof flags)) != sizeof flags) {
        return std::nullopt;
    }
    return flags;
}

}  // namespace damon_schemes
