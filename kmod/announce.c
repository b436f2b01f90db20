// SPDX-License-Identifier: GPL-2.0-only
/* The trace event and the observers. */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/export.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/rculist.h>
#include <linux/srcu.h>

#include "announce.h"
#include "observer.h"

#define CREATE_TRACE_POINTS
#include "compat/trace.h"

static bool allowed;

/* Changed under the mutex; walked under SRCU, so that who leaves waits for its calls. */
static DEFINE_MUTEX(observers_lock);
static LIST_HEAD(observers);
DEFINE_STATIC_SRCU(observers_srcu);

void ds_announce_allow(void)
{
	allowed = true;
	if (DS_TRACE_SYSTEM_IS_OUR_OWN)
		pr_info("this kernel has a trace event damon:damon_aggregated of its own; ours is damon_schemes:damon_aggregated\n");
}

static bool is_registered(const struct damon_schemes_observer *observer)
{
	const struct damon_schemes_observer *other;

	list_for_each_entry(other, &observers, registered)
		if (other == observer)
			return true;
	return false;
}

/**
 * damon_schemes_register_observer - be told from now on
 * @observer: the caller's, in place until it is unregistered.
 *
 * Context: may sleep.
 * Return: 0; -EBUSY where it is registered already; -EOPNOTSUPP where the module was
 * loaded with legacy_interfaces=0.
 */
int damon_schemes_register_observer(struct damon_schemes_observer *observer)
{
	int err = 0;

	if (!allowed)
		return -EOPNOTSUPP;
	mutex_lock(&observers_lock);
	if (is_registered(observer))
		err = -EBUSY;
	else
		list_add_tail_rcu(&observer->registered, &observers);
	mutex_unlock(&observers_lock);
	return err;
}
EXPORT_SYMBOL_GPL(damon_schemes_register_observer);

/**
 * damon_schemes_unregister_observer - be told no more
 * @observer: what was registered.
 *
 * Context: may sleep, until the last call of it has returned; so never from one.
 */
void damon_schemes_unregister_observer(struct damon_schemes_observer *observer)
{
	mutex_lock(&observers_lock);
	list_del_rcu(&observer->registered);
	mutex_unlock(&observers_lock);
	synchronize_srcu(&observers_srcu);
}
EXPORT_SYMBOL_GPL(damon_schemes_unregister_observer);

/**
 * damon_schemes_observed_target - one process of an observation
 * @observation: what the observer was called with.
 * @which: from 0.
 * @target: written.
 *
 * Return: whether there is one of that number.
 */
bool damon_schemes_observed_target(const struct damon_schemes_observation *observation,
				   u32 which, struct damon_schemes_observed *target)
{
	const struct ds_view *view = observation->view;
	const struct ds_slice *slice;

	if (which >= observation->nr_targets)
		return false;
	slice = &view->regions->slices[which];
	target->pid = view->targets[which]->pid;
	target->flags = view->targets[which]->flags;
	target->nr_regions = slice->nr;
	target->regions = &view->regions->regions[slice->first];
	return true;
}
EXPORT_SYMBOL_GPL(damon_schemes_observed_target);

bool ds_announce_is_heard(void)
{
	return !list_empty_careful(&observers);
}

static struct damon_schemes_observation observe(const struct ds_view *view)
{
	struct damon_schemes_observation observation = {
		.time_ns = view->header.time_ns,
		.passes = view->header.passes,
		.max_nr_accesses = view->header.max_nr_accesses,
		.nr_targets = view->regions->nr_slices,
		.view = view,
	};

	return observation;
}

void ds_announce_sampling(const struct ds_view *view)
{
	const struct damon_schemes_observation observation = observe(view);
	struct damon_schemes_observer *observer;
	int reading = srcu_read_lock(&observers_srcu);

	list_for_each_entry_srcu(observer, &observers, registered,
				 srcu_read_lock_held(&observers_srcu))
		if (observer->after_sampling)
			observer->after_sampling(observer, &observation);
	srcu_read_unlock(&observers_srcu, reading);
}

static void trace_regions(const struct ds_view *view)
{
	const struct ds_regions *regions = view->regions;
	u32 t, i;

	for (t = 0; t < regions->nr_slices; t++) {
		const struct ds_slice *slice = &regions->slices[t];
		pid_t pid = pid_nr(view->targets[t]->pid);

		for (i = slice->first; i < slice->first + slice->nr; i++)
			trace_damon_aggregated(pid, slice->nr, regions->regions[i].start,
					       regions->regions[i].end,
					       regions->regions[i].nr_accesses);
	}
}

void ds_announce_aggregation(const struct ds_view *view)
{
	const struct damon_schemes_observation observation = observe(view);
	struct damon_schemes_observer *observer;
	int reading;

	if (allowed && trace_damon_aggregated_enabled())
		trace_regions(view);
	if (!ds_announce_is_heard())
		return;
	reading = srcu_read_lock(&observers_srcu);
	list_for_each_entry_srcu(observer, &observers, registered,
				 srcu_read_lock_held(&observers_srcu))
		if (observer->after_aggregation)
			observer->after_aggregation(observer, &observation);
	srcu_read_unlock(&observers_srcu, reading);
}
