#include "domain/throttle.h"

#include <stdlib.h>
#include <string.h>

#include <sodium/crypto_generichash.h>

#include "base/random.h"
#include "base/table.h"

#define NAME_BYTES 16
#define NETWORK_BYTES 16
#define KEY_BYTES (NAME_BYTES + NETWORK_BYTES)
#define LANE_MS (UINT64_C(14) * 86400 * 1000) /* a copier that rests over the holidays keeps its lane */

/* What is remembered of one name, network, or pair of them. */
struct entry {
	struct entry *newer, *older;
	unsigned char key[KEY_BYTES];
	unsigned failures;         /* within the window that began at … */
	uint64_t first_ms;
	uint64_t locked_until_ms;  /* 0: not locked */
	uint64_t succeeded_ms;     /* pairs */
	unsigned char last_network[NETWORK_BYTES]; /* names: from where the last failure came */
};

/* As many entries as may be, in the order of their last use. */
struct memory {
	struct table table;
	struct entry *entries; /* entries_max; untouched pages cost nothing */
	size_t count, entries_max;
	struct entry *newest, *oldest;
	struct entry *spare; /* forgotten ones, by `older` */
};

struct throttle {
	struct throttle_options options;
	unsigned char hash_key[crypto_generichash_KEYBYTES];
	struct memory names, networks, lanes;
};

static bool memory_init(struct memory *memory, size_t entries_max)
{
	*memory = (struct memory){ .entries_max = entries_max };
	table_init(&memory->table);
	memory->entries = calloc(entries_max ? entries_max : 1, sizeof(*memory->entries));
	return memory->entries;
}

static void memory_done(struct memory *memory)
{
	table_done(&memory->table);
	free(memory->entries);
}

static struct str key_of(const struct entry *entry)
{
	return (struct str){ (const char *)entry->key, KEY_BYTES };
}

static void unlink_entry(struct memory *memory, struct entry *entry)
{
	*(entry->newer ? &entry->newer->older : &memory->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &memory->oldest) = entry->newer;
}

static void link_newest(struct memory *memory, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = memory->newest;
	*(memory->newest ? &memory->newest->newer : &memory->oldest) = entry;
	memory->newest = entry;
}

static void forget(struct memory *memory, struct entry *entry)
{
	(void)table_take(&memory->table, key_of(entry));
	unlink_entry(memory, entry);
	entry->older = memory->spare;
	memory->spare = entry;
}

static struct entry *find(struct memory *memory, const unsigned char key[KEY_BYTES])
{
	struct entry *entry = table_find(&memory->table, (struct str){ (const char *)key, KEY_BYTES });

	if (entry && entry != memory->newest) {
		unlink_entry(memory, entry);
		link_newest(memory, entry);
	}
	return entry;
}

/* The entry of that key, new when there was none; the least recent makes room. NULL: out of memory. */
static struct entry *remember(struct memory *memory, const unsigned char key[KEY_BYTES])
{
	struct entry *entry = find(memory, key);

	if (entry || memory->entries_max == 0)
		return entry;
	if (!memory->spare && memory->count == memory->entries_max)
		forget(memory, memory->oldest);
	entry = memory->spare;
	if (entry)
		memory->spare = entry->older;
	else
		entry = &memory->entries[memory->count++];
	*entry = (struct entry){ 0 };
	memcpy(entry->key, key, KEY_BYTES);
	if (!table_put(&memory->table, key_of(entry), entry)) {
		entry->older = memory->spare;
		memory->spare = entry;
		return NULL;
	}
	link_newest(memory, entry);
	return entry;
}

/* Names are any bytes of any length: a keyed hash of them has one size, and nobody can choose names that collide. */
static void name_key(const struct throttle *throttle, struct str name, unsigned char ret_key[KEY_BYTES])
{
	crypto_generichash_state state;
	unsigned char lowered[64];

	memset(ret_key, 0, KEY_BYTES);
	(void)crypto_generichash_init(&state, throttle->hash_key, sizeof(throttle->hash_key), NAME_BYTES);
	while (name.len > 0) {
		size_t count = name.len < sizeof(lowered) ? name.len : sizeof(lowered);

		for (size_t i = 0; i < count; i++) {
			unsigned char byte = (unsigned char)name.ptr[i];

			lowered[i] = byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte + ('a' - 'A')) : byte;
		}
		(void)crypto_generichash_update(&state, lowered, count);
		name = str_skip(name, count);
	}
	(void)crypto_generichash_final(&state, ret_key, NAME_BYTES);
}

static void network_key(const unsigned char ip[16], unsigned char ret_key[KEY_BYTES])
{
	static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	memset(ret_key, 0, KEY_BYTES);
	memcpy(ret_key, ip, memcmp(ip, mapped, sizeof(mapped)) == 0 ? 16 : 8);
}

static void pair_key(const unsigned char name[KEY_BYTES], const unsigned char network[KEY_BYTES],
		     unsigned char ret_key[KEY_BYTES])
{
	memcpy(ret_key, name, NAME_BYTES);
	memcpy(ret_key + NAME_BYTES, network, NETWORK_BYTES);
}

struct throttle *throttle_new(const struct throttle_options *options)
{
	struct throttle *throttle = calloc(1, sizeof(*throttle));

	if (!throttle)
		return NULL;
	throttle->options = *options;
	random_bytes(throttle->hash_key, sizeof(throttle->hash_key));
	if (!memory_init(&throttle->names, options->entries_max) ||
	    !memory_init(&throttle->networks, options->entries_max) ||
	    !memory_init(&throttle->lanes, options->entries_max)) {
		throttle_free(throttle);
		return NULL;
	}
	return throttle;
}

void throttle_free(struct throttle *throttle)
{
	if (!throttle)
		return;
	memory_done(&throttle->names);
	memory_done(&throttle->networks);
	memory_done(&throttle->lanes);
	free(throttle);
}

static bool locked(struct memory *memory, const unsigned char key[KEY_BYTES], uint64_t now_ms)
{
	const struct entry *entry = find(memory, key);

	return entry && now_ms < entry->locked_until_ms;
}

enum throttle_verdict throttle_ask(struct throttle *throttle, struct str name, const unsigned char ip[16], uint64_t now_ms)
{
	unsigned char name_is[KEY_BYTES], network_is[KEY_BYTES], pair_is[KEY_BYTES];
	bool name_locked, network_locked;
	const struct entry *lane;

	name_key(throttle, name, name_is);
	network_key(ip, network_is);
	name_locked = locked(&throttle->names, name_is, now_ms);
	network_locked = locked(&throttle->networks, network_is, now_ms);
	if (!name_locked && !network_locked)
		return THROTTLE_PASS;
	pair_key(name_is, network_is, pair_is);
	lane = find(&throttle->lanes, pair_is);
	if (lane && now_ms - lane->succeeded_ms < LANE_MS)
		return THROTTLE_PASS;
	return network_locked ? THROTTLE_NETWORK_LOCKED : THROTTLE_ACCOUNT_LOCKED;
}

/* One more failure; true when it is the one that locks. */
static bool count_failure(struct throttle *throttle, struct entry *entry, unsigned failures_max, uint64_t now_ms)
{
	if (entry->failures == 0 || now_ms - entry->first_ms > throttle->options.window_ms) {
		entry->failures = 0;
		entry->first_ms = now_ms;
	}
	entry->failures++;
	if (failures_max == 0 || entry->failures < failures_max)
		return false;
	entry->failures = 0;
	entry->locked_until_ms = now_ms + throttle->options.lock_ms;
	return true;
}

enum throttle_verdict throttle_failed(struct throttle *throttle, struct str name, const unsigned char ip[16], uint64_t now_ms)
{
	unsigned char name_is[KEY_BYTES], network_is[KEY_BYTES];
	enum throttle_verdict locks = THROTTLE_PASS;
	enum throttle_verdict network;
	struct entry *entry;

	name_key(throttle, name, name_is);
	network_key(ip, network_is);
	entry = remember(&throttle->names, name_is);
	if (entry) {
		if (count_failure(throttle, entry, throttle->options.account_failures_max, now_ms))
			locks = THROTTLE_ACCOUNT_LOCKED;
		memcpy(entry->last_network, network_is, NETWORK_BYTES);
	}
	network = throttle_forged(throttle, name, ip, now_ms);
	return network == THROTTLE_PASS ? locks : network;
}

enum throttle_verdict throttle_forged(struct throttle *throttle, struct str name, const unsigned char ip[16], uint64_t now_ms)
{
	unsigned char name_is[KEY_BYTES], network_is[KEY_BYTES], pair_is[KEY_BYTES];
	enum throttle_verdict locks = THROTTLE_PASS;
	struct entry *entry;

	name_key(throttle, name, name_is);
	network_key(ip, network_is);
	pair_key(name_is, network_is, pair_is);
	entry = remember(&throttle->networks, network_is);
	if (entry && count_failure(throttle, entry, throttle->options.network_failures_max, now_ms))
		locks = THROTTLE_NETWORK_LOCKED;
	entry = find(&throttle->lanes, pair_is);
	if (entry && count_failure(throttle, entry, throttle->options.account_failures_max, now_ms))
		forget(&throttle->lanes, entry);
	return locks;
}

void throttle_succeeded(struct throttle *throttle, struct str name, const unsigned char ip[16], uint64_t now_ms)
{
	unsigned char name_is[KEY_BYTES], network_is[KEY_BYTES], pair_is[KEY_BYTES];
	struct entry *lane;

	name_key(throttle, name, name_is);
	network_key(ip, network_is);
	pair_key(name_is, network_is, pair_is);
	lane = remember(&throttle->lanes, pair_is);
	if (!lane)
		return;
	lane->succeeded_ms = now_ms;
	lane->failures = 0;
}

void throttle_forget(struct throttle *throttle, struct str name)
{
	unsigned char key[KEY_BYTES];
	struct entry *entry;

	name_key(throttle, name, key);
	entry = find(&throttle->names, key);
	if (!entry)
		return;
	memset(key, 0, sizeof(key));
	memcpy(key, entry->last_network, NETWORK_BYTES);
	forget(&throttle->names, entry);
	entry = find(&throttle->networks, key);
	if (entry)
		forget(&throttle->networks, entry);
}
