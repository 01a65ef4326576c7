/*
 * eac: the SMTP AUTH clients report as the Exchange admin center exports it: one line a sender, with the share of each TLS version
 * and the messages sent. Its exact header is not published, so that columns are known by what they mean. Pure.
 */
#ifndef DOMAIN_EAC_H
#define DOMAIN_EAC_H

#include "base/arena.h"
#include "domain/csv_reader.h"
#include "domain/sign_in.h"

#define EAC_ROWS_MAX 5 /* of one line: four TLS versions, and what is not told */

enum eac_field { EAC_SENDER, EAC_DOMAIN, EAC_PROTOCOL, EAC_TLS_10, EAC_TLS_11, EAC_TLS_12, EAC_TLS_13, EAC_MESSAGES, EAC_FIELD_COUNT };

struct eac_columns {
	uint8_t fields[CSV_CELLS_MAX]; /* EAC_FIELD_COUNT: none */
	size_t count;
	bool has[EAC_FIELD_COUNT];
};

/* False: no header of this report; *ret_lacks (N_()) is what it has no column for, NULL when it has none at all. */
bool eac_columns_read(const struct csv_record *header, struct eac_columns *ret_columns, const char **ret_lacks);

/*
 * A line as rows of the sign-in log, source "eac": one for each TLS version, each standing for the messages of its share
 * (sign_in_messages()). No messages: no rows. Without a protocol column the protocol is none, "Unknown". `report` names the file by
 * its bytes, so that the same report gives the same IDs; `as_of_us` is the time of all rows. False with a sentence.
 */
bool eac_rows(const struct eac_columns *columns, const struct csv_record *line, struct str report, int64_t as_of_us,
	      struct arena *arena, struct sign_in ret_rows[EAC_ROWS_MAX], size_t *ret_count, struct fault *fault);

#endif
