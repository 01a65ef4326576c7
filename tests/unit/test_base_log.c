/* log lines: whatever a value holds, one line, valid JSON, nothing that steers a terminal. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "base/random.h"
#include "check.h"

#define LINE_SIZE 16384

static bool is_one_safe_line(struct str line)
{
	if (!str_is_utf8(line))
		return false;
	for (size_t i = 0; i < line.len; i++) {
		unsigned char byte = (unsigned char)line.ptr[i];

		if (byte < 0x20 || byte == 0x7f)
			return false;
		if (byte == 0xc2 && (unsigned char)line.ptr[i + 1] < 0xa0)
			return false; /* C1 */
	}
	return true;
}

/* The value that a JSON reader finds, against what went in. */
static bool reads_back(struct str value)
{
	static char line[LINE_SIZE];
	size_t len = log_line_print(LOG_FORM_JSON, "{\"event\":\"e\"",
	                            (struct log_field[]){ LOG_STR("v", value), { 0 } }, sizeof(line), line);
	json_t *root = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
	json_t *found = json_object_get(root, "v");
	bool good = is_one_safe_line((struct str){ line, len }) && json_is_string(found);

	if (good && str_is_utf8(value) && value.len <= 2048)
		good = str_eq((struct str){ json_string_value(found), json_string_length(found) }, value);
	json_decref(root);
	return good;
}

static void check_forms(void)
{
	static const struct {
		const char *label, *value, *logfmt;
	} cases[] = {
		{ "logfmt: plain", "abc", "head v=abc n=-7" },
		{ "logfmt: a blank", "a b", "head v=\"a b\" n=-7" },
		{ "logfmt: empty", "", "head v=\"\" n=-7" },
		{ "logfmt: an equals sign", "a=b", "head v=\"a=b\" n=-7" },
		{ "logfmt: a quote and a backslash", "a\"\\", "head v=\"a\\\"\\\\\" n=-7" },
		{ "logfmt: a second line", "a\nlevel=error", "head v=\"a\\u000alevel=error\" n=-7" },
		{ "logfmt: Japanese", "複合機", "head v=\"複合機\" n=-7" },
		{ "logfmt: an escape sequence", "\x1b[2J", "head v=\"\\u001b[2J\" n=-7" },
		{ "logfmt: C1", "\xc2\x9b", "head v=\"\\u009b\" n=-7" },
		{ "logfmt: right to left", "\xe2\x80\xae", "head v=\"\\u202e\" n=-7" },
		{ "logfmt: no UTF-8", "\xff", "head v=\"\\u00ff\" n=-7" },
	};
	char line[LINE_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		(void)log_line_print(
		        LOG_FORM_LOGFMT, "head",
		        (struct log_field[]){ LOG_TEXT("v", cases[i].value), LOG_NUMBER("n", -7), { 0 } },
		        sizeof(line), line);
		if (!CHECK(strcmp(line, cases[i].logfmt) == 0, cases[i].label))
			printf("# %s\n", line);
		CHECK(reads_back(str_of(cases[i].value)) || !str_is_utf8(str_of(cases[i].value)),
		      cases[i].label);
	}
}

static void check_hostile(void)
{
	static char value[5000];
	bool good = true;

	for (int i = 0; i < 10000 && good; i++) {
		size_t len = random_below(i % 100 ? 60 : sizeof(value));

		random_bytes(value, len);
		good = reads_back((struct str){ value, len });
	}
	CHECK(good, "hostile: 10,000 random values, each one line of valid JSON");
	memset(value, '\x01', sizeof(value));
	CHECK(reads_back((struct str){ value, sizeof(value) }), "hostile: the longest, all escaped");
}

static void check_full(void)
{
	static char value[2048];
	char line[LINE_SIZE];
	struct log_field fields[10] = { { 0 } };
	json_t *root;
	size_t len;

	memset(value, '\x02', sizeof(value));
	for (int i = 0; i < 9; i++)
		fields[i] = LOG_STR("v", ((struct str){ value, sizeof(value) }));
	len = log_line_print(LOG_FORM_JSON, "{\"event\":\"e\"", fields, sizeof(line), line);
	root = json_loadb(line, len, 0, NULL);
	CHECK(len < sizeof(line) && root, "full: more than fits stays valid");
	json_decref(root);
}

/* What log_event() writes to standard error. */
static const char *written(enum log_form form, const char *event)
{
	static char line[512];
	int ends[2], before = dup(STDERR_FILENO);
	ssize_t len;

	log_init("test", form, LOG_LEVEL_INFO);
	if (pipe(ends) == -1 || dup2(ends[1], STDERR_FILENO) == -1)
		abort();
	log_event(LOG_LEVEL_INFO, event, LOG_NUMBER("n", 1));
	len = read(ends[0], line, sizeof(line) - 1);
	(void)dup2(before, STDERR_FILENO);
	(void)close(ends[0]);
	(void)close(ends[1]);
	(void)close(before);
	line[len > 0 ? len : 0] = '\0';
	return strchr(line, 'l'); /* behind the time: "level" */
}

static void check_events(void)
{
	CHECK(strcmp(written(LOG_FORM_LOGFMT, "delivery"), "level=info process=test event=delivery n=1\n") == 0, "events: one word");
	CHECK(strcmp(written(LOG_FORM_LOGFMT, "the disk is full"), "level=info process=test event=\"the disk is full\" n=1\n") == 0,
	      "events: several words are one value");
	CHECK(strcmp(written(LOG_FORM_JSON, "the disk is full"),
		     "level\":\"info\",\"process\":\"test\",\"event\":\"the disk is full\",\"n\":1}\n") == 0,
	      "events: as JSON");
}

int main(void)
{
	check_events();
	check_forms();
	check_hostile();
	check_full();
	return check_report();
}
