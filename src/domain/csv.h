/* csv: cells of tables that somebody will open in a spreadsheet (RFC 4180). */
#ifndef DOMAIN_CSV_H
#define DOMAIN_CSV_H

#include "base/buf.h"
#include "base/str.h"

#define CSV_BOM "\xef\xbb\xbf" /* or Excel takes UTF-8 for the system's code page */
#define CSV_LINE_END "\r\n"

/*
 * One cell with its quotes, and the comma before it unless it is the `first` of its line. A cell that a spreadsheet could
 * take for a formula (= + - @ tab CR LF, or a full-width twin, at its start) gets an apostrophe before it (OWASP, CSV
 * injection). What is no UTF-8, NUL and other controls than tab, CR and LF become U+FFFD. False: no room.
 */
bool csv_cell(struct buf *out, struct str text, bool first) __attribute__((warn_unused_result));

#endif
