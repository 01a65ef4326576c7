/* graph_parts: the files of a multipart/mixed, found whole and byte by byte. */
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "wire/graph_parts.h"

#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
#define PDF "Content-Type: application/pdf; name=s.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"

static const struct {
	const char *label, *head, *body;
	size_t count, others;
	bool ended;
	uint64_t bytes;
	const char *name, *type;
} cases[] = {
	{ "one file", MIXED, "--b\r\n" PDF "aGVsbG8=\r\n--b--\r\n", 1, 0, true, 5, "s.pdf", "application/pdf" },
	{ "a text and a file", MIXED, "preamble\r\n--b\r\n\r\ntext\r\n--b \r\n" PDF "aGVs\r\nbG8h\r\n--b--\r\n", 1, 1, true, 6, "s.pdf", "application/pdf" },
	{ "a quoted boundary, folded", "X: y\r\nContent-Type: multipart/mixed;\r\n\tcharset=x; boundary=\"b\"\r\n\r\n", "--b\r\n" PDF "aA==\r\n--b--", 0, 0, false, 0, "", "" },
	{ "by disposition alone", MIXED, "--b\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: BASE64\r\n\r\naA==\r\n--b--\r\n", 1, 0, true, 1, "attachment", "application/octet-stream" },
	{ "RFC 2231 in pieces", MIXED, "--b\r\nContent-Disposition: attachment; filename*0*=UTF-8''%E5%A4%A7;\r\n filename*1*=%E3%81%8D; filename*2=.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\naA==\r\n--b--\r\n", 1, 0, true, 1, "\xe5\xa4\xa7\xe3\x81\x8d.pdf", "application/octet-stream" },
	{ "RFC 2047 where it may not stand", MIXED, "--b\r\nContent-Type: a/b; name=\"=?ISO-2022-JP?B?GyRCQmcbKEIucGRm?=\"\r\nContent-Transfer-Encoding: base64\r\n\r\naA==\r\n--b--\r\n", 1, 0, true, 1, "\xe5\xa4\xa7.pdf", "a/b" },
	{ "quoted-printable stays", MIXED, "--b\r\nContent-Type: a/b; name=x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\naA==\r\n--b--\r\n", 0, 1, true, 0, "", "" },
	{ "an inline picture stays", MIXED, "--b\r\nContent-ID: <x>\r\n" PDF "aA==\r\n--b--\r\n", 0, 1, true, 0, "", "" },
	{ "another sign in base64", MIXED, "--b\r\n" PDF "a.A==\r\n--b--\r\n", 0, 1, true, 0, "", "" },
	{ "letters behind the pads", MIXED, "--b\r\n" PDF "aA==\r\naGVs\r\n--b--\r\n", 0, 1, true, 0, "", "" },
	{ "three letters", MIXED, "--b\r\n" PDF "aGV\r\n--b--\r\n", 0, 1, true, 0, "", "" },
	{ "an empty file", MIXED, "--b\r\n" PDF "\r\n--b--\r\n", 0, 1, true, 0, "", "" },
	{ "another boundary inside", MIXED, "--b\r\n" PDF "aGVs\r\n--bb\r\n--b--\r\n", 0, 1, true, 0, "", "" },
	{ "no last boundary", MIXED, "--b\r\n" PDF "aGVsbG8=\r\n--b\r\n", 1, 0, false, 5, "s.pdf", "application/pdf" },
	{ "a boundary in the head", MIXED, "--b\r\nContent-Type: a/b\r\n--b--\r\n", 0, 1, true, 0, "", "" },
};

static void check_case(size_t at, size_t bite)
{
	static struct graph_parts parts;
	struct str rest = str_of(cases[at].body);

	CHECK(graph_parts_init(&parts, str_of(cases[at].head), 1000), cases[at].label);
	while (rest.len > 0) {
		struct str run = { rest.ptr, rest.len < bite ? rest.len : bite };

		graph_parts_feed(&parts, run);
		rest = str_skip(rest, run.len);
	}
	CHECK(parts.count == cases[at].count && parts.others == cases[at].others && parts.ended == cases[at].ended, cases[at].label);
	if (parts.count == 1)
		CHECK(parts.part[0].bytes == cases[at].bytes && strcmp(parts.part[0].name, cases[at].name) == 0 &&
			      strcmp(parts.part[0].type, cases[at].type) == 0 && str_starts(str_of(cases[at].body + parts.part[0].from - 1000), STR("--b")) &&
			      str_starts(str_of(cases[at].body + parts.part[0].to - 1000), STR("--b")),
		      cases[at].label);
	graph_parts_done(&parts);
}

int main(void)
{
	static struct graph_parts parts;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		check_case(i, SIZE_MAX);
		check_case(i, 1);
	}
	CHECK(!graph_parts_init(&parts, STR("Content-Type: multipart/signed; boundary=b\r\n\r\n"), 0), "a signed one is not taken apart");
	CHECK(!graph_parts_init(&parts, STR("Content-Type: multipart/mixed\r\n\r\n"), 0), "no boundary");
	CHECK(!graph_parts_init(&parts, STR("Subject: s\r\n\r\n"), 0), "a plain text");
	return check_report();
}
