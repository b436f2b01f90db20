/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Randomness for sampling and splitting: small, fast, seeded by the caller, so
 * that a test can repeat what it saw.  Not for secrets.
 */
#ifndef DAMON_SCHEMES_CORE_RANDOM_H
#define DAMON_SCHEMES_CORE_RANDOM_H

#include <linux/types.h>

struct ds_random {
	__u64 state;
};

/* Any seed will do; zero, which xorshift cannot leave, is replaced. */
static inline void ds_random_seed(struct ds_random *random, __u64 seed)
{
	random->state = seed ? seed : 0x9e3779b97f4a7c15ULL;
}

/* Marsaglia's xorshift64 with Vigna's multiplier (xorshift64*). */
static inline __u64 ds_random_next(struct ds_random *random)
{
	__u64 x = random->state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	random->state = x;
	return x * 0x2545f4914f6cdd1dULL;
}

/* Uniform in [0, bound); @bound > 0.  Lemire's multiplication, no division. */
static inline __u64 ds_random_below(struct ds_random *random, __u64 bound)
{
	return (__u64)(((__uint128_t)ds_random_next(random) * bound) >> 64);
}

#endif
