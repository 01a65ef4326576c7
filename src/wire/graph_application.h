/* graph_application: what Microsoft Graph tells of the credentials of an application: by what each can be known, and when it ends (Microsoft,
 * "Get application", "passwordCredential", "keyCredential"). Secrets themselves are never among it. */
#ifndef WIRE_GRAPH_APPLICATION_H
#define WIRE_GRAPH_APPLICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define GRAPH_CREDENTIALS_MAX 64 /* of each sort; Entra lets an application have fewer. What is over it is left out */
#define GRAPH_HINT_BYTES 16
#define GRAPH_SHA1_BYTES 20

struct graph_secret {
	char hint[GRAPH_HINT_BYTES]; /* how it begins: its first three characters */
	int64_t ends_us;             /* since 1970 */
};

struct graph_certificate {
	unsigned char sha1[GRAPH_SHA1_BYTES]; /* of its DER */
	int64_t ends_us;
};

struct graph_application {
	struct graph_secret secrets[GRAPH_CREDENTIALS_MAX];
	struct graph_certificate certificates[GRAPH_CREDENTIALS_MAX];
	size_t secrets_count, certificates_count;
};

/* Those without an end, or without anything to know them by, are left out. False: it is no answer about an application. */
bool graph_application_parse(struct str body, struct graph_application *ret_application);

/* When this secret ends. Of several that begin like it the first to end is meant, but for those that have ended by now, unless all have.
 * 0: none begins like it. */
int64_t graph_secret_ends_us(const struct graph_application *application, struct str secret, int64_t now_us);
int64_t graph_certificate_ends_us(const struct graph_application *application, const unsigned char sha1[GRAPH_SHA1_BYTES]); /* 0: not there */

#endif
