// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The known answers of regions and their adjustment, inside of a kernel: the same
 * files as in the tests of user space, but with the kernel's compiler options.
 */

#include <kunit/test.h>

#include "adjust.h"
#include "layout.h"
#include "runs.h"

#define TEST_REGIONS 64

struct fixture {
	struct ds_region memory[TEST_REGIONS];
	struct ds_region other_memory[TEST_REGIONS];
	struct ds_slice slices[2];
	struct ds_slice other_slices[2];
	struct ds_regions regions;
	struct ds_regions other;
	struct ds_limits limits;
};

static int fixture_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	f->regions.regions = f->memory;
	f->regions.slices = f->slices;
	f->regions.capacity = TEST_REGIONS;
	f->regions.nr_slices = 1;
	f->other.regions = f->other_memory;
	f->other.slices = f->other_slices;
	f->other.capacity = TEST_REGIONS;
	f->limits.min_regions = 3;
	f->limits.max_regions = TEST_REGIONS;
	f->limits.max_nr_accesses = 20;
	f->limits.min_region_size = 1;
	test->priv = f;
	return 0;
}

static void add_region(struct fixture *f, __u64 start, __u64 end, __u32 nr_accesses)
{
	struct ds_region *region = &f->memory[f->regions.nr++];

	*region = ds_region_new(start, end);
	region->sampled = f->limits.max_nr_accesses;
	region->accessed = nr_accesses;
	region->nr_accesses = nr_accesses;
	region->last_nr_accesses = nr_accesses;
	f->slices[0].nr++;
}

static void expect_borders(struct kunit *test, const struct ds_region *regions, __u32 nr,
			   const struct ds_range *expected, __u32 nr_expected)
{
	__u32 i;

	KUNIT_ASSERT_EQ(test, nr, nr_expected);
	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_EQ(test, regions[i].start, expected[i].start);
		KUNIT_EXPECT_EQ(test, regions[i].end, expected[i].end);
	}
}

static void layout_leaves_out_two_gaps(struct kunit *test)
{
	static const struct ds_range mappings[] = {
		{ 10, 20 }, { 20, 25 }, { 200, 210 }, { 210, 220 }, { 300, 305 }, { 307, 330 },
	};
	static const struct ds_range expected[] = { { 10, 25 }, { 200, 220 }, { 300, 330 } };
	struct ds_layout_walk walk = {};
	struct ds_layout layout;
	__u32 i;

	for (i = 0; i < ARRAY_SIZE(mappings); i++)
		ds_layout_add(&walk, mappings[i].start, mappings[i].end);
	ds_layout_finish(&walk, 1, &layout);
	KUNIT_ASSERT_EQ(test, layout.nr, (__u32)ARRAY_SIZE(expected));
	for (i = 0; i < layout.nr; i++) {
		KUNIT_EXPECT_EQ(test, layout.ranges[i].start, expected[i].start);
		KUNIT_EXPECT_EQ(test, layout.ranges[i].end, expected[i].end);
	}
}

static void adopting_follows_the_ranges(struct kunit *test)
{
	static const struct ds_layout layouts[] = {
		{ { { 5, 27 }, { 45, 55 }, { 73, 104 } }, 3 },
		{ { { 5, 27 }, { 56, 57 }, { 65, 104 } }, 3 },
		{ { { 5, 27 }, { 61, 63 }, { 65, 104 } }, 3 },
		{ { { 5, 7 }, { 30, 32 }, { 65, 68 } }, 3 },
	};
	static const struct ds_range expected[][6] = {
		{ { 5, 20 }, { 20, 27 }, { 45, 55 }, { 73, 80 }, { 80, 90 }, { 90, 104 } },
		{ { 5, 20 }, { 20, 27 }, { 56, 57 }, { 65, 80 }, { 80, 90 }, { 90, 104 } },
		{ { 5, 20 }, { 20, 27 }, { 61, 63 }, { 65, 80 }, { 80, 90 }, { 90, 104 } },
		{ { 5, 7 }, { 30, 32 }, { 65, 68 } },
	};
	static const __u32 nr_expected[] = { 6, 6, 6, 3 };
	struct fixture *f = test->priv;
	__u32 i;

	add_region(f, 10, 20, 0);
	add_region(f, 20, 30, 0);
	add_region(f, 50, 55, 0);
	add_region(f, 55, 57, 0);
	add_region(f, 57, 59, 0);
	add_region(f, 70, 80, 0);
	add_region(f, 80, 90, 0);
	add_region(f, 90, 100, 0);
	for (i = 0; i < ARRAY_SIZE(layouts); i++) {
		__u32 nr = ds_layout_adopt(&layouts[i], f->memory, f->regions.nr,
					   f->other_memory);

		expect_borders(test, f->other_memory, nr, expected[i], nr_expected[i]);
	}
}

static void cutting_is_even(struct kunit *test)
{
	static const struct ds_range expected[] = {
		{ 5, 15 }, { 15, 25 }, { 25, 35 }, { 35, 45 }, { 45, 59 },
	};
	const struct ds_range range = { 5, 59 }, small = { 5, 6 };
	struct fixture *f = test->priv;
	int nr = ds_layout_cut(&range, 5, 1, f->memory, TEST_REGIONS);

	KUNIT_ASSERT_EQ(test, nr, 5);
	expect_borders(test, f->memory, 5, expected, ARRAY_SIZE(expected));
	KUNIT_EXPECT_EQ(test, ds_layout_cut(&small, 2, 1, f->memory, TEST_REGIONS), -1);
	KUNIT_EXPECT_EQ(test, ds_layout_cut(&range, 0, 1, f->memory, TEST_REGIONS), -1);
}

static void runs_keep_what_stays_mapped(struct kunit *test)
{
	static const struct ds_run mappings[] = {
		{ 0, 50, 1 }, { 90, 100, 1 }, { 100, 130, 4 }, { 130, 140, 1 },
	};
	static const struct ds_range expected[] = {
		{ 0, 40 }, { 40, 50 }, { 90, 100 }, { 100, 130 }, { 130, 140 },
	};
	static const __u32 ages[] = { 7, 8, 8, 0, 0 };
	struct ds_run memory[8];
	struct ds_runs runs = { memory, 0, ARRAY_SIZE(memory), 1 };
	struct fixture *f = test->priv;
	__u32 nr, i;

	for (i = 0; i < ARRAY_SIZE(mappings); i++)
		ds_runs_add(&runs, mappings[i].start, mappings[i].end, mappings[i].kind);
	add_region(f, 0, 40, 0);
	add_region(f, 40, 130, 0);
	for (i = 0; i < 2; i++) {
		f->memory[i].kind = 1;
		f->memory[i].age = 7 + i;
	}
	nr = ds_runs_adopt(&runs, f->memory, 2, f->other_memory, TEST_REGIONS);
	expect_borders(test, f->other_memory, nr, expected, ARRAY_SIZE(expected));
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(test, f->other_memory[i].age, ages[i]);
	ds_runs_limit(&runs, 2);
	KUNIT_ASSERT_EQ(test, runs.nr, (__u32)2);
	KUNIT_EXPECT_EQ(test, memory[0].kind, (__u64)1);
	KUNIT_EXPECT_EQ(test, memory[1].kind, (__u64)DS_KIND_ANY);
	KUNIT_EXPECT_EQ(test, memory[1].end, (__u64)140);
}

static void who_comes_later_finds_room(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ds_random random;
	__u32 i;

	ds_random_seed(&random, 1);
	f->limits.min_regions = TEST_REGIONS;
	/* Too large to merge but for the maximum. */
	for (i = 0; i < TEST_REGIONS - 3; i++)
		add_region(f, i * 1000, i * 1000 + 1000, i % 2 ? 20 : 0);
	f->slices[1].first = f->regions.nr;
	for (i = 0; i < 3; i++) {
		add_region(f, i * 100, i * 100 + 100, i % 2 ? 20 : 0);
		f->slices[0].nr--;
		f->slices[1].nr++;
	}
	f->regions.nr_slices = 2;
	ds_regions_merge(&f->regions, &f->limits);
	KUNIT_EXPECT_EQ(test, f->slices[0].nr, (__u32)(TEST_REGIONS - 6));
	KUNIT_EXPECT_EQ(test, f->slices[1].nr, (__u32)3);
	KUNIT_ASSERT_TRUE(test, ds_regions_split(&f->regions, &f->other, &f->limits, 0,
						 &random));
	KUNIT_EXPECT_EQ(test, f->other.slices[0].nr, f->slices[0].nr);
	KUNIT_EXPECT_EQ(test, f->other.slices[1].nr, (__u32)6);
}

static void merging_weighs_by_size(struct kunit *test)
{
	struct fixture *f = test->priv;

	add_region(f, 0, 100, 10);
	add_region(f, 100, 300, 20);
	f->memory[0].age = 9;
	f->memory[1].age = 21;
	ds_region_merge(&f->memory[0], &f->memory[1]);
	KUNIT_EXPECT_EQ(test, f->memory[0].end, (__u64)300);
	KUNIT_EXPECT_EQ(test, f->memory[0].nr_accesses, (__u32)16);
	KUNIT_EXPECT_EQ(test, f->memory[0].age, (__u32)17);
}

static void merging_joins_what_is_used_alike(struct kunit *test)
{
	static const struct ds_range expected[] = {
		{ 0, 112 }, { 114, 130 }, { 130, 156 }, { 156, 170 }, { 170, 230 },
	};
	struct fixture *f = test->priv;

	f->limits.min_regions = 1;
	f->limits.max_nr_accesses = 90;
	add_region(f, 0, 100, 0);
	add_region(f, 100, 112, 0);
	add_region(f, 114, 122, 10);
	add_region(f, 122, 130, 10);
	add_region(f, 130, 156, 20);
	add_region(f, 156, 170, 30);
	add_region(f, 170, 184, 1);
	add_region(f, 184, 230, 2);
	ds_regions_merge(&f->regions, &f->limits);
	expect_borders(test, f->memory, f->regions.nr, expected, ARRAY_SIZE(expected));
}

static void retuning_rescales(struct kunit *test)
{
	const struct ds_intervals from = { 10, 1000 };
	static const struct ds_intervals to[] = { { 100, 10000 }, { 1, 1000 }, { 1, 100 } };
	static const __u32 nr_accesses[] = { 15, 150, 150 }, ages[] = { 2, 2, 20 };
	struct fixture *f = test->priv;
	__u32 i;

	add_region(f, 3, 7, 15);
	f->memory[0].age = 20;
	for (i = 0; i < ARRAY_SIZE(to); i++) {
		ds_regions_retune(&f->regions, &from, &to[i]);
		KUNIT_EXPECT_EQ(test, f->memory[0].nr_accesses, nr_accesses[i]);
		KUNIT_EXPECT_EQ(test, f->memory[0].age, ages[i]);
	}
}

static void the_unknown_does_not_age(struct kunit *test)
{
	struct fixture *f = test->priv;

	add_region(f, 0, 100, 15);
	f->memory[0].sampled = 0;
	f->memory[0].accessed = 0;
	f->memory[0].age = 7;
	ds_regions_aggregate(&f->regions, &f->limits);
	KUNIT_EXPECT_EQ(test, f->memory[0].age, (__u32)7);
	KUNIT_EXPECT_EQ(test, f->memory[0].nr_accesses, (__u32)15);
}

static void expect_sound(struct kunit *test, const struct fixture *f, __u64 bytes)
{
	const struct ds_regions *regions = &f->regions;
	__u32 i;

	KUNIT_ASSERT_LE(test, regions->nr, f->limits.max_regions);
	KUNIT_EXPECT_EQ(test, ds_regions_bytes(regions), bytes);
	for (i = 0; i < regions->nr; i++) {
		const struct ds_region *region = &regions->regions[i];

		KUNIT_EXPECT_LT(test, region->start, region->end);
		KUNIT_EXPECT_LE(test, region->accessed + region->absent, region->sampled);
		if (i)
			KUNIT_EXPECT_LE(test, regions->regions[i - 1].end, region->start);
	}
}

static void many_intervals_keep_regions_sound(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ds_random random;
	__u32 last_nr = 0;
	__u32 round, i;

	ds_random_seed(&random, 1);
	add_region(f, 0, 1 << 20, 0);
	for (round = 0; round < 500; round++) {
		__u32 nr = f->regions.nr;

		for (i = 0; i < nr * 5; i++)
			ds_region_count(&f->regions.regions[i % nr],
					(enum ds_look)ds_random_below(&random, 4));
		ds_regions_aggregate(&f->regions, &f->limits);
		ds_regions_merge(&f->regions, &f->limits);
		expect_sound(test, f, 1 << 20);
		ds_regions_reset(&f->regions);
		nr = f->regions.nr;
		if (ds_regions_split(&f->regions, &f->other, &f->limits, last_nr, &random))
			swap(f->regions, f->other);
		last_nr = nr;
		expect_sound(test, f, 1 << 20);
	}
}

static struct kunit_case core_cases[] = {
	KUNIT_CASE(layout_leaves_out_two_gaps),
	KUNIT_CASE(adopting_follows_the_ranges),
	KUNIT_CASE(cutting_is_even),
	KUNIT_CASE(runs_keep_what_stays_mapped),
	KUNIT_CASE(who_comes_later_finds_room),
	KUNIT_CASE(merging_weighs_by_size),
	KUNIT_CASE(merging_joins_what_is_used_alike),
	KUNIT_CASE(retuning_rescales),
	KUNIT_CASE(the_unknown_does_not_age),
	KUNIT_CASE(many_intervals_keep_regions_sound),
	{}
};

static struct kunit_suite core_suite = {
	.name = "damon_schemes_core",
	.init = fixture_init,
	.test_cases = core_cases,
};

kunit_test_suite(core_suite);
