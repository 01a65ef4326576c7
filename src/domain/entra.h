/*
 * entra: sign-ins as Entra ID exports them, read by the names of their columns or members: the portal's CSV and JSON, Graph, an
 * Event Hub or another diagnostic setting, Log Analytics. A record is gathered by meaning, then judged and made a sign-in. Pure.
 */
#ifndef DOMAIN_ENTRA_H
#define DOMAIN_ENTRA_H

#include "base/arena.h"
#include "domain/csv_reader.h"
#include "domain/import_time.h"
#include "domain/sign_in.h"

enum entra_field {
	ENTRA_TIME,
	ENTRA_TIME_LOGGED, /* when it was written down: stands in for ENTRA_TIME */
	ENTRA_ID,
	ENTRA_CORRELATION,
	ENTRA_USER,
	ENTRA_USER_AGENT,
	ENTRA_PROTOCOL,
	ENTRA_APP,
	ENTRA_APP_ID,
	ENTRA_RESOURCE,
	ENTRA_RESOURCE_ID,
	ENTRA_IP,
	ENTRA_STATUS,      /* a word, or an object with the next two */
	ENTRA_CODE,
	ENTRA_REASON,
	ENTRA_CLIENT,
	ENTRA_REQUIREMENT,
	ENTRA_ACCESS,
	ENTRA_INTERACTIVE,
	ENTRA_CATEGORY,
	ENTRA_PRINCIPAL,
	ENTRA_PROPERTIES,  /* the object in which an Event Hub wraps all this */
	ENTRA_FIELD_COUNT
};

struct entra_record {
	struct str values[ENTRA_FIELD_COUNT]; /* empty: not there */
};

/* By any of its names (column or member, blanks and case as they like). False: nothing of interest. */
bool entra_field_of(struct str name, enum entra_field *ret_field);

/* Which column of a CSV means what. */
struct entra_columns {
	uint8_t fields[CSV_CELLS_MAX]; /* ENTRA_FIELD_COUNT: none */
	size_t count;
	bool utc;                      /* its name says so: "Date (UTC)" */
};

/* False: no header of a sign-in log; *ret_lacks (N_()) is what it has no column for, NULL when it has none at all. */
bool entra_columns_read(const struct csv_record *header, struct entra_columns *ret_columns, const char **ret_lacks);
/* False with a sentence: another number of cells, no UTF-8, a cell with bad JSON. Values borrow from `row` and `arena`. */
bool entra_of_csv(const struct entra_columns *columns, const struct csv_record *row, struct arena *arena,
		  struct entra_record *ret_record, struct fault *fault);
/* False with a sentence: no JSON. Values lie in `arena`. */
bool entra_of_json(struct str object, struct arena *arena, struct entra_record *ret_record, struct fault *fault);

struct entra_options {
	bool all;              /* not only what concerns SMTP AUTH */
	enum date_order order;
};

enum entra_verdict {
	ENTRA_TAKEN,
	ENTRA_LEFT_OUT, /* nothing to do with SMTP AUTH */
	ENTRA_UNTOLD,   /* with a token at Exchange Online: the log does not say by which protocol; left out, too */
	ENTRA_BAD,      /* with a sentence */
};

/*
 * clientAppUsed decides ("Authenticated SMTP", "SMTP"; Microsoft, sign-in log activity details). BAV2ROPC in the user agent is
 * Exchange Online itself, turning a Basic sign-in into a token: Basic, also where no client app or a general one is named.
 * *ret_zone is false when the time had no zone and was taken for UTC. The row lies in `arena` and where the record lies.
 */
enum entra_verdict entra_sign_in(const struct entra_record *record, const struct entra_options *options, struct arena *arena,
				 struct sign_in *ret_row, bool *ret_zone, struct fault *fault);

#endif
