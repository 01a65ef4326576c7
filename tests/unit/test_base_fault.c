/* say, fault, file: sentences in two languages; small files whole or with a sentence. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/say.h"
#include "check.h"

static void check_say(void)
{
	static const char unknown[] = "nobody translates this";
	enum language language = LANGUAGE_COUNT;
	bool in_order = say_japanese_count > 0;

	CHECK(strcmp(say(LANGUAGE_JA, "the file is empty"), "ファイルが空です") == 0, "say: Japanese");
	CHECK(strcmp(say(LANGUAGE_EN, "the file is empty"), "the file is empty") == 0, "say: English");
	CHECK(say(LANGUAGE_JA, unknown) == unknown, "say: what the catalogue has not");
	for (unsigned long i = 1; i < say_japanese_count; i++)
		in_order = in_order && strcmp(say_japanese[i - 1].english, say_japanese[i].english) < 0;
	CHECK(in_order, "say: the table is in the order that is searched");
	CHECK(language_parse(STR("ja"), &language) && language == LANGUAGE_JA, "language: ja");
	CHECK(language_parse(STR("JA_JP.UTF-8"), &language) && language == LANGUAGE_JA, "language: a locale");
	CHECK(language_parse(STR("en-GB"), &language) && language == LANGUAGE_EN, "language: en-GB");
	CHECK(!language_parse(STR("jam"), &language) && !language_parse(STR(""), &language) &&
	              !language_parse(STR("C"), &language),
	      "language: none of ours");
}

static void check_fault(void)
{
	struct fault fault = { 0 };
	char longer[2 * FAULT_TEXT_MAX];

	CHECK(fault_set(&fault, OUTCOME_NEVER, N_("%s needs %s"), "a", "b") == OUTCOME_NEVER &&
	              fault.outcome == OUTCOME_NEVER && strcmp(fault.text[LANGUAGE_EN], "a needs b") == 0 &&
	              strcmp(fault.text[LANGUAGE_JA], "a には b が必要です") == 0,
	      "fault: both languages at once");
	CHECK(fault_set(NULL, OUTCOME_LATER, "%s", "x") == OUTCOME_LATER, "fault: nobody wants the sentence");
	errno = ENOSPC;
	CHECK(fault_errno(&fault, "write", "/f") == OUTCOME_LATER &&
	              strcmp(fault.text[LANGUAGE_EN], "cannot write /f: No space left on device") == 0 &&
	              strncmp(fault.text[LANGUAGE_JA], "/f を書き込むことができません: ",
	                      strlen("/f を書き込むことができません: ")) == 0,
	      "fault: a full disk passes");
	errno = ENOENT;
	CHECK(fault_errno(&fault, "open", "/f") == OUTCOME_NEVER,
	      "fault: a file that is not there does not come");
	errno = EIO;
	CHECK(fault_errno(&fault, "read", "/f") == OUTCOME_LATER, "fault: an I/O error may pass");
	for (size_t shift = 0; shift < 3; shift++) { /* the cut falls on each byte of a character */
		memset(longer, 'x', sizeof(longer));
		for (size_t i = shift; i + 3 < sizeof(longer); i += 3)
			memcpy(longer + i, "あ", 3);
		longer[sizeof(longer) - 1] = '\0';
		(void)fault_set(&fault, OUTCOME_NEVER, "%s", longer);
		CHECK(str_is_utf8(str_of(fault.text[LANGUAGE_EN])) &&
		              strlen(fault.text[LANGUAGE_EN]) > FAULT_TEXT_MAX - 5,
		      "fault: cut at a character");
	}
}

static void check_load(const char *folder)
{
	char path[128];
	struct fault fault = { 0 };
	struct buf bytes;
	struct stat about;

	(void)snprintf(path, sizeof(path), "%s/secret", folder);
	CHECK(file_load(path, 100, &bytes, &fault) == OUTCOME_NEVER && strstr(fault.text[LANGUAGE_EN], path),
	      "load: not there");
	buf_done(&bytes);
	CHECK(file_replace(path, STR("hunter2\r\n"), 0600, &fault) == OUTCOME_OK && stat(path, &about) == 0 &&
	              (about.st_mode & 0777) == 0600,
	      "replace: made");
	CHECK(file_replace(path, STR("hunter3\r\n"), 0600, &fault) == OUTCOME_OK, "replace: replaced");
	CHECK(file_load(path, 100, &bytes, &fault) == OUTCOME_OK &&
	              str_eq(buf_str(&bytes), STR("hunter3\r\n")),
	      "load: whole");
	buf_done(&bytes);
	CHECK(file_load(path, 8, &bytes, &fault) == OUTCOME_NEVER &&
	              strstr(fault.text[LANGUAGE_EN], "more than 8 bytes"),
	      "load: one byte too many");
	buf_done(&bytes);
	CHECK(file_load(path, 9, &bytes, &fault) == OUTCOME_OK, "load: up to its ceiling");
	buf_done(&bytes);
	CHECK(file_load_secret(path, 100, &bytes, &fault) == OUTCOME_OK &&
	              str_eq(buf_str(&bytes), STR("hunter3")),
	      "secret: without its line end");
	buf_wipe(&bytes);
	CHECK(chmod(path, 0644) == 0 && file_load_secret(path, 100, &bytes, &fault) == OUTCOME_NEVER &&
	              strstr(fault.text[LANGUAGE_EN], "chmod 600") &&
	              !strstr(fault.text[LANGUAGE_EN], "hunter"),
	      "secret: everybody may read it");
	buf_wipe(&bytes);
	CHECK(file_replace(path, STR("\n"), 0600, &fault) == OUTCOME_OK &&
	              file_load_secret(path, 100, &bytes, &fault) == OUTCOME_NEVER,
	      "secret: an empty one");
	buf_wipe(&bytes);
	CHECK(unlink(path) == 0, "secret: removed");
}

static void check_folder(const char *folder)
{
	char path[128];
	char joined[32];
	struct fault fault = { 0 };

	(void)snprintf(path, sizeof(path), "%s/a/b/c", folder);
	CHECK(folder_make(path, &fault) == OUTCOME_OK && folder_make(path, &fault) == OUTCOME_OK,
	      "folder: made, and there already");
	for (int i = 0; i < 3; i++) {
		CHECK(rmdir(path) == 0, "folder: each part was made");
		*strrchr(path, '/') = '\0';
	}
	CHECK(path_join("/etc", STR("a"), sizeof(joined), joined) && strcmp(joined, "/etc/a") == 0,
	      "join: below the folder");
	CHECK(path_join("/etc", STR("/a"), sizeof(joined), joined) && strcmp(joined, "/a") == 0,
	      "join: absolute");
	CHECK(!path_join("/etc", STR("0123456789012345678901234567"), sizeof(joined), joined),
	      "join: too long");
	CHECK(!path_join("/etc", (struct str){ "a\0b", 3 }, sizeof(joined), joined), "join: a NUL inside");
}

int main(void)
{
	char folder[] = "/tmp/sekisho-unit-XXXXXX";

	check_say();
	check_fault();
	if (CHECK(mkdtemp(folder) != NULL, "a folder to work in")) {
		check_load(folder);
		check_folder(folder);
		CHECK(rmdir(folder) == 0, "the folder is empty again");
	}
	return check_report();
}
