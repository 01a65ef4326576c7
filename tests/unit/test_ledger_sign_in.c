/* The sign-ins of the ledger: each filter finds what reading all rows finds. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "domain/event_id.h"
#include "domain/policy.h"
#include "ledger_ground.h"

#define ROWS 10000
#define BATCH 200

static const char *const users[] = { "copier@contoso.example", "scan@contoso.example", "erp@fabrikam.example",
				     "admin@contoso.example", "=cmd|' /C calc'!A0", "nobody" };
static const char *const ips[] = { "192.0.2.7", "192.0.2.8", "198.51.100.200", "2001:db8::7", "2001:db8:1::7", "" };
static const uint32_t codes[] = { 0, 0, 0, 0, 50126, 50053, 50034, 530035 };

struct rows {
	struct sign_in row[ROWS]; /* oldest first */
	char id[ROWS][EVENT_ID_LEN + 1];
	char ip[ROWS][16]; /* of some: more different ones than an index has lanes */
	struct buf packed;
	struct str batch[ROWS];
	size_t offset[ROWS + 1];
};
static struct rows rows;

static void make_rows(void)
{
	int64_t now = INT64_C(1795500000000000);
	size_t packed = 0;

	buf_init(&rows.packed, 16 << 20);
	for (size_t i = 0; i < ROWS; i++) {
		struct sign_in *row = &rows.row[i];
		bool oauth = roll(5) == 0;

		now += roll(20) ? 1 + roll(60000000) : 0; /* some of the same microsecond, as imports have them */
		event_id_print(7, i, rows.id[i]);
		*row = (struct sign_in){
			.created_us = now, .event_id = str_of(rows.id[i]), .user = str_of(users[roll(6)]),
			.tenant = STR("contoso.example"), .ip = str_of(ips[roll(6)]),
			.protocol = oauth ? AUTH_PROTOCOL_OAUTH : AUTH_PROTOCOL_BASIC, .mechanism = (uint8_t)roll(4),
			.tls_version = STR("1.3"), .tls_cipher = STR("TLS_AES_256_GCM_SHA384"), .ehlo = STR("copier-3f"),
			.listener = STR("submission"), .device = STR("3F \xe8\xa4\x87\xe5\x90\x88\xe6\xa9\x9f"),
			.error_code = codes[roll(8)], .smtp_reply = STR("235 2.7.0 Authentication successful"),
			.source = STR("gateway"), .correlation_id = STR("c-1"),
		};
		if (roll(4) == 0) {
			(void)snprintf(rows.ip[i], sizeof(rows.ip[i]), "10.0.%u.%u", roll(4), roll(256));
			row->ip = str_of(rows.ip[i]);
		}
		rows.offset[i] = rows.packed.len;
		packed += sign_in_print(&rows.packed, row);
	}
	CHECK(packed == ROWS, "packed");
	rows.offset[ROWS] = rows.packed.len;
	for (size_t i = 0; i < ROWS; i++)
		rows.batch[i] = (struct str){ rows.packed.ptr + rows.offset[i], rows.offset[i + 1] - rows.offset[i] };
}

struct found {
	size_t count, wrong;
	size_t want[ROWS]; /* indices, newest first */
	size_t want_count;
};

static bool same_row(const struct sign_in *a, const struct sign_in *b)
{
	CLEANUP(cleanup_buf) struct buf left;
	CLEANUP(cleanup_buf) struct buf right;

	buf_init(&left, 65536);
	buf_init(&right, 65536);
	return sign_in_print(&left, a) && sign_in_print(&right, b) && str_eq(buf_str(&left), buf_str(&right));
}

/* Rows of one microsecond may come in any order among themselves. */
static bool see_sign_in(void *context, const struct sign_in *row)
{
	struct found *found = context;
	bool known = false;

	for (size_t i = found->count > 8 ? found->count - 8 : 0; i < found->want_count && i < found->count + 8 && !known; i++) {
		const struct sign_in *wanted = &rows.row[found->want[i]];

		if (str_eq(wanted->event_id, row->event_id))
			known = same_row(wanted, row) && (found->count >= found->want_count ||
							  rows.row[found->want[found->count]].created_us == row->created_us);
	}
	found->wrong += !known;
	found->count++;
	return true;
}

/* Plain words for what each value means, apart from the code under test. */
static bool value_fits(const char *key, const char *value, const struct sign_in *row)
{
	if (strcmp(key, "user") == 0)
		return value[0] == '@' ? str_ends_nocase(row->user, str_of(value)) : str_eq_nocase(row->user, str_of(value));
	if (strcmp(key, "ip") == 0) {
		if (strcmp(value, "192.0.2.0/24") == 0)
			return str_starts(row->ip, STR("192.0.2."));
		if (strcmp(value, "10.0.0.0/16") == 0)
			return str_starts(row->ip, STR("10.0."));
		if (strcmp(value, "10.0.2.0/24") == 0)
			return str_starts(row->ip, STR("10.0.2."));
		if (strcmp(value, "2001:db8::/32") == 0)
			return str_starts(row->ip, STR("2001:db8:"));
		if (strcmp(value, "0.0.0.0/0") == 0)
			return str_find(row->ip, '.') < row->ip.len;
		return str_eq(row->ip, str_of(value));
	}
	if (strcmp(key, "client-app") == 0 || strcmp(key, "auth") == 0)
		return (row->protocol == AUTH_PROTOCOL_BASIC) == (strcmp(value, "smtp") == 0 || strcmp(value, "basic") == 0);
	if (strcmp(key, "status") == 0)
		return (row->error_code == 0) == (strcmp(value, "success") == 0);
	if (strcmp(key, "code") == 0)
		return row->error_code == (uint32_t)strtoul(value, NULL, 10);
	return str_eq_nocase(row->event_id, str_of(value));
}

struct asked {
	const char *key, *value;
	bool negated;
};

static bool wanted(const struct asked *asked, size_t count, const struct sign_in *row)
{
	static const char *const keys[] = { "user", "ip", "client-app", "auth", "status", "code", "id" };

	for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++) {
		bool any = false, found = false;

		for (size_t i = 0; i < count; i++) {
			if (strcmp(asked[i].key, keys[k]) != 0)
				continue;
			if (asked[i].negated && value_fits(keys[k], asked[i].value, row))
				return false;
			any |= !asked[i].negated;
			found |= !asked[i].negated && value_fits(keys[k], asked[i].value, row);
		}
		if (any && !found)
			return false;
	}
	return true;
}

static const struct {
	const char *key;
	const char *values[9];
} choices[] = {
	{ "user", { "copier@contoso.example", "SCAN@contoso.example", "@contoso.example", "@fabrikam.example", "nobody", "who" } },
	{ "ip", { "192.0.2.7", "192.0.2.0/24", "2001:db8::/32", "2001:db8::7", "0.0.0.0/0", "203.0.113.0/24", "10.0.0.0/16", "10.0.2.0/24" } },
	{ "client-app", { "smtp" } },
	{ "auth", { "basic", "oauth" } },
	{ "status", { "success", "failure" } },
	{ "code", { "0", "50126", "530035", "1" } },
	{ "id", { "" } },
};

static void ask_once(struct ledger *ledger, unsigned round)
{
	static struct found found;
	struct asked asked[4];
	struct sign_in_filter filter = { 0 };
	struct fault fault = { 0 };
	size_t count = roll(5);
	int64_t begins_us = 0;
	char label[512];
	size_t len;

	if (roll(3) == 0)
		filter.since_us = rows.row[roll(ROWS)].created_us;
	if (roll(3) == 0)
		filter.until_us = rows.row[roll(ROWS)].created_us;
	filter.count_max = roll(2) ? 1 + roll(50) : 0;
	len = (size_t)snprintf(label, sizeof(label), "round %u: since %d until %d at most %zu", round, filter.since_us != 0,
			       filter.until_us != 0, filter.count_max);
	for (size_t i = 0; i < count; i++) {
		size_t choice = roll(i ? 7 : 6);
		size_t values = 0;

		while (choices[choice].values[values])
			values++;
		asked[i] = (struct asked){ choices[choice].key, choices[choice].values[roll((uint32_t)values)], roll(3) == 0 };
		if (choice == 6)
			asked[i].value = rows.id[roll(ROWS)];
		if (!sign_in_filter_set(&filter, str_of(asked[i].key), str_of(asked[i].value), asked[i].negated, 0, &fault))
			printf("# %s\n", fault.text[LANGUAGE_EN]);
		len += (size_t)snprintf(label + len, sizeof(label) - len, ", %s%s=%s", asked[i].negated ? "not " : "",
					asked[i].key, asked[i].value);
	}
	found = (struct found){ 0 };
	for (size_t i = ROWS; i-- > 0;) {
		const struct sign_in *row = &rows.row[i];

		if ((!filter.since_us || row->created_us >= filter.since_us) &&
		    (!filter.until_us || row->created_us < filter.until_us) && wanted(asked, count, row))
			found.want[found.want_count++] = i;
	}
	CHECK(ledger_sign_ins(ledger, &filter, see_sign_in, &found, &begins_us, &fault) == OUTCOME_OK && found.wrong == 0 &&
		      found.count == (filter.count_max && filter.count_max < found.want_count ? filter.count_max
											     : found.want_count) &&
		      begins_us == rows.row[0].created_us,
	      label);
}

/* Page by page with the cursor: each row once. */
struct page {
	size_t count;
	char last[EVENT_ID_LEN + 1];
	int64_t last_us;
	bool descending;
};

static bool see_page(void *context, const struct sign_in *row)
{
	struct page *page = context;

	page->descending = page->descending && row->created_us <= page->last_us;
	page->last_us = row->created_us;
	page->count++;
	return str_copy(row->event_id, sizeof(page->last), page->last);
}

static void test_pages(struct ledger *ledger)
{
	struct page page = { .last_us = INT64_MAX, .descending = true };
	struct fault fault;
	int64_t begins_us;
	size_t before;

	do {
		struct sign_in_filter filter = { .count_max = 97 };
		char cursor[EVENT_ID_LEN + 1];

		before = page.count;
		memcpy(cursor, page.last, sizeof(cursor));
		filter.before_id = str_of(cursor);
		if (ledger_sign_ins(ledger, &filter, see_page, &page, &begins_us, &fault) != OUTCOME_OK)
			break;
	} while (page.count > before);
	CHECK(page.count == ROWS && page.descending, "page by page gives each row once, newest first");
}

static void test_sign_ins(void)
{
	struct ledger *ledger = open_ledger(false);
	struct ledger *reader = open_ledger(true);
	struct fault fault;
	struct page page = { .last_us = INT64_MAX, .descending = true };
	struct sign_in_filter all = { 0 };
	int64_t begins_us = -1;
	size_t removed = 0;

	CHECK(ledger_sign_ins(ledger, &all, see_page, &page, &begins_us, &fault) == OUTCOME_OK && begins_us == 0 && page.count == 0,
	      "an empty log begins nowhere");
	make_rows();
	/* Out of their order, so that some come late; 7 and 20 have no common divisor. */
	for (size_t at = 0; at < 20; at++)
		CHECK(ledger_rows_add(ledger, rows.batch + at * 7 % 20 * (ROWS / 20), ROWS / 20, NULL, 0, &fault) == OUTCOME_OK,
		      "a batch");
	CHECK(ledger_rows_add(ledger, rows.batch + 100, 900, NULL, 0, &fault) == OUTCOME_OK, "rows that are there already");
	for (unsigned round = 0; round < 700; round++)
		ask_once(round % 2 ? ledger : reader, round);
	test_pages(reader);
	CHECK(ledger_expire(ledger, rows.row[1000].created_us, 0, 600, &removed, &fault) == OUTCOME_OK && removed == 600,
	      "old rows go in portions");
	CHECK(ledger_expire(ledger, rows.row[1000].created_us, 0, 10000, &removed, &fault) == OUTCOME_OK && removed < 401 &&
		      removed > 380,
	      "and the rest of them");
	CHECK(ledger_sign_ins(ledger, &all, see_page, &page, &begins_us, &fault) == OUTCOME_OK &&
		      begins_us == rows.row[1000].created_us,
	      "the log begins where it was cut");
	CHECK(ledger_verify(ledger, &fault) == OUTCOME_OK, "integrity");
	ledger_close(reader);
	ledger_close(ledger);
	buf_done(&rows.packed);
}

/* An import: thousands of rows of one second, long before those that are there, beside rows of today. */
static void test_crowd(void)
{
	static const int64_t today = INT64_C(1795500000000000);
	CLEANUP(cleanup_buf) struct buf packed;
	struct ledger *ledger = open_ledger(false);
	struct page page = { .last_us = INT64_MAX, .descending = true };
	struct sign_in_filter filter = { 0 };
	struct fault fault;
	struct str batch[BATCH];
	size_t offset[BATCH + 1];
	int64_t begins_us;
	size_t added = 0;

	buf_init(&packed, 1 << 20);
	for (size_t i = 0; i < 12000; i++) {
		char id[32];
		bool late = i % 2;
		struct sign_in row = { .created_us = late ? today - INT64_C(86400000000) * 30 : today + (int64_t)i,
				       .user = late ? STR("Import@Contoso.example") : STR("copier@contoso.example"),
				       .ip = STR("192.0.2.7"), .source = STR("gateway") };

		(void)snprintf(id, sizeof(id), "e1f-%zu", i);
		row.event_id = str_of(id);
		offset[i % BATCH] = packed.len;
		if (!sign_in_print(&packed, &row))
			break;
		if (i % BATCH < BATCH - 1)
			continue;
		offset[BATCH] = packed.len;
		for (size_t k = 0; k < BATCH; k++)
			batch[k] = (struct str){ packed.ptr + offset[k], offset[k + 1] - offset[k] };
		added += ledger_rows_add(ledger, batch, BATCH, NULL, 0, &fault) == OUTCOME_OK ? BATCH : 0;
		buf_clear(&packed);
	}
	CHECK(added == 12000, "added");
	CHECK(ledger_sign_ins(ledger, &filter, see_page, &page, &begins_us, &fault) == OUTCOME_OK && page.count == 12000 &&
		      page.descending,
	      "each row once, newest first");
	page = (struct page){ .last_us = INT64_MAX, .descending = true };
	CHECK(sign_in_filter_set(&filter, STR("user"), STR("import@contoso.example"), false, 0, &fault) &&
		      sign_in_filter_set(&filter, STR("until"), STR("2026-11-20"), false, 0, &fault) &&
		      ledger_sign_ins(ledger, &filter, see_page, &page, &begins_us, &fault) == OUTCOME_OK && page.count == 6000,
	      "the crowd is found by its user, however that was written");
	ledger_close(ledger);
}

int main(void)
{
	if (!mkdtemp(state))
		return 1;
	test_sign_ins();
	forget_all();
	test_crowd();
	forget_all();
	(void)rmdir(state);
	return check_report();
}
