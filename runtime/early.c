/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's first instructions, before libc's. A command that starts processes in a container
 * must run from a protected form of the program (D6, self.h), and to get there the program executes
 * itself. Done in main that costs what libc does to start a static program a second time: some 25
 * page faults, and 68 CPUID instructions to learn the sizes of the caches, each of which a virtual
 * machine's host has to answer; half of all that the protection costs. Here nothing is set up yet
 * that would have to be set up again.
 *
 * This is an attempt and no more: whatever does not work out (an old kernel, no CAP_SYS_ADMIN) is
 * left to rt_self_protect, which looks at what we run from whether or not this has been here. So
 * nothing depends on it, and there is nothing to forge. A command wrongly taken for one that needs
 * protection has been executed twice, that is all.
 *
 * What holds here: no relocation is done (so no table of pointers), no thread-local storage is
 * there (so no errno, no stack protector), no function of libc may be called.
 */
#include <config.h>

#ifdef CAPSULE_EARLY

#include <fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif

#define NO_PROTECTOR __attribute__((no_stack_protector))

void rt_early(const long *sp);

/* The stack as the kernel has left it, and then libc's own beginning with the registers as the
 * kernel has left them. */
#if defined(__x86_64__)
__asm__(".globl rt_entry\n"
	".type rt_entry, @function\n"
	"rt_entry:\n"
	"	endbr64\n"
	"	xorl %ebp, %ebp\n"
	"	movq %rsp, %rdi\n"
	"	call rt_early\n"
	"	xorl %edx, %edx\n"
	"	jmp _start\n"
	".size rt_entry, . - rt_entry\n");

NO_PROTECTOR static long call(long nr, long a, const void *b, long c, const void *d, long e)
{
	register long r10 __asm__("r10") = (long)d;
	register long r8 __asm__("r8") = e;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
__asm__(".globl rt_entry\n"
	".type rt_entry, %function\n"
	"rt_entry:\n"
	"	mov x29, #0\n"
	"	mov x0, sp\n"
	"	bl rt_early\n"
	"	mov x0, #0\n"
	"	b _start\n"
	".size rt_entry, . - rt_entry\n");

NO_PROTECTOR static long call(long nr, long a, const void *b, long c, const void *d, long e)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = (long)b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = (long)d;
	register long x4 __asm__("x4") = e;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory");
	return x0;
}
#endif

NO_PROTECTOR static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* `serve` is not among them: the shim runs us from a protected form to begin with. The global
 * options are not told from their values: see above what a mistake costs. */
NO_PROTECTOR static bool is_wanted(char *const *argv)
{
	while (*argv && !same(*argv, "exec") && !same(*argv, "run") && !same(*argv, "create")) {
		if (same(*argv, "state") || same(*argv, "start") || same(*argv, "serve") ||
		    same(*argv, "delete") || same(*argv, "kill"))
			return false;
		argv++;
	}
	return *argv;
}

NO_PROTECTOR static bool is_read_only(long fd)
{
	struct statfs s;

	s.f_flags = 0; /* and not "= { 0 }", which could become a call of memset */
	return call(SYS_fstatfs, fd, &s, 0, NULL, 0) == 0 && (s.f_flags & ST_RDONLY);
}

NO_PROTECTOR void rt_early(const long *sp)
{
	char *const *argv = (char *const *)(sp + 1);
	char *const *env = argv + *sp + 1;
	struct mount_attr attr;
	long exe, tree;

	if (*sp < 2 || !is_wanted(argv + 1))
		return;
	exe = call(SYS_openat, AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC, NULL, 0);
	if (exe < 0)
		return;
	if (!is_read_only(exe)) {
		attr.attr_set = MOUNT_ATTR_RDONLY;
		attr.attr_clr = attr.propagation = attr.userns_fd = 0;
		tree = call(SYS_open_tree, exe, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH,
			    NULL, 0);
		if (tree >= 0 &&
		    call(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0 &&
		    is_read_only(tree))
			(void)call(SYS_execveat, tree, "", (long)argv, env, AT_EMPTY_PATH);
		if (tree >= 0)
			(void)call(SYS_close, tree, NULL, 0, NULL, 0);
	}
	(void)call(SYS_close, exe, NULL, 0, NULL, 0);
}

#endif /* else (another processor, dynamic programs, sanitizers) main does it alone */
