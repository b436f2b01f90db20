/* SPDX-License-Identifier: GPL-2.0-only */
/* /dev/damon_schemes: its file operations. */
#ifndef DAMON_SCHEMES_DEVICE_H
#define DAMON_SCHEMES_DEVICE_H

int ds_device_register(void);
void ds_device_unregister(void);

#endif
