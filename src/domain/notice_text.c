/* notice_text: a notice in words and as JSON. A kind's sentence has {name}s, filled in from the notice's data: a text or number as it
 * is, one of two languages, a list as a line each. */
#include "domain/notice.h"

#include <string.h>

#include "domain/json_text.h"

static const char *const language_names[LANGUAGE_COUNT] = { [LANGUAGE_EN] = "en", [LANGUAGE_JA] = "ja" };

json_t *notice_words(const char *english)
{
	json_t *words = json_object();

	for (size_t i = 0; i < LANGUAGE_COUNT; i++) {
		if (!json_put(words, language_names[i], json_string(say((enum language)i, english)))) {
			json_decref(words);
			return NULL;
		}
	}
	return words;
}

/* What strangers said makes no second line. */
static bool add_plain(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];

		if (!buf_add_byte(out, byte < 0x20 || byte == 0x7f ? ' ' : (char)byte))
			return false;
	}
	return true;
}

static bool add_scalar(struct buf *out, const json_t *value)
{
	if (json_is_integer(value))
		return buf_add_format(out, "%lld", (long long)json_integer_value(value));
	return add_plain(out, (struct str){ json_string_value(value), json_string_length(value) });
}

/* "  copier@contoso.example  192.0.2.7  mfp-1" for each. */
static bool add_list(struct buf *out, const json_t *list)
{
	size_t at;
	const json_t *item;

	json_array_foreach(list, at, item) {
		const char *name;
		const json_t *value;

		if (at > 0 && !buf_add_byte(out, '\n'))
			return false;
		json_object_foreach((json_t *)item, name, value) {
			if (!buf_add(out, STR("  ")) || !add_scalar(out, value))
				return false;
		}
	}
	return true;
}

static bool fill(struct buf *out, struct str sentence, const json_t *data, enum language language, bool inner);

static bool add_value(struct buf *out, const json_t *value, const json_t *data, enum language language, bool inner)
{
	const json_t *words = json_is_object(value) ? json_object_get(value, language_names[language]) : NULL;

	if (json_is_array(value))
		return add_list(out, value);
	if (!words)
		return add_scalar(out, value);
	return inner ? add_scalar(out, words) : fill(out, (struct str){ json_string_value(words), json_string_length(words) }, data, language, true);
}

static bool fill(struct buf *out, struct str sentence, const json_t *data, enum language language, bool inner)
{
	while (sentence.len > 0) {
		size_t open = str_find(sentence, '{');
		size_t close = str_find(str_skip(sentence, open), '}');
		const json_t *value;
		char name[32];

		if (!buf_add(out, (struct str){ sentence.ptr, open }))
			return false;
		sentence = str_skip(sentence, open);
		if (sentence.len == 0)
			return true;
		value = close < sentence.len && str_copy((struct str){ sentence.ptr + 1, close - 1 }, sizeof(name), name) ?
			json_object_get(data, name) : NULL;
		if (value ? !add_value(out, value, data, language, inner) : !buf_add_byte(out, '{'))
			return false;
		sentence = str_skip(sentence, value ? close + 1 : 1);
	}
	return true;
}

/* An empty list or sentence leaves no empty line. */
static bool add_lines(struct buf *out, struct str text)
{
	bool first = true;

	while (text.len > 0) {
		struct str line = str_cut(&text, '\n');

		if (str_trim(line).len == 0)
			continue;
		if ((!first && !buf_add_byte(out, '\n')) || !buf_add(out, line))
			return false;
		first = false;
	}
	return true;
}

static bool words_print(const struct notice *notice, const char *english, enum language language, struct buf *out)
{
	json_t *data = json_loadb(notice->data.ptr, notice->data.len, 0, NULL);
	struct buf filled;
	bool good;

	buf_init(&filled, 2 * NOTICE_DATA_BYTES_MAX);
	good = fill(&filled, str_of(say(language, english)), data, language, false) && add_lines(out, buf_str(&filled));
	buf_done(&filled);
	json_decref(data);
	return good;
}

bool notice_title(const struct notice *notice, enum language language, struct buf *out)
{
	const char *title, *text;

	notice_sentences(notice->kind, &title, &text);
	return words_print(notice, title, language, out);
}

bool notice_text(const struct notice *notice, enum language language, struct buf *out)
{
	const char *title, *text;

	notice_sentences(notice->kind, &title, &text);
	return words_print(notice, text, language, out);
}

/* --- as JSON --- */

static json_t *words_json(const struct notice *notice, enum language language,
			  bool (*print)(const struct notice *notice, enum language language, struct buf *out))
{
	struct buf text;
	json_t *json = NULL;

	buf_init(&text, 2 * NOTICE_DATA_BYTES_MAX);
	if (print(notice, language, &text))
		json = json_text(buf_str(&text));
	buf_done(&text);
	return json;
}

json_t *notice_json(const struct notice *notice, enum language language)
{
	json_t *json = json_object();

	if (json_put(json, "id", json_text(notice->id)) && json_put(json, "kind", json_string(notice_kind_name(notice->kind))) &&
	    json_put(json, "severity", json_string(notice_severity_name(notice->severity))) &&
	    json_put(json, "title", words_json(notice, language, notice_title)) &&
	    json_put(json, "text", words_json(notice, language, notice_text)) &&
	    json_put(json, "createdDateTime", json_time(notice->created_us)) && json_put(json, "tenant", json_text(notice->tenant)) &&
	    json_put(json, "subject", json_text(notice->subject)) &&
	    json_put(json, "data", json_loadb(notice->data.ptr, notice->data.len, 0, NULL)))
		return json;
	json_decref(json);
	return NULL;
}

static json_t *sent_json(int64_t at_us)
{
	return at_us > 0 ? json_time(at_us) : json_null();
}

json_t *notice_row_json(const struct notice *notice, enum language language, int64_t now_us)
{
	json_t *json = notice_json(notice, language);
	enum notice_state state = notice_is_open(notice, now_us) ? NOTICE_OPEN : notice->state;

	if (json && json_put(json, "key", json_text(notice->key)) && json_put(json, "state", json_string(notice_state_name(state))) &&
	    json_put(json, "snoozedUntilDateTime", state == NOTICE_SNOOZED ? json_time(notice->snoozed_until_us) : json_null()) &&
	    json_put(json, "mailedDateTime", sent_json(notice->mailed_us)) && json_put(json, "postedDateTime", sent_json(notice->posted_us)) &&
	    json_put(json, "postAttempts", json_integer(notice->post_attempts)) && json_put(json, "trouble", json_text(notice->trouble)))
		return json;
	json_decref(json);
	return NULL;
}
