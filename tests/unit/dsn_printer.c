/* dsn_printer NAME: a notification of dsn_samples.h on standard output, for test_dsn_python.py. */
#include <stdio.h>
#include <string.h>

#include "dsn_samples.h"

int main(int argc, char **argv)
{
	struct buf out;

	for (size_t i = 0; argc == 2 && i < DSN_SAMPLES_COUNT; i++) {
		if (strcmp(argv[1], dsn_samples[i].name) != 0)
			continue;
		buf_init(&out, 1 << 20);
		if (!dsn_print(&out, &dsn_samples[i].dsn) || fwrite(out.ptr, 1, out.len, stdout) != out.len)
			return 1;
		buf_done(&out);
		return 0;
	}
	return 2;
}
