// SPDX-License-Identifier: MIT
// The kernel's DAMON and tracefs in a laid-out folder: what a write does to the files, as the
// kernel would do it, and the errors that a test asks for.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/monitors/kernel_files.h"
#include "engine/monitors/mainline_monitor.h"
#include "engine/targets/process.h"
#include "laid_out_folder.h"

namespace damon_schemes::testing {

class FakeDamon final : public KernelFiles {
  public:
    FakeDamon();
    ~FakeDamon() override;

    Result<std::string> read(const std::string& path) override;
    Result<void> write(const std::string& path, const std::string& text) override;
    Result<void> make_folder(const std::string& path) override;
    Result<void> remove_folder(const std::string& path) override;

    MainlinePaths paths() const;
    std::string admin() const { return paths().sys + "/kernel/mm/damon/admin"; }
    // Of a file below `admin`, without its newline.
    std::string shown(const std::string& file) const;
    // All files and what they say, but for the trace buffers' pipes.
    std::string listing() const;
    std::vector<std::string> instances() const;
    // As somebody else with a shell, past what was asked to fail.
    void echo(const std::string& text, const std::string& file);

    std::int32_t kdamond() const { return kdamond_.load(); }  // 0: none runs
    // One page of the trace buffer of a processor, 0 or 1.
    void trace(int processor, const std::vector<std::byte>& page);

    // The next writes to files that end so fail with these; the rest of them succeed.
    std::map<std::string, std::vector<int>> failing_writes;
    std::map<std::string, std::vector<int>> failing_reads;
    // The write of that number, from 1 on, fails with EIO; 0: none.
    int failing_write = 0;
    int writes = 0;
    // What the schemes of a running kdamond have done, as the files of `stats` say it once they are
    // asked for: "nr_tried", …, the same of each scheme.
    void have_done(std::map<std::string, std::uint64_t> done);

    // Called before each write; may itself write with echo().
    std::function<void(const std::string& path)> before_write;

  private:
    Result<void> apply(const std::string& path, const std::string& text);
    void turn_on(const std::string& folder);
    void turn_off(const std::string& folder);
    void end_kdamond();

    LaidOutFolder folder_;
    // Two threads of an engine may ask at once.
    std::recursive_mutex asking_;
    std::atomic<std::int32_t> kdamond_ = 0;
    std::map<std::string, std::uint64_t> done_;
    std::vector<Descriptor> pipes_;  // our ends of the newest instance
};

}  // namespace damon_schemes::testing
