#include "courier/carrier.h"

const struct carrier *const carriers[UPSTREAM_KIND_COUNT] = {
	[UPSTREAM_SMTP] = &smtp_carrier,
};
