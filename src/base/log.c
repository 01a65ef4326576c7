#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_MAX_BYTES 16384
#define VALUE_MAX_BYTES 2048
#define COLLECTED_MAX_BYTES 65536

static struct {
	const char *process;
	enum log_form form;
	enum log_level least;
} config = { "sekisho", LOG_FORM_LOGFMT, LOG_LEVEL_INFO };

static struct {
	bool on;
	size_t len;
	char bytes[COLLECTED_MAX_BYTES];
} collected;

static const char *const level_names[] = { "debug", "info", "warning", "error" };

struct line {
	char *at;
	char *end;
};

static void put(struct line *line, struct str text)
{
	if (text.len > (size_t)(line->end - line->at))
		text.len = (size_t)(line->end - line->at);
	if (text.len)
		memcpy(line->at, text.ptr, text.len);
	line->at += text.len;
}

/* How many bytes of a character that no terminal and no reader should be given raw: C0, C1, DEL, line and
 * paragraph separators, and the bidirectional controls; 0 for any other. */
static size_t is_unsafe(struct str text)
{
	const unsigned char *b = (const unsigned char *)text.ptr;

	if (b[0] < 0x20 || b[0] == 0x7f)
		return 1;
	if (text.len >= 2 && b[0] == 0xc2 && b[1] >= 0x80 && b[1] <= 0x9f)
		return 2;
	if (text.len >= 3 && b[0] == 0xe2 && b[1] == 0x80 && (b[2] >= 0x8b && b[2] <= 0x8f))
		return 3; /* U+200B…200F */
	if (text.len >= 3 && b[0] == 0xe2 && b[1] == 0x80 && (b[2] >= 0xa8 && b[2] <= 0xae))
		return 3; /* U+2028…202E */
	if (text.len >= 3 && b[0] == 0xe2 && b[1] == 0x81 && (b[2] >= 0xa0 && b[2] <= 0xaf))
		return 3; /* U+2060…206F */
	if (text.len >= 3 && b[0] == 0xef && b[1] == 0xbb && b[2] == 0xbf)
		return 3; /* U+FEFF */
	return 0;
}

static unsigned code_point(struct str text, size_t bytes)
{
	const unsigned char *b = (const unsigned char *)text.ptr;

	if (bytes == 1)
		return b[0];
	if (bytes == 2)
		return (b[0] & 0x1fu) << 6 | (b[1] & 0x3fu);
	return (b[0] & 0x0fu) << 12 | (b[1] & 0x3fu) << 6 | (b[2] & 0x3fu);
}

static size_t character_bytes(struct str text)
{
	for (size_t bytes = 1; bytes <= 4 && bytes <= text.len; bytes++) {
		if (str_is_utf8((struct str){ text.ptr, bytes }))
			return bytes;
	}
	return 0;
}

/* Between quotes; the escapes are JSON's, which logfmt readers know as well. */
static void put_quoted(struct line *line, struct str text)
{
	bool cut = text.len > VALUE_MAX_BYTES;
	char escape[8];

	if (cut)
		text.len = VALUE_MAX_BYTES;
	put(line, STR("\""));
	while (text.len > 0) {
		size_t bytes = character_bytes(text);
		size_t unsafe = bytes ? is_unsafe(text) : 1;

		if (unsafe) {
			/* A byte that is no UTF-8 shows as the character of its number (U+0080…00FF). */
			(void)snprintf(escape, sizeof(escape), "\\u%04x", code_point(text, bytes ? unsafe : 1));
			put(line, str_of(escape));
			text = str_skip(text, unsafe);
			continue;
		}
		if (text.ptr[0] == '"' || text.ptr[0] == '\\')
			put(line, STR("\\"));
		put(line, (struct str){ text.ptr, bytes });
		text = str_skip(text, bytes);
	}
	put(line, cut ? STR("[cut]\"") : STR("\""));
}

static bool is_plain(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
			return false;
	}
	return text.len > 0 && text.len <= VALUE_MAX_BYTES;
}

static void put_field(struct line *line, enum log_form form, const struct log_field *field)
{
	char number[24];
	bool json = form == LOG_FORM_JSON;

	put(line, json ? STR(",\"") : STR(" "));
	put(line, str_of(field->key));
	put(line, json ? STR("\":") : STR("="));
	if (field->is_number) {
		(void)snprintf(number, sizeof(number), "%lld", (long long)field->number);
		put(line, str_of(number));
	} else if (!json && is_plain(field->text)) {
		put(line, field->text);
	} else {
		put_quoted(line, field->text);
	}
}

size_t log_line_print(enum log_form form, const char *head, const struct log_field *fields, size_t size, char *ret_line)
{
	/* Room is kept for the longest single field and the closing brace, so that a line cut short stays valid. */
	struct line line = { ret_line, ret_line + size - 1 };
	size_t longest = 6 * VALUE_MAX_BYTES + 64;

	put(&line, str_of(head));
	for (; fields->key; fields++) {
		if ((size_t)(line.end - line.at) < longest)
			break;
		put_field(&line, form, fields);
	}
	if (form == LOG_FORM_JSON)
		put(&line, STR("}"));
	*line.at = '\0';
	return (size_t)(line.at - ret_line);
}

void log_init(const char *process, enum log_form form, enum log_level least)
{
	config.process = process;
	config.form = form;
	config.least = least;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
	char head[256];
	char when[CLOCK_RFC3339_MAX];
	char line[LINE_MAX_BYTES];
	const char *quote = config.form == LOG_FORM_JSON || is_plain(str_of(event)) ? "" : "\""; /* our own words: nothing to escape */
	size_t len;

	if (level < config.least)
		return;
	clock_rfc3339_print(clock_real_us(), when);
	(void)snprintf(head, sizeof(head),
		       config.form == LOG_FORM_JSON ?
			       "{\"time\":\"%s\",\"level\":\"%s\",\"process\":\"%s\",\"event\":\"%s%s%s\"" :
			       "time=%s level=%s process=%s event=%s%s%s",
		       when, level_names[level], config.process, quote, event, quote);
	len = log_line_print(config.form, head, fields, sizeof(line), line);
	line[len] = '\n';
	/* Whole lines a write: those of several processes do not mix. A full pipe must not stop the mail. */
	if (!collected.on) {
		(void)!write(STDERR_FILENO, line, len + 1);
		return;
	}
	if (collected.len + len + 1 > sizeof(collected.bytes))
		log_flush();
	memcpy(collected.bytes + collected.len, line, len + 1);
	collected.len += len + 1;
	if (level == LOG_LEVEL_ERROR)
		log_flush();
}

void log_collect(void)
{
	if (!collected.on)
		(void)atexit(log_flush);
	collected.on = true;
}

void log_flush(void)
{
	if (collected.len > 0)
		(void)!write(STDERR_FILENO, collected.bytes, collected.len);
	collected.len = 0;
}
