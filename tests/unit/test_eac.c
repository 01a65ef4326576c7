/* The SMTP AUTH clients report of the Exchange admin center: its header by meaning, its shares as messages. */
#include <string.h>

#include "check.h"
#include "domain/eac.h"
#include "domain/policy.h"

static struct arena arena;
static struct sign_in rows[EAC_ROWS_MAX];

#define CELL(text) { (text), sizeof(text) - 1 } /* a constant, which STR() is not */

static const struct csv_record header = {
	.cells = { CELL("Sender address"), CELL("Domain"), CELL("Authentication Protocol"), CELL("TLS 1.0 (percentage)"),
		   CELL("TLS 1.1 (percentage)"), CELL("TLS 1.2 (percentage)"), CELL("TLS 1.3 (percentage)"), CELL("Messages sent") },
	.count = 8,
};
static const struct csv_record old_header = {
	.cells = { CELL("送信者のアドレス"), CELL("ドメイン"), CELL("TLS 1.0 (割合)"), CELL("TLS 1.1 (割合)"), CELL("TLS 1.2 (割合)"),
		   CELL("送信されたメッセージ") },
	.count = 6,
};

/* "1.2:60 1.3:40" of the rows. */
static void print(size_t count, size_t size, char *ret_text)
{
	size_t len = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(ret_text + len, size - len, "%s%.*s:%llu", i ? " " : "", STR_ARG(rows[i].tls_version),
					(unsigned long long)sign_in_messages(&rows[i]));
}

static void test_shares(void)
{
	static const struct {
		const char *tls[4], *messages, *want; /* want NULL: none */
	} lines[] = {
		{ { "0", "0", "100", "0" }, "12", "1.2:12" },
		{ { "0%", "0 %", "60%", "40%" }, "1,240", "1.2:744 1.3:496" },
		{ { "33.3", "33.3", "33.4", "0" }, "10", "1.0:3 1.1:4 1.2:3" },
		{ { "0", "0", "0.6", "0.4" }, "10", "1.2:6 1.3:4" },
		{ { "", "-", "50", "" }, "10", "1.2:5 :5" },
		{ { "0", "0", "0", "0" }, "7", ":7" },
		{ { "0", "0", "100", "0" }, "0", "" },
		{ { "0", "0", "lots", "0" }, "7", NULL },
		{ { "0", "0", "100", "0" }, "many", NULL },
		{ { "0", "0", "100", "0" }, "", NULL },
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct csv_record line = { .cells = { STR("Copier@Contoso.example"), STR("contoso.example"), STR("Basic auth") }, .count = 8 };
		struct eac_columns columns;
		const char *lacks;
		struct fault fault;
		size_t count = 0;
		char text[256];
		bool good;

		for (size_t j = 0; j < 4; j++)
			line.cells[3 + j] = str_of(lines[i].tls[j]);
		line.cells[7] = str_of(lines[i].messages);
		good = eac_columns_read(&header, &columns, &lacks) && eac_rows(&columns, &line, STR("r"), 1795500000000000, &arena, rows, &count, &fault);
		print(count, sizeof(text), text);
		if (!CHECK(good ? lines[i].want && strcmp(text, lines[i].want) == 0 : !lines[i].want, lines[i].want ? lines[i].want : "a bad line"))
			printf("# %s\n", text);
	}
}

static void test_row(void)
{
	struct csv_record line = { .cells = { STR("Copier@Contoso.example"), STR("contoso.example"), STR("OAuth"), STR("0"), STR("0"),
					      STR("100"), STR("0"), STR("5") }, .count = 8 };
	struct eac_columns columns;
	const char *lacks;
	struct fault fault;
	size_t count;
	struct sign_in first;

	CHECK(eac_columns_read(&header, &columns, &lacks) && eac_rows(&columns, &line, STR("r"), 7, &arena, rows, &count, &fault) && count == 1 &&
		      rows[0].protocol == AUTH_PROTOCOL_OAUTH && str_eq(rows[0].user, STR("copier@contoso.example")) &&
		      str_eq(rows[0].source, STR("eac")) && rows[0].created_us == 7 && rows[0].error_code == 0,
	      "a row");
	first = rows[0];
	CHECK(eac_rows(&columns, &line, STR("r"), 8, &arena, rows, &count, &fault) && str_eq(rows[0].event_id, first.event_id),
	      "the same report, the same ID");
	CHECK(eac_rows(&columns, &line, STR("s"), 7, &arena, rows, &count, &fault) && !str_eq(rows[0].event_id, first.event_id),
	      "another report, another ID");
	line.cells[0] = STR("nobody");
	CHECK(!eac_rows(&columns, &line, STR("r"), 7, &arena, rows, &count, &fault) && strstr(fault.text[LANGUAGE_EN], "no sender address"),
	      "no address");
	line.cells[0] = STR("a@b.example");
	line.cells[2] = STR("Kerberos");
	CHECK(!eac_rows(&columns, &line, STR("r"), 7, &arena, rows, &count, &fault), "no such protocol");
}

static void test_headers(void)
{
	const struct csv_record lacking = { .cells = { STR("Sender address"), STR("Domain") }, .count = 2 };
	const struct csv_record other = { .cells = { STR("a"), STR("b") }, .count = 2 };
	struct csv_record line = { .cells = { STR("a@b.example"), STR("b.example"), STR("0"), STR("0"), STR("100"), STR("5") }, .count = 6 };
	struct eac_columns columns;
	const char *lacks;
	struct fault fault;
	size_t count;

	CHECK(eac_columns_read(&old_header, &columns, &lacks) && !columns.has[EAC_PROTOCOL] && !columns.has[EAC_TLS_13],
	      "an older report, in Japanese");
	CHECK(eac_rows(&columns, &line, STR("r"), 7, &arena, rows, &count, &fault) && count == 1 && rows[0].protocol == AUTH_PROTOCOL_NONE,
	      "without a protocol it is neither");
	CHECK(!eac_columns_read(&lacking, &columns, &lacks) && lacks && strcmp(lacks, "the messages sent") == 0, "no column for messages");
	CHECK(!eac_columns_read(&other, &columns, &lacks) && !lacks, "no header at all");
}

int main(void)
{
	arena_init(&arena, 1 << 20);
	test_shares();
	test_row();
	test_headers();
	arena_free_all(&arena);
	return check_report();
}
