#include "courier/carrier.h"

const struct carrier *const carriers[UPSTREAM_KIND_COUNT] = {
	[UPSTREAM_SMTP] = &smtp_carrier,
	[UPSTREAM_GRAPH] = &graph_carrier,
	[UPSTREAM_INBOX] = &inbox_carrier,
};
