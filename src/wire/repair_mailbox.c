#include "wire/repair_mailbox.h"

#include <string.h>

#include "base/cleanup.h"
#include "wire/header.h"
#include "wire/smtp_address.h"

#define LIST_BYTES_MAX 65536
#define SIGN_BYTES_MAX 256 /* of a quoted string or comment: what is opened over and over must not be looked for to the end each time */

/* A quoted string or a comment at the start of `rest`, both ends included; 1: another sign, or it is not closed in time. */
static size_t sign_len(struct str rest)
{
	char open = rest.ptr[0];
	char close = open == '(' ? ')' : '"';
	size_t depth = 1;

	if (open != '"' && open != '(')
		return 1;
	for (size_t at = 1; at < rest.len && at < SIGN_BYTES_MAX; at++) {
		if (rest.ptr[at] == '\\')
			at++;
		else if (rest.ptr[at] == close && --depth == 0)
			return at + 1;
		else if (open == '(' && rest.ptr[at] == '(')
			depth++;
	}
	return 1;
}

/* Where `what` stands outside quotes and comments; rest.len: nowhere. */
static size_t find_outside(struct str rest, char what)
{
	size_t at = 0;

	while (at < rest.len && rest.ptr[at] != what)
		at += sign_len(str_skip(rest, at));
	return at < rest.len ? at : rest.len;
}

/* A mailbox ends at a comma or semicolon outside quotes, comments and <…>. */
static size_t mailbox_len(struct str rest)
{
	size_t last = str_find_last(rest, '>');
	size_t at = 0;

	while (at < rest.len && rest.ptr[at] != ',' && rest.ptr[at] != ';') {
		struct str here = str_skip(rest, at);
		size_t close = here.ptr[0] == '<' && at < last && last < rest.len ? str_find(str_skip(here, 1), '>') : here.len;

		at += close + 1 < here.len ? close + 2 : sign_len(here);
	}
	return at < rest.len ? at : rest.len;
}

static struct str skip_all(struct str text, char what)
{
	while (text.len > 0 && text.ptr[0] == what)
		text = str_trim(str_skip(text, 1));
	return text;
}

static struct str without_scheme(struct str address)
{
	return str_starts_nocase(address, STR("mailto:")) ? str_skip(address, STR("mailto:").len) : address;
}

static bool is_address(struct str text)
{
	struct smtp_address address;

	return smtp_address_parse(text, &address);
}

/* RFC 5322, 3.2.5 and 4.1: atoms, quoted strings, comments, dots; and what is not ASCII, which is encoded. */
static bool phrase_is_good(struct str phrase)
{
	size_t at = 0;

	while (at < phrase.len) {
		size_t len = sign_len(str_skip(phrase, at));
		char byte = phrase.ptr[at];

		if (len == 1 && byte && strchr("()<>[]:;@\\,\"", byte))
			return false;
		at += len;
	}
	return true;
}

/* "Name <address> (comment)", its faults forgiven: no >, several, the name behind. */
static bool read_angle(struct repair_mailboxes *list, struct repair_mailbox *item, size_t open)
{
	struct str inside = str_trim(str_skip(item->text, open + 1));
	struct str address = skip_all(inside, '<');
	size_t close = str_find(address, '>');
	struct str after = str_trim(str_skip(address, close + 1));
	struct str behind = skip_all(after, '>');

	item->kind = MAILBOX_ANGLE;
	item->phrase = str_trim((struct str){ item->text.ptr, open });
	item->changed = address.len < inside.len || close == address.len || behind.len < after.len;
	address = str_trim((struct str){ address.ptr, close });
	item->address = without_scheme(address);
	item->changed |= item->address.len < address.len;
	if (behind.len > 0 && (behind.ptr[0] != '(' || sign_len(behind) < behind.len)) {
		if (item->phrase.len > 0 || !phrase_is_good(behind))
			return false;
		item->phrase = behind;
		item->changed = true;
	} else {
		item->behind = behind;
	}
	list->bent |= item->changed;
	return !item->changed || is_address(item->address);
}

struct words {
	size_t addresses, others;
	struct str address; /* the first */
	bool last_is_address;
};

/* The words of a mailbox without < >, comments left out. False: it makes no sense. */
static bool read_words(struct str text, struct words *ret_words)
{
	*ret_words = (struct words){ .address = STR("") };
	for (size_t at = 0; at < text.len;) {
		size_t begin = at;
		struct str word;

		if (repair_is_blank(text.ptr[at])) {
			at++;
			continue;
		}
		if (text.ptr[at] == '(') {
			size_t len = sign_len(str_skip(text, at));

			if (len == 1)
				return false;
			at += len;
			continue;
		}
		while (at < text.len && !repair_is_blank(text.ptr[at]) && (text.ptr[at] != '(' || at == begin))
			at += sign_len(str_skip(text, at));
		word = (struct str){ text.ptr + begin, at - begin };
		ret_words->last_is_address = word.ptr[0] != '"' ? str_find(word, '@') < word.len
								: find_outside(word, '@') < word.len;
		if (!ret_words->last_is_address)
			ret_words->others++;
		else if (ret_words->addresses++ == 0)
			ret_words->address = word;
	}
	return true;
}

static struct str bare_address(struct str word)
{
	if (word.len > 1 && word.ptr[word.len - 1] == '>')
		word.len--;
	return without_scheme(word);
}

/* "a@x b@x": each a mailbox of its own. */
static bool split_words(struct repair_mailboxes *list, struct repair_mailbox item)
{
	struct str rest = item.text;

	if (find_outside(rest, '(') < rest.len)
		return false;
	while (rest.len > 0) {
		struct str word = str_trim(str_cut(&rest, ' '));

		if (word.len == 0)
			continue;
		if (!is_address(bare_address(word)) || list->count == REPAIR_MAILBOXES_MAX)
			return false;
		list->items[list->count++] = (struct repair_mailbox){
			.kind = MAILBOX_BARE, .text = bare_address(word), .address = bare_address(word), .end = ',',
		};
	}
	list->items[list->count - 1].end = item.end;
	list->bent = true;
	return true;
}

static bool read_bare(struct repair_mailboxes *list, struct repair_mailbox *item)
{
	struct words words;
	size_t at;

	if (!read_words(item->text, &words))
		return false;
	item->kind = words.addresses ? MAILBOX_BARE : MAILBOX_WORDS;
	item->address = bare_address(words.address);
	if (words.addresses == 0)
		return true;
	if (words.addresses > 1)
		return words.others == 0 && split_words(list, *item);
	at = (size_t)(words.address.ptr - item->text.ptr);
	if (words.others > 0) { /* a name, and the address without its < > */
		if (at > 0 && !words.last_is_address)
			return false;
		item->kind = MAILBOX_ANGLE;
		item->phrase = str_trim(at > 0 ? (struct str){ item->text.ptr, at } : str_skip(item->text, words.address.len));
		item->behind = at > 0 ? str_trim(str_skip(item->text, at + words.address.len)) : STR("");
	} else if (words.address.len == item->address.len) {
		item->behind = at == 0 ? str_trim(str_skip(item->text, words.address.len)) : STR("");
		return true; /* a mailbox as it should be */
	} else if (words.address.len != item->text.len) {
		return false;
	}
	item->changed = true;
	list->bent = true;
	if (item->kind == MAILBOX_BARE)
		item->text = item->address;
	return is_address(item->address);
}

static bool read_mailbox(struct repair_mailboxes *list, struct repair_mailbox item)
{
	size_t open = find_outside(item.text, '<');
	size_t before = list->count;

	if (item.text.len == 0)
		return true; /* RFC 5322, 4.4 allows a list with holes */
	if (list->count == REPAIR_MAILBOXES_MAX)
		return false;
	if (open < item.text.len ? !read_angle(list, &item, open) : !read_bare(list, &item))
		return false;
	if (list->count == before)
		list->items[list->count++] = item;
	return true;
}

/* "Tanaka, Taro <t@x>": words before a comma belong to the mailbox behind it; so does "t@x, Taro <t@x>". */
static bool is_name_of(const struct repair_mailbox *item, const struct repair_mailbox *next)
{
	return item->end == ',' && next->kind == MAILBOX_ANGLE && next->text.ptr > item->text.ptr &&
	       (item->kind == MAILBOX_WORDS ||
		(item->kind == MAILBOX_BARE && str_eq_nocase(item->address, next->address)));
}

/* False: a name before, and one behind the address. */
static bool join_names(struct repair_mailboxes *list)
{
	size_t first = list->count;

	for (size_t i = list->count; i-- > 0;) {
		const struct repair_mailbox item = list->items[i];
		struct repair_mailbox *next = &list->items[first];

		if (first < list->count && is_name_of(&item, next)) {
			if (next->address.ptr < next->phrase.ptr)
				return false;
			const char *end = next->phrase.len ? next->phrase.ptr + next->phrase.len : item.text.ptr + item.text.len;

			next->phrase = (struct str){ item.text.ptr, (size_t)(end - item.text.ptr) };
			next->text = (struct str){ item.text.ptr, (size_t)(next->text.ptr + next->text.len - item.text.ptr) };
		} else {
			list->items[--first] = item;
		}
	}
	list->items += first;
	list->count -= first;
	return true;
}

bool repair_mailboxes_parse(struct arena *arena, struct str value, struct repair_mailboxes *ret_list)
{
	struct repair_mailboxes list = { .raw = !str_is_ascii(value) };
	bool only_words = false;
	size_t colon = find_outside(value, ':');
	size_t places = 2;

	if (value.len > LIST_BYTES_MAX)
		return false;
	if (colon < value.len && find_outside(str_skip(value, colon), ';') < value.len - colon &&
	    find_outside(value, '<') > colon)
		return false; /* a group: whoever writes one knows how */
	for (size_t i = 0; i < value.len; i++)
		places += value.ptr[i] == ',' || value.ptr[i] == ';' || value.ptr[i] == ' ';
	if (places > REPAIR_MAILBOXES_MAX)
		places = REPAIR_MAILBOXES_MAX;
	list.items = arena_take(arena, places * sizeof(*list.items));
	if (!list.items)
		return false;
	while (value.len > 0) {
		size_t len = mailbox_len(value);
		struct repair_mailbox item = { .text = str_trim((struct str){ value.ptr, len }) };

		item.end = len < value.len ? value.ptr[len] : 0;
		value = str_skip(value, len + 1);
		list.bent |= item.end == ';' && str_trim(value).len > 0;
		if (!read_mailbox(&list, item))
			return false;
	}
	if (!join_names(&list))
		return false;
	for (size_t i = 0; i < list.count; i++) {
		if (!str_is_ascii(list.items[i].address))
			return false; /* RFC 6531; no encoded word can stand in it */
		list.unquoted |= list.items[i].kind == MAILBOX_ANGLE && !phrase_is_good(list.items[i].phrase);
		only_words |= list.items[i].kind == MAILBOX_WORDS;
	}
	if (only_words && (list.bent || list.unquoted))
		return false; /* whose name they are is not guessed at */
	*ret_list = list;
	return true;
}

/* --- printing --- */

struct line {
	struct buf *out;
	size_t column;
};

/* With a blank or a fold before it, unless it is the first. */
static bool add_word(struct line *line, struct str word, bool first)
{
	bool folds = !first && line->column + 1 + word.len > REPAIR_FOLD_COLUMNS;

	if (!first && !buf_add(line->out, folds ? STR("\r\n ") : STR(" ")))
		return false;
	line->column = (folds ? 1 : line->column + !first) + word.len;
	return buf_add(line->out, word);
}

/* A phrase without its quoting. */
static bool add_plain(struct buf *out, struct str phrase)
{
	for (size_t i = 0; i < phrase.len; i++) {
		if (phrase.ptr[i] == '"')
			continue;
		if (phrase.ptr[i] == '\\' && i + 1 < phrase.len)
			i++;
		if (!buf_add_byte(out, phrase.ptr[i]))
			return false;
	}
	return true;
}

static bool add_encoded(struct line *line, struct str phrase, bool first)
{
	CLEANUP(cleanup_buf) struct buf plain = { 0 };
	CLEANUP(cleanup_buf) struct buf text = { 0 };

	buf_init(&plain, phrase.len + 1);
	buf_init(&text, phrase.len * 4 + 16);
	if (!add_plain(&plain, phrase) || !rfc2047_parse(buf_str(&plain), &text))
		return false;
	if (!first) {
		if (!buf_add_byte(line->out, ' '))
			return false;
		line->column++;
	}
	return repair_words_print(line->out, buf_str(&text), &line->column);
}

static bool add_quoted(struct line *line, struct str phrase, bool first)
{
	CLEANUP(cleanup_buf) struct buf quoted = { 0 };
	CLEANUP(cleanup_buf) struct buf plain = { 0 };
	struct str text;

	buf_init(&plain, phrase.len + 1);
	buf_init(&quoted, phrase.len * 2 + 3);
	if (!add_plain(&plain, phrase) || !buf_add_byte(&quoted, '"'))
		return false;
	text = str_trim(buf_str(&plain));
	for (size_t i = 0; i < text.len; i++) {
		if ((text.ptr[i] == '\\' && !buf_add_byte(&quoted, '\\')) || !buf_add_byte(&quoted, text.ptr[i]))
			return false;
	}
	/* A longer one would not be known for a quoted string, by a second gateway neither: the field stays as it came. */
	return buf_add_byte(&quoted, '"') && quoted.len <= SIGN_BYTES_MAX && add_word(line, buf_str(&quoted), first);
}

static bool add_phrase(struct line *line, struct str phrase, bool quote, bool first)
{
	if (!str_is_ascii(phrase))
		return add_encoded(line, phrase, first);
	return quote && !phrase_is_good(phrase) ? add_quoted(line, phrase, first) : add_word(line, phrase, first);
}

/* RFC 2047, 5 (2) */
static bool add_comment(struct line *line, struct str comment)
{
	if (str_is_ascii(comment))
		return add_word(line, comment, false);
	return add_word(line, STR("("), false) &&
	       add_encoded(line, (struct str){ comment.ptr + 1, comment.len - 2 }, true) && buf_add_byte(line->out, ')');
}

static bool add_mailbox(struct line *line, const struct repair_mailbox *item, bool quote, bool first)
{
	char angle[SMTP_ADDRESS_MAX + 2];
	struct str phrase = item->phrase;
	bool plain = item->kind != MAILBOX_ANGLE || (!item->changed && (!quote || phrase_is_good(phrase)));

	if (plain && str_is_ascii(item->text))
		return add_word(line, item->text, first);
	if (item->kind == MAILBOX_WORDS)
		return add_encoded(line, item->text, first);
	if (item->kind == MAILBOX_BARE) /* a name in a comment is a name */
		phrase = item->behind.len > 2 ? (struct str){ item->behind.ptr + 1, item->behind.len - 2 } : STR("");
	if (item->address.len > SMTP_ADDRESS_MAX)
		return false;
	angle[0] = '<';
	memcpy(angle + 1, item->address.ptr, item->address.len);
	angle[item->address.len + 1] = '>';
	if (phrase.len > 0 && !add_phrase(line, phrase, quote, first))
		return false;
	if (!add_word(line, (struct str){ angle, item->address.len + 2 }, first && phrase.len == 0))
		return false;
	if (item->kind == MAILBOX_BARE || item->behind.len == 0)
		return true;
	return add_comment(line, item->behind);
}

bool repair_mailboxes_print(struct buf *out, const struct repair_mailboxes *list, bool quote, size_t column)
{
	struct line line = { out, column };

	for (size_t i = 0; i < list->count; i++) {
		if (i > 0 && !buf_add_byte(out, ','))
			return false;
		line.column += i > 0;
		if (!add_mailbox(&line, &list->items[i], quote, i == 0))
			return false;
	}
	return true;
}
