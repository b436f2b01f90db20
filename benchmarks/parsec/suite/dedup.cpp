// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/dedup.h"

#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace damon_schemes::parsec {

std::uint64_t Archive::add(std::span<const std::byte> packed) {
    if (packed.size() > part_bytes) throw std::length_error("more than 1 MiB at once");
    // Never across the end of a part.
    if (part_bytes * parts_.size() - end_ < packed.size()) {
        end_ = part_bytes * parts_.size();
        parts_.emplace_back(ledger_, part_bytes, page_bytes);
    }
    const std::uint64_t place = end_;
    end_ += packed.size();
    const auto to = at(place, packed.size());
    std::copy(packed.begin(), packed.end(), to.begin());
    return place;
}

std::span<std::byte> Archive::at(std::uint64_t place, std::size_t bytes) const {
    return parts_.at(place / part_bytes).range(place % part_bytes, bytes);
}

FingerprintTable::FingerprintTable(Ledger& ledger, std::size_t most)
    : slots_(ledger, std::bit_ceil(std::max<std::size_t>(most, 1) * 2)) {}

std::uint32_t FingerprintTable::find_or_put(const Sha1& fingerprint, std::uint32_t record) {
    // The fingerprint is as good as random: its beginning is its hash.
    std::uint64_t hash = 0;
    std::memcpy(&hash, fingerprint.data(), sizeof hash);
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
        Slot& slot = slots_[at];
        if (slot.record_and_one == 0) {
            if (++used_ > slots_.size() / 2) throw std::length_error("too many chunks");
            slot = {fingerprint, record + 1};
            return record;
        }
        if (slot.fingerprint == fingerprint) return slot.record_and_one - 1;
    }
}

// Its memory, some hundred KiB that are always in use, is zstd's own and in nobody's books.
struct Dedup::Context {
    Context() : compressing(ZSTD_createCCtx()), decompressing(ZSTD_createDCtx()) {
        if (compressing == nullptr || decompressing == nullptr) throw std::bad_alloc();
    }
    ~Context() {
        ZSTD_freeCCtx(compressing);
        ZSTD_freeDCtx(decompressing);
    }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    ZSTD_CCtx* compressing;
    ZSTD_DCtx* decompressing;
};

Dedup::Dedup(Ledger& ledger, int level, std::size_t most_input)
    : ledger_(ledger),
      context_(std::make_unique<Context>()),
      known_(ledger, most_input / Chunker::least + 1),
      archive_(ledger),
      records_(ledger, most_input / Chunker::least + 1),
      packed_(ledger, ZSTD_compressBound(Chunker::most)) {
    ZSTD_CCtx_setParameter(context_->compressing, ZSTD_c_compressionLevel, level);
}

Dedup::~Dedup() = default;

void Dedup::add(std::span<const std::byte> data) {
    while (!data.empty()) {
        const auto chunk = data.first(chunker_.cut(data));
        data = data.subspan(chunk.size());
        ledger_.touch(chunk.data(), chunk.size());
        if (figures_.chunks == records_.size()) throw std::length_error("too many chunks");
        const auto number = static_cast<std::uint32_t>(figures_.chunks++);
        figures_.input_bytes += chunk.size();
        const std::uint32_t first = known_.find_or_put(sha1_of(chunk), number);
        if (first != number) {
            records_[number] = records_[first];
            continue;
        }
        const auto packed = packed_.range(0, packed_.size());
        const std::size_t bytes = ZSTD_compress2(context_->compressing, packed.data(),
                                                 packed.size(), chunk.data(), chunk.size());
        if (ZSTD_isError(bytes) != 0) throw std::runtime_error(ZSTD_getErrorName(bytes));
        records_[number] = {archive_.add(packed.first(bytes)),
                            static_cast<std::uint32_t>(chunk.size()),
                            static_cast<std::uint32_t>(bytes)};
        ++figures_.new_chunks;
        figures_.packed_bytes += bytes;
    }
}

std::span<const ChunkRecord> Dedup::records() const {
    return records_.range(0, figures_.chunks);
}

std::string Dedup::check(std::span<const std::byte> input) const {
    const Table<std::byte> raw(ledger_, Chunker::most);
    std::uint64_t place = 0;
    for (const ChunkRecord& record : records()) {
        const auto packed = archive_.at(record.place, record.packed_bytes);
        const auto to = raw.range(0, raw.size());
        const std::size_t bytes = ZSTD_decompressDCtx(context_->decompressing, to.data(), to.size(),
                                                      packed.data(), packed.size());
        const std::string chunk = "the chunk at byte " + std::to_string(place);
        if (ZSTD_isError(bytes) != 0)
            return chunk + " cannot be unpacked: " + ZSTD_getErrorName(bytes);
        if (bytes != record.raw_bytes || input.size() - place < bytes)
            return chunk + " has " + std::to_string(bytes) + " bytes";
        const auto expected = input.subspan(place, bytes);
        ledger_.touch(expected.data(), expected.size());
        if (!std::equal(expected.begin(), expected.end(), to.begin()))
            return chunk + " is not what was put in";
        place += bytes;
    }
    if (place != input.size())
        return std::to_string(place) + " bytes came out of " + std::to_string(input.size());
    return {};
}

}  // namespace damon_schemes::parsec
