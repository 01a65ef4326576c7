#include "keep/vault.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/pack.h"
#include "keep/key_file.h"

#define FILE_NAME "vault"
#define KEY_NAME "vault.key"
#define MARK "SEKISHO-VAULT "
#define VERSION 1
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define NAME_MAX_BYTES 4096
#define PLAIN_BYTES_MAX (VAULT_ENTRIES_MAX * (2 * VAULT_VALUE_MAX + NAME_MAX_BYTES + 64))
#define FILE_BYTES_MAX (2 * PLAIN_BYTES_MAX)
#define PATH_BYTES 4096

static_assert(KEY_FILE_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "the key that the cipher wants");

struct entry {
	char *name, *value, *before; /* owned, wiped; before may be NULL */
	int64_t changed_us;
};

struct vault {
	char *state;
	struct entry entries[VAULT_ENTRIES_MAX];
	size_t count;
	bool loaded;
	bool behind; /* the file is older than what is in memory */
};

/* How an entry lies in the sealed text. */
struct row {
	struct str name, value, before;
	int64_t changed_us;
};

static const struct pack_field row_fields[] = {
	PACK_FIELD(row, name, PACK_STR),
	PACK_FIELD(row, value, PACK_STR),
	PACK_FIELD(row, before, PACK_STR),
	PACK_FIELD(row, changed_us, PACK_I64),
};
#define ROW_FIELDS (sizeof(row_fields) / sizeof(*row_fields))

struct vault *vault_new(const char *state)
{
	struct vault *vault = calloc(1, sizeof(*vault));

	if (vault && !(vault->state = str_dup(str_of(state)))) {
		free(vault);
		vault = NULL;
	}
	return vault;
}

static void drop(char **secret)
{
	if (*secret)
		sodium_memzero(*secret, strlen(*secret));
	free(*secret);
	*secret = NULL;
}

static void drop_entry(struct entry *entry)
{
	drop(&entry->name);
	drop(&entry->value);
	drop(&entry->before);
}

void vault_free(struct vault *vault)
{
	if (!vault)
		return;
	for (size_t i = 0; i < vault->count; i++)
		drop_entry(&vault->entries[i]);
	free(vault->state);
	free(vault);
}

/* --- the file --- */

static enum outcome path_of(const struct vault *vault, char ret_path[PATH_BYTES], struct fault *fault)
{
	if (path_join(vault->state, STR(FILE_NAME), PATH_BYTES, ret_path))
		return OUTCOME_OK;
	return fault_set(fault, OUTCOME_NEVER, N_("the path is longer than %d bytes: %s"), PATH_BYTES, vault->state);
}

/* systemd's credential goes first; no key is made where a vault is already: it would only hide that the right one is lost. */
static enum outcome load_key(const struct vault *vault, bool make, unsigned char ret_key[KEY_FILE_BYTES], struct fault *fault)
{
	static const char damaged[] = N_("%s is damaged: it must hold %d hexadecimal digits; bring it back from a backup, or remove it and the vault "
					 "beside it and sign in again with: sekisho upstream login NAME");
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_BYTES];

	if (credentials && path_join(credentials, STR(KEY_NAME), sizeof(path), path) && access(path, F_OK) == 0)
		return key_file_read(path, damaged, ret_key, fault);
	return key_file_load(vault->state, KEY_NAME, make, damaged, ret_key, fault);
}

static enum outcome seal(const struct vault *vault, struct str plain, struct buf *out, struct fault *fault)
{
	unsigned char key[KEY_FILE_BYTES];
	char head[32];
	size_t sealed_len = NONCE_BYTES + plain.len + TAG_BYTES;
	unsigned char *sealed = malloc(sealed_len);
	enum outcome outcome = OUTCOME_OK;

	(void)snprintf(head, sizeof(head), MARK "%d\n", VERSION);
	if (!sealed)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory"));
	outcome = load_key(vault, true, key, fault);
	if (outcome == OUTCOME_OK) {
		randombytes_buf(sealed, NONCE_BYTES);
		(void)crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_BYTES, NULL, (const unsigned char *)plain.ptr, plain.len,
								 (const unsigned char *)head, strlen(head), NULL, sealed, key);
		if (!buf_add(out, str_of(head)) || !base64_print(out, (struct str){ (const char *)sealed, sealed_len }) || !buf_add_byte(out, '\n'))
			outcome = fault_set(fault, OUTCOME_LATER, N_("out of memory"));
	}
	sodium_memzero(key, sizeof(key));
	free(sealed);
	return outcome;
}

static enum outcome write_file(struct vault *vault, struct fault *fault)
{
	CLEANUP(buf_wipe) struct buf plain = { .bytes_max = PLAIN_BYTES_MAX };
	CLEANUP(cleanup_buf) struct buf text = { .bytes_max = FILE_BYTES_MAX };
	char path[PATH_BYTES];
	size_t bytes = 1;
	enum outcome outcome;

	vault->behind = true;
	for (size_t i = 0; i < vault->count; i++)
		bytes += 64 + strlen(vault->entries[i].name) + strlen(vault->entries[i].value) + str_of(vault->entries[i].before).len;
	if (!buf_room(&plain, bytes)) /* at once: growing later would leave copies behind */
		return fault_set(fault, OUTCOME_LATER, N_("out of memory"));
	for (size_t i = 0; i < vault->count; i++) {
		const struct entry *entry = &vault->entries[i];
		const struct row row = { str_of(entry->name), str_of(entry->value), str_of(entry->before), entry->changed_us };

		if (!pack_print(&plain, row_fields, ROW_FIELDS, &row))
			return fault_set(fault, OUTCOME_LATER, N_("out of memory"));
	}
	outcome = path_of(vault, path, fault);
	if (outcome == OUTCOME_OK)
		outcome = seal(vault, buf_str(&plain), &text, fault);
	if (outcome == OUTCOME_OK)
		outcome = file_replace(path, buf_str(&text), 0600, fault);
	if (outcome == OUTCOME_OK)
		vault->behind = false;
	return outcome;
}

static bool add_row(struct vault *vault, const struct row *row)
{
	struct entry *entry = &vault->entries[vault->count];

	if (vault->count == VAULT_ENTRIES_MAX)
		return false;
	*entry = (struct entry){ str_dup(row->name), str_dup(row->value), row->before.len ? str_dup(row->before) : NULL, row->changed_us };
	if (!entry->name || !entry->value || (row->before.len && !entry->before)) {
		drop_entry(entry);
		return false;
	}
	vault->count++;
	return true;
}

static enum outcome unseal(struct vault *vault, const char *path, struct str head, struct str sealed, struct fault *fault)
{
	unsigned char key[KEY_FILE_BYTES];
	CLEANUP(buf_wipe) struct buf plain = { .bytes_max = PLAIN_BYTES_MAX };
	char *room = sealed.len >= NONCE_BYTES + TAG_BYTES ? buf_room(&plain, sealed.len) : NULL;
	unsigned long long len = 0;
	struct str rest;
	bool opened;

	if (load_key(vault, false, key, fault) != OUTCOME_OK)
		return fault->outcome;
	opened = room && crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)room, &len, NULL,
								    (const unsigned char *)sealed.ptr + NONCE_BYTES, sealed.len - NONCE_BYTES,
								    (const unsigned char *)head.ptr, head.len,
								    (const unsigned char *)sealed.ptr, key) == 0;
	sodium_memzero(key, sizeof(key));
	if (!opened)
		return fault_set(fault, OUTCOME_NEVER,
				 N_("%s cannot be opened: vault.key is the key of another one, or the file is damaged; bring both back from a "
				    "backup, or remove them and sign in again with: sekisho upstream login NAME"),
				 path);
	buf_grew(&plain, (size_t)len);
	rest = buf_str(&plain);
	while (rest.len > 0) {
		struct row row;

		if (!pack_parse(&rest, row_fields, ROW_FIELDS, &row) || !add_row(vault, &row))
			return fault_set(fault, OUTCOME_LATER, N_("out of memory"));
	}
	return OUTCOME_OK;
}

static enum outcome read_text(struct vault *vault, const char *path, struct str text, struct fault *fault)
{
	CLEANUP(cleanup_buf) struct buf sealed = { .bytes_max = FILE_BYTES_MAX };
	struct str rest = text;
	struct str line = str_cut(&rest, '\n');
	struct str head = { text.ptr, line.len + 1 };
	uint64_t version = 0;

	if (!str_starts(line, STR(MARK)) || !str_to_u64(str_skip(line, sizeof(MARK) - 1), UINT32_MAX, &version))
		return fault_set(fault, OUTCOME_NEVER, N_("%s is no vault of Sekisho; bring it back from a backup, or remove it and sign in again with: "
							  "sekisho upstream login NAME"),
				 path);
	if (version > VERSION)
		return fault_set(fault, OUTCOME_NEVER, N_("%s was written by a newer version of Sekisho (vault %d, this one knows %d); install that version"),
				 path, (int)version, VERSION);
	if (!base64_parse(str_trim(rest), &sealed))
		(void)fault; /* falls to unseal, which says that it is damaged */
	return unseal(vault, path, head, buf_str(&sealed), fault);
}

static enum outcome load(struct vault *vault, struct fault *fault)
{
	CLEANUP(cleanup_buf) struct buf text = { 0 };
	char path[PATH_BYTES];
	enum outcome outcome;

	if (vault->loaded)
		return OUTCOME_OK;
	if (sodium_init() == -1)
		return fault_set(fault, OUTCOME_NEVER, N_("libsodium cannot be used on this machine"));
	outcome = path_of(vault, path, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (access(path, F_OK) == -1 && errno == ENOENT) {
		vault->loaded = true;
		return OUTCOME_OK;
	}
	outcome = file_load_secret(path, FILE_BYTES_MAX, &text, fault);
	if (outcome == OUTCOME_OK)
		outcome = read_text(vault, path, buf_str(&text), fault);
	vault->loaded = outcome == OUTCOME_OK;
	while (!vault->loaded && vault->count > 0)
		drop_entry(&vault->entries[--vault->count]);
	return outcome;
}

/* --- entries --- */

static struct entry *find(struct vault *vault, struct str name)
{
	for (size_t i = 0; i < vault->count; i++) {
		if (str_eq(name, str_of(vault->entries[i].name)))
			return &vault->entries[i];
	}
	return NULL;
}

enum outcome vault_get(struct vault *vault, struct str name, struct vault_view *ret_view, struct fault *fault)
{
	const struct entry *entry;
	enum outcome outcome = load(vault, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	entry = find(vault, name);
	*ret_view = (struct vault_view){ STR(""), STR(""), 0 };
	if (entry)
		*ret_view = (struct vault_view){ str_of(entry->value), str_of(entry->before), entry->changed_us };
	return OUTCOME_OK;
}

static enum outcome put(struct vault *vault, struct str name, struct str value, int64_t now_us, bool anew, struct fault *fault)
{
	const struct row row = { name, value, STR(""), now_us };
	struct entry *entry;
	enum outcome outcome = load(vault, fault);
	char *fresh;

	if (outcome != OUTCOME_OK)
		return outcome;
	if (value.len == 0 || value.len > VAULT_VALUE_MAX || name.len == 0 || name.len > NAME_MAX_BYTES)
		return fault_set(fault, OUTCOME_NEVER, N_("a secret of %zu bytes does not fit into the vault"), value.len);
	entry = find(vault, name);
	if (!entry) {
		if (!add_row(vault, &row))
			return fault_set(fault, OUTCOME_LATER, N_("the vault is full: it holds %d secrets at most"), VAULT_ENTRIES_MAX);
		return write_file(vault, fault);
	}
	if (str_eq_secret(value, str_of(entry->value)) && !anew)
		return vault_sync(vault, fault);
	fresh = str_dup(value);
	if (!fresh)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory"));
	drop(&entry->before);
	if (anew)
		drop(&entry->value);
	entry->before = entry->value;
	entry->value = fresh;
	entry->changed_us = now_us;
	return write_file(vault, fault);
}

enum outcome vault_put(struct vault *vault, struct str name, struct str value, int64_t now_us, struct fault *fault)
{
	return put(vault, name, value, now_us, false, fault);
}

enum outcome vault_put_anew(struct vault *vault, struct str name, struct str value, int64_t now_us, struct fault *fault)
{
	return put(vault, name, value, now_us, true, fault);
}

enum outcome vault_remove(struct vault *vault, struct str name, struct fault *fault)
{
	struct entry *entry;
	enum outcome outcome = load(vault, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	entry = find(vault, name);
	if (!entry)
		return OUTCOME_OK;
	drop_entry(entry);
	*entry = vault->entries[--vault->count];
	return write_file(vault, fault);
}

enum outcome vault_sync(struct vault *vault, struct fault *fault)
{
	return vault->behind ? write_file(vault, fault) : OUTCOME_OK;
}
