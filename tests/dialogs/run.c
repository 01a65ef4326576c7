/*
 * run: plays dialogues against the server machine: whole, byte by byte, and cut in two at every place; each time all that is said
 * and asked must be what the file says.
 *
 *   # comment
 *   OPTION tls | clear-auth | trusted | no-auth | no-starttls | exchange | reject | no-events | no-cuts
 *   OPTION size N | recipients N | errors N | commands N
 *   ANSWER KIND CODE ENHANCED TEXT   the story's answer to the next question of that kind
 *   C: text                          sent with CRLF; escapes \r \n \\ \xHH; {base64:TEXT}, {TEXT*COUNT}
 *   R: text                          sent as it is
 *   S: reply line    EVENT …         what must come, in order
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "stage.h"

#define SENDS_MAX 200
#define CUTS_MAX 600

struct dialogue {
	struct stage stage; /* options, answers and no_events of a fresh one */
	bool tls, clear_auth, trusted, no_cuts;
	struct buf sent;                /* all of the client's bytes */
	size_t sends[SENDS_MAX + 1];    /* where each burst of them begins: after one the client reads */
	size_t sends_count;
	struct buf want;
	bool bad;
};

static const struct {
	const char *name;
	size_t at;
} flags[] = {
	{ "tls", offsetof(struct dialogue, tls) },
	{ "clear-auth", offsetof(struct dialogue, clear_auth) },
	{ "trusted", offsetof(struct dialogue, trusted) },
	{ "no-cuts", offsetof(struct dialogue, no_cuts) },
	{ "no-events", offsetof(struct dialogue, stage.no_events) },
	{ "exchange", offsetof(struct dialogue, stage.options.exchange_extensions) },
};

static void must(bool good)
{
	if (!good)
		abort();
}

static int hex(char byte)
{
	const char *digits = "0123456789abcdef";
	const char *at = byte ? strchr(digits, byte) : NULL;

	return at ? (int)(at - digits) : -1;
}

static void add_unescaped(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char next = i + 1 < text.len ? text.ptr[i + 1] : '\0';

		if (text.ptr[i] != '\\') {
			must(buf_add_byte(out, text.ptr[i]));
		} else if (next == 'x' && i + 3 < text.len) {
			must(buf_add_byte(out, (char)(hex(text.ptr[i + 2]) * 16 + hex(text.ptr[i + 3]))));
			i += 3;
		} else {
			must(buf_add_byte(out, next == 'r' ? '\r' : next == 'n' ? '\n' : next));
			i++;
		}
	}
}

/* The inside of {…}. False: no such thing, the braces are text. */
static bool add_braced(struct buf *out, struct str inside)
{
	struct str count = str_skip(inside, str_find_last(inside, '*') + 1);
	struct buf raw;
	uint64_t times = 1;
	bool base64 = str_starts(inside, STR("base64:"));

	if (!base64 && !str_to_u64(count, 1000000, &times))
		return false;
	buf_init(&raw, STAGE_BYTES_MAX);
	if (base64)
		add_unescaped(&raw, str_skip(inside, STR("base64:").len));
	else
		add_unescaped(&raw, (struct str){ inside.ptr, inside.len - count.len - 1 });
	for (uint64_t i = 0; i < times; i++)
		must(base64 ? base64_print(out, buf_str(&raw)) : buf_add(out, buf_str(&raw)));
	buf_done(&raw);
	return true;
}

static void add_text(struct buf *out, struct str text)
{
	while (text.len > 0) {
		size_t open = str_find(text, '{');
		struct str rest = str_skip(text, open);
		size_t close = str_find(rest, '}');

		add_unescaped(out, (struct str){ text.ptr, open });
		if (close < rest.len && add_braced(out, (struct str){ rest.ptr + 1, close - 1 }))
			rest = str_skip(rest, close + 1);
		else if (rest.len > 0) {
			must(buf_add_byte(out, '{'));
			rest = str_skip(rest, 1);
		}
		text = rest;
	}
}

static void read_option(struct dialogue *dialogue, struct str rest)
{
	struct smtp_server_options *options = &dialogue->stage.options;
	struct str name = str_cut(&rest, ' ');
	uint64_t number = 0;

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (str_eq(name, str_of(flags[i].name))) {
			*(bool *)((char *)dialogue + flags[i].at) = true;
			return;
		}
	}
	if (str_eq(name, STR("no-auth")))
		options->require_auth = false;
	else if (str_eq(name, STR("no-starttls")))
		options->starttls = false;
	else if (str_eq(name, STR("reject")))
		options->bare_newline = SMTP_BARE_NEWLINE_REJECT;
	else if (!str_to_u64(rest, 1u << 30, &number))
		dialogue->bad = true;
	else if (str_eq(name, STR("size")))
		options->size_bytes_max = number;
	else if (str_eq(name, STR("recipients")))
		options->recipients_max = (unsigned)number;
	else if (str_eq(name, STR("errors")))
		options->errors_max = (unsigned)number;
	else if (str_eq(name, STR("commands")))
		options->commands_max = (unsigned)number;
	else
		dialogue->bad = true;
}

static void read_answer(struct dialogue *dialogue, struct str rest)
{
	struct stage *stage = &dialogue->stage;
	struct stage_answer *answer = &stage->answers[stage->answers_count];
	struct str name = str_cut(&rest, ' ');
	uint64_t code = 0;

	if (stage->answers_count == STAGE_ANSWERS_MAX || !str_to_u64(str_cut(&rest, ' '), 599, &code))
		dialogue->bad = true;
	for (int kind = 1; kind <= SMTP_EVENT_CLOSE && !dialogue->bad; kind++) {
		if (!str_eq(name, str_of(stage_event_name((enum smtp_event_kind)kind))))
			continue;
		answer->kind = (enum smtp_event_kind)kind;
		answer->reply.code = (unsigned)code;
		answer->reply.enhanced = str_cut(&rest, ' ');
		answer->reply.text = rest;
		stage->answers_count++;
		return;
	}
	dialogue->bad = true;
}

static void read_line(struct dialogue *dialogue, struct str line, bool *in_burst)
{
	bool sends = str_starts(line, STR("C: ")) || str_starts(line, STR("R: "));

	if (sends && !*in_burst) {
		dialogue->sends[dialogue->sends_count] = dialogue->sent.len;
		dialogue->sends_count += dialogue->sends_count < SENDS_MAX;
	}
	*in_burst = sends;
	if (sends) {
		add_text(&dialogue->sent, str_skip(line, 3));
		if (line.ptr[0] == 'C')
			must(buf_add(&dialogue->sent, STR("\r\n")));
	} else if (str_starts(line, STR("OPTION "))) {
		read_option(dialogue, str_skip(line, 7));
	} else if (str_starts(line, STR("ANSWER "))) {
		read_answer(dialogue, str_skip(line, 7));
	} else if (str_starts(line, STR("S: ")) || str_starts(line, STR("EVENT "))) {
		must(buf_add(&dialogue->want, line) && buf_add_byte(&dialogue->want, '\n'));
	} else if (line.len > 0 && line.ptr[0] != '#') {
		dialogue->bad = true;
	}
}

static void dialogue_read(struct dialogue *dialogue, struct str text)
{
	bool in_burst = false;

	*dialogue = (struct dialogue){ 0 };
	dialogue->stage.options = stage_options();
	buf_init(&dialogue->sent, STAGE_BYTES_MAX);
	buf_init(&dialogue->want, STAGE_BYTES_MAX);
	while (text.len > 0 && !dialogue->bad)
		read_line(dialogue, str_cut(&text, '\n'), &in_burst);
	dialogue->sends[dialogue->sends_count] = dialogue->sent.len;
	if (dialogue->sends_count == 0 || dialogue->want.len == 0)
		dialogue->bad = true;
}

/* Each burst in pieces of `piece` bytes, and cut at the place `cut` of all that is sent. */
static void play(const struct dialogue *dialogue, size_t piece, size_t cut, struct stage *ret_stage)
{
	*ret_stage = dialogue->stage;
	stage_init(ret_stage, dialogue->tls, dialogue->clear_auth);
	if (dialogue->trusted)
		smtp_server_trust(&ret_stage->server);
	for (size_t i = 0; i < dialogue->sends_count; i++) {
		size_t at = dialogue->sends[i];
		size_t end = dialogue->sends[i + 1];

		while (at < end) {
			size_t next = end - at > piece ? at + piece : end;

			if (at < cut && cut < next)
				next = cut;
			stage_send(ret_stage, (struct str){ dialogue->sent.ptr + at, next - at });
			at = next;
		}
	}
}

/* True when all went as the file says; else the script is shown. */
static bool try(const struct dialogue *dialogue, size_t piece, size_t cut, const char *name)
{
	struct stage stage;
	bool good;

	play(dialogue, piece, cut, &stage);
	good = !stage.broken && str_eq(buf_str(&stage.script), buf_str(&dialogue->want));
	if (!good)
		printf("# %s, pieces of %zu, cut at %zu:\n%.*s# expected:\n%.*s", name, piece, cut,
		       STR_ARG(buf_str(&stage.script)), STR_ARG(buf_str(&dialogue->want)));
	stage_done(&stage);
	return good;
}

static bool run(const char *path, unsigned *plays)
{
	struct dialogue dialogue;
	struct buf text;
	FILE *file = fopen(path, "r");
	char *room;
	bool good;

	buf_init(&text, STAGE_BYTES_MAX);
	if (!file)
		return false;
	while ((room = buf_room(&text, 65536))) {
		size_t count = fread(room, 1, 65536, file);

		if (count == 0)
			break;
		buf_grew(&text, count);
	}
	(void)fclose(file);
	dialogue_read(&dialogue, buf_str(&text));
	good = !dialogue.bad;
	if (!good)
		printf("# %s: not a dialogue\n", path);
	good = good && try(&dialogue, SIZE_MAX, 0, path);
	*plays += 1;
	if (good && !dialogue.no_cuts) {
		size_t step = dialogue.sent.len / CUTS_MAX + 1;

		good = try(&dialogue, 1, 0, path);
		for (size_t cut = 1; good && cut < dialogue.sent.len; cut += step, *plays += 1)
			good = try(&dialogue, SIZE_MAX, cut, path);
	}
	buf_done(&text);
	buf_done(&dialogue.sent);
	buf_done(&dialogue.want);
	return good;
}

static int is_dialogue(const struct dirent *entry)
{
	return str_ends_nocase(str_of(entry->d_name), STR(".dialog"));
}

/* The folder with dialogues, or single files. */
int main(int argc, char **argv)
{
	struct dirent **entries = NULL;
	int count = argc == 2 ? scandir(argv[1], &entries, is_dialogue, alphasort) : 0;
	int total = count > 0 ? count : argc - 1;
	unsigned failed = 0;
	unsigned plays = 0;

	for (int i = 0; i < total; i++) {
		char path[4096];
		const char *name;
		bool good;

		if (count > 0)
			(void)snprintf(path, sizeof(path), "%s/%s", argv[1], entries[i]->d_name);
		else
			(void)snprintf(path, sizeof(path), "%s", argv[i + 1]);
		good = run(path, &plays);
		name = strrchr(path, '/');
		failed += !good;
		printf("%s %d - %s\n", good ? "ok" : "not ok", i + 1, name ? name + 1 : path);
		if (count > 0)
			free(entries[i]);
	}
	free(entries);
	printf("1..%d\n# %u plays, %u of %d dialogues failed\n", total, plays, failed, total);
	return failed > 0 || total < 1;
}
