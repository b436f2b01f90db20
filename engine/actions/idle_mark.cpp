// SPDX-License-Identifier: MIT
#include "engine/actions/idle_mark.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/actions/mappings.h"
#include "engine/actions/page_choice.h"
#include "engine/targets/procfs.h"

namespace damon_schemes {
namespace {

constexpr Bytes largest_piece = mebibytes(16);

Error failure(int code) {
    return {ErrorKind::runtime, std::string("cannot be verified: ") + std::strerror(code), code};
}

}  // namespace

Result<void> clear_accessed(const ActionRequest& request, const Cancelled& cancelled,
                            const MachinePaths& paths) {
    if (!request.scanner) return failure(ENOTSUP);
    const auto folder = open_process_folder(request.pid, request.pidfd, paths.proc);
    if (!folder) return failure(folder.error().code == ENOENT ? ESRCH : folder.error().code);
    const auto text = read_file_at(folder->get(), "maps");
    if (!text) return failure(errno);
    const auto mappings = parse_mappings(*text);
    const Bytes page_size{static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
    PageChoice choice(request, page_size);
    choice.know(mappings);

    std::vector<PageChoice::Cut> cuts;
    for (const AddressRange range : request.ranges) {
        for (const MappedPart& part : clip(range, mappings, page_size).parts)
            choice.cut(part.range, cuts);
    }
    for (const PageChoice::Cut& cut : cuts) {
        if (cut.verdict == FilterVerdict::Kind::rejected) continue;
        for (AddressRange rest = cut.range; !rest.empty();) {
            if (cancelled && cancelled()) return failure(ECANCELED);
            AddressRange piece = rest;
            piece.end = std::min(rest.end, rest.start + largest_piece.count);
            rest.start = piece.end;
            const auto scanned =
                request.scanner->scan(request.target, request.generation, piece, true);
            if (!scanned) return scanned.error();
        }
    }
    return {};
}

}  // namespace damon_schemes
