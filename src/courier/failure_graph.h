/* failure_graph: what an answer of Microsoft Graph that was not the one hoped for, or its absence, means. One table of (status,
 * error code, words) → meaning, first row that fits; each row cites its source. Pure. */
#ifndef COURIER_FAILURE_GRAPH_H
#define COURIER_FAILURE_GRAPH_H

#include "courier/failure.h"

#define GRAPH_UNREACHED 0 /* in place of a status: the request did not leave whole */
#define GRAPH_LOST 1      /* it did, and no whole answer came: it may have been done */
/* What never was asked, since Graph could only answer no. */
#define GRAPH_NOT_SPLIT 2    /* over the request's limit, and not to be taken apart */
#define GRAPH_LONG_HEADER 3
#define GRAPH_NAMES_OTHERS 4 /* header-recipients: refuse */

struct failure_graph_verdict {
	struct failure_verdict verdict;
	bool ambiguous; /* it may have been done */
};

/* `code` and `message` of its error object, "" when it had none. */
const struct failure_graph_verdict *failure_graph_decide(unsigned status, struct str code, struct str message);
/* N_(): what a cause means; NULL: no row has it. */
const char *failure_graph_explain(const char *cause);

#endif
