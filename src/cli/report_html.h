/* report_html: the SMTP AUTH clients report as one page: no script, nothing from elsewhere, fit for A4. */
#ifndef CLI_REPORT_HTML_H
#define CLI_REPORT_HTML_H

#include <jansson.h>

#include "base/buf.h"
#include "base/say.h"

#define REPORT_HTML_BYTES_MAX (64u << 20)

struct report_page {
	const json_t *senders; /* array: lines by sender */
	const json_t *days;    /* array: lines by day, domain and protocol */
	int64_t now_us;
	int64_t days_count;
	enum language language;
};

/* False: out of memory, or larger than REPORT_HTML_BYTES_MAX. */
bool report_html_print(struct buf *out, const struct report_page *page) __attribute__((warn_unused_result));

#endif
