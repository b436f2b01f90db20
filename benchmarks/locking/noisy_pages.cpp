// SPDX-License-Identifier: MIT
#include "benchmarks/locking/noisy_pages.h"

#include <sys/mman.h>

namespace damon_schemes::bench {

NoisyPages::NoisyPages(std::size_t bytes) : bytes_(bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return;
    madvise(memory, bytes, MADV_NOHUGEPAGE);
    words_ = static_cast<volatile std::uint64_t*>(memory);
}

NoisyPages::~NoisyPages() {
    if (words_ != nullptr) munmap(begin(), bytes_);
}

char* NoisyPages::begin() const {
    return reinterpret_cast<char*>(const_cast<std::uint64_t*>(words_));
}

void NoisyPages::fill(std::size_t number, Random& random) {
    volatile std::uint64_t* words = at(number);
    words[0] = number + 1;
    for (std::size_t i = 1; i < words_of_page / 2; ++i) words[i] = random.next();
}

bool NoisyPages::use(std::size_t number) {
    volatile std::uint64_t* words = at(number);
    words[words_of_page - 1] = words[words_of_page - 1] + 1;
    return words[0] == number + 1;
}

}  // namespace damon_schemes::bench
