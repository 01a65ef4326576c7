/* vault: what was put is there after a kill at any moment, and what cannot be opened says why. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "check.h"
#include "keep/vault.h"

#define KILLS 40
#define FILE_BYTES 100000

static char folder[] = "/tmp/test_vault.XXXXXX";

static const char *at(const char *name)
{
	static char path[4][256];
	static unsigned turn;
	char *one = path[turn++ % 4];

	(void)snprintf(one, sizeof(path[0]), "%s/%s", folder, name);
	return one;
}

static struct str value_of(struct vault *vault, const char *name, struct str *ret_before)
{
	struct vault_view view;
	struct fault fault;

	if (vault_get(vault, str_of(name), &view, &fault) != OUTCOME_OK) {
		printf("# %s\n", fault.text[0]);
		return STR("?");
	}
	if (ret_before)
		*ret_before = view.before;
	return view.value;
}

static void check_life(void)
{
	struct vault *vault = vault_new(folder);
	struct stat about;
	struct fault fault;
	struct str before;

	CHECK(value_of(vault, "a", NULL).len == 0, "an empty vault has nothing");
	CHECK(access(at("vault"), F_OK) == -1 && access(at("vault.key"), F_OK) == -1, "and makes no file for a question");
	CHECK(vault_put(vault, STR("a"), STR("first"), 1, &fault) == OUTCOME_OK && vault_put(vault, STR("b"), STR("other"), 2, &fault) == OUTCOME_OK &&
	      vault_put(vault, STR("a"), STR("second"), 3, &fault) == OUTCOME_OK, "three are put");
	CHECK(stat(at("vault"), &about) == 0 && (about.st_mode & 0777) == 0600 && stat(at("vault.key"), &about) == 0 && (about.st_mode & 0777) == 0600,
	      "both files are for their owner alone");
	vault_free(vault);
	vault = vault_new(folder);
	CHECK(str_eq(value_of(vault, "a", &before), STR("second")) && str_eq(before, STR("first")), "the new one, and what it replaced");
	CHECK(vault_put(vault, STR("a"), STR("second"), 4, &fault) == OUTCOME_OK && str_eq(value_of(vault, "a", &before), STR("second")) &&
	      str_eq(before, STR("first")), "the same again changes nothing");
	CHECK(vault_put_anew(vault, STR("c"), STR("hers"), 4, &fault) == OUTCOME_OK && vault_put(vault, STR("c"), STR("hers, later"), 5, &fault) == OUTCOME_OK &&
	      vault_put_anew(vault, STR("c"), STR("his"), 6, &fault) == OUTCOME_OK && str_eq(value_of(vault, "c", &before), STR("his")) && before.len == 0,
	      "beside a new sign-in nothing stays of the one before");
	vault_free(vault);
	vault = vault_new(folder);
	CHECK(str_eq(value_of(vault, "c", &before), STR("his")) && before.len == 0, "on the disk neither");
	CHECK(vault_remove(vault, STR("c"), &fault) == OUTCOME_OK, "and it goes");
	CHECK(vault_remove(vault, STR("b"), &fault) == OUTCOME_OK && value_of(vault, "b", NULL).len == 0, "one is removed");
	CHECK(vault_put(vault, STR("a"), STR(""), 5, &fault) == OUTCOME_NEVER, "an empty one is none");
	vault_free(vault);
}

static bool has_secret(void)
{
	CLEANUP(cleanup_buf) struct buf text = { 0 };

	return file_load(at("vault"), FILE_BYTES, &text, NULL) != OUTCOME_OK || memmem(text.ptr, text.len, "second", 6) || memmem(text.ptr, text.len, "first", 5);
}

/* Opens, and wants this sentence's beginning behind the path. */
static void check_refusal(const char *label, const char *words)
{
	struct vault *vault = vault_new(folder);
	struct vault_view view;
	struct fault fault = { 0 };
	bool refused = vault_get(vault, STR("a"), &view, &fault) == OUTCOME_NEVER && strstr(fault.text[0], words);

	if (!CHECK(refused, label))
		printf("# %s\n", fault.text[0]);
	CHECK(vault_put(vault, STR("a"), STR("x"), 1, &fault) != OUTCOME_OK, "and nothing is written over it");
	vault_free(vault);
}

static void put_file(const char *name, struct str bytes, mode_t mode)
{
	(void)unlink(at(name));
	if (file_replace(at(name), bytes, mode, NULL) != OUTCOME_OK)
		abort();
}

static void check_refusals(void)
{
	CLEANUP(cleanup_buf) struct buf vault = { 0 };
	CLEANUP(cleanup_buf) struct buf key = { 0 };
	CLEANUP(cleanup_buf) struct buf changed = { .bytes_max = FILE_BYTES };
	char other[65];

	if (file_load(at("vault"), FILE_BYTES, &vault, NULL) != OUTCOME_OK || file_load(at("vault.key"), FILE_BYTES, &key, NULL) != OUTCOME_OK)
		abort();
	memset(other, 'a', 64);
	put_file("vault.key", (struct str){ other, 64 }, 0600);
	check_refusal("the key of another", "cannot be opened: vault.key is the key of another one");
	put_file("vault.key", STR("short"), 0600);
	check_refusal("a damaged key", "is damaged: it must hold 64 hexadecimal digits");
	(void)unlink(at("vault.key"));
	check_refusal("no key", "cannot open");
	CHECK(access(at("vault.key"), F_OK) == -1, "and none is made in its place");
	put_file("vault.key", buf_str(&key), 0644);
	check_refusal("a key that all may read", "everybody may read the secret");
	put_file("vault.key", buf_str(&key), 0600);
	put_file("vault", buf_str(&vault), 0644);
	check_refusal("a vault that all may read", "everybody may read the secret");
	put_file("vault", STR("SEKISHO-VAULT 2\nAAAA\n"), 0600);
	check_refusal("a newer version", "was written by a newer version of Sekisho (vault 2, this one knows 1)");
	put_file("vault", STR("hello\n"), 0600);
	check_refusal("another file", "is no vault of Sekisho");
	for (size_t i = 0; i < vault.len; i += vault.len / 25 + 1) {
		buf_clear(&changed);
		if (!buf_add(&changed, buf_str(&vault)))
			abort();
		changed.ptr[i] = changed.ptr[i] == 'B' ? 'C' : 'B';
		put_file("vault", buf_str(&changed), 0600);
		check_refusal("a byte changed", at("vault"));
		put_file("vault", (struct str){ vault.ptr, i }, 0600);
		if (i > 0)
			check_refusal("cut short", at("vault"));
	}
	put_file("vault", buf_str(&vault), 0600);
	CHECK(!has_secret(), "the file tells no secret");
}

/* A child puts 1, 2, 3 … and says each when it is on disk; it is killed somewhere. */
static void put_for_ever(int pipe_fd, unsigned from)
{
	struct vault *vault = vault_new(folder);

	for (unsigned i = from;; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "v%u", i);
		if (vault_put(vault, STR("count"), str_of(text), i, NULL) != OUTCOME_OK || write(pipe_fd, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

static unsigned number_of(struct str text)
{
	uint64_t number = 0;

	(void)str_to_u64(str_skip(text, 1), UINT32_MAX, &number);
	return (unsigned)number;
}

static void check_kills(void)
{
	unsigned said = 0;
	bool all = true;

	for (unsigned round = 0; round < KILLS; round++) {
		struct timespec pause = { 0, (long)(round * 137 % 1000) * 100000 };
		struct vault *vault;
		unsigned number = 0, one;
		int ends[2];
		pid_t child;

		if (pipe(ends) == -1 || (child = fork()) == -1)
			abort();
		if (child == 0)
			put_for_ever(ends[1], said + 1);
		(void)close(ends[1]);
		(void)nanosleep(&pause, NULL);
		(void)kill(child, SIGKILL);
		(void)waitpid(child, NULL, 0);
		while (read(ends[0], &one, sizeof(one)) == sizeof(one))
			said = one;
		(void)close(ends[0]);
		vault = vault_new(folder);
		number = number_of(value_of(vault, "count", NULL));
		all = all && (said == 0 || number == said || number == said + 1);
		said = number;
		vault_free(vault);
	}
	CHECK(all && said >= KILLS, "after each kill the last that was said, or the one after it");
	printf("# %u values over %u kills\n", said, KILLS);
}

static void check_disk(void)
{
	struct vault *vault = vault_new(folder);
	struct fault fault;

	CHECK(vault_put(vault, STR("d"), STR("old"), 1, &fault) == OUTCOME_OK, "before the disk fails");
	(void)rename(folder, "/tmp/test_vault.away");
	CHECK(vault_put(vault, STR("d"), STR("new"), 2, &fault) != OUTCOME_OK, "a folder that is gone is told");
	CHECK(str_eq(value_of(vault, "d", NULL), STR("new")), "and the new one is kept in memory");
	(void)rename("/tmp/test_vault.away", folder);
	CHECK(vault_sync(vault, &fault) == OUTCOME_OK, "and written later");
	vault_free(vault);
	vault = vault_new(folder);
	CHECK(str_eq(value_of(vault, "d", NULL), STR("new")), "for good");
	vault_free(vault);
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	check_life();
	check_refusals();
	check_kills();
	check_disk();
	(void)unlink(at("vault"));
	(void)unlink(at("vault.key"));
	return check_report();
}
