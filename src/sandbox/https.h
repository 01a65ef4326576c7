/* https: the sandbox's HTTPS port, each request in a thread of its connection, handed whole to whom its path names. */
#ifndef SANDBOX_HTTPS_H
#define SANDBOX_HTTPS_H

#include <string.h>

#include "sandbox/sandbox_private.h"

#define GRAPH_REQUEST_BYTES_MAX 4194304 /* Graph's own: "The maximum request length supported is 4MB." */

struct https_request {
	struct MHD_Connection *connection;
	struct str method, path, body;
	bool too_long; /* the body is not all */
};

/* Answer with `json` (taken; NULL: no body) and headers, name after value, NULL-ended or NULL. */
enum MHD_Result https_send(struct MHD_Connection *connection, unsigned status, json_t *json, const char *const *headers);

enum outcome https_open(struct sandbox *sandbox, unsigned port, struct fault *fault);
void https_close(struct sandbox *sandbox);

/* token_endpoint.c: login.microsoftonline.com's side. */
enum MHD_Result token_endpoint_answer(struct sandbox *sandbox, const struct https_request *request);

void graph_init(struct sandbox *sandbox);
void graph_done(struct sandbox *sandbox);
/* A request for that path begins (+1), or ends (-1). */
void graph_count(struct sandbox *sandbox, struct str path, int change);

/* graph.c: graph.microsoft.com's side; graph_draft.c: where the pieces of attachments go. */
enum MHD_Result graph_answer(struct sandbox *sandbox, const struct https_request *request);
/* graph_application.c: what the registered application may see of its registration. */
enum MHD_Result graph_application_answer(struct sandbox *sandbox, const struct https_request *request);
enum MHD_Result graph_upload_answer(struct sandbox *sandbox, const struct https_request *request);

#endif
