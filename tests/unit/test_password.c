/* Passwords: the key's file, generated ones, verifiers of both kinds. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "check.h"
#include "keep/password.h"

static char state[] = "/tmp/sekisho-test-password-XXXXXX";
static char key_path[sizeof(state) + 32];

static void test_key(unsigned char key[PASSWORD_KEY_BYTES])
{
	static const struct {
		const char *label, *text;
	} damaged[] = {
		{ "too short", "00112233" },
		{ "no hexadecimal", "zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" },
		{ "too long", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00" },
		{ "empty", "" },
	};
	unsigned char again[PASSWORD_KEY_BYTES];
	struct fault fault;
	struct stat about;

	CHECK(password_key_load(state, key, &fault) == OUTCOME_OK, "made on first use");
	CHECK(stat(key_path, &about) == 0 && (about.st_mode & 0777) == 0600, "its owner's alone");
	CHECK(password_key_load(state, again, &fault) == OUTCOME_OK && memcmp(key, again, sizeof(again)) == 0, "the same again");
	for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++) {
		CHECK(file_replace(key_path, str_of(damaged[i].text), 0600, NULL) == OUTCOME_OK, damaged[i].label);
		CHECK(password_key_load(state, again, &fault) == OUTCOME_NEVER && strstr(fault.text[LANGUAGE_EN], key_path),
		      damaged[i].label);
	}
	CHECK(file_replace(key_path, STR("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"), 0604, NULL) ==
			      OUTCOME_OK &&
		      password_key_load(state, again, &fault) == OUTCOME_NEVER,
	      "one that everybody may read is refused");
	CHECK(chmod(key_path, 0600) == 0 && password_key_load(state, key, &fault) == OUTCOME_OK && key[1] == 0x11, "as written");
	CHECK(password_key_load("/nonexistent-folder", again, &fault) == OUTCOME_NEVER, "no folder");
}

/* Two that start at once must end with one key. */
static void test_race(void)
{
	unsigned char keys[8][PASSWORD_KEY_BYTES];
	int pipes[2];
	unsigned same = 0;
	struct fault fault;

	(void)unlink(key_path);
	if (pipe(pipes) == -1)
		return;
	for (int i = 0; i < 8; i++) {
		if (fork() == 0) {
			unsigned char key[PASSWORD_KEY_BYTES];

			_exit(password_key_load(state, key, &fault) != OUTCOME_OK ||
			      write(pipes[1], key, sizeof(key)) != (ssize_t)sizeof(key));
		}
	}
	for (int i = 0; i < 8; i++)
		same += read(pipes[0], keys[i], sizeof(keys[i])) == (ssize_t)sizeof(keys[i]) &&
			memcmp(keys[i], keys[0], sizeof(keys[0])) == 0;
	CHECK(same == 8, "eight at once have one key");
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

static void test_generated(const unsigned char key[PASSWORD_KEY_BYTES])
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
	unsigned count[256] = { 0 };
	char password[PASSWORD_GENERATED_LEN + 1], first[PASSWORD_GENERATED_LEN + 1];
	char verifier[PASSWORD_VERIFIER_MAX], other[PASSWORD_VERIFIER_MAX];
	unsigned char other_key[PASSWORD_KEY_BYTES] = { 0 };
	struct fault fault;
	unsigned low = ~0u, high = 0, letters_seen = 0;

	password_generate(first);
	for (int i = 0; i < 4000; i++) {
		password_generate(password);
		for (size_t k = 0; k < PASSWORD_GENERATED_LEN; k++)
			count[(unsigned char)password[k]]++;
	}
	for (size_t i = 0; i < 32; i++) {
		letters_seen += count[(unsigned char)letters[i]];
		low = count[(unsigned char)letters[i]] < low ? count[(unsigned char)letters[i]] : low;
		high = count[(unsigned char)letters[i]] > high ? count[(unsigned char)letters[i]] : high;
	}
	CHECK(letters_seen == 4000 * PASSWORD_GENERATED_LEN, "only letters and digits that nobody confuses");
	CHECK(low > 1700 && high < 2300, "each as often as any other"); /* 2000 expected, standard deviation 44 */
	CHECK(strlen(password) == 16 && strcmp(first, password) != 0, "sixteen, never the same");

	CHECK(password_verifier_make(key, str_of(password), true, verifier, &fault) == OUTCOME_OK && password_is_fast(verifier),
	      "a generated one is checked fast");
	CHECK(password_verifier_make(key, str_of(password), true, other, &fault) == OUTCOME_OK && strcmp(verifier, other) != 0,
	      "salted");
	CHECK(password_check(key, verifier, str_of(password)) && password_check(key, other, str_of(password)), "right");
	CHECK(!password_check(key, verifier, str_of(first)), "wrong");
	CHECK(!password_check(key, verifier, (struct str){ password, 15 }) && !password_check(key, verifier, STR("")), "short");
	CHECK(!password_check(other_key, verifier, str_of(password)), "worth nothing without the key");
	CHECK(!strstr(verifier, password), "the password is not in it");
	verifier[strlen(verifier) - 1] ^= 1;
	CHECK(!password_check(key, verifier, str_of(password)), "a bent verifier");
	CHECK(password_verifier_make(key, STR("Passw0rd-passw0rd"), true, verifier, &fault) == OUTCOME_OK &&
		      !password_is_fast(verifier),
	      "one that only claims to be generated is hashed slowly");
}

static void test_chosen(const unsigned char key[PASSWORD_KEY_BYTES])
{
	char verifier[PASSWORD_VERIFIER_MAX];
	char long_one[PASSWORD_MAX + 1];
	struct fault fault;

	memset(long_one, 'x', sizeof(long_one));
	CHECK(password_verifier_make(key, STR("correct horse"), false, verifier, &fault) == OUTCOME_OK &&
		      strncmp(verifier, "$argon2id$v=19$m=19456,t=2,p=1$", 31) == 0 && !password_is_fast(verifier),
	      "argon2id, 19 MiB, two passes");
	CHECK(password_check(key, verifier, STR("correct horse")) && !password_check(key, verifier, STR("correct horsf")),
	      "right and wrong");
	CHECK(password_verifier_make(key, STR(""), false, verifier, &fault) == OUTCOME_NEVER, "empty");
	CHECK(password_verifier_make(key, (struct str){ "a\0b", 3 }, false, verifier, &fault) == OUTCOME_NEVER, "a NUL in it");
	CHECK(password_verifier_make(key, (struct str){ long_one, PASSWORD_MAX + 1 }, false, verifier, &fault) == OUTCOME_NEVER,
	      "too long");
	CHECK(password_verifier_make(key, (struct str){ long_one, PASSWORD_MAX }, false, verifier, &fault) == OUTCOME_OK &&
		      password_check(key, verifier, (struct str){ long_one, PASSWORD_MAX }) &&
		      !password_check(key, verifier, (struct str){ long_one, PASSWORD_MAX + 1 }),
	      "the longest");
	CHECK(password_verifier_make(key, STR("\xe3\x83\x91\xe3\x82\xb9"), false, verifier, &fault) == OUTCOME_OK &&
		      password_check(key, verifier, STR("\xe3\x83\x91\xe3\x82\xb9")),
	      "Japanese");
}

static void test_no_verifier(const unsigned char key[PASSWORD_KEY_BYTES])
{
	static const char *const bad[] = { "", "fast:", "fast:00:00", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$x", "plain",
					   ("fast:zz112233445566778899aabbccddeeff:"
					    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff") };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!password_check(key, bad[i], STR("")) && !password_check(key, bad[i], STR("plain")), bad[i]);
	CHECK(!password_check(key, NULL, STR("x")) && !password_is_fast(NULL), "none");
}

/* Nobody's check takes what a real one takes: the medians of a few. */
static int by_size(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static void test_time(const unsigned char key[PASSWORD_KEY_BYTES])
{
	char verifier[PASSWORD_VERIFIER_MAX];
	uint64_t real[9], nobody[9];
	struct fault fault;

	CHECK(password_verifier_make(key, STR("correct horse"), false, verifier, &fault) == OUTCOME_OK, "a verifier");
	for (size_t i = 0; i < 9; i++) {
		uint64_t begin = clock_monotonic_us();

		(void)password_check(key, verifier, STR("wrong horse"));
		real[i] = clock_monotonic_us() - begin;
		begin = clock_monotonic_us();
		password_check_nobody(STR("wrong horse"));
		nobody[i] = clock_monotonic_us() - begin;
	}
	qsort(real, 9, sizeof(*real), by_size);
	qsort(nobody, 9, sizeof(*nobody), by_size);
	printf("# median of a check %llu us, of nobody's %llu us\n", (unsigned long long)real[4], (unsigned long long)nobody[4]);
	CHECK(real[4] < nobody[4] * 2 && nobody[4] < real[4] * 2, "nobody's check takes as long");
}

int main(void)
{
	unsigned char key[PASSWORD_KEY_BYTES];

	if (!mkdtemp(state))
		return 1;
	(void)snprintf(key_path, sizeof(key_path), "%s/password.key", state);
	test_key(key);
	test_race();
	test_generated(key);
	test_chosen(key);
	test_no_verifier(key);
	test_time(key);
	(void)unlink(key_path);
	CHECK(rmdir(state) == 0, "no half-written file is left");
	return check_report();
}
