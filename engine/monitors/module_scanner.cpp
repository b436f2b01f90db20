// SPDX-License-Identifier: MIT
#include "engine/monitors/module_scanner.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "kmod/uapi/damon_schemes.h"

namespace damon_schemes {
namespace {

static_assert(PageState::present_bit == DAMON_SCHEMES_PAGE_PRESENT);
static_assert(PageState::swapped_bit == DAMON_SCHEMES_PAGE_SWAPPED);
static_assert(PageState::young_bit == DAMON_SCHEMES_PAGE_YOUNG);
static_assert(PageState::huge_bit == DAMON_SCHEMES_PAGE_HUGE);
static_assert(PageState::unknown_bit == DAMON_SCHEMES_PAGE_UNKNOWN);
// The states are where the module writes its bytes.
static_assert(sizeof(PageState) == 1);

constexpr std::uint64_t page_bytes = 4096;
constexpr std::uint64_t huge_page_bytes = 2 << 20;
constexpr std::uint64_t most_bytes = DAMON_SCHEMES_SCAN_MAX_PAGES * page_bytes;

Error scan_error(int code) {
    const auto why = [code]() -> std::string {
        switch (code) {
            case ESRCH:
                return "the process has exited";
            case ESTALE:
                return "the process runs another program now";
            case ENOENT:
                return "the process is not watched any more";
            case EAGAIN:
                return "monitoring is not started";
            case ECANCELED:
                return "monitoring was stopped";
            case EPERM:
                return "the process may not be watched: that needs CAP_SYS_ADMIN, or "
                       "CAP_SYS_PTRACE over it";
            case EOPNOTSUPP:
                return "accesses cannot be told with monitor.tlb = \"none\": choose \"auto\"";
            default:
                return std::strerror(code);
        }
    }();
    const bool never = code == EPERM || code == EOPNOTSUPP;
    return {never ? ErrorKind::unsupported : ErrorKind::runtime,
            "cannot look at single pages: " + why, code};
}

class ModuleScanner final : public PageScanner {
  public:
    explicit ModuleScanner(std::shared_ptr<const Descriptor> device) : device_(std::move(device)) {}

    Result<std::vector<PageState>> scan(TargetId target, std::uint64_t generation,
                                        AddressRange range, bool clear) override {
        if (range.start % page_bytes != 0 || range.end % page_bytes != 0 || range.end < range.start)
            return scan_error(EINVAL);
        std::vector<PageState> states(range.size().count / page_bytes);
        damon_schemes_scan request{};
        request.target_id = target.value;
        request.generation = generation;
        request.flags = clear ? DAMON_SCHEMES_SCAN_CLEAR : 0;
        for (auto at = range.start; at < range.end; at = request.end) {
            request.start = at;
            request.end = end_of_call(at, range.end);
            request.states =
                reinterpret_cast<std::uintptr_t>(states.data() + (at - range.start) / page_bytes);
            if (::ioctl(device_->get(), DAMON_SCHEMES_SCAN, &request) != 0)
                return scan_error(errno);
        }
        return states;
    }

  private:
    // Between huge pages: cut in two, the second part would be told as the first left it.
    static std::uint64_t end_of_call(std::uint64_t start, std::uint64_t end) {
        if (end - start <= most_bytes) return end;
        return (start + most_bytes) / huge_page_bytes * huge_page_bytes;
    }

    std::shared_ptr<const Descriptor> device_;
};

}  // namespace

std::shared_ptr<PageScanner> make_module_scanner(std::shared_ptr<const Descriptor> device) {
    return std::make_shared<ModuleScanner>(std::move(device));
}

}  // namespace damon_schemes
