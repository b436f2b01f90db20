// SPDX-License-Identifier: MIT
#include "benchmarks/remote/register_check.h"

#include <cpuid.h>

#include <cstddef>
#include <cstring>

namespace damon_schemes::bench {

namespace {

enum Register { rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15, flags };
constexpr std::size_t register_count = 16;
constexpr std::size_t area_size = 4096;

// Carry, parity, adjust, zero, sign, direction, overflow.
constexpr std::uint64_t arithmetic_flags = 0xcd5;

}  // namespace

struct alignas(64) RegisterCheck::Frame {
    std::uint64_t in[register_count];   // at 0
    std::uint64_t out[register_count];  // at 128
    unsigned char* area_in;             // at 256
    unsigned char* area_out;            // at 264
    std::uint64_t components;           // at 272
    alignas(64) unsigned char areas[2][area_size];
};

}  // namespace damon_schemes::bench

extern "C" {
void damon_schemes_checked_call(void* frame);
void damon_schemes_checked_spin(void* frame);
}

// Loads all from the frame in rdi, runs `body`, and stores all.  `loop` counts without flags.
#define CHECKED(name, body)                                                                   \
    asm(".text\n.p2align 4\n.globl " name "\n.type " name ", @function\n" name                \
        ":\n"                                                                                 \
        "pushq %rbx\npushq %rbp\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"            \
        "pushq %rdi\n"                                                                        \
        "movq %rdi, %r15\n"                                                                   \
        "movq 272(%r15), %rax\nxorl %edx, %edx\nmovq 256(%r15), %rcx\nxrstor64 (%rcx)\n"      \
        "pushq 120(%r15)\npopfq\n"                                                            \
        "movq 0(%r15), %rax\nmovq 8(%r15), %rbx\nmovq 16(%r15), %rcx\nmovq 24(%r15), %rdx\n"  \
        "movq 32(%r15), %rsi\nmovq 40(%r15), %rdi\nmovq 48(%r15), %rbp\nmovq 56(%r15), %r8\n" \
        "movq 64(%r15), %r9\nmovq 72(%r15), %r10\nmovq 80(%r15), %r11\nmovq 88(%r15), %r12\n" \
        "movq 96(%r15), %r13\nmovq 104(%r15), %r14\nmovq 112(%r15), %r15\n" body              \
        "pushfq\npushq %r15\nmovq 16(%rsp), %r15\n"                                           \
        "movq %rax, 128(%r15)\nmovq %rbx, 136(%r15)\nmovq %rcx, 144(%r15)\n"                  \
        "movq %rdx, 152(%r15)\nmovq %rsi, 160(%r15)\nmovq %rdi, 168(%r15)\n"                  \
        "movq %rbp, 176(%r15)\nmovq %r8, 184(%r15)\nmovq %r9, 192(%r15)\n"                    \
        "movq %r10, 200(%r15)\nmovq %r11, 208(%r15)\nmovq %r12, 216(%r15)\n"                  \
        "movq %r13, 224(%r15)\nmovq %r14, 232(%r15)\n"                                        \
        "popq %rax\nmovq %rax, 240(%r15)\npopq %rax\nmovq %rax, 248(%r15)\ncld\n"             \
        "movq 272(%r15), %rax\nxorl %edx, %edx\nmovq 264(%r15), %rcx\nxsave64 (%rcx)\n"       \
        "fninit\n"                                                                            \
        "addq $8, %rsp\n"                                                                     \
        "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbp\npopq %rbx\nret\n"             \
        ".size " name ", . - " name "\n")

CHECKED("damon_schemes_checked_call", "syscall\n");
CHECKED("damon_schemes_checked_spin", "1: loop 1b\n");

namespace damon_schemes::bench {

namespace {

struct Component {
    std::size_t offset;
    std::size_t size;
};

// Of the extended state (CPUID leaf 0xd): AVX, and of AVX-512 the masks and both parts of
// registers.
constexpr unsigned extended[] = {2, 5, 6, 7};

std::uint64_t enabled_components() {
    std::uint32_t low = 0, high = 0;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    constexpr std::uint64_t looked_at = 0xe7;
    return low & looked_at;
}

Component component(unsigned number) {
    std::uint32_t a = 0, b = 0, c = 0, d = 0;
    __cpuid_count(0xd, number, a, b, c, d);
    return {b, a};
}

unsigned char pattern(std::size_t at) {
    return static_cast<unsigned char>(at * 167 + 13);
}

constexpr std::size_t x87_registers = 32, xmm_registers = 160;

}  // namespace

RegisterCheck::RegisterCheck() : frame_(std::make_unique<Frame>()) {
    Frame& frame = *frame_;
    std::memset(frame.areas, 0, sizeof frame.areas);
    frame.area_in = frame.areas[0];
    frame.area_out = frame.areas[1];
    frame.components = enabled_components();
    unsigned char* area = frame.area_in;
    area[0] = 0x7f;  // x87 control word: nothing is masked out
    area[1] = 0x03;
    area[4] = 0xff;  // all eight registers are in use
    const std::uint32_t mxcsr = 0x1f80;
    std::memcpy(area + 24, &mxcsr, sizeof mxcsr);
    for (std::size_t i = 0; i < 8; ++i) {
        unsigned char* number = area + x87_registers + 16 * i;
        for (std::size_t byte = 0; byte < 8; ++byte) number[byte] = pattern(i * 16 + byte);
        number[7] |= 0x80;  // a normal number
        number[8] = static_cast<unsigned char>(i + 1);
        number[9] = 0x40;
    }
    for (std::size_t byte = 0; byte < 256; ++byte) area[xmm_registers + byte] = pattern(byte + 7);
    for (const unsigned number : extended) {
        if ((frame.components >> number & 1) == 0) continue;
        const Component part = component(number);
        for (std::size_t byte = 0; byte < part.size && part.offset + byte < area_size; ++byte) {
            area[part.offset + byte] = pattern(byte + number);
        }
    }
    std::memcpy(area + 512, &frame.components, sizeof frame.components);
}

RegisterCheck::~RegisterCheck() = default;

void RegisterCheck::prepare() {
    for (std::size_t i = 0; i < register_count; ++i) {
        frame_->in[i] = 0x1122334455667788 * (i + 3) ^ 0x00f1e2d3c4b5a697;
    }
    std::memset(frame_->area_out, 0, area_size);
}

bool RegisterCheck::vectors_same() const {
    const unsigned char* in = frame_->area_in;
    const unsigned char* out = frame_->area_out;
    const auto same = [&](std::size_t offset, std::size_t size) {
        return std::memcmp(in + offset, out + offset, size) == 0;
    };
    // Not the address of the last x87 instruction, which processors keep or do not.
    if (!same(0, 5) || !same(24, 4)) return false;
    for (std::size_t i = 0; i < 8; ++i) {
        if (!same(x87_registers + 16 * i, 10)) return false;
    }
    if (!same(xmm_registers, 256)) return false;
    for (const unsigned number : extended) {
        if ((frame_->components >> number & 1) == 0) continue;
        const Component part = component(number);
        if (part.offset + part.size <= area_size && !same(part.offset, part.size)) return false;
    }
    return true;
}

std::int64_t RegisterCheck::call(long number, std::uint64_t a, std::uint64_t b, std::uint64_t c,
                                 std::uint64_t d, std::uint64_t e, std::uint64_t f) {
    prepare();
    Frame& frame = *frame_;
    frame.in[rax] = static_cast<std::uint64_t>(number);
    frame.in[rdi] = a;
    frame.in[rsi] = b;
    frame.in[rdx] = c;
    frame.in[r10] = d;
    frame.in[r8] = e;
    frame.in[r9] = f;
    frame.in[flags] = 0x246 | 0x1;
    damon_schemes_checked_call(&frame);
    bool same = vectors_same();
    for (const Register each : {rbx, rdx, rsi, rdi, rbp, r8, r9, r10, r12, r13, r14, r15}) {
        same = same && frame.in[each] == frame.out[each];
    }
    same = same && ((frame.in[flags] ^ frame.out[flags]) & arithmetic_flags) == 0;
    if (!same) ++mismatches_;
    return static_cast<std::int64_t>(frame.out[rax]);
}

void RegisterCheck::spin(std::uint64_t turns) {
    prepare();
    Frame& frame = *frame_;
    frame.in[rcx] = turns;
    frame.in[flags] = 0x246 | arithmetic_flags;
    damon_schemes_checked_spin(&frame);
    frame.in[rcx] = 0;
    bool same = vectors_same();
    for (std::size_t i = 0; i < register_count; ++i) {
        const std::uint64_t mask = i == flags ? arithmetic_flags : ~std::uint64_t{0};
        same = same && ((frame.in[i] ^ frame.out[i]) & mask) == 0;
    }
    if (!same) ++mismatches_;
}

}  // namespace damon_schemes::bench
