#include "wire/repair.h"

#include <stdlib.h>
#include <string.h>

#include "wire/repair_private.h"

#define HEADER_BLOWN_UP 12 /* what a header section may take in memory while it is repaired, in its own size */
#define HEADER_BYTES_MORE 65536
#define PGP_SIGNED STR("-----BEGIN PGP SIGNED MESSAGE-----")
#define GLANCE_BYTES 64     /* of the body: whether PGP has signed it */
#define LOOK_NULS_MAX 4     /* times as much of the body is held where NUL bytes, which do not count, fill it */

/* To name a repair: a row. The order of the switches is that of the settings. */
static const char *const names[REPAIR_COUNT] = {
	[REPAIR_MISSING_DATE] = "missing-date",
	[REPAIR_BAD_DATE] = "bad-date",
	[REPAIR_MISSING_MESSAGE_ID] = "missing-message-id",
	[REPAIR_MISSING_FROM] = "missing-from",
	[REPAIR_QUOTED_AT] = "quoted-at",
	[REPAIR_ANGLE_BRACKETS] = "angle-brackets",
	[REPAIR_RAW_HEADERS] = "raw-headers",
	[REPAIR_DUPLICATE_FIELDS] = "duplicate-fields",
	[REPAIR_BROKEN_LINES] = "broken-lines",
	[REPAIR_NUL_BYTES] = "nul-bytes",
	[REPAIR_MIME_VERSION] = "mime-version",
	[REPAIR_MISSING_CHARSET] = "missing-charset",
	[REPAIR_LONG_LINES] = "long-lines",
	[REPAIR_BARE_NEWLINE] = "bare-newline",
	[REPAIR_FROM_REWRITE] = "from-rewrite",
	[REPAIR_NOT_SIGNED] = "signed",
	[REPAIR_NOT_LARGE] = "header-too-large",
};

enum state {
	IN_HEADER, /* the section is being held */
	IN_LOOK,   /* the body's beginning as well */
	IN_BODY,
};

struct repair {
	enum state state;
	struct repair_header header;
	size_t header_bytes_max, look_bytes_max;
	size_t look_wanted, look_counted; /* of the body's beginning, without what will be taken out of it */
	struct buf block;    /* the section as it came, without the empty line; what stands behind it goes to `look` */
	bool has_end;        /* the empty line was there */
	struct buf look;
	struct repair_body body;
	bool not_rewritten;
};

const char *repair_name(enum repair_kind kind)
{
	return names[kind];
}

bool repair_note_print(struct buf *out, unsigned done)
{
	for (enum repair_kind kind = 0; kind < REPAIR_COUNT; kind++) {
		bool left = kind == REPAIR_NOT_SIGNED || kind == REPAIR_NOT_LARGE;

		if (!(done & REPAIR_BIT(kind)))
			continue;
		if ((out->len > 0 && !buf_add_byte(out, ' ')) ||
		    !buf_add_format(out, "%s:%s", left ? "unrepaired" : "repair", names[kind]))
			return false;
	}
	return true;
}

struct repair *repair_new(unsigned switches, const struct repair_facts *facts, size_t header_bytes_max, size_t look_bytes_max)
{
	struct repair *repair = calloc(1, sizeof(*repair));
	struct repair_facts *own;

	if (!repair)
		return NULL;
	repair->header_bytes_max = header_bytes_max;
	repair->look_bytes_max = look_bytes_max;
	repair->header.switches = switches;
	repair->header.facts = *facts;
	own = &repair->header.facts;
	arena_init(&repair->header.arena, header_bytes_max * HEADER_BLOWN_UP + HEADER_BYTES_MORE);
	buf_init(&repair->block, SIZE_MAX);
	buf_init(&repair->look, SIZE_MAX);
	if (!arena_keep(&repair->header.arena, facts->hostname, &own->hostname) ||
	    !arena_keep(&repair->header.arena, facts->event_id, &own->event_id) ||
	    !arena_keep(&repair->header.arena, facts->sender, &own->sender) ||
	    !arena_keep(&repair->header.arena, facts->from_rewrite, &own->from_rewrite)) {
		repair_free(repair);
		return NULL;
	}
	return repair;
}

void repair_free(struct repair *repair)
{
	if (!repair)
		return;
	arena_free_all(&repair->header.arena);
	buf_done(&repair->block);
	buf_done(&repair->look);
	repair_body_done(&repair->body);
	free(repair);
}

unsigned repair_done(const struct repair *repair)
{
	return repair->header.done | (repair->body.dropped_nul ? REPAIR_BIT(REPAIR_NUL_BYTES) : 0) |
	       (repair->body.wrapped ? REPAIR_BIT(REPAIR_LONG_LINES) : 0);
}

bool repair_not_rewritten(const struct repair *repair)
{
	return repair->not_rewritten;
}

/* --- the header section, and what can be seen of the body --- */

static void drop_nul(struct repair *repair, struct buf *held)
{
	size_t kept = 0;

	for (size_t i = 0; i < held->len; i++) {
		if (held->ptr[i] != '\0')
			held->ptr[kept++] = held->ptr[i];
	}
	if (kept < held->len)
		repair_tell(&repair->header, REPAIR_NUL_BYTES);
	held->len = kept;
}

static bool has_long_line(struct str text)
{
	while (text.len > REPAIR_LINE_MAX) {
		size_t newline = str_find(text, '\n');

		if (newline > REPAIR_LINE_MAX + 1)
			return true;
		text = str_skip(text, newline + 1);
	}
	return false;
}

/* What is decided by: no more than would be seen of the repaired message, so that a second gateway decides alike. */
static struct str seen_of(const struct repair *repair)
{
	struct str look = buf_str(&repair->look);

	return (struct str){ look.ptr, look.len < repair->look_wanted ? look.len : repair->look_wanted };
}

/* A charset is guessed of whole lines. */
static struct str whole_lines(struct str text)
{
	size_t newline = str_find_last(text, '\n');

	return newline < text.len ? (struct str){ text.ptr, newline + 1 } : text;
}

/* Long lines of a plain text are put into quoted-printable, which keeps every byte; elsewhere they are wrapped. */
static enum repair_body_mode long_lines(struct repair *repair)
{
	struct repair_header *header = &repair->header;
	struct repair_field *encoding = repair_find(header, STR("content-transfer-encoding"));
	struct str says = encoding ? repair_value(header, encoding) : STR("");

	if (!repair_is_on(header, REPAIR_LONG_LINES))
		return REPAIR_BODY_AS_IS;
	if (str_eq_nocase(says, STR("quoted-printable")))
		return REPAIR_BODY_SOFT;
	if (!repair_is_plain_text(header) || !has_long_line(seen_of(repair)))
		return REPAIR_BODY_WRAP;
	repair_tell(header, REPAIR_LONG_LINES);
	if (encoding)
		repair_set(header, encoding, STR("quoted-printable"));
	else
		repair_add(header, STR("Content-Transfer-Encoding"), STR("quoted-printable"));
	if (!repair_find(header, STR("mime-version")))
		repair_add(header, STR("MIME-Version"), STR("1.0"));
	return REPAIR_BODY_QUOTED;
}

static bool print_block(const struct repair *repair, struct buf *out)
{
	return buf_add(out, buf_str(&repair->block)) && (!repair->has_end || buf_add(out, STR("\r\n")));
}

static bool print_fields(const struct repair *repair, struct buf *out)
{
	const struct repair_header *header = &repair->header;

	for (size_t i = 0; i < header->count; i++) {
		if (!buf_add(out, header->fields[i].raw))
			return false;
	}
	return !repair->has_end || buf_add(out, STR("\r\n"));
}

/* What is held goes on, as it came or repaired; the rest will flow. */
static bool let_go(struct repair *repair, bool as_it_came, struct buf *out)
{
	enum repair_body_mode mode = repair->body.mode;
	bool nul = repair->body.drop_nul;
	bool good = as_it_came ? print_block(repair, out) : print_fields(repair, out);

	repair->state = IN_BODY;
	repair_body_init(&repair->body, mode, nul);
	good = good && repair_body_feed(&repair->body, buf_str(&repair->look), out);
	buf_done(&repair->look);
	buf_done(&repair->block);
	return good;
}

/* The section goes on as it came; so does the body. */
static bool give_up(struct repair *repair, enum repair_kind why, struct buf *out)
{
	repair->header.done = REPAIR_BIT(why);
	repair->not_rewritten = repair->header.facts.from_rewrite.len > 0;
	repair->body.mode = REPAIR_BODY_AS_IS;
	repair->body.drop_nul = false;
	return let_go(repair, true, out);
}

/* Signed: only From may be rewritten. */
static bool leave(struct repair *repair, struct buf *out)
{
	struct repair_header *header = &repair->header;
	bool rewrites = header->facts.from_rewrite.len > 0;

	header->done = header->switches ? REPAIR_BIT(REPAIR_NOT_SIGNED) : 0;
	if (rewrites)
		repair_rewrite(header);
	if (header->failed)
		return give_up(repair, REPAIR_NOT_LARGE, out);
	return let_go(repair, !rewrites, out);
}

/* What a broken section leaves over is the body's. */
static bool move_to_body(struct repair *repair, struct str rest)
{
	struct buf look;

	buf_init(&look, SIZE_MAX);
	if (!buf_add(&look, rest) || (repair->has_end && !buf_add(&look, STR("\r\n"))) ||
	    !buf_add(&look, buf_str(&repair->look))) {
		buf_done(&look);
		return false;
	}
	buf_done(&repair->look);
	repair->look = look;
	repair->has_end = true;
	return true;
}

/* NUL is taken out of what is held. A line of nothing else is an empty one then, which ends the section. */
static bool drop_nuls(struct repair *repair)
{
	struct buf *block = &repair->block;
	const char *end;
	size_t whole;

	drop_nul(repair, block);
	drop_nul(repair, &repair->look);
	whole = block->len;
	end = block->len > 0 ? memmem(block->ptr, block->len, "\r\n\r\n", 4) : NULL;
	if (!end && !str_starts(buf_str(block), STR("\r\n")))
		return true;
	block->len = str_starts(buf_str(block), STR("\r\n")) ? 0 : (size_t)(end - block->ptr) + 2;
	return move_to_body(repair, (struct str){ block->ptr + block->len + 2, whole - block->len - 2 });
}

/* All is there that a decision needs. */
static bool decide(struct repair *repair, struct buf *out)
{
	struct repair_header *header = &repair->header;
	struct str rest;

	if (str_starts(buf_str(&repair->look), PGP_SIGNED))
		return leave(repair, out);
	if (repair_is_on(header, REPAIR_NUL_BYTES) && !drop_nuls(repair))
		return false;
	if (!repair_split(header, buf_str(&repair->block), repair_is_on(header, REPAIR_BROKEN_LINES), &rest))
		return give_up(repair, REPAIR_NOT_LARGE, out);
	if (rest.len > 0 && !move_to_body(repair, rest))
		return false;
	repair_fields(header);
	if (repair_is_on(header, REPAIR_MISSING_CHARSET) && repair_is_plain_text(header))
		repair_charset(header, whole_lines(seen_of(repair)));
	repair->body.mode = long_lines(repair);
	repair->body.drop_nul = repair_is_on(header, REPAIR_NUL_BYTES);
	repair_finish(header);
	if (header->facts.from_rewrite.len > 0 && !header->failed)
		repair_rewrite(header);
	if (header->failed)
		return give_up(repair, REPAIR_NOT_LARGE, out);
	return let_go(repair, false, out);
}

static size_t look_bytes(struct repair *repair)
{
	unsigned needs = REPAIR_BIT(REPAIR_LONG_LINES) | REPAIR_BIT(REPAIR_MISSING_CHARSET);
	unsigned switches = repair->header.switches;
	struct str block = buf_str(&repair->block);
	/* Without its NUL bytes the section may say another type, or be another. */
	bool may_be_text = str_find(block, '\0') < block.len || repair_is_plain_text(&repair->header);

	return switches & needs && may_be_text && repair->look_bytes_max > GLANCE_BYTES
		       ? repair->look_bytes_max
	       : switches ? GLANCE_BYTES
			  : 0;
}

static bool has_looked(const struct repair *repair, size_t len)
{
	return repair->look_counted >= repair->look_wanted || len >= LOOK_NULS_MAX * repair->look_wanted;
}

static bool look(struct repair *repair, struct str run, bool ended, struct buf *out)
{
	bool nul_counts = !repair_is_on(&repair->header, REPAIR_NUL_BYTES);
	size_t taken = 0;

	for (; taken < run.len && !has_looked(repair, repair->look.len + taken); taken++)
		repair->look_counted += nul_counts || run.ptr[taken] != '\0';
	if (!buf_add(&repair->look, (struct str){ run.ptr, taken }))
		return false;
	if (!ended && !has_looked(repair, repair->look.len))
		return true;
	return decide(repair, out) && repair_body_feed(&repair->body, str_skip(run, taken), out);
}

/* The section is whole: `block` has it, `behind` is what came with its end. */
static bool section_over(struct repair *repair, struct str behind, bool ended, struct buf *out)
{
	struct repair_header *header = &repair->header;
	struct str rest;
	bool is_signed = repair_split(header, buf_str(&repair->block), false, &rest) && repair_is_signed(header);
	bool good;

	if (header->failed) {
		good = give_up(repair, REPAIR_NOT_LARGE, out);
	} else if (is_signed) {
		good = leave(repair, out);
	} else {
		repair->state = IN_LOOK;
		repair->look_wanted = look_bytes(repair);
		return look(repair, behind, ended, out);
	}
	return good && repair_body_feed(&repair->body, behind, out);
}

static bool feed_header(struct repair *repair, struct str run, struct buf *out)
{
	struct buf *block = &repair->block;
	size_t from = block->len > 3 ? block->len - 3 : 0;
	const char *end;
	size_t at, behind;

	if (!buf_add(block, run))
		return false;
	end = memmem(block->ptr + from, block->len - from, "\r\n\r\n", 4);
	at = str_starts(buf_str(block), STR("\r\n")) ? 0 : end ? (size_t)(end - block->ptr) + 2 : block->len;
	if (at > repair->header_bytes_max + (at == block->len ? 2 : 0)) /* the empty line may have begun */
		return give_up(repair, REPAIR_NOT_LARGE, out);
	if (at == block->len)
		return true;
	repair->has_end = true;
	behind = block->len - at - 2;
	block->len = at;
	return section_over(repair, str_skip(run, run.len - behind), false, out);
}

bool repair_feed(struct repair *repair, struct str run, struct buf *out)
{
	if (run.len == 0)
		return true;
	switch (repair->state) {
	case IN_HEADER:
		return feed_header(repair, run, out);
	case IN_LOOK:
		return look(repair, run, false, out);
	case IN_BODY:
		break;
	}
	return repair_body_feed(&repair->body, run, out);
}

bool repair_end(struct repair *repair, struct buf *out)
{
	if (repair->state == IN_HEADER && !section_over(repair, STR(""), true, out))
		return false;
	if (repair->state == IN_LOOK && !look(repair, STR(""), true, out))
		return false;
	return repair_body_end(&repair->body, out);
}
