/* ledger_report: the SMTP AUTH clients report, counted by day and client as rows come in, so that to read it costs as much as there
 * are clients and days, however often they signed in. */
#include "keep/ledger_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "domain/policy.h"
#include "domain/report.h"
#include "keep/ledger_buckets.h"

#define CACHED_CLIENTS_MAX 65536
#define KEY_BYTES_MAX 4096
#define BUCKETS_BACK 3   /* how far a message's own sign-in is looked for: some thousand sign-ins each */
#define COUNT_COLUMNS "tls_unknown, tls_clear, tls_10, tls_11, tls_12, tls_13, messages, internal, last_us"
#define FIRST_COUNT 2    /* of these columns, behind day and client */

/* A client's number, so that the day's count is the only row to touch. */
struct cached {
	int64_t id;
	size_t len;
	char key[];
};

struct ledger_report {
	struct table clients; /* by all that makes a client */
	sqlite3_stmt *client_add, *client_find, *day_add, *sign_in_find, *day_find, *trace_find;
};

static const char *const write_sentence = N_("ledger: cannot write the report: %s");

/* What was cached in a transaction that was undone is not there. */
void ledger_report_forget(struct ledger *ledger)
{
	struct cached *one;
	size_t at = 0;

	if (!ledger->report)
		return;
	while ((one = table_next(&ledger->report->clients, &at)))
		free(one);
	table_done(&ledger->report->clients);
}

void ledger_report_close(struct ledger *ledger)
{
	struct ledger_report *report = ledger->report;

	if (!report)
		return;
	ledger_report_forget(ledger);
	(void)sqlite3_finalize(report->client_add);
	(void)sqlite3_finalize(report->client_find);
	(void)sqlite3_finalize(report->day_add);
	(void)sqlite3_finalize(report->sign_in_find);
	(void)sqlite3_finalize(report->day_find);
	(void)sqlite3_finalize(report->trace_find);
	free(report);
	ledger->report = NULL;
}

static enum outcome prepare(struct ledger *ledger, struct fault *fault)
{
	struct ledger_report *report = ledger->report;
	enum outcome outcome = OUTCOME_OK;

	if (report)
		return OUTCOME_OK;
	report = ledger->report = calloc(1, sizeof(*report));
	if (!report)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading or writing the ledger"));
	struct {
		struct str sql;
		sqlite3_stmt **statement;
	} rows[] = {
		{ STR("INSERT INTO report_client (sender, protocol, ip, ehlo, source) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING"),
		  &report->client_add },
		{ STR("SELECT id FROM report_client WHERE sender = ?1 AND protocol = ?2 AND ip = ?3 AND ehlo = ?4 AND source = ?5"),
		  &report->client_find },
		{ STR("INSERT INTO report_day (day, client, " COUNT_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "
		      "ON CONFLICT (day, client) DO UPDATE SET tls_unknown = tls_unknown + excluded.tls_unknown, "
		      "tls_clear = tls_clear + excluded.tls_clear, tls_10 = tls_10 + excluded.tls_10, tls_11 = tls_11 + excluded.tls_11, "
		      "tls_12 = tls_12 + excluded.tls_12, tls_13 = tls_13 + excluded.tls_13, messages = messages + excluded.messages, "
		      "internal = internal + excluded.internal, last_us = max(last_us, excluded.last_us)"),
		  &report->day_add },
		{ STR("SELECT protocol, ip, ehlo, source FROM sign_in INDEXED BY sign_in_user WHERE bucket = ?1 AND user = ?2 AND key < ?3 AND "
		      "error_code = 0 ORDER BY key DESC LIMIT 1"),
		  &report->sign_in_find },
		/* CROSS: the account's clients first, not the day's. */
		{ STR("SELECT protocol, ip, ehlo, source FROM report_client c CROSS JOIN report_day d ON d.client = c.id AND d.day = ?1 "
		      "WHERE c.sender = ?2 ORDER BY d.last_us DESC LIMIT 1"),
		  &report->day_find },
		{ STR("SELECT 1 FROM trace WHERE id = ?1"), &report->trace_find },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows) && outcome == OUTCOME_OK; i++)
		outcome = ledger_prepare(ledger, rows[i].sql, rows[i].statement, fault);
	if (outcome != OUTCOME_OK)
		ledger_report_close(ledger);
	return outcome;
}

/* --- the client's number --- */

static bool key_print(const struct report_row *row, struct buf *key)
{
	return buf_add_byte(key, (char)row->protocol) && buf_add(key, row->sender) && buf_add_byte(key, '\0') && buf_add(key, row->ip) &&
	       buf_add_byte(key, '\0') && buf_add(key, row->ehlo) && buf_add_byte(key, '\0') && buf_add(key, row->source);
}

static void bind_client(sqlite3_stmt *statement, const struct report_row *row)
{
	ledger_bind_str(statement, 1, row->sender);
	(void)sqlite3_bind_int(statement, 2, row->protocol);
	ledger_bind_str(statement, 3, row->ip);
	ledger_bind_str(statement, 4, row->ehlo);
	ledger_bind_str(statement, 5, row->source);
}

static enum outcome client_load(struct ledger *ledger, const struct report_row *row, int64_t *ret_id, struct fault *fault)
{
	sqlite3_stmt *find = ledger->report->client_find;
	enum outcome outcome;

	bind_client(ledger->report->client_add, row);
	outcome = ledger_step_done(ledger, ledger->report->client_add, write_sentence, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	bind_client(find, row);
	if (sqlite3_step(find) == SQLITE_ROW)
		*ret_id = sqlite3_column_int64(find, 0);
	else
		outcome = ledger_fault(ledger, write_sentence, fault);
	(void)sqlite3_reset(find);
	return outcome;
}

/* To know it is worth a look-up the next time; not to have room for that is no trouble. */
static void client_keep(struct ledger *ledger, struct str key, int64_t id)
{
	struct cached *one;

	if (ledger->report->clients.count >= CACHED_CLIENTS_MAX)
		ledger_report_forget(ledger);
	one = malloc(sizeof(*one) + key.len);
	if (!one)
		return;
	one->id = id;
	one->len = key.len;
	memcpy(one->key, key.ptr, key.len);
	if (!table_put(&ledger->report->clients, (struct str){ one->key, one->len }, one))
		free(one);
}

static enum outcome client_of(struct ledger *ledger, const struct report_row *row, int64_t *ret_id, struct fault *fault)
{
	char room[KEY_BYTES_MAX];
	struct buf key = { .ptr = room, .cap = sizeof(room), .bytes_max = sizeof(room) };
	bool short_enough = key_print(row, &key);
	const struct cached *one = short_enough ? table_find(&ledger->report->clients, buf_str(&key)) : NULL;
	enum outcome outcome;

	if (one) {
		*ret_id = one->id;
		return OUTCOME_OK;
	}
	outcome = client_load(ledger, row, ret_id, fault);
	if (outcome == OUTCOME_OK && short_enough)
		client_keep(ledger, buf_str(&key), *ret_id);
	return outcome;
}

/* --- counting --- */

enum outcome ledger_report_count(struct ledger *ledger, const struct report_row *row, struct fault *fault)
{
	sqlite3_stmt *add;
	int64_t client;
	int at = FIRST_COUNT + 1;
	enum outcome outcome = prepare(ledger, fault);

	if (outcome == OUTCOME_OK)
		outcome = client_of(ledger, row, &client, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	add = ledger->report->day_add;
	(void)sqlite3_bind_int64(add, 1, row->day);
	(void)sqlite3_bind_int64(add, 2, client);
	for (size_t i = 0; i < REPORT_TLS_COUNT; i++)
		(void)sqlite3_bind_int64(add, at++, (int64_t)row->tls[i]);
	(void)sqlite3_bind_int64(add, at++, (int64_t)row->messages);
	(void)sqlite3_bind_int64(add, at++, (int64_t)row->internal);
	(void)sqlite3_bind_int64(add, at, row->last_us);
	return ledger_step_done(ledger, add, write_sentence, fault);
}

enum outcome ledger_report_sign_in(struct ledger *ledger, const struct sign_in *sign_in, struct fault *fault)
{
	struct report_row row;

	return report_of_sign_in(sign_in, &row) ? ledger_report_count(ledger, &row, fault) : OUTCOME_OK;
}

/* The client that a statement found; the row borrows from it. */
static bool client_from(sqlite3_stmt *found, struct report_row *row)
{
	if (sqlite3_step(found) != SQLITE_ROW)
		return false;
	row->protocol = (uint8_t)sqlite3_column_int(found, 0);
	row->ip = ledger_column_str(found, 1);
	row->ehlo = ledger_column_str(found, 2);
	row->source = ledger_column_str(found, 3);
	return true;
}

/* A message does not say which device brought it: it is the one that last signed in by that account before. */
static sqlite3_stmt *client_before(struct ledger *ledger, struct report_row *row)
{
	sqlite3_stmt *sign_in = ledger->report->sign_in_find;
	sqlite3_stmt *day = ledger->report->day_find;

	ledger_bind_str(sign_in, 2, row->sender);
	(void)sqlite3_bind_int64(sign_in, 3, ledger_key_first(row->last_us + 1));
	for (int64_t back = 0; back < BUCKETS_BACK; back++) {
		(void)sqlite3_bind_int64(sign_in, 1, ledger->buckets[LEDGER_SIGN_INS][0].number - 2 * back);
		if (client_from(sign_in, row))
			return sign_in;
		(void)sqlite3_reset(sign_in);
	}
	/* A connection may last over midnight. */
	ledger_bind_str(day, 2, row->sender);
	for (int64_t back = 0; back <= 1; back++) {
		(void)sqlite3_bind_int64(day, 1, row->day - back);
		if (client_from(day, row))
			return day;
		(void)sqlite3_reset(day);
	}
	return NULL;
}

enum outcome ledger_report_trace(struct ledger *ledger, const struct trace *trace, struct fault *fault)
{
	struct report_row row;
	sqlite3_stmt *found;
	enum outcome outcome;
	bool known;

	if (!report_of_trace(trace, &row))
		return OUTCOME_OK;
	outcome = prepare(ledger, fault);
	if (outcome != OUTCOME_OK)
		return outcome;
	/* A trace that comes again, as after a kill, is the same message. */
	ledger_bind_str(ledger->report->trace_find, 1, trace->id);
	known = sqlite3_step(ledger->report->trace_find) == SQLITE_ROW;
	(void)sqlite3_reset(ledger->report->trace_find);
	if (known)
		return OUTCOME_OK;
	found = client_before(ledger, &row);
	if (!found) {
		row.protocol = AUTH_PROTOCOL_NONE;
		row.source = STR("gateway");
	}
	outcome = ledger_report_count(ledger, &row, fault);
	if (found)
		(void)sqlite3_reset(found);
	return outcome;
}

/* --- reading --- */

struct client {
	int64_t id;
	struct report_row row; /* its texts are in text */
	char text[];
};

static struct client *client_new(sqlite3_stmt *statement)
{
	static const int texts[] = { 1, 3, 4, 5 };
	struct str columns[4];
	size_t bytes = 0;
	struct client *client;
	char *at;

	for (size_t i = 0; i < 4; i++) {
		columns[i] = ledger_column_str(statement, texts[i]);
		bytes += columns[i].len;
	}
	client = calloc(1, sizeof(*client) + bytes);
	if (!client)
		return NULL;
	client->id = sqlite3_column_int64(statement, 0);
	client->row.protocol = (uint8_t)sqlite3_column_int(statement, 2);
	at = client->text;
	for (size_t i = 0; i < 4; i++) {
		struct str *const into[] = { &client->row.sender, &client->row.ip, &client->row.ehlo, &client->row.source };

		memcpy(at, columns[i].ptr, columns[i].len);
		*into[i] = (struct str){ at, columns[i].len };
		at += columns[i].len;
	}
	return client;
}

static enum outcome clients_load(struct ledger *ledger, struct table *clients, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome =
		ledger_prepare(ledger, STR("SELECT id, sender, protocol, ip, ehlo, source FROM report_client"), &statement, fault);
	int code = SQLITE_DONE;

	while (outcome == OUTCOME_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct client *client = client_new(statement);

		if (!client || !table_put(clients, TABLE_KEY(client->id), client)) {
			free(client);
			outcome = fault_set(fault, OUTCOME_LATER, N_("out of memory while reading or writing the ledger"));
		}
	}
	return outcome != OUTCOME_OK || code == SQLITE_DONE ? outcome : ledger_fault(ledger, N_("ledger: cannot read the report: %s"), fault);
}

static void counts_read(sqlite3_stmt *statement, struct report_row *row)
{
	int at = FIRST_COUNT;

	for (size_t i = 0; i < REPORT_TLS_COUNT; i++)
		row->tls[i] += (uint64_t)sqlite3_column_int64(statement, at++);
	row->messages += (uint64_t)sqlite3_column_int64(statement, at++);
	row->internal += (uint64_t)sqlite3_column_int64(statement, at++);
	if (sqlite3_column_int64(statement, at) > row->last_us)
		row->last_us = sqlite3_column_int64(statement, at);
}

struct reading {
	struct table clients;
	bool by_day;
	bool (*each)(void *context, const struct report_row *row);
	void *context;
};

/* By day each row is shown as it comes; else it is added to its client. */
static enum outcome days_read(struct ledger *ledger, struct reading *reading, int64_t first_day, int64_t last_day, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *statement = NULL;
	enum outcome outcome = ledger_prepare(
		ledger, STR("SELECT day, client, " COUNT_COLUMNS " FROM report_day WHERE day >= ?1 AND day <= ?2"), &statement, fault);
	bool more = true;
	int code = SQLITE_DONE;

	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(statement, 1, first_day);
	(void)sqlite3_bind_int64(statement, 2, last_day);
	while (more && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(statement, 1);
		struct client *client = table_find(&reading->clients, TABLE_KEY(id));
		struct report_row row;

		if (!client)
			continue;
		if (!reading->by_day) {
			counts_read(statement, &client->row);
			continue;
		}
		row = client->row;
		row.day = sqlite3_column_int64(statement, 0);
		counts_read(statement, &row);
		more = reading->each(reading->context, &row);
	}
	return !more || code == SQLITE_DONE ? OUTCOME_OK : ledger_fault(ledger, N_("ledger: cannot read the report: %s"), fault);
}

enum outcome ledger_report(struct ledger *ledger, int64_t first_day, int64_t last_day, bool by_day,
			   bool (*each)(void *context, const struct report_row *row), void *context, struct fault *fault)
{
	struct reading reading = { .by_day = by_day, .each = each, .context = context };
	struct client *client;
	bool more = true;
	size_t at = 0;
	enum outcome outcome;

	if (sqlite3_exec(ledger->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return ledger_fault(ledger, N_("ledger: cannot read the report: %s"), fault);
	table_init(&reading.clients);
	outcome = clients_load(ledger, &reading.clients, fault);
	if (outcome == OUTCOME_OK)
		outcome = days_read(ledger, &reading, first_day, last_day, fault);
	(void)sqlite3_exec(ledger->db, "COMMIT", NULL, NULL, NULL);
	while ((client = table_next(&reading.clients, &at))) {
		if (outcome == OUTCOME_OK && more && !by_day && client->row.last_us > 0)
			more = each(context, &client->row);
		free(client);
	}
	table_done(&reading.clients);
	return outcome;
}

/* Days older than the sign-ins they count; then clients that no day knows any more. */
enum outcome ledger_report_expire(struct ledger *ledger, int64_t before_us, struct fault *fault)
{
	CLEANUP(cleanup_statement) sqlite3_stmt *remove = NULL;
	enum outcome outcome = ledger_prepare(ledger, STR("DELETE FROM report_day WHERE day < ?1"), &remove, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	(void)sqlite3_bind_int64(remove, 1, (before_us < 0 ? 0 : before_us) / REPORT_DAY_US);
	outcome = ledger_step_done(ledger, remove, N_("ledger: cannot remove old rows: %s"), fault);
	if (outcome != OUTCOME_OK || sqlite3_changes(ledger->db) == 0)
		return outcome;
	ledger_report_forget(ledger);
	return ledger_run(ledger, "DELETE FROM report_client WHERE id NOT IN (SELECT client FROM report_day)", fault);
}
