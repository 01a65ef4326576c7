/* requote: messages before and after, whole and byte by byte; each part decodes to the same by a reader of its own. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "mime_decode.h"
#include "wire/requote.h"

#define QP "Content-Transfer-Encoding: quoted-printable\r\n"
#define B64 "Content-Transfer-Encoding: base64\r\n"
#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n"
#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define FIFTY64 "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3OD"

static const struct {
	const char *label;
	size_t parts; /* 0: it stays as it is */
	enum requote_verdict verdict;
	const char *before, *after;
} cases[] = {
	/* What quoted-printable can say. */
	{ "a text", 1, REQUOTE_GOOD, QP "\r\nHi =E3=81=82\r\n", B64 "\r\nSGkg44GCDQo=\r\n" },
	{ "a soft line end", 1, REQUOTE_GOOD, QP "\r\nab=\r\ncd\r\n", B64 "\r\nYWJjZA0K\r\n" },
	{ "a soft line end before a digit", 1, REQUOTE_GOOD, QP "\r\n<td class=3D\"a\"=\r\nc>\r\n", B64 "\r\nPHRkIGNsYXNzPSJhImM+DQo=\r\n" },
	{ "a soft line end with blanks behind", 1, REQUOTE_GOOD, QP "\r\nab= \t\r\ncd\r\n", B64 "\r\nYWJjZA0K\r\n" },
	{ "blanks at the end of a line", 1, REQUOTE_GOOD, QP "\r\nab \t\r\nc d\r\n", B64 "\r\nYWINCmMgZA0K\r\n" },
	{ "an escaped blank at the end", 1, REQUOTE_GOOD, QP "\r\nab=20\r\n", B64 "\r\nYWIgDQo=\r\n" },
	{ "lower case", 1, REQUOTE_GOOD, QP "\r\n=e3=81=82\r\n", B64 "\r\n44GCDQo=\r\n" },
	{ "=0D=0A", 1, REQUOTE_GOOD, QP "\r\na=0D=0Ab\r\n", B64 "\r\nYQ0KYg0K\r\n" },
	{ "a NUL", 1, REQUOTE_GOOD, QP "\r\n=00\r\n", B64 "\r\nAA0K\r\n" },
	{ "8-bit left in it", 1, REQUOTE_GOOD, QP "\r\n\xe3\x81\x82\r\n", B64 "\r\n44GCDQo=\r\n" },
	{ "the last line without its end", 1, REQUOTE_GOOD, QP "\r\nab", B64 "\r\nYWI=\r\n" },
	{ "empty lines", 1, REQUOTE_GOOD, QP "\r\n\r\n\r\na\r\n\r\n", B64 "\r\nDQoNCmENCg0K\r\n" },
	{ "nothing", 1, REQUOTE_GOOD, QP "\r\n", B64 "\r\n" },
	{ "57 bytes fill a line", 1, REQUOTE_GOOD, QP "\r\n" FIFTY "012345=\r\n6", B64 "\r\n" FIFTY64 "kwMTIzNDU2\r\n" },
	{ "58 begin the next", 1, REQUOTE_GOOD, QP "\r\n" FIFTY "0123456=\r\n7", B64 "\r\n" FIFTY64 "kwMTIzNDU2\r\nNw==\r\n" },
	{ "a line longer than is held", 1, REQUOTE_GOOD, QP "\r\n--" FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY "\r\n", NULL },
	/* What it cannot: all stays. */
	{ "no digit behind the sign", 0, REQUOTE_UNREADABLE, QP "\r\na=b\r\n=XX\r\n", NULL },
	{ "one digit", 0, REQUOTE_UNREADABLE, QP "\r\n=4\r\n", NULL },
	{ "a sign at the very end", 0, REQUOTE_UNREADABLE, QP "\r\nab=", NULL },
	{ "the last line goes on", 0, REQUOTE_UNREADABLE, QP "\r\nab=\r\n", NULL },
	{ "the last line of a part goes on", 0, REQUOTE_UNREADABLE, MIXED "\r\n--b\r\n" QP "\r\nab=\r\n--b--\r\n", NULL },
	{ "a bare LF", 0, REQUOTE_UNREADABLE, QP "\r\nab\ncd\r\n", NULL },
	{ "a bare CR", 0, REQUOTE_UNREADABLE, QP "\r\nab\rcd\r\n", NULL },
	{ "a bare LF behind a soft end", 0, REQUOTE_UNREADABLE, QP "\r\nab=\ncd\r\n", NULL },
	/* Its header section. */
	{ "the field alone changes", 1, REQUOTE_GOOD, "a: b\r\nCONTENT-transfer-encoding:\r\n\tQuoted-Printable \r\nX: quoted-printable\r\n\r\na\r\n",
	  "a: b\r\nCONTENT-transfer-encoding:\r\n\tbase64 \r\nX: quoted-printable\r\n\r\nYQ0K\r\n" },
	{ "another encoding", 0, REQUOTE_GOOD, "Content-Transfer-Encoding: 8bit\r\n\r\n=41\r\n", NULL },
	{ "no encoding", 0, REQUOTE_GOOD, "Subject: s\r\n\r\n=41\r\n", NULL },
	{ "a comment behind the encoding", 0, REQUOTE_GOOD, "Content-Transfer-Encoding: quoted-printable (x)\r\n\r\n=41\r\n", NULL },
	{ "two encodings", 0, REQUOTE_UNREADABLE, QP "Content-Transfer-Encoding: 8bit\r\n\r\n=41\r\n", NULL },
	{ "two types", 0, REQUOTE_UNREADABLE, QP "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\n=41\r\n", NULL },
	{ "a line that is no field", 0, REQUOTE_UNREADABLE, "no field\r\n" QP "\r\n=41\r\n", NULL },
	{ "a blank before the colon", 0, REQUOTE_UNREADABLE, "Content-Type : text/plain\r\n" QP "\r\n=41\r\n", NULL },
	{ "a control in the type", 0, REQUOTE_UNREADABLE, "Content-Type: text/\x01plain\r\n" QP "\r\n=41\r\n", NULL },
	/* Multiparts. */
	{ "text and file", 1, REQUOTE_GOOD,
	  MIXED "\r\npreamble=\r\n--b\r\n" QP "\r\na=41\r\n--b\r\n" B64 "\r\n=notmine\r\n--b--\r\nepilogue=41\r\n--b\r\n",
	  MIXED "\r\npreamble=\r\n--b\r\n" B64 "\r\nYUE=\r\n--b\r\n" B64 "\r\n=notmine\r\n--b--\r\nepilogue=41\r\n--b\r\n" },
	{ "both of an alternative", 2, REQUOTE_GOOD,
	  "Content-Type: Multipart/Alternative;\r\n boundary=\"=_x y\"\r\n\r\n--=_x y\r\n" QP "\r\na\r\n\r\n--=_x y  \r\nContent-Type: text/html\r\n" QP "\r\n=3Cb>\r\n--=_x y--",
	  "Content-Type: Multipart/Alternative;\r\n boundary=\"=_x y\"\r\n\r\n--=_x y\r\n" B64 "\r\nYQ0K\r\n--=_x y  \r\nContent-Type: text/html\r\n" B64 "\r\nPGI+\r\n--=_x y--" },
	{ "nested", 2, REQUOTE_GOOD,
	  MIXED "\r\n--b\r\nContent-Type: multipart/alternative; boundary=bb\r\n\r\n--bb\r\n" QP "\r\na\r\n--bb--\r\n=epilogue\r\n--b\r\n" QP "\r\nc\r\n--b--\r\n",
	  MIXED "\r\n--b\r\nContent-Type: multipart/alternative; boundary=bb\r\n\r\n--bb\r\n" B64 "\r\nYQ==\r\n--bb--\r\n=epilogue\r\n--b\r\n" B64 "\r\nYw==\r\n--b--\r\n" },
	{ "an empty part", 1, REQUOTE_GOOD, MIXED "\r\n--b\r\n" QP "\r\n--b--\r\n", MIXED "\r\n--b\r\n" B64 "\r\n--b--\r\n" },
	{ "an empty part with its line end", 1, REQUOTE_GOOD, MIXED "\r\n--b\r\n" QP "\r\n\r\n--b--\r\n", MIXED "\r\n--b\r\n" B64 "\r\n\r\n--b--\r\n" },
	{ "a part without fields", 0, REQUOTE_GOOD, MIXED "\r\n--b\r\n\r\n=41\r\n--b--\r\n", NULL },
	{ "what looks like a boundary", 1, REQUOTE_GOOD, MIXED "\r\n--b\r\n" QP "\r\n--bb\r\n--b-\r\n --b\r\n=2D-b\r\n--b--\r\n", NULL },
	{ "a boundary too long for one", 0, REQUOTE_UNREADABLE, "Content-Type: multipart/mixed; boundary=" FIFTY TEN TEN "1\r\n\r\n", NULL },
	{ "no boundary", 0, REQUOTE_UNREADABLE, "Content-Type: multipart/mixed\r\n\r\n", NULL },
	{ "two boundaries", 0, REQUOTE_UNREADABLE, "Content-Type: multipart/mixed; boundary=b; boundary=c\r\n\r\n", NULL },
	{ "a quote too many", 0, REQUOTE_UNREADABLE, "Content-Type: multipart/mixed; x=\"c d\"e\"f; boundary=b\r\n\r\n--b--\r\n", NULL },
	{ "a quote that does not end", 0, REQUOTE_UNREADABLE, "Content-Type: multipart/mixed; boundary=\"b\r\n\r\n--b--\r\n", NULL },
	{ "a quote in a name", 0, REQUOTE_UNREADABLE, "Content-Type: multipart/mixed; \"x=c; boundary=b\r\n\r\n--b--\r\n", NULL },
	{ "a comment in the type", 0, REQUOTE_UNREADABLE, "Content-Type: multipart/mixed (x; boundary=b\r\n\r\n--b--\r\n", NULL },
	{ "parameters and a semicolon at the end", 1, REQUOTE_GOOD,
	  "Content-Type: multipart/mixed; type=\"a;b\" ; boundary=\"b\";\r\n\r\n--b\r\n" QP "\r\n=41\r\n--b--\r\n", NULL },
	{ "a boundary in pieces", 0, REQUOTE_UNREADABLE, "Content-Type: multipart/mixed; boundary*0=b\r\n\r\n", NULL },
	{ "an encoded multipart", 0, REQUOTE_UNREADABLE, MIXED QP "\r\n--b\r\n" QP "\r\na\r\n--b--\r\n", NULL },
	{ "it does not end", 0, REQUOTE_UNREADABLE, MIXED "\r\n--b\r\n" QP "\r\na\r\n", NULL },
	{ "one within does not end", 0, REQUOTE_UNREADABLE,
	  MIXED "\r\n--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n" QP "\r\na\r\n--b--\r\n", NULL },
	{ "the same boundary within", 0, REQUOTE_UNREADABLE,
	  MIXED "\r\n--b\r\n" MIXED "\r\n--b\r\n" QP "\r\na\r\n--b--\r\n--b--\r\n", NULL },
	{ "a boundary in the fields", 0, REQUOTE_UNREADABLE, MIXED "\r\n--b\r\n" QP "--b--\r\n", NULL },
	{ "a boundary that ends in LF", 0, REQUOTE_UNREADABLE, MIXED "\r\n--b\n" QP "\r\na\r\n--b--\r\n", NULL },
	/* Other people's. */
	{ "an attached message", 0, REQUOTE_GOOD, MIXED "\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" QP "\r\n=41\r\n--b--\r\n", NULL },
	{ "a digest", 0, REQUOTE_GOOD, "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n" QP "\r\n=41\r\n--b--\r\n", NULL },
	{ "a text in a digest", 1, REQUOTE_GOOD, "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n" QP "\r\n=41\r\n--b--\r\n",
	  "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n" B64 "\r\nQQ==\r\n--b--\r\n" },
	{ "S/MIME or PGP", 0, REQUOTE_UNREADABLE, "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n" QP "\r\n=41\r\n--b--\r\n", NULL },
	{ "opaque S/MIME", 0, REQUOTE_UNREADABLE, "Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n" QP "\r\n=41\r\n", NULL },
	{ "DKIM", 0, REQUOTE_UNREADABLE, "DKIM-Signature: v=1; b=\r\n x\r\n" QP "\r\n=41\r\n", NULL },
	{ "a signed part among others", 1, REQUOTE_GOOD,
	  MIXED "\r\n--b\r\nContent-Type: multipart/signed; boundary=c\r\n\r\n--c\r\n" QP "\r\n=41\r\n--c--\r\n--b\r\n" QP "\r\n=42\r\n--b--\r\n",
	  MIXED "\r\n--b\r\nContent-Type: multipart/signed; boundary=c\r\n\r\n--c\r\n" QP "\r\n=41\r\n--c--\r\n--b\r\n" B64 "\r\nQg==\r\n--b--\r\n" },
};

static bool run(struct str message, size_t bite, struct requote *requote, struct buf *out)
{
	size_t at = 0;
	struct str body;
	bool good;

	while (at < message.len && message.ptr[at] != '\r')
		at += str_find(str_skip(message, at), '\n') + 1;
	at = at + 2 < message.len ? at + 2 : message.len;
	body = str_skip(message, at);
	buf_init(out, 1u << 20);
	good = requote_init(requote, (struct str){ message.ptr, at }, out);
	while (good && body.len > 0) {
		struct str piece = { body.ptr, body.len < bite ? body.len : bite };

		good = requote_feed(requote, piece, out);
		body = str_skip(body, piece.len);
	}
	return good && requote_end(requote, out) && requote->parts > 0;
}

static void check_case(size_t at, size_t bite)
{
	static struct requote requote;
	struct str before = str_of(cases[at].before);
	struct buf out, parts_before, parts_after;
	bool changed = run(before, bite, &requote, &out);

	CHECK(changed == (cases[at].parts > 0) && requote.verdict == cases[at].verdict, cases[at].label);
	if (changed) {
		buf_init(&parts_before, 1u << 20);
		buf_init(&parts_after, 1u << 20);
		decode_message(before, false, &parts_before);
		decode_message(buf_str(&out), false, &parts_after);
		CHECK(requote.parts == cases[at].parts && str_eq(buf_str(&parts_before), buf_str(&parts_after)), cases[at].label);
		CHECK(!cases[at].after || str_eq(buf_str(&out), str_of(cases[at].after)), cases[at].label);
		buf_done(&parts_before);
		buf_done(&parts_after);
	}
	requote_done(&requote);
	buf_done(&out);
}

/* The ceilings: `count` times `text` in the middle. */
static void check_many(const char *label, const char *before, const char *text, size_t count, const char *behind, enum requote_verdict verdict)
{
	static struct requote requote;
	struct buf message, out;
	bool good;

	buf_init(&message, 1u << 20);
	good = buf_add(&message, str_of(before));
	for (size_t i = 0; i < count; i++)
		good = good && buf_add(&message, str_of(text));
	good = good && buf_add(&message, str_of(behind));
	CHECK(good && run(buf_str(&message), 7, &requote, &out) == (verdict == REQUOTE_GOOD) && requote.verdict == verdict, label);
	requote_done(&requote);
	buf_done(&message);
	buf_done(&out);
}

static void check_depth(const char *label, unsigned depth, enum requote_verdict verdict)
{
	static struct requote requote;
	struct buf message, out;
	bool good = true;

	buf_init(&message, 1u << 20);
	for (unsigned i = 0; i < depth; i++)
		good = good && buf_add_format(&message, "Content-Type: multipart/mixed; boundary=b%u\r\n\r\n--b%u\r\n", i, i);
	good = good && buf_add(&message, STR(QP "\r\n=41\r\n"));
	for (unsigned i = depth; i > 0; i--)
		good = good && buf_add_format(&message, "--b%u--\r\n", i - 1);
	CHECK(good && run(buf_str(&message), 5, &requote, &out) == (verdict == REQUOTE_GOOD) && requote.verdict == verdict, label);
	requote_done(&requote);
	buf_done(&message);
	buf_done(&out);
}

/* No room in what it writes to is no doubt about the message. */
static void check_no_room(void)
{
	static struct requote requote;
	struct buf out;

	buf_init(&out, 16);
	CHECK(!requote_init(&requote, STR(QP "\r\n"), &out) && requote.verdict == REQUOTE_NO_MEMORY, "no room for the head");
	requote_done(&requote);
	buf_done(&out);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		check_case(i, SIZE_MAX);
		check_case(i, 1);
		check_case(i, 3);
	}
	check_many("a long header section of a part", MIXED "\r\n--b\r\nX: y\r\n", " xxxxxxxxxxxxx\r\n", 4000, QP "\r\n=41\r\n--b--\r\n", REQUOTE_GOOD);
	check_many("one longer than it may be", MIXED "\r\n--b\r\nX: y\r\n", " xxxxxxxxxxxxx\r\n", 4200, QP "\r\n=41\r\n--b--\r\n", REQUOTE_UNREADABLE);
	check_many("many blanks at the end of a line", QP "\r\na", " ", 1024, "\r\n", REQUOTE_GOOD);
	check_many("more than they may be", QP "\r\na", " ", 1025, "\r\n", REQUOTE_UNREADABLE);
	check_many("a boundary with more blanks than a line is held", MIXED "\r\n--b\r\n" QP "\r\na\r\n--b--", " ", 300, "\r\n", REQUOTE_UNREADABLE);
	check_depth("as deep as it may be", REQUOTE_DEPTH_MAX, REQUOTE_GOOD);
	check_depth("deeper", REQUOTE_DEPTH_MAX + 1, REQUOTE_UNREADABLE);
	check_no_room();
	return check_report();
}
