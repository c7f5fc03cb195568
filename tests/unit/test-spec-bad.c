/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that config.json and process.json may get wrong, one row each: what is put where,
 * and the message, whole, that names the place.
 */
#include <config.h>

#include "spec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

struct bad {
	char where; /* t: the top, p: process, l: linux, r: linux.resources, s: linux.seccomp */
	const char *json;
	const char *message; /* behind "config.json: " */
};

#define RANGE(c, h, n) "{\"containerID\":" #c ",\"hostID\":" #h ",\"size\":" #n "}"

static const struct bad bad[] = {
	/* the top; `namespaces` of the frame are mount, uts, ipc */
	{ 't', "\"ociVersion\":\"2.0.0\"", "ociVersion: version '2.0.0' is not supported, 1.x is" },
	{ 't', "\"ociVersion\":\"1.0\"", "ociVersion: version '1.0' is not supported, 1.x is" },
	{ 't', "\"ociVersion\":\"10.0.0\"",
	  "ociVersion: version '10.0.0' is not supported, 1.x is" },
	{ 't', "\"root\":{\"path\":\"\"}", "root.path: the path is empty" },
	{ 't', "\"root\":{\"path\":\"a\\u0000b\"}", "root.path: a NUL in the string" },
	{ 't',
	  "\"hostname\":"
	  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
	  "hostname: longer than 64 bytes" },
	{ 't', "\"annotations\":{\"\":\"x\"}", "annotations[\"\"]: the name is empty" },
	{ 't', "\"annotations\":{\"a\":1}", "annotations.a: expected a string, got a number" },
	{ 't', "\"mounts\":{}", "mounts: expected an array, got an object" },
	{ 't', "\"mounts\":[1]", "mounts[0]: expected an object, got a number" },
	{ 't', "\"mounts\":[{\"type\":\"tmpfs\"}]", "mounts[0]: 'destination' is missing" },
	{ 't', "\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\"}]",
	  "mounts[0]: a bind mount needs a 'source'" },
	{ 't', "\"mounts\":[{\"destination\":\"/a\",\"uidMappings\":[" RANGE(0, 0, 1) "]}]",
	  "mounts[0]: uidMappings and gidMappings are given together" },
	{ 't', "\"mounts\":[{\"destination\":\"/a\",\"uidMappings\":[" RANGE(0, 0, 0) "]}]",
	  "mounts[0].uidMappings[0]: 'size' is missing or 0" },
	{ 't',
	  "\"mounts\":[{\"destination\":\"/a\",\"type\":\"tmpfs\"},{\"destination\":"
	  "\"/a\",\"type\":\"tmpfs\",\"options\":[\"ridmap\"]}]",
	  "mounts[1]: only bind mounts take id mappings" },
	{ 't',
	  "\"mounts\":[{\"destination\":\"/a\",\"source\":\"/b\",\"options\":["
	  "\"bind\",\"idmap\"]}]",
	  "mounts[0]: idmap needs uidMappings and gidMappings here, or a user namespace in "
	  "linux.namespaces" },
	{ 't', "\"hooks\":{\"prestart\":[{\"path\":\"a\"}]}",
	  "hooks.prestart[0].path: 'a' is not an absolute path" },
	{ 't', "\"hooks\":{\"poststop\":[{\"args\":[\"x\"]}]}",
	  "hooks.poststop[0]: 'path' is missing" },
	{ 't', "\"hooks\":{\"poststop\":[{\"path\":\"/a\",\"timeout\":0}]}",
	  "hooks.poststop[0].timeout: 0 is not within 1 and 2147483647" },
	{ 't', "\"hooks\":{\"poststop\":[{\"path\":\"/a\",\"env\":[\"A\"]}]}",
	  "hooks.poststop[0].env[0]: 'A' is not KEY=VALUE" },
	/* process */
	{ 'p', "\"args\":[]", "process: 'args' is missing or empty" },
	{ 'p', "\"args\":\"a\"", "process.args: expected an array, got a string" },
	{ 'p', "\"args\":[1]", "process.args[0]: expected a string, got a number" },
	{ 'p', "\"cwd\":\"\"", "process.cwd: '' is not an absolute path" },
	{ 'p', "\"cwd\":\"a\"", "process.cwd: 'a' is not an absolute path" },
	{ 'p', "\"env\":[\"A=1\",\"=\"]", "process.env[1]: '=' is not KEY=VALUE" },
	{ 'p', "\"env\":[\"A=\\u0000\"]", "process.env[0]: a NUL in the string" },
	{ 'p', "\"terminal\":\"yes\"", "process.terminal: expected a boolean, got a string" },
	{ 'p', "\"user\":{\"uid\":4294967295}",
	  "process.user.uid: 4294967295 is not within 0 and 4294967294" },
	{ 'p', "\"user\":{\"uid\":-1}", "process.user.uid: -1 is not within 0 and 4294967294" },
	{ 'p', "\"user\":{\"uid\":1.5}", "process.user.uid: expected an integer, got 1.5" },
	{ 'p', "\"user\":{\"uid\":\"1\"}", "process.user.uid: expected an integer, got a string" },
	{ 'p', "\"user\":\"web\"", "process.user: expected an object, got a string" },
	{ 'p', "\"user\":{\"umask\":512}", "process.user.umask: 512 is not within 0 and 511" },
	{ 'p', "\"user\":{\"additionalGids\":[0,4294967295]}",
	  "process.user.additionalGids[1]: 4294967295 is not within 0 and 4294967294" },
	{ 'p', "\"consoleSize\":{\"height\":65536}",
	  "process.consoleSize.height: 65536 is not within 0 and 65535" },
	{ 'p', "\"rlimits\":[{\"type\":\"RLIMIT_X\"}]",
	  "process.rlimits[0].type: 'RLIMIT_X' is no resource limit" },
	{ 'p', "\"rlimits\":[{\"soft\":1,\"hard\":1}]", "process.rlimits[0]: 'type' is missing" },
	{ 'p', "\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":2,\"hard\":1}]",
	  "process.rlimits[0]: RLIMIT_CORE: soft is more than hard" },
	{ 'p', "\"rlimits\":[{\"type\":\"RLIMIT_CORE\"},{\"type\":\"RLIMIT_CORE\"}]",
	  "process.rlimits[1]: RLIMIT_CORE is given twice" },
	{ 'p', "\"capabilities\":[]", "process.capabilities: expected an object, got an array" },
	{ 'p', "\"capabilities\":{\"bounding\":\"ALL\"}",
	  "process.capabilities.bounding: expected an array, got a string" },
	{ 'p', "\"oomScoreAdj\":1001", "process.oomScoreAdj: 1001 is not within -1000 and 1000" },
	{ 'p', "\"apparmorProfile\":1",
	  "process.apparmorProfile: expected a string, got a number" },
	{ 'p', "\"selinuxLabel\":[]", "process.selinuxLabel: expected a string, got an array" },
	{ 'p', "\"scheduler\":{\"policy\":\"FIFO\"}",
	  "process.scheduler.policy: 'FIFO' is no scheduling policy" },
	{ 'p', "\"scheduler\":{\"nice\":3}", "process.scheduler: 'policy' is missing" },
	{ 'p', "\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":20}",
	  "process.scheduler.nice: 20 is not within -20 and 19" },
	{ 'p', "\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"priority\":1}",
	  "process.scheduler.priority: only SCHED_FIFO and SCHED_RR have one" },
	{ 'p', "\"scheduler\":{\"policy\":\"SCHED_RR\",\"priority\":100}",
	  "process.scheduler.priority: 100 is not within 0 and 99" },
	{ 'p', "\"scheduler\":{\"policy\":\"SCHED_RR\",\"deadline\":1}",
	  "process.scheduler: only SCHED_DEADLINE has runtime, deadline and period" },
	{ 'p', "\"scheduler\":{\"policy\":\"SCHED_RR\",\"flags\":[\"X\"]}",
	  "process.scheduler.flags[0]: 'X' is no scheduling flag" },
	{ 'p', "\"ioPriority\":{\"class\":\"IDLE\"}",
	  "process.ioPriority.class: 'IDLE' is no class of I/O priorities" },
	{ 'p', "\"ioPriority\":{\"priority\":1}", "process.ioPriority: 'class' is missing" },
	{ 'p', "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}",
	  "process.ioPriority.priority: 8 is not within 0 and 7" },
	{ 'p', "\"execCPUAffinity\":{\"initial\":\"1,,2\"}",
	  "process.execCPUAffinity.initial: '1,,2' is no list like 0-3,8" },
	{ 'p', "\"execCPUAffinity\":{\"final\":\"3-1\"}",
	  "process.execCPUAffinity.final: '3-1' is no list like 0-3,8" },
	{ 'p', "\"execCPUAffinity\":{\"final\":\"8192\"}",
	  "process.execCPUAffinity.final: '8192' is no list like 0-3,8" },
	/* linux */
	{ 'l', "\"namespaces\":[{\"type\":\"net\"}]",
	  "linux.namespaces[0]: 'net' is no namespace type" },
	{ 'l', "\"namespaces\":[{\"path\":\"/a\"}]", "linux.namespaces[0]: 'type' is missing" },
	{ 'l', "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]",
	  "linux.namespaces[1]: 'pid' is given twice" },
	{ 'l', "\"namespaces\":[{\"type\":\"pid\",\"path\":\"a\"}]",
	  "linux.namespaces[0].path: 'a' is not an absolute path" },
	{ 'l', "\"uidMappings\":[" RANGE(0, 0, 0) "]",
	  "linux.uidMappings[0]: 'size' is missing or 0" },
	{ 'l', "\"uidMappings\":[" RANGE(1, 0, 4294967295) "]",
	  "linux.uidMappings[0]: the range goes beyond 4294967294" },
	{ 'l', "\"gidMappings\":[" RANGE(0, 4294967294, 2) "]",
	  "linux.gidMappings[0]: the range goes beyond 4294967294" },
	{ 'l', "\"gidMappings\":[" RANGE(0, 0, 10) "," RANGE(9, 50, 1) "]",
	  "linux.gidMappings[1]: container ids overlap with range 0" },
	{ 'l', "\"gidMappings\":[" RANGE(5, 60, 10) "," RANGE(0, 50, 11) "]",
	  "linux.gidMappings[1]: container ids overlap with range 0" },
	{ 'l', "\"uidMappings\":[" RANGE(0, 50, 10) "," RANGE(20, 59, 1) "]",
	  "linux.uidMappings[1]: host ids overlap with range 0" },
	{ 'l', "\"uidMappings\":[" RANGE(0, 0, 1) "]",
	  "linux.uidMappings: needs a user namespace in linux.namespaces" },
	{ 'l', "\"gidMappings\":[" RANGE(0, 0, 1) "]",
	  "linux.gidMappings: needs a user namespace in linux.namespaces" },
	{ 'l', "\"namespaces\":[{\"type\":\"user\"}],\"gidMappings\":[" RANGE(0, 0, 1) "]",
	  "linux.namespaces: a new user namespace needs linux.uidMappings and gidMappings" },
	{ 'l',
	  "\"namespaces\":[{\"type\":\"user\"}],\"uidMappings\":[" RANGE(
		  1, 0, 1) "],\"gidMappings\":[" RANGE(0, 0, 1) "]",
	  "linux.uidMappings: container id 0 is not mapped" },
	{ 'l', "\"rootfsPropagation\":\"x\"",
	  "linux.rootfsPropagation: 'x' is no mount propagation" },
	{ 'l', "\"maskedPaths\":[\"/a\",\"b\"]",
	  "linux.maskedPaths[1]: 'b' is not an absolute path" },
	{ 'l', "\"readonlyPaths\":[\"\"]", "linux.readonlyPaths[0]: '' is not an absolute path" },
	{ 'l', "\"namespaces\":[],\"maskedPaths\":[\"/a\"]",
	  "linux.maskedPaths: needs a mount namespace in linux.namespaces" },
	{ 'l', "\"namespaces\":[],\"readonlyPaths\":[\"/a\"]",
	  "linux.readonlyPaths: needs a mount namespace in linux.namespaces" },
	{ 'l', "\"cgroupsPath\":\"/a\\nb\"", "linux.cgroupsPath: control characters in the path" },
	{ 'l', "\"cgroupsPath\":\"/a\\u0000b\"", "linux.cgroupsPath: a NUL in the string" },
	{ 'l', "\"sysctl\":{\"kernel..x\":\"1\"}",
	  "linux.sysctl[\"kernel..x\"]: not the name of a "
	  "sysctl" },
	{ 'l', "\"sysctl\":{\"net/../kernel/core_pattern\":\"1\"}",
	  "linux.sysctl[\"net/../kernel/core_pattern\"]: not the name of a sysctl" },
	{ 'l', "\"sysctl\":{\"net.ipv4./x\":\"1\"}",
	  "linux.sysctl[\"net.ipv4./x\"]: not the name of a "
	  "sysctl" },
	{ 'l', "\"sysctl\":{\"kernel\":\"1\"}", "linux.sysctl.kernel: not the name of a sysctl" },
	{ 'l', "\"sysctl\":{\"kernel.sem\":\"1\\n2\"}",
	  "linux.sysctl[\"kernel.sem\"]: more than one line" },
	{ 'l', "\"sysctl\":{\"kernel.core_pattern\":\"|x\"}",
	  "linux.sysctl: 'kernel.core_pattern' is the host's, in no namespace" },
	{ 'l', "\"sysctl\":{\"kernel.shmmaxx\":\"1\"}",
	  "linux.sysctl: 'kernel.shmmaxx' is the host's, in no namespace" },
	{ 'l', "\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}",
	  "linux.sysctl: 'net.ipv4.ip_forward' needs a network namespace in linux.namespaces" },
	{ 'l', "\"devices\":[{\"path\":\"/dev/a\"}]", "linux.devices[0]: 'type' is missing" },
	{ 'l', "\"devices\":[{\"type\":\"x\",\"path\":\"/dev/a\"}]",
	  "linux.devices[0].type: 'x' is none of c, b, u, p" },
	{ 'l', "\"devices\":[{\"type\":\"c\",\"major\":1}]",
	  "linux.devices[0]: 'path' is missing" },
	{ 'l', "\"devices\":[{\"type\":\"c\",\"path\":\"a\"}]",
	  "linux.devices[0].path: 'a' is not an absolute path" },
	{ 'l', "\"devices\":[{\"type\":\"b\",\"path\":\"/a\"}]",
	  "linux.devices[0]: 'major' is missing or 0" },
	{ 'l', "\"devices\":[{\"type\":\"b\",\"path\":\"/a\",\"major\":4096}]",
	  "linux.devices[0].major: 4096 is not within 0 and 4095" },
	{ 'l', "\"mountLabel\":1", "linux.mountLabel: expected a string, got a number" },
	{ 'l', "\"intelRdt\":{\"closID\":\"a/b\"}",
	  "linux.intelRdt.closID: 'a/b' is not the name of a group" },
	{ 'l', "\"intelRdt\":{\"closID\":\"..\"}",
	  "linux.intelRdt.closID: '..' is not the name of a group" },
	{ 'l', "\"intelRdt\":{\"l3CacheSchema\":\"L3:0=f\\nL3:1=f\"}",
	  "linux.intelRdt.l3CacheSchema: is not one line" },
	{ 'l', "\"intelRdt\":{\"memBwSchema\":\"0=f\"}",
	  "linux.intelRdt.memBwSchema: is not one line that begins with MB:" },
	{ 'l', "\"intelRdt\":{\"schemata\":[\"L3:0=f\",\"MB:\\n\"]}",
	  "linux.intelRdt.schemata[1]: is not one line" },
	{ 'l', "\"intelRdt\":{\"enableMonitoring\":1}",
	  "linux.intelRdt.enableMonitoring: expected a boolean, got a number" },
	{ 'l', "\"memoryPolicy\":{\"mode\":\"BIND\"}",
	  "invalid memory policy mode: linux.memoryPolicy.mode: 'BIND' is no memory policy" },
	{ 'l', "\"memoryPolicy\":{\"nodes\":\"0\"}",
	  "linux.memoryPolicy: invalid memory policy mode: 'mode' is missing" },
	{ 'l', "\"memoryPolicy\":{}",
	  "linux.memoryPolicy: invalid memory policy mode: 'mode' is missing" },
	{ 'l', "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"x\"}",
	  "invalid memory policy node: linux.memoryPolicy.nodes: 'x' is no list like 0-3,8" },
	{ 'l', "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"flags\":[\"X\"]}",
	  "invalid memory policy flag: linux.memoryPolicy.flags[0]: 'X' is no flag of memory "
	  "policies" },
	{ 'l', "\"personality\":{\"domain\":\"BSD\"}",
	  "linux.personality.domain: 'BSD' is no execution domain" },
	{ 'l', "\"personality\":{\"flags\":[]}", "linux.personality: 'domain' is missing" },
	{ 'l', "\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"X\"]}",
	  "linux.personality.flags[0]: 'X' is no flag of personalities" },
	{ 'l', "\"netDevices\":{\"eth0\":{\"name\":\"x\"}}",
	  "linux.netDevices: needs a network namespace in linux.namespaces" },
	{ 'l', "\"netDevices\":[]", "linux.netDevices: expected an object, got an array" },
	{ 'l', "\"netDevices\":{\"eth0\":\"x\"}",
	  "linux.netDevices.eth0: expected an object, got a string" },
	{ 'l', "\"netDevices\":{\"sixteen-bytes-xx\":{}}",
	  "linux.netDevices.sixteen-bytes-xx: not the name of a network device" },
	{ 'l', "\"netDevices\":{\"eth%d\":{}}",
	  "linux.netDevices[\"eth%d\"]: not the name of a network device" },
	{ 'l', "\"netDevices\":{\"a/b\":{}}",
	  "linux.netDevices[\"a/b\"]: not the name of a network device" },
	{ 'l', "\"netDevices\":{\"eth0\":{\"name\":\"..\"}}",
	  "linux.netDevices.eth0.name: '..' is not the name of a network device" },
	{ 'l', "\"netDevices\":{\"eth0\":{\"name\":\"e%d%d\"}}",
	  "linux.netDevices.eth0.name: 'e%d%d' is not the name of a network device" },
	{ 'l', "\"netDevices\":{\"eth0\":{\"name\":\"e%s\"}}",
	  "linux.netDevices.eth0.name: 'e%s' is not the name of a network device" },
	{ 'l', "\"timeOffsets\":{\"boottime\":{\"secs\":1}}",
	  "linux.timeOffsets: needs a new time namespace in linux.namespaces" },
	{ 'l',
	  "\"namespaces\":[{\"type\":\"time\",\"path\":\"/t\"}],"
	  "\"timeOffsets\":{\"boottime\":{}}",
	  "linux.timeOffsets: needs a new time namespace in linux.namespaces" },
	{ 'l', "\"timeOffsets\":{\"tai\":{\"secs\":1}}",
	  "linux.timeOffsets.tai: no clock that a time namespace can move" },
	{ 'l', "\"timeOffsets\":{\"monotonic\":{\"nanosecs\":1000000000}}",
	  "linux.timeOffsets.monotonic.nanosecs: 1000000000 is not within 0 and 999999999" },
	/* linux.resources */
	{ 'r', "\"memory\":{\"limit\":-2}",
	  "linux.resources.memory.limit: -2 is not within -1 and 9223372036854775807" },
	{ 'r', "\"memory\":{\"limit\":\"1g\"}",
	  "linux.resources.memory.limit: expected an integer, got a string" },
	{ 'r', "\"memory\":{\"limit\":99999999999999999999}",
	  "linux.resources.memory.limit: 99999999999999999999 is not within -1 and "
	  "9223372036854775807" },
	{ 'r', "\"memory\":{\"swappiness\":201}",
	  "linux.resources.memory.swappiness: 201 is not within 0 and 200" },
	{ 'r', "\"cpu\":{\"cpus\":\"0;1\"}",
	  "linux.resources.cpu.cpus: '0;1' is no list like 0-3,8" },
	{ 'r', "\"cpu\":{\"idle\":2}", "linux.resources.cpu.idle: 2 is not within 0 and 1" },
	{ 'r', "\"pids\":{\"limit\":-5}",
	  "linux.resources.pids.limit: -5 is not within -1 and 9223372036854775807" },
	{ 'r', "\"blockIO\":{\"weight\":5}", "linux.resources.blockIO.weight: 5 is less than 10" },
	{ 'r', "\"blockIO\":{\"weightDevice\":[{\"weight\":1001}]}",
	  "linux.resources.blockIO.weightDevice[0].weight: 1001 is not within 0 and 1000" },
	{ 'r', "\"hugepageLimits\":[{\"limit\":1}]",
	  "linux.resources.hugepageLimits[0]: 'pageSize' is missing" },
	{ 'r', "\"hugepageLimits\":[{\"pageSize\":\"../x\"}]",
	  "linux.resources.hugepageLimits[0].pageSize: '../x' is no page size like 2MB" },
	{ 'r', "\"unified\":{\"../x.y\":\"1\"}",
	  "linux.resources.unified[\"../x.y\"]: not the name of a cgroup file" },
	{ 'r', "\"unified\":{\"x\":\"1\"}",
	  "linux.resources.unified.x: not the name of a cgroup file" },
	{ 'r', "\"devices\":[{\"type\":\"p\"}]",
	  "linux.resources.devices[0].type: 'p' is none of a, c, b, u" },
	{ 'r', "\"devices\":[{\"major\":-2}]",
	  "linux.resources.devices[0].major: -2 is not within -1 and 4294967295" },
	{ 'r', "\"network\":{\"classID\":4294967296}",
	  "linux.resources.network.classID: 4294967296 is not within 0 and 4294967295" },
	{ 'r', "\"network\":{\"priorities\":[{\"priority\":1}]}",
	  "linux.resources.network.priorities[0]: 'name' is missing" },
	{ 'r', "\"network\":{\"priorities\":[{\"name\":\"a b\"}]}",
	  "linux.resources.network.priorities[0].name: 'a b' is no name of a device" },
	{ 'r', "\"rdma\":{\"mlx5\":{\"hcaHandles\":-1}}",
	  "linux.resources.rdma.mlx5.hcaHandles: -1 is not within 0 and 4294967295" },
	{ 'r', "\"rdma\":{\"a b\":{}}", "linux.resources.rdma[\"a b\"]: not the name of a device" },
	/* linux.seccomp; the frame's default action is ALLOW */
	{ 's', "\"defaultAction\":\"ALLOW\"",
	  "linux.seccomp.defaultAction: 'ALLOW' is no seccomp action" },
	{ 's', "\"defaultAction\":\"SCMP_ACT_NOTIFY\"",
	  "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be used as default action" },
	{ 's', "\"defaultErrnoRet\":1",
	  "linux.seccomp.defaultErrnoRet: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE take one" },
	{ 's', "\"defaultErrnoRet\":4096",
	  "linux.seccomp.defaultErrnoRet: 4096 is not within 0 and 4095" },
	{ 's', "\"architectures\":[\"x86_64\"]",
	  "linux.seccomp.architectures[0]: 'x86_64' is no seccomp architecture" },
	{ 's', "\"flags\":[\"LOG\"]", "linux.seccomp.flags[0]: 'LOG' is no seccomp flag" },
	{ 's', "\"syscalls\":[{\"action\":\"SCMP_ACT_KILL\"}]",
	  "linux.seccomp.syscalls[0]: 'names' is missing or empty" },
	{ 's', "\"syscalls\":[{\"names\":[\"read\"]}]",
	  "linux.seccomp.syscalls[0]: 'action' is missing" },
	{ 's', "\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_NOTIFY\"}]",
	  "linux.seccomp: SCMP_ACT_NOTIFY needs a 'listenerPath'" },
	{ 's',
	  "\"listenerPath\":\"/a\",\"syscalls\":[{\"names\":[\"read\",\"write\"],\"action\":"
	  "\"SCMP_ACT_NOTIFY\"}]",
	  "linux.seccomp: SCMP_ACT_NOTIFY cannot be used for the write syscall" },
	{ 's', "\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\",\"errnoRet\":1}]",
	  "linux.seccomp.syscalls[0].errnoRet: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE take one" },
	{ 's',
	  "\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\",\"args\":"
	  "[{\"index\":6,\"op\":\"SCMP_CMP_EQ\"}]}]",
	  "linux.seccomp.syscalls[0].args[0].index: 6 is not within 0 and 5" },
	{ 's',
	  "\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\",\"args\":"
	  "[{\"index\":1,\"op\":\"==\"}]}]",
	  "linux.seccomp.syscalls[0].args[0].op: '==' is no seccomp operator" },
	{ 's',
	  "\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\",\"args\":"
	  "[{\"index\":1}]}]",
	  "linux.seccomp.syscalls[0].args[0]: 'op' is missing" },
	{ 's', "\"listenerPath\":1",
	  "linux.seccomp.listenerPath: expected a string, got a number" },
	{ 's', "\"listenerMetadata\":\"x\"",
	  "linux.seccomp.listenerMetadata: needs a 'listenerPath'" },
};

/* The frame is right by itself; of two members of one name the last one wins. */
static void frame(char *text, size_t size, char where, const char *json)
{
	const char *comma = json[0] ? "," : "";

	(void)snprintf(text, size,
		       "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"process\":"
		       "{\"args\":[\"a\"],\"cwd\":\"/\"%s%s},\"linux\":{\"namespaces\":["
		       "{\"type\":\"mount\"},{\"type\":\"uts\"},{\"type\":\"ipc\"}],"
		       "\"resources\":{\"pids\":{}%s%s},"
		       "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"%s%s}%s%s}%s%s}",
		       where == 'p' ? comma : "", where == 'p' ? json : "",
		       where == 'r' ? comma : "", where == 'r' ? json : "",
		       where == 's' ? comma : "", where == 's' ? json : "",
		       where == 'l' ? comma : "", where == 'l' ? json : "",
		       where == 't' ? comma : "", where == 't' ? json : "");
}

static void expect(const char *text, size_t len, const char *message)
{
	struct cps_arena a = CPS_ARENA_INIT;
	const struct rt_spec *spec = NULL;
	struct cps_err err = { 0, "" };
	int rc;

	rc = rt_spec_parse(&a, text, len, "/b", NULL, &spec, &err);
	cps_arena_done(&a);
	ck_assert_msg(rc < 0 && err.num == -rc, "accepted: %s", text);
	ck_assert_ptr_null(spec);
	ck_assert_msg(strncmp(err.msg, "config.json: ", 13) == 0, "%s", err.msg);
	ck_assert_str_eq(err.msg + 13, message);
	if (strstr(message, "not supported by this runtime"))
		ck_assert_int_eq(rc, -EOPNOTSUPP);
}

START_TEST(rows)
{
	char text[4096];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		frame(text, sizeof(text), bad[i].where, bad[i].json);
		expect(text, strlen(text), bad[i].message);
	}
}
END_TEST

START_TEST(frame_is_right)
{
	struct cps_arena a = CPS_ARENA_INIT;
	const struct rt_spec *spec = NULL;
	struct cps_err err = { 0, "" };
	char text[4096];

	frame(text, sizeof(text), 't', "");
	ck_assert_msg(rt_spec_parse(&a, text, strlen(text), "/b", NULL, &spec, &err) == 0, "%s",
		      err.msg);
	cps_arena_done(&a);
}
END_TEST

/* Rows that do not fit the frame: documents of their own. */
static const struct bad whole[] = {
	{ 0, "{", "line 1, column 2: the text ends too early" },
	{ 0, "[]", "(top): expected an object, got an array" },
	{ 0, "{\"root\":{\"path\":\"/\"}}", "ociVersion: missing" },
	{ 0, "{\"ociVersion\":\"1.0.2\"}", "root: missing" },
	{ 0, "{\"ociVersion\":\"1.0.2\",\"root\":{}}", "root: 'path' is missing" },
	{ 0, "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/\"},\"process\":{\"cwd\":\"/\"}}",
	  "process: 'args' is missing or empty" },
	{ 0, "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/\"},\"process\":{\"args\":[\"a\"]}}",
	  "process: 'cwd' is missing" },
	{ 0, "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/\"},\"hostname\":\"a\"}",
	  "hostname: needs a uts namespace in linux.namespaces" },
	{ 0, "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/\"},\"domainname\":\"a\"}",
	  "domainname: needs a uts namespace in linux.namespaces" },
	{ 0, "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/\",\"readonly\":true}}",
	  "root.readonly: needs a mount namespace in linux.namespaces" },
	{ 0,
	  "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/\"},\"mounts\":[{\"destination\":"
	  "\"/a\"}]}",
	  "mounts: needs a mount namespace in linux.namespaces" },
	{ 0, "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/\"},\"linux\":{\"seccomp\":{}}}",
	  "linux.seccomp: 'defaultAction' is missing" },
	{ 0,
	  "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/\"},\"hostname\":\"a\",\"linux\":"
	  "{\"namespaces\":[{\"type\":\"uts\"}],\"sysctl\":{\"kernel.hostname\":\"x\"}}}",
	  "linux.sysctl: 'kernel.hostname' is not allowed, 'hostname' says it" },
};

START_TEST(whole_rows)
{
	size_t i;

	for (i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		expect(whole[i].json, strlen(whole[i].json), whole[i].message);
}
END_TEST

/* Ids that a new user namespace does not have. */
START_TEST(unmapped_ids)
{
	static const char *const users[][2] = {
		{ "\"uid\":10", "process.user: uid 10 is not in linux.uidMappings" },
		{ "\"gid\":10", "process.user: gid 10 is not in linux.gidMappings" },
		{ "\"additionalGids\":[9,10]",
		  "process.user: additional gid 10 is not in linux.gidMappings" },
	};
	char text[1024];
	size_t i;

	for (i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/\"},\"process\":"
			       "{\"args\":[\"a\"],\"cwd\":\"/\",\"user\":{%s}},\"linux\":"
			       "{\"namespaces\":[{\"type\":\"user\"}],\"uidMappings\":[" RANGE(
				       0, 5, 10) "],\"gidMappings\":[" RANGE(0, 5, 10) "]}}",
			       users[i][0]);
		expect(text, strlen(text), users[i][1]);
	}
}
END_TEST

START_TEST(too_large)
{
	static char text[RT_SPEC_MAX + 1];

	memset(text, ' ', sizeof(text));
	expect(text, sizeof(text), "larger than 4194304 bytes");
}
END_TEST

static void expect_process(const char *text, const struct rt_process *base, const char *message)
{
	struct cps_arena a = CPS_ARENA_INIT;
	const struct rt_process *p = NULL;
	struct cps_err err = { 0, "" };
	int rc;

	rc = rt_process_parse(&a, text, strlen(text), base, NULL, &p, &err);
	cps_arena_done(&a);
	ck_assert_msg(rc < 0, "accepted: %s", text);
	ck_assert_str_eq(err.msg, message);
}

START_TEST(process_documents)
{
	const struct rt_process base = { .cwd = "/" };

	expect_process("{\"args\":[\"a\"]}", NULL, "process: (top): 'cwd' is missing");
	expect_process("{\"cwd\":\"/\"}", NULL, "process: (top): 'args' is missing or empty");
	expect_process("{\"cwd\":\"/\",\"args\":[\"a\"],\"user\":\"web\"}", NULL,
		       "process: user: expected an object, got a string");
	expect_process("{}", &base, "process: (top): 'args' is missing or empty");
	expect_process("{\"args\":[\"a\"],\"user\":\"\"}", &base,
		       "process: user: the user is empty");
	expect_process("{\"args\":[\"a\"],\"env\":[\"A\"]}", &base,
		       "process: env[0]: 'A' is not KEY=VALUE");
	expect_process("{\"args\":[\"a\"],\"selinuxLabel\":1}", &base,
		       "process: selinuxLabel: expected a string, got a number");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		rows, frame_is_right, whole_rows, unmapped_ids, too_large, process_documents, NULL,
	};

	return unit_main("spec-bad", tests);
}
