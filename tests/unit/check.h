/* check: a test program's checks, one TAP line each: the failing row says its own name. */
#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H

#include <stdbool.h>
#include <stdio.h>

static unsigned checks_passed;
static unsigned checks_failed;

/* `label` names the case; a failing line also says where and what. The value of the condition is handed back. */
#define CHECK(condition, label) check_that((condition), (label), #condition, __FILE__, __LINE__)

static inline bool check_that(bool good, const char *label, const char *condition, const char *file, int line)
{
	unsigned number = checks_passed + checks_failed + 1;

	if (good) {
		checks_passed++;
		printf("ok %u - %s\n", number, label);
	} else {
		checks_failed++;
		printf("not ok %u - %s\n# %s:%d: %s\n", number, label, file, line, condition);
	}
	(void)fflush(stdout);
	return good;
}

/* For the end of main(): `return check_report();` */
static inline int check_report(void)
{
	printf("1..%u\n# %u passed, %u failed\n", checks_passed + checks_failed, checks_passed, checks_failed);
	return checks_failed || !checks_passed;
}

#endif
