// SPDX-License-Identifier: MIT
// Compression that stores what occurs again once: content-defined chunks, told apart by their
// fingerprints; each new one is compressed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "benchmarks/parsec/suite/chunker.h"
#include "benchmarks/parsec/suite/ledger.h"
#include "benchmarks/parsec/suite/sha1.h"

namespace damon_schemes::parsec {

// Packed chunks, one after another: only added to until they are read.
class Archive {
  public:
    explicit Archive(Ledger& ledger) : ledger_(ledger) {}

    // Returns its place.  At most a part's bytes (1 MiB).
    std::uint64_t add(std::span<const std::byte> packed);
    // What was added there, which had so many bytes.
    std::span<std::byte> at(std::uint64_t place, std::size_t bytes) const;
    std::uint64_t bytes() const { return end_; }

  private:
    static constexpr std::size_t part_bytes = std::size_t{1} << 20;

    Ledger& ledger_;
    std::vector<Table<std::byte>> parts_;
    std::uint64_t end_ = 0;
};

// A chunk of the input, and where it lies packed: chunks that are the same lie at the same place.
struct ChunkRecord {
    std::uint64_t place = 0;
    std::uint32_t raw_bytes = 0;
    std::uint32_t packed_bytes = 0;
};

// Which record is the first of the chunk with this fingerprint.
class FingerprintTable {
  public:
    // Room for so many.
    FingerprintTable(Ledger& ledger, std::size_t most);
    // The record that was put there with the fingerprint; else puts this one there, and returns
    // it.  Throws std::length_error when full.
    std::uint32_t find_or_put(const Sha1& fingerprint, std::uint32_t record);

  private:
    struct Slot {
        Sha1 fingerprint;
        std::uint32_t record_and_one;  // 0: free
    };
    Table<Slot> slots_;
    std::size_t used_ = 0;
};

struct DedupFigures {
    std::uint64_t chunks = 0;
    std::uint64_t new_chunks = 0;
    std::uint64_t input_bytes = 0;
    std::uint64_t packed_bytes = 0;
};

class Dedup {
  public:
    // `level` is zstd's.
    Dedup(Ledger& ledger, int level, std::size_t most_input);
    ~Dedup();

    // The next of the input, which is cut on its own: at most `most_input` bytes in all.
    void add(std::span<const std::byte> data);
    const DedupFigures& figures() const { return figures_; }
    std::span<const ChunkRecord> records() const;
    Archive& archive() { return archive_; }

    // Unpacks everything, and compares.  Empty: it is what was put in.
    std::string check(std::span<const std::byte> input) const;

  private:
    struct Context;

    Ledger& ledger_;
    std::unique_ptr<Context> context_;
    Chunker chunker_;
    FingerprintTable known_;
    Archive archive_;
    Table<ChunkRecord> records_;
    Table<std::byte> packed_;
    DedupFigures figures_;
};

}  // namespace damon_schemes::parsec
