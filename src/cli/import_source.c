#include "cli/import_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "domain/csv.h"

#define FIRST_BYTES (64u << 10)
#define READ_BYTES (256u << 10)

struct str source_left(const struct source *source)
{
	return str_skip(buf_str(&source->window), source->start);
}

void source_eat(struct source *source, size_t count)
{
	struct str eaten = { source->window.ptr + source->start, count };

	for (size_t end; (end = str_find(eaten, '\n')) < eaten.len; eaten = str_skip(eaten, end + 1))
		source->line++;
	source->start += count;
	source->eaten += count;
}

enum outcome source_more(struct source *source, struct fault *fault)
{
	ssize_t got;
	size_t room;

	if (source->start > 0)
		buf_eat(&source->window, source->start);
	source->start = 0;
	room = source->window.bytes_max - source->window.len;
	room = room < READ_BYTES ? room : READ_BYTES;
	if (room == 0 || !buf_room(&source->window, room))
		return fault_set(fault, OUTCOME_LATER, N_("it is longer than %u bytes"), (unsigned)source->window.bytes_max);
	do {
		got = read(source->fd, source->window.ptr + source->window.len, room);
	} while (got == -1 && errno == EINTR);
	if (got == -1) {
		(void)fault_errno(fault, "read", source->name);
		return fault->outcome = OUTCOME_NEVER;
	}
	buf_grew(&source->window, (size_t)got);
	source->at_end = got == 0;
	return OUTCOME_OK;
}

static const struct {
	struct str start;
	const char *sentence; /* N_(), takes the name */
} refused[] = {
	{ { "\xff\xfe", 2 }, N_("%s is UTF-16: save it as \"CSV UTF-8\", or export it again") },
	{ { "\xfe\xff", 2 }, N_("%s is UTF-16: save it as \"CSV UTF-8\", or export it again") },
	{ { "\x1f\x8b", 2 }, N_("%s is compressed: unpack it first, or pipe it: gzip -dc FILE | sekisho import … -") },
	{ { "PK\x03\x04", 4 }, N_("%s is a zip file or an Excel workbook: unpack it, or save it as \"CSV UTF-8\"") },
};

/* Enough of the start to know what it is. */
static enum outcome look(struct source *source, struct fault *fault)
{
	struct str left;

	while (!source->at_end && source->window.len < FIRST_BYTES) {
		if (source_more(source, fault) != OUTCOME_OK)
			return fault->outcome;
	}
	left = source_left(source);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		if (str_starts(left, refused[i].start))
			return fault_set(fault, OUTCOME_NEVER, refused[i].sentence, source->name);
	}
	if (str_starts(left, STR(CSV_BOM)))
		source_eat(source, strlen(CSV_BOM));
	if (str_trim(source_left(source)).len == 0 && source->at_end)
		return fault_set(fault, OUTCOME_NEVER, N_("%s is empty"), source->name);
	return OUTCOME_OK;
}

enum outcome source_open(const char *name, size_t window_bytes_max, struct source *ret_source, struct fault *fault)
{
	struct stat about;

	*ret_source = (struct source){ .name = name, .line = 1 };
	buf_init(&ret_source->window, window_bytes_max);
	ret_source->fd = strcmp(name, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(name, O_RDONLY | O_CLOEXEC);
	if (ret_source->fd == -1 || fstat(ret_source->fd, &about) == -1)
		return fault_errno(fault, "open", name);
	if (S_ISDIR(about.st_mode)) {
		errno = EISDIR;
		return fault_errno(fault, "read", name);
	}
	ret_source->is_file = S_ISREG(about.st_mode);
	ret_source->size = ret_source->is_file ? (uint64_t)about.st_size : 0;
	ret_source->changed_us = ret_source->is_file ? (int64_t)about.st_mtim.tv_sec * 1000000 + about.st_mtim.tv_nsec / 1000
						     : clock_real_us();
	return look(ret_source, fault);
}

void source_close(struct source *source)
{
	if (source->fd != -1)
		(void)close(source->fd);
	source->fd = -1;
	buf_done(&source->window);
}
