/* log: one event, one line on standard error, as logfmt or JSON; every control character is escaped, so that nothing
 * a client says can make a second line or steer a terminal. Only gate, keeper, courier, cli and sandbox log. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };
enum log_form { LOG_FORM_LOGFMT, LOG_FORM_JSON };

void log_init(const char *process, enum log_form form, enum log_level least);

/* From now on lines are collected, and leave together at log_flush() (before the loop sleeps), when they are many, at an
 * error, and at exit: a line a write costs more than the line. */
void log_collect(void);
void log_flush(void);

/* One pair of a line. Values over 2 KiB are cut and say so. */
struct log_field {
	const char *key;
	struct str text;
	int64_t number;
	bool is_number;
};

#define LOG_STR(name, value) (struct log_field){ .key = (name), .text = (value) }
#define LOG_TEXT(name, value) (struct log_field){ .key = (name), .text = str_of(value) }
#define LOG_NUMBER(name, value) (struct log_field){ .key = (name), .number = (int64_t)(value), .is_number = true }

/* log_event(LOG_LEVEL_INFO, "delivered", LOG_TEXT("id", id), LOG_NUMBER("delay_ms", delay)); */
#define log_event(level, event, ...)                                                                                   \
	log_write((level), (event), (const struct log_field[]){ __VA_ARGS__, { 0 } })

/* `fields` end with one whose key is NULL. */
void log_write(enum log_level level, const char *event, const struct log_field *fields);

/* The line itself, without its end; for tests and fuzzing. Returns its length, at most size-1. */
size_t log_line_print(enum log_form form, const char *head, const struct log_field *fields, size_t size, char *ret_line);

#endif
