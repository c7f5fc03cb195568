/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.resources.blockIO: weights and rates for block devices.
 */
#include <config.h>

#include "cgroup-values-list.h"

#include <errno.h>
#include <inttypes.h>

uint64_t rt_cgroup_io_weight(uint64_t blkio_weight)
{
	return 1 + (blkio_weight - 10) * 9999 / 990;
}

static int check_weight(uint64_t weight, const char *field, struct cps_err *err)
{
	if (weight < 10 || weight > 1000)
		return cps_failx(err, EINVAL,
				 "linux.resources.%s: %" PRIu64 " is not within 10 and 1000", field,
				 weight);
	return 0;
}

static void v1_rates(struct rt_cgroup_list *l, const struct rt_blkio_devs *devs, const char *field,
		     const char *file)
{
	for (size_t i = 0; i < devs->n; i++)
		rt_cgroup_put(l, field, file, "%" PRIu32 ":%" PRIu32 " %" PRIu64, devs->v[i].major,
			      devs->v[i].minor, devs->v[i].value); /* 0 takes the limit away */
}

int rt_cgroup_v1_blkio(struct rt_cgroup_list *l, const struct rt_resources *res,
		       struct cps_err *err)
{
	int rc = 0;

	if (rt_cgroup_is_given(&res->blkio.weight)) {
		rc = check_weight(res->blkio.weight.v, "blockIO.weight", err);
		rt_cgroup_put(l, "blockIO.weight", "blkio.bfq.weight", "%" PRIu64,
			      res->blkio.weight.v)
			->or_next = true;
		rt_cgroup_put(l, "blockIO.weight", "blkio.weight", "%" PRIu64, res->blkio.weight.v);
	}
	if (rc == 0 && rt_cgroup_is_given(&res->blkio.leaf_weight)) {
		rc = check_weight(res->blkio.leaf_weight.v, "blockIO.leafWeight", err);
		rt_cgroup_put(l, "blockIO.leafWeight", "blkio.leaf_weight", "%" PRIu64,
			      res->blkio.leaf_weight.v);
	}
	for (size_t i = 0; rc == 0 && i < res->blkio.weight_dev.n; i++) {
		const struct rt_blkio_dev *d = &res->blkio.weight_dev.v[i];
		const char *text = cps_arena_printf(l->arena, "%" PRIu32 ":%" PRIu32 " %" PRIu64,
						    d->major, d->minor, d->value);

		if (!text)
			return cps_fail(err, ENOMEM, "resources");
		if (d->value) {
			rc = check_weight(d->value, "blockIO.weightDevice.weight", err);
			rt_cgroup_put(l, "blockIO.weightDevice", "blkio.bfq.weight_device", "%s",
				      text)
				->or_next = true;
			rt_cgroup_put(l, "blockIO.weightDevice", "blkio.weight_device", "%s", text);
		}
		if (rc == 0 && rt_cgroup_is_given(&d->leaf))
			rt_cgroup_put(
				l, "blockIO.weightDevice.leafWeight", "blkio.leaf_weight_device",
				"%" PRIu32 ":%" PRIu32 " %" PRIu64, d->major, d->minor, d->leaf.v);
	}
	if (rc < 0)
		return rc;
	v1_rates(l, &res->blkio.read_bps, "blockIO.throttleReadBpsDevice",
		 "blkio.throttle.read_bps_device");
	v1_rates(l, &res->blkio.write_bps, "blockIO.throttleWriteBpsDevice",
		 "blkio.throttle.write_bps_device");
	v1_rates(l, &res->blkio.read_iops, "blockIO.throttleReadIOPSDevice",
		 "blkio.throttle.read_iops_device");
	v1_rates(l, &res->blkio.write_iops, "blockIO.throttleWriteIOPSDevice",
		 "blkio.throttle.write_iops_device");
	return 0;
}

static void v2_rates(struct rt_cgroup_list *l, const struct rt_blkio_devs *devs, const char *field,
		     const char *word)
{
	for (size_t i = 0; i < devs->n; i++) {
		const struct rt_blkio_dev *d = &devs->v[i];

		if (d->value)
			rt_cgroup_put(l, field, "io.max", "%" PRIu32 ":%" PRIu32 " %s=%" PRIu64,
				      d->major, d->minor, word, d->value);
		else /* v1's way to take a limit away */
			rt_cgroup_put(l, field, "io.max", "%" PRIu32 ":%" PRIu32 " %s=max",
				      d->major, d->minor, word);
	}
}

int rt_cgroup_v2_blkio(struct rt_cgroup_list *l, const struct rt_resources *res,
		       struct cps_err *err)
{
	static const char no_leaf[] = "cgroup v2 has no weights of leaves";
	int rc = 0;

	if (rt_cgroup_is_given(&res->blkio.leaf_weight))
		return rt_cgroup_refuse(err, "blockIO.leafWeight", no_leaf);
	if (rt_cgroup_is_given(&res->blkio.weight)) {
		uint64_t weight = res->blkio.weight.v;

		rc = check_weight(weight, "blockIO.weight", err);
		/* BFQ counts as v1 did; iocost has a scale of its own */
		rt_cgroup_put(l, "blockIO.weight", "io.bfq.weight", "default %" PRIu64, weight)
			->or_next = true;
		rt_cgroup_put(l, "blockIO.weight", "io.weight", "default %" PRIu64,
			      rt_cgroup_io_weight(weight));
	}
	for (size_t i = 0; rc == 0 && i < res->blkio.weight_dev.n; i++) {
		const struct rt_blkio_dev *d = &res->blkio.weight_dev.v[i];

		if (rt_cgroup_is_given(&d->leaf))
			return rt_cgroup_refuse(err, "blockIO.weightDevice.leafWeight", no_leaf);
		if (!d->value)
			continue;
		rc = check_weight(d->value, "blockIO.weightDevice.weight", err);
		rt_cgroup_put(l, "blockIO.weightDevice", "io.bfq.weight",
			      "%" PRIu32 ":%" PRIu32 " %" PRIu64, d->major, d->minor, d->value)
			->or_next = true;
		rt_cgroup_put(l, "blockIO.weightDevice", "io.weight",
			      "%" PRIu32 ":%" PRIu32 " %" PRIu64, d->major, d->minor,
			      rt_cgroup_io_weight(d->value));
	}
	if (rc < 0)
		return rc;
	v2_rates(l, &res->blkio.read_bps, "blockIO.throttleReadBpsDevice", "rbps");
	v2_rates(l, &res->blkio.write_bps, "blockIO.throttleWriteBpsDevice", "wbps");
	v2_rates(l, &res->blkio.read_iops, "blockIO.throttleReadIOPSDevice", "riops");
	v2_rates(l, &res->blkio.write_iops, "blockIO.throttleWriteIOPSDevice", "wiops");
	return 0;
}
