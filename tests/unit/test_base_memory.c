/* buf, arena, table, pack: ceilings hold, and what goes in comes out. */
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/pack.h"
#include "base/random.h"
#include "base/table.h"
#include "check.h"

static void check_buf(void)
{
	struct buf buf;

	buf_init(&buf, 10);
	CHECK(buf_add(&buf, STR("01234")) && buf_add(&buf, STR("56789")), "buf: up to its ceiling");
	CHECK(!buf_add_byte(&buf, 'x') && str_eq(buf_str(&buf), STR("0123456789")),
	      "buf: one over adds nothing");
	buf_eat(&buf, 4);
	CHECK(str_eq(buf_str(&buf), STR("456789")), "buf: the first are eaten");
	CHECK(buf_add(&buf, STR("abcd")) && !buf_room(&buf, 1), "buf: their room is free again");
	CHECK(!buf_room(&buf, SIZE_MAX), "buf: a size that would overflow");
	buf_clear(&buf);
	CHECK(buf_add_format(&buf, "%s=%d", "a", 7) && str_eq(buf_str(&buf), STR("a=7")), "buf: a format");
	CHECK(!buf_add_format(&buf, "%s", "0123456789") && str_eq(buf_str(&buf), STR("a=7")),
	      "buf: a format too long adds nothing");
	buf_done(&buf);
	CHECK(buf_str(&buf).len == 0 && buf_add(&buf, STR("again")), "buf: used again");
	buf_wipe(&buf);
	CHECK(buf.ptr == NULL && buf.len == 0, "buf: wiped");
}

static void check_arena(void)
{
	struct arena arena;
	struct str kept;
	bool aligned = true;
	char *piece;

	arena_init(&arena, 4096);
	CHECK(arena_keep(&arena, STR("text"), &kept) && kept.ptr[4] == '\0' && str_eq(kept, STR("text")),
	      "arena: a copy with a NUL");
	for (size_t i = 1; i < 40; i++) {
		piece = arena_take(&arena, i);
		aligned = aligned && piece && (uintptr_t)piece % alignof(max_align_t) == 0 && piece[0] == 0 &&
		          piece[i - 1] == 0;
		if (piece)
			memset(piece, 0xff, i);
	}
	CHECK(aligned, "arena: aligned and zeroed");
	CHECK(str_eq(kept, STR("text")), "arena: what was kept stays");
	CHECK(!arena_take(&arena, 4096) && !arena_take(&arena, SIZE_MAX), "arena: over its ceiling");
	arena_free_all(&arena);
	CHECK(arena_take(&arena, 4096) != NULL, "arena: all of it, used again");
	CHECK(!arena_take(&arena, 1), "arena: and not a byte more");
	arena_free_all(&arena);
}

#define NUMBERS 500

/* A table beside an array that knows the truth, through many random changes. */
static void check_table(void)
{
	static uint32_t numbers[NUMBERS];
	bool is_in[NUMBERS] = { false };
	struct table table;
	bool same = true;
	size_t count = 0;
	size_t at = 0;
	size_t seen = 0;

	table_init(&table);
	CHECK(!table_find(&table, STR("a")) && !table_take(&table, STR("a")) && !table_next(&table, &at),
	      "table: empty");
	for (uint32_t i = 0; i < NUMBERS; i++)
		numbers[i] = i;
	for (int step = 0; step < 50000 && same; step++) {
		uint32_t i = random_below(NUMBERS);
		struct str key = TABLE_KEY(numbers[i]);

		same = (table_find(&table, key) == &numbers[i]) == is_in[i];
		if (random_below(2)) {
			same = same && table_put(&table, key, &numbers[i]);
			count += !is_in[i];
			is_in[i] = true;
		} else {
			same = same && (table_take(&table, key) == &numbers[i]) == is_in[i];
			count -= is_in[i];
			is_in[i] = false;
		}
		same = same && table.count == count;
	}
	CHECK(same, "table: 50,000 changes agree with an array");
	for (at = 0; table_next(&table, &at);)
		seen++;
	CHECK(seen == count, "table: each value comes once");
	CHECK(table_put(&table, STR("key"), &numbers[0]) && table_put(&table, STR("key"), &numbers[1]) &&
	              table_find(&table, STR("key")) == &numbers[1] && table.count == count + 1,
	      "table: a second put replaces");
	table_done(&table);
}

struct record {
	uint8_t small;
	uint32_t middle;
	uint64_t large;
	int64_t negative;
	struct str text, empty;
	unsigned char fixed[5];
};

static const struct pack_field fields[] = {
	PACK_FIELD(record, small, PACK_U8),    PACK_FIELD(record, middle, PACK_U32),
	PACK_FIELD(record, large, PACK_U64),   PACK_FIELD(record, negative, PACK_I64),
	PACK_FIELD(record, text, PACK_STR),    PACK_FIELD(record, empty, PACK_STR),
	PACK_FIELD(record, fixed, PACK_BYTES),
};

#define FIELDS (sizeof(fields) / sizeof(*fields))

static void check_pack(void)
{
	struct record in = {
		255, 0x01020304, UINT64_MAX - 1, INT64_MIN, STR("text\0inside"), STR(""), "12345"
	};
	struct record out;
	struct buf packed;
	struct str rest;
	bool refused = true;

	buf_init(&packed, 4096);
	CHECK(pack_print(&packed, fields, FIELDS, &in) && buf_add(&packed, STR("next")), "pack: printed");
	CHECK(memcmp(packed.ptr, "\xff\x04\x03\x02\x01", 5) == 0, "pack: little-endian, in order");
	rest = buf_str(&packed);
	CHECK(pack_parse(&rest, fields, FIELDS, &out) && str_eq(rest, STR("next")),
	      "pack: parsed, the next left");
	CHECK(out.small == 255 && out.middle == 0x01020304 && out.large == UINT64_MAX - 1 &&
	              out.negative == INT64_MIN && str_eq(out.text, in.text) && out.empty.len == 0 &&
	              memcmp(out.fixed, "12345", 5) == 0,
	      "pack: the same");
	for (size_t len = 0; len < packed.len - 4; len++) {
		char *exact = malloc(len ? len : 1); /* so that a byte read too far is found */

		memcpy(exact, packed.ptr, len);
		rest = (struct str){ exact, len };
		refused = refused && !pack_parse(&rest, fields, FIELDS, &out);
		free(exact);
	}
	CHECK(refused, "pack: cut short anywhere is refused");
	buf_done(&packed);
	buf_init(&packed, 20);
	CHECK(!pack_print(&packed, fields, FIELDS, &in) && packed.len == 0, "pack: no room, nothing half");
	buf_done(&packed);
}

int main(void)
{
	check_buf();
	check_arena();
	check_table();
	check_pack();
	return check_report();
}
