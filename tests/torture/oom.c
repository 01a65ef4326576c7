/*
 * oom: an allocator of which one call fails, linked into a gateway of its own (sekisho-oom). Beside a copy of that program the test puts a
 * file `oom-gate` or `oom-keeper`: the process of that role shares it, and is armed through it again and again while it lives on.
 *
 * careless is the negative control: a call that both roles make many times (sendmmsg) then allocates without looking.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define CARELESS_CALLS 100
#define PATH_BYTES_MAX 512

/* As test_memory.py has it. */
struct control {
	_Atomic uint64_t fail_at; /* 0: not armed */
	_Atomic uint64_t count;   /* calls since */
	_Atomic uint64_t failed;
	_Atomic uint64_t careless;
	_Atomic uint64_t whose;   /* 0: every call; 1: those of the program's own code; 2: those of libraries */
	char where[256];          /* "FILE+0xOFFSET" of who asked */
};

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static struct control *control; /* NULL: not in this process */

/* "DIRECTORY/oom-ROLE". False: this process has no role. */
static bool path_of(char ret_path[PATH_BYTES_MAX])
{
	char words[256] = { 0 }, program[PATH_BYTES_MAX] = { 0 };
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd == -1 ? -1 : read(fd, words, sizeof(words) - 1);
	size_t first = got > 0 ? strlen(words) + 1 : sizeof(words);
	char *slash;

	if (fd != -1)
		(void)close(fd);
	if (first >= sizeof(words) || readlink("/proc/self/exe", program, sizeof(program) - 1) <= 0)
		return false;
	slash = strrchr(program, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return snprintf(ret_path, PATH_BYTES_MAX, "%s/oom-%s", program, words + first) < PATH_BYTES_MAX;
}

__attribute__((constructor)) static void begin(void)
{
	char path[PATH_BYTES_MAX];
	void *shared;
	int fd = path_of(path) ? open(path, O_RDWR | O_CLOEXEC) : -1;

	if (fd == -1)
		return;
	shared = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (shared != MAP_FAILED)
		control = shared;
}

static void note(const void *caller)
{
	Dl_info about;

	if (dladdr(caller, &about) && about.dli_fname)
		(void)snprintf(control->where, sizeof(control->where), "%s+%#lx", about.dli_fname,
			       (unsigned long)((const char *)caller - (const char *)about.dli_fbase));
}

/* By the linker: where the program's own code is. */
extern const char __executable_start[], etext[];

static bool is_meant(const char *caller)
{
	uint64_t whose = atomic_load(&control->whose);
	bool own = caller >= __executable_start && caller < etext;

	return whose == 0 || own == (whose == 1);
}

static bool fails(const void *caller)
{
	uint64_t fail_at = control ? atomic_load(&control->fail_at) : 0;

	if (fail_at == 0 || !is_meant(caller) || atomic_fetch_add(&control->count, 1) + 1 != fail_at)
		return false;
	note(caller);
	atomic_store(&control->fail_at, 0);
	atomic_fetch_add(&control->failed, 1);
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	static int (*real)(int, struct mmsghdr *, unsigned, int);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "sendmmsg");
	for (int i = 0; control && atomic_load(&control->careless) && i < CARELESS_CALLS; i++) {
		volatile char *bytes = malloc(16);

		bytes[0] = 1;
		free((void *)bytes);
	}
	return real(fd, messages, count, flags);
}
