#include <arpa/inet.h>
#include <stdlib.h>

#include "sandbox/https.h"

#define SILENT_SECONDS 30u

/* What is behind the HTTPS port, by the start of the path. To add something: a row. */
static const struct {
	const char *path;
	size_t body_bytes_max; /* more is read, and let go */
	enum MHD_Result (*answer)(struct sandbox *sandbox, const struct https_request *request);
	void (*count)(struct sandbox *sandbox, struct str path, int change); /* NULL: nobody counts */
} routes[] = {
	{ "/v1.0/applications(", 0, graph_application_answer, NULL },
	{ "/v1.0/", GRAPH_REQUEST_BYTES_MAX, graph_answer, graph_count },
	{ "/upload/", GRAPH_REQUEST_BYTES_MAX, graph_upload_answer, NULL },
	{ "/", 65536, token_endpoint_answer, NULL },
};

#define ROUTES (sizeof(routes) / sizeof(*routes))

/* One request on its way in. */
struct incoming {
	size_t route;
	char *path;
	struct buf body;
	bool too_long;
};

enum MHD_Result https_send(struct MHD_Connection *connection, unsigned status, json_t *json, const char *const *headers)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	struct MHD_Response *response = text ? MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE) :
					       MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	json_decref(json);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	if (text)
		(void)MHD_add_response_header(response, "Content-Type", "application/json; charset=utf-8");
	(void)MHD_add_response_header(response, "Cache-Control", "no-store");
	(void)MHD_add_response_header(response, "X-Sekisho", "SANDBOX");
	for (; headers && headers[0]; headers += 2)
		(void)MHD_add_response_header(response, headers[0], headers[1]);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static void count(struct sandbox *sandbox, const struct incoming *incoming, int change)
{
	if (incoming->path && routes[incoming->route].count)
		routes[incoming->route].count(sandbox, str_of(incoming->path), change);
}

static struct incoming *incoming_new(struct sandbox *sandbox, struct str path)
{
	struct incoming *incoming = calloc(1, sizeof(*incoming));

	if (!incoming)
		return NULL;
	while (incoming->route < ROUTES - 1 && !str_starts(path, str_of(routes[incoming->route].path)))
		incoming->route++;
	buf_init(&incoming->body, routes[incoming->route].body_bytes_max);
	incoming->path = str_dup(path);
	count(sandbox, incoming, 1);
	return incoming;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path, const char *method,
				  const char *version, const char *upload, size_t *upload_size, void **state)
{
	struct sandbox *sandbox = context;
	struct incoming *incoming = *state;

	(void)version;
	if (!incoming) {
		*state = incoming_new(sandbox, str_of(path));
		return *state ? MHD_YES : MHD_NO;
	}
	if (*upload_size > 0) {
		incoming->too_long |= !buf_add(&incoming->body, (struct str){ upload, *upload_size });
		*upload_size = 0;
		return MHD_YES;
	}
	return routes[incoming->route].answer(sandbox, &(struct https_request){
		.connection = connection,
		.method = str_of(method),
		.path = str_of(path),
		.body = buf_str(&incoming->body),
		.too_long = incoming->too_long,
	});
}

static void on_done(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
	struct incoming *incoming = *state;

	(void)connection;
	(void)why;
	if (!incoming)
		return;
	count(context, incoming, -1);
	free(incoming->path);
	buf_wipe(&incoming->body); /* a client secret may have been in it */
	free(incoming);
	*state = NULL;
}

enum outcome https_open(struct sandbox *sandbox, unsigned port, struct fault *fault)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char *key = str_dup(buf_str(&sandbox->leaf.key));
	char *certificate = str_dup(buf_str(&sandbox->leaf.certificate));
	const union MHD_DaemonInfo *info;

	/* A thread a connection: a request that is answered slowly holds up no other. */
	if (key && certificate)
		sandbox->https = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS,
						  (uint16_t)port, NULL, NULL, on_request, sandbox, MHD_OPTION_SOCK_ADDR, &address,
						  MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_HTTPS_MEM_CERT, certificate,
						  MHD_OPTION_NOTIFY_COMPLETED, on_done, sandbox, MHD_OPTION_CONNECTION_TIMEOUT, SILENT_SECONDS,
						  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)262144, MHD_OPTION_END);
	free(key);
	free(certificate);
	info = sandbox->https ? MHD_get_daemon_info(sandbox->https, MHD_DAEMON_INFO_BIND_PORT) : NULL;
	if (!info)
		return fault_set(fault, OUTCOME_LATER, N_("the sandbox's token endpoint cannot listen on 127.0.0.1 port %u; is it in use?"), port);
	sandbox->https_port = info->port;
	return OUTCOME_OK;
}

void https_close(struct sandbox *sandbox)
{
	if (sandbox->https)
		MHD_stop_daemon(sandbox->https);
	sandbox->https = NULL;
}
