/* graph_mime: whom Graph would mail is whom the envelope names, whatever the header says; and what it is asked and answers. */
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "wire/graph_answer.h"
#include "wire/graph_mime.h"

/* `want` NULL: as it came. */
static const struct {
	const char *label, *envelope, *head, *want;
	size_t added, foreign;
	const char *name;
} cases[] = {
	{ "To is the envelope", "a@x.example", "From: m@x.example\r\nTo: a@x.example\r\n\r\n", NULL, 0, 0, "" },
	{ "To and Cc, other cases of letters", "a@x.example b@y.example", "TO: A@X.Example\r\ncc : Bo <B@y.EXAMPLE>\r\n\r\n", NULL, 0, 0, "" },
	{ "a folded list", "a@x.example b@x.example", "To: \"Last,\r\n First\" <a@x.example>,\r\n\tb@x.example\r\nX: y\r\n\r\n", NULL, 0, 0, "" },
	{ "a group", "a@x.example b@x.example", "To: Team: a@x.example, b@x.example;\r\n\r\n", NULL, 0, 0, "" },
	{ "an encoded name", "a@x.example", "To: =?ISO-2022-JP?B?GyRCOzNFRBsoQg==?= <a@x.example>\r\n\r\n", NULL, 0, 0, "" },
	{ "a raw ISO-2022-JP name", "a@x.example", "To: \x1b$B;3ED\x1b(B <a@x.example>\r\n\r\n", NULL, 0, 0, "" },
	{ "nobody disclosed", "a@x.example", "To: undisclosed-recipients:;\r\n\r\n",
	  "Bcc: <a@x.example>\r\nTo: undisclosed-recipients:;\r\n\r\n", 1, 0, "" },
	{ "an empty To", "a@x.example", "To:\r\n\r\n", "Bcc: <a@x.example>\r\nTo:\r\n\r\n", 1, 0, "" },
	{ "no field at all", "a@x.example b@x.example", "Subject: s\r\n\r\n",
	  "Bcc: <a@x.example>,\r\n <b@x.example>\r\nSubject: s\r\n\r\n", 2, 0, "" },
	{ "one is not named", "a@x.example B@x.example", "To: a@x.example\r\n\r\n",
	  "Bcc: <B@x.example>\r\nTo: a@x.example\r\n\r\n", 1, 0, "" },
	{ "a Bcc of its own", "a@x.example b@x.example", "To: a@x.example\r\nBcc: b@x.example\r\n\r\n", NULL, 0, 0, "" },
	{ "twice in the envelope", "a@x.example a@X.example", "Subject: s\r\n\r\n",
	  "Bcc: <a@x.example>\r\nSubject: s\r\n\r\n", 1, 0, "" },
	{ "To names another as well", "a@x.example", "To: Ann <a@x.example>,\r\n b@y.example\r\nSubject: s\r\n\r\n",
	  "To: <a@x.example>\r\nX-Sekisho-Original-To: Ann <a@x.example>,\r\n b@y.example\r\nSubject: s\r\n\r\n", 0, 1, "b@y.example" },
	{ "To names only another", "a@x.example", "To: list@y.example\r\n\r\n",
	  "Bcc: <a@x.example>\r\nTo: undisclosed-recipients:;\r\nX-Sekisho-Original-To: list@y.example\r\n\r\n", 1, 1, "list@y.example" },
	{ "Cc names only another", "a@x.example", "To: a@x.example\r\nCc: c@y.example\r\n\r\n",
	  "To: a@x.example\r\nX-Sekisho-Original-Cc: c@y.example\r\n\r\n", 0, 1, "c@y.example" },
	{ "a foreign Bcc is not told", "a@x.example", "To: a@x.example\r\nBcc: secret@y.example, a@x.example\r\n\r\n",
	  "To: a@x.example\r\nBcc: <a@x.example>\r\n\r\n", 0, 1, "secret@y.example" },
	{ "a To that cannot be read", "a@x.example", "To: a@x.example b@y.example <\r\n\r\n",
	  "Bcc: <a@x.example>\r\nTo: undisclosed-recipients:;\r\nX-Sekisho-Original-To: a@x.example b@y.example <\r\n\r\n", 1, 1, "" },
	{ "a name that an address book could know", "a@x.example", "To: Yamada\r\n\r\n",
	  "Bcc: <a@x.example>\r\nTo: undisclosed-recipients:;\r\nX-Sekisho-Original-To: Yamada\r\n\r\n", 1, 1, "" },
	{ "two To fields", "a@x.example b@x.example", "To: a@x.example\r\nTo: b@x.example\r\n\r\n", NULL, 0, 0, "" },
	{ "resent to the envelope", "a@x.example", "Resent-To: a@x.example\r\nTo: a@x.example\r\n\r\n", NULL, 0, 0, "" },
	{ "resent from another", "a@x.example", "Resent-To: a@x.example\r\nTo: old@y.example\r\n\r\n",
	  "Bcc: <a@x.example>\r\nResent-To: a@x.example\r\nTo: undisclosed-recipients:;\r\nX-Sekisho-Original-To: old@y.example\r\n\r\n", 1, 1,
	  "old@y.example" },
	{ "behind a line that is no field", "a@x.example", "Subject: s\r\nno field\r\nTo: a@x.example\r\n\r\n",
	  "Bcc: <a@x.example>\r\nSubject: s\r\nno field\r\nTo: a@x.example\r\n\r\n", 1, 0, "" },
	{ "another behind a line that is no field", "a@x.example", "To: a@x.example\r\nno field\r\nCc: b@y.example\r\n\r\n",
	  "To: a@x.example\r\nno field\r\nX-Sekisho-Original-Cc: b@y.example\r\n\r\n", 0, 1, "b@y.example" },
	{ "no header", "a@x.example", "\r\n", "Bcc: <a@x.example>\r\n\r\n", 1, 0, "" },
	{ "no empty line", "a@x.example", "To: b@y.example", "Bcc: <a@x.example>\r\nTo: undisclosed-recipients:;\r\nX-Sekisho-Original-To: "
	  "b@y.example\r\n", 1, 1, "b@y.example" },
	{ "only line feeds", "a@x.example", "To: a@x.example\nSubject: s\n\n", NULL, 0, 0, "" },
};

static bool prepare(struct graph_mime *mime, const char *envelope)
{
	struct str rest = str_of(envelope);
	bool good = graph_mime_init(mime, 8);

	while (good && rest.len > 0)
		good = graph_mime_recipient(mime, str_cut(&rest, ' '));
	return good;
}

/* A body stands behind it, of which nothing may be used. */
static void check_case(size_t at, size_t bite)
{
	CLEANUP(buf_done) struct buf message = { 0 };
	CLEANUP(buf_done) struct buf out = { 0 };
	CLEANUP(graph_mime_done) struct graph_mime mime = { 0 };
	struct graph_mime_outcome outcome = { 0 };
	const char *want = cases[at].want ? cases[at].want : cases[at].head;
	bool ends = cases[at].head[strlen(cases[at].head) - 1] == '\n';
	size_t used_all = 0;
	struct str rest;

	buf_init(&message, 65536);
	buf_init(&out, 65536);
	if (!prepare(&mime, cases[at].envelope) || !buf_add(&message, str_of(cases[at].head)) ||
	    (ends && !buf_add(&message, STR("To: body@z.example\r\n\r\n")))) {
		CHECK(false, "memory");
		return;
	}
	for (rest = buf_str(&message); rest.len > 0;) {
		struct str run = { rest.ptr, rest.len < bite ? rest.len : bite };
		size_t used = run.len;
		enum parse end = graph_mime_feed(&mime, run, &used);

		used_all += used;
		if (end != PARSE_MORE)
			break;
		rest = str_skip(rest, run.len);
	}
	CHECK(used_all == strlen(cases[at].head), cases[at].label);
	CHECK(graph_mime_print(&mime, &out, &outcome) && str_eq(buf_str(&out), str_of(want)), cases[at].label);
	CHECK(outcome.added == cases[at].added && outcome.foreign == cases[at].foreign && strcmp(outcome.name, cases[at].name) == 0,
	      cases[at].label);
	if (!str_eq(buf_str(&out), str_of(want)))
		printf("# got: %.*s\n", STR_ARG(buf_str(&out)));
}

static void check_too_long(void)
{
	CLEANUP(graph_mime_done) struct graph_mime mime = { 0 };
	static char block[65536];
	enum parse end = PARSE_MORE;
	size_t used, blocks = 0;

	memset(block, 'x', sizeof(block));
	CHECK(prepare(&mime, "a@x.example"), "a header without end");
	while (end == PARSE_MORE && blocks < 100) {
		end = graph_mime_feed(&mime, (struct str){ block, sizeof(block) }, &used);
		blocks++;
	}
	CHECK(end == PARSE_BAD && blocks == GRAPH_MIME_HEAD_MAX / sizeof(block) + 1, "a header without end is refused at its ceiling");
}

static const struct {
	const char *label, *body, *code, *message;
	bool good;
} errors[] = {
	{ "an error", "{\"error\":{\"code\":\"ErrorSendAsDenied\",\"message\":\"No.\",\"innerError\":{\"date\":\"d\"}}}", "ErrorSendAsDenied",
	  "No.", true },
	{ "no code", "{\"error\":{\"message\":\"No.\"}}", "", "No.", false },
	{ "line ends in it", "{\"error\":{\"code\":\"a\\r\\nb\",\"message\":\"x\\u0000y\"}}", "a  b", "xy", true },
	{ "no object", "[1]", "", "", false },
	{ "no JSON", "<html>", "", "", false },
	{ "nothing", "", "", "", false },
	{ "an error that is a text", "{\"error\":\"invalid_request\"}", "", "", false },
};

static void check_answers(void)
{
	CLEANUP(buf_done) struct buf path = { 0 };
	char text[16];

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		struct graph_error error;

		CHECK(graph_error_parse(str_of(errors[i].body), &error) == errors[i].good && strcmp(error.code, errors[i].code) == 0 &&
			      strcmp(error.message, errors[i].message) == 0,
		      errors[i].label);
	}
	CHECK(graph_member(STR("{\"id\":\"AAMk\"}"), "id", sizeof(text), text) && strcmp(text, "AAMk") == 0, "a member");
	CHECK(!graph_member(STR("{\"id\":\"0123456789abcdef\"}"), "id", sizeof(text), text), "a member that is too long");
	CHECK(!graph_member(STR("{\"id\":7}"), "id", sizeof(text), text), "a member that is no text");
	buf_init(&path, 256);
	CHECK(graph_path_print(&path, STR("a+b/c?d#e%@x.example")) &&
		      str_eq(buf_str(&path), STR("a%2Bb%2Fc%3Fd%23e%25@x.example")),
	      "a part of a path");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		check_case(i, SIZE_MAX);
		check_case(i, 1);
	}
	check_too_long();
	check_answers();
	return check_report();
}
