#include "keep/password.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/random.h"
#include "keep/key_file.h"

#define FAST "fast:"
#define SALT_BYTES 16
#define HASH_BYTES 32
#define FAST_LEN (sizeof(FAST) - 1 + 2 * SALT_BYTES + 1 + 2 * HASH_BYTES)

/* argon2id as OWASP's Password Storage Cheat Sheet asks at least: 19 MiB, two passes. */
#define ARGON2_PASSES 2
#define ARGON2_BYTES (UINT64_C(19456) * 1024)

static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";
static_assert(sizeof(alphabet) - 1 == 32, "five bits a character");
static_assert(FAST_LEN < PASSWORD_VERIFIER_MAX && crypto_pwhash_STRBYTES <= PASSWORD_VERIFIER_MAX, "room for both kinds");
static_assert(PASSWORD_KEY_BYTES == crypto_generichash_KEYBYTES && PASSWORD_KEY_BYTES == KEY_FILE_BYTES, "the key that BLAKE2b wants");

enum outcome password_key_load(const char *state, unsigned char ret_key[PASSWORD_KEY_BYTES], struct fault *fault)
{
	return key_file_load(state, "password.key", true,
			     N_("%s is damaged: it must hold %d hexadecimal digits; bring it back from a backup (without it, "
				"generated passwords must be made anew)"),
			     ret_key, fault);
}

void password_generate(char ret_password[PASSWORD_GENERATED_LEN + 1])
{
	unsigned char bytes[PASSWORD_GENERATED_LEN];

	random_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < PASSWORD_GENERATED_LEN; i++)
		ret_password[i] = alphabet[bytes[i] % 32]; /* 256 is a multiple: even */
	ret_password[PASSWORD_GENERATED_LEN] = '\0';
	sodium_memzero(bytes, sizeof(bytes));
}

/* Only what is as hard to guess as a generated one may stand under a fast hash. */
static bool looks_generated(struct str password)
{
	if (password.len != PASSWORD_GENERATED_LEN)
		return false;
	for (size_t i = 0; i < password.len; i++) {
		if (!password.ptr[i] || !strchr(alphabet, password.ptr[i]))
			return false;
	}
	return true;
}

static void fast_hash(const unsigned char key[PASSWORD_KEY_BYTES], const unsigned char salt[SALT_BYTES], struct str password,
		      unsigned char ret_hash[HASH_BYTES])
{
	crypto_generichash_state state;

	(void)crypto_generichash_init(&state, key, PASSWORD_KEY_BYTES, HASH_BYTES);
	(void)crypto_generichash_update(&state, salt, SALT_BYTES);
	(void)crypto_generichash_update(&state, (const unsigned char *)password.ptr, password.len);
	(void)crypto_generichash_final(&state, ret_hash, HASH_BYTES);
	sodium_memzero(&state, sizeof(state));
}

static void fast_make(const unsigned char key[PASSWORD_KEY_BYTES], struct str password,
		      char ret_verifier[PASSWORD_VERIFIER_MAX])
{
	unsigned char salt[SALT_BYTES], hash[HASH_BYTES];
	char salt_text[2 * SALT_BYTES + 1], hash_text[2 * HASH_BYTES + 1];

	random_bytes(salt, sizeof(salt));
	fast_hash(key, salt, password, hash);
	(void)sodium_bin2hex(salt_text, sizeof(salt_text), salt, sizeof(salt));
	(void)sodium_bin2hex(hash_text, sizeof(hash_text), hash, sizeof(hash));
	(void)snprintf(ret_verifier, PASSWORD_VERIFIER_MAX, FAST "%s:%s", salt_text, hash_text);
}

enum outcome password_verifier_make(const unsigned char key[PASSWORD_KEY_BYTES], struct str password, bool generated,
				    char ret_verifier[PASSWORD_VERIFIER_MAX], struct fault *fault)
{
	if (password.len == 0)
		return fault_set(fault, OUTCOME_NEVER, N_("the password is empty"));
	if (password.len > PASSWORD_MAX)
		return fault_set(fault, OUTCOME_NEVER, N_("the password is longer than %d bytes"), PASSWORD_MAX);
	if (str_find(password, '\0') < password.len)
		return fault_set(fault, OUTCOME_NEVER, N_("the password holds a NUL byte, which no device can send"));
	if (generated && looks_generated(password)) {
		fast_make(key, password, ret_verifier);
		return OUTCOME_OK;
	}
	if (sodium_init() == -1 || crypto_pwhash_str(ret_verifier, password.ptr, password.len, ARGON2_PASSES, ARGON2_BYTES) == -1)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory while hashing a password"));
	return OUTCOME_OK;
}

bool password_is_fast(const char *verifier)
{
	return str_starts(str_of(verifier), STR(FAST));
}

static bool fast_check(const unsigned char key[PASSWORD_KEY_BYTES], struct str verifier, struct str password)
{
	unsigned char salt[SALT_BYTES], wanted[HASH_BYTES], hash[HASH_BYTES];
	struct str salt_text = { verifier.ptr + sizeof(FAST) - 1, 2 * SALT_BYTES };
	struct str hash_text = { salt_text.ptr + salt_text.len + 1, 2 * HASH_BYTES };
	size_t salt_bytes = 0, wanted_bytes = 0;

	if (verifier.len != FAST_LEN || salt_text.ptr[salt_text.len] != ':' ||
	    sodium_hex2bin(salt, sizeof(salt), salt_text.ptr, salt_text.len, NULL, &salt_bytes, NULL) == -1 ||
	    sodium_hex2bin(wanted, sizeof(wanted), hash_text.ptr, hash_text.len, NULL, &wanted_bytes, NULL) == -1 ||
	    salt_bytes != sizeof(salt) || wanted_bytes != sizeof(wanted))
		return false;
	fast_hash(key, salt, password, hash);
	return sodium_memcmp(hash, wanted, sizeof(hash)) == 0;
}

bool password_check(const unsigned char key[PASSWORD_KEY_BYTES], const char *verifier, struct str password)
{
	struct str kept = str_of(verifier);

	if (password.len > PASSWORD_MAX)
		return false;
	if (str_starts(kept, STR(FAST)))
		return fast_check(key, kept, password);
	if (!str_starts(kept, STR("$argon2id$")) || sodium_init() == -1)
		return false;
	return crypto_pwhash_str_verify(verifier, password.ptr, password.len) == 0;
}

void password_check_nobody(struct str password)
{
	unsigned char salt[crypto_pwhash_SALTBYTES], hash[HASH_BYTES];

	if (sodium_init() == -1 || password.len > PASSWORD_MAX)
		return;
	random_bytes(salt, sizeof(salt));
	if (crypto_pwhash(hash, sizeof(hash), password.ptr, password.len, salt, ARGON2_PASSES, ARGON2_BYTES,
			  crypto_pwhash_ALG_ARGON2ID13) == -1)
		return; /* out of memory, as a real check would be */
	sodium_memzero(hash, sizeof(hash));
}
