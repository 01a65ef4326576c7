#include "cli/import_progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define DRAW_EVERY_MS 200
#define RATE_AFTER_MS 500 /* before, a rate is a guess */
#define BAR_CELLS 20
#define MB 1000000.0

void progress_init(struct progress *progress, const struct cli *cli)
{
	*progress = (struct progress){ .cli = cli, .shows = isatty(STDERR_FILENO) };
}

void progress_begin(struct progress *progress, bool bytes, uint64_t all)
{
	progress_hide(progress);
	progress->bytes = bytes;
	progress->all = all;
	progress->done = 0;
	progress->began_ms = clock_monotonic_ms();
	progress->drawn_ms = 0;
}

void progress_hide(struct progress *progress)
{
	if (progress->drawn)
		(void)fputs("\r\033[K", stderr);
	progress->drawn = false;
	(void)fflush(stderr);
}

static void draw_bar(const struct progress *progress)
{
	unsigned full = (unsigned)(BAR_CELLS * progress->done / progress->all);

	(void)fputc('[', stderr);
	for (unsigned i = 0; i < BAR_CELLS; i++)
		(void)fputc(i < full ? '#' : '.', stderr);
	(void)fprintf(stderr, "] %3u %%  ", (unsigned)(100 * progress->done / progress->all));
}

static void draw(struct progress *progress, uint64_t now_ms)
{
	enum language language = progress->cli->language;
	uint64_t took_ms = now_ms - progress->began_ms;
	double rate = (double)progress->done * 1000 / (double)(took_ms ? took_ms : 1);

	(void)fputs("\r\033[K", stderr);
	if (progress->all)
		draw_bar(progress);
	if (progress->bytes)
		(void)fprintf(stderr, say(language, N_("%.1f MB read, %.1f MB/s")), (double)progress->done / MB, rate / MB);
	else
		(void)fprintf(stderr, say(language, N_("%.0f rows into the log, %.0f rows/s")), (double)progress->done, rate);
	if (progress->all && rate > 0 && took_ms >= RATE_AFTER_MS) {
		unsigned left = (unsigned)((double)(progress->all - progress->done) / rate + 0.5);

		(void)fprintf(stderr, say(language, N_(", %u:%02u left")), left / 60, left % 60);
	}
	(void)fflush(stderr);
	progress->drawn = true;
	progress->drawn_ms = now_ms;
}

void progress_at(struct progress *progress, uint64_t done)
{
	uint64_t now_ms;

	progress->done = progress->all && done > progress->all ? progress->all : done; /* the file may have grown */
	if (!progress->shows)
		return;
	now_ms = clock_monotonic_ms();
	if (now_ms - progress->drawn_ms >= DRAW_EVERY_MS)
		draw(progress, now_ms);
}
