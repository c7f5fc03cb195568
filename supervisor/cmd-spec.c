/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule spec: a sample config.json to begin with.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "file.h"
#include "own.h"

#define CAPABILITIES "[\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\"]"

static const char sample[] =
	"{\n"
	"\t\"ociVersion\": \"1.2.0\",\n"
	"\t\"process\": {\n"
	"\t\t\"terminal\": false,\n"
	"\t\t\"user\": {\"uid\": 0, \"gid\": 0},\n"
	"\t\t\"args\": [\"sleep\", \"24h\"],\n"
	"\t\t\"env\": [\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\", "
	"\"TERM=xterm\"],\n"
	"\t\t\"cwd\": \"/\",\n"
	"\t\t\"capabilities\": {\n"
	"\t\t\t\"bounding\": " CAPABILITIES ",\n"
	"\t\t\t\"effective\": " CAPABILITIES ",\n"
	"\t\t\t\"permitted\": " CAPABILITIES "\n"
	"\t\t},\n"
	"\t\t\"rlimits\": [{\"type\": \"RLIMIT_NOFILE\", \"hard\": 1024, \"soft\": 1024}],\n"
	"\t\t\"noNewPrivileges\": true\n"
	"\t},\n"
	"\t\"root\": {\"path\": \"rootfs\", \"readonly\": true},\n"
	"\t\"hostname\": \"capsule\",\n"
	"\t\"mounts\": [\n"
	"\t\t{\"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\"},\n"
	"\t\t{\"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\",\n"
	"\t\t \"options\": [\"nosuid\", \"strictatime\", \"mode=755\", \"size=65536k\"]},\n"
	"\t\t{\"destination\": \"/dev/pts\", \"type\": \"devpts\", \"source\": \"devpts\",\n"
	"\t\t \"options\": [\"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", "
	"\"mode=0620\", \"gid=5\"]},\n"
	"\t\t{\"destination\": \"/dev/shm\", \"type\": \"tmpfs\", \"source\": \"shm\",\n"
	"\t\t \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=65536k\"]},\n"
	"\t\t{\"destination\": \"/dev/mqueue\", \"type\": \"mqueue\", \"source\": \"mqueue\",\n"
	"\t\t \"options\": [\"nosuid\", \"noexec\", \"nodev\"]},\n"
	"\t\t{\"destination\": \"/sys\", \"type\": \"sysfs\", \"source\": \"sysfs\",\n"
	"\t\t \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"ro\"]}\n"
	"\t],\n"
	"\t\"linux\": {\n"
	"\t\t\"resources\": {\n"
	"\t\t\t\"devices\": [{\"allow\": false, \"access\": \"rwm\"}],\n"
	"\t\t\t\"memory\": {\"limit\": 104857600},\n"
	"\t\t\t\"cpu\": {\"shares\": 512}\n"
	"\t\t},\n"
	"\t\t\"namespaces\": [\n"
	"\t\t\t{\"type\": \"pid\"},\n"
	"\t\t\t{\"type\": \"uts\"},\n"
	"\t\t\t{\"type\": \"ipc\"},\n"
	"\t\t\t{\"type\": \"network\"},\n"
	"\t\t\t{\"type\": \"mount\"}\n"
	"\t\t],\n"
	"\t\t\"maskedPaths\": [\"/proc/acpi\", \"/proc/asound\", \"/proc/kcore\", \"/proc/keys\",\n"
	"\t\t\t\"/proc/latency_stats\", \"/proc/timer_list\", \"/proc/timer_stats\",\n"
	"\t\t\t\"/proc/sched_debug\", \"/proc/scsi\", \"/sys/firmware\"],\n"
	"\t\t\"readonlyPaths\": [\"/proc/bus\", \"/proc/fs\", \"/proc/irq\", \"/proc/sys\",\n"
	"\t\t\t\"/proc/sysrq-trigger\"]\n"
	"\t}\n"
	"}\n";

static int sample_write(const char *dir, struct cps_err *err)
{
	cleanup_fd int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int fd = -1;
	int rc;

	if (dirfd < 0)
		return cps_fail(err, errno, "bundle '%s'", dir);
	fd = openat(dirfd, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return cps_failx(err, EEXIST, "'%s/config.json' exists; it is not overwritten",
				 dir);
	if (fd < 0)
		return cps_fail(err, errno, "make '%s/config.json'", dir);
	rc = cps_write_all(fd, sample, sizeof(sample) - 1);
	if (rc < 0) {
		(void)unlinkat(dirfd, "config.json", 0); /* half of it helps nobody */
		return cps_fail(err, -rc, "write '%s/config.json'", dir);
	}
	return 0;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	const char *dir = ".";
	const struct cps_opt table[] = {
		{ "bundle", 'b', CPS_OPT_STR, &dir, "DIR", "where to (the current directory)" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 0, 0, &args, err);

	(void)ctx; /* needs no container */
	if (rc < 0 || args.done)
		return rc;
	return cps_wrap(err, sample_write(dir, err), "spec");
}

const struct sup_command sup_cmd_spec = {
	.name = "spec",
	.usage = "[-b DIR]",
	.summary = "Writes a sample config.json",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
