#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "options.h"
#include "sink.h"

enum { request_bytes_max = 65536, token_bytes = 1600 };

static void answer(struct peer *peer, const char *headers, const char *body)
{
	conn_say(&peer->conn, "HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\n\r\n%s", headers, strlen(body),
	         body);
}

/* As long as an access token of Entra usually is; no two are equal. */
static void answer_token(struct peer *peer)
{
	char token[token_bytes + 1];
	char body[token_bytes + 256];
	int len = snprintf(token, sizeof(token), "sink.%ld.", ++peer->sink->counts.tokens);

	memset(token + len, 'x', (size_t)(token_bytes - len));
	token[token_bytes] = '\0';
	(void)snprintf(body, sizeof(body),
	               "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"ext_expires_in\":3599,\"access_"
	               "token\":\"%s\"}",
	               token);
	answer(peer, "Content-Type: application/json\r\nCache-Control: no-store\r\n", body);
}

/* ngx_mail_auth_http_module: everybody may, and our own SMTP port is the upstream. */
static void answer_lookup(struct peer *peer)
{
	char headers[128];

	peer->sink->counts.lookups++;
	(void)snprintf(headers, sizeof(headers),
	               "Auth-Status: OK\r\nAuth-Server: 127.0.0.1\r\nAuth-Port: %d\r\nConnection: close\r\n",
	               peer->sink->smtp_port);
	answer(peer, headers, "");
	peer->over = true;
}

static const struct {
	const char *method;
	const char *path_end;
	void (*run)(struct peer *);
} requests[] = {
	{ "POST ", "/token", answer_token },
	{ "GET ", "/auth", answer_lookup },
};

static void run_request(struct peer *peer, const char *request)
{
	const char *path = strchr(request, ' ');
	size_t path_len = path ? strcspn(path + 1, " ?\r") : 0;

	for (size_t i = 0; path && i < sizeof(requests) / sizeof(requests[0]); i++) {
		size_t len = strlen(requests[i].path_end);

		if (strncmp(request, requests[i].method, strlen(requests[i].method)) == 0 &&
		    path_len >= len && strncmp(path + 1 + path_len - len, requests[i].path_end, len) == 0) {
			requests[i].run(peer);
			return;
		}
	}
	peer->sink->counts.refused++;
	conn_say(&peer->conn, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	peer->over = true;
}

void sink_http_begin(struct peer *peer)
{
	(void)peer; /* the client speaks first */
}

void sink_http_eat(struct peer *peer)
{
	struct bytes *in = &peer->conn.in;

	while (!peer->over && in->at < in->len) {
		char *request = in->ptr + in->at;
		char *end;
		char *length;
		size_t body_len;

		in->ptr[in->len] = '\0'; /* conn_read leaves room for it */
		end = strstr(request, "\r\n\r\n");
		if (!end) {
			peer->cut = in->len - in->at > request_bytes_max;
			return;
		}
		*end = '\0';
		length = strcasestr(request, "\nContent-Length:");
		body_len = length ? strtoul(length + 16, NULL, 10) : 0;
		*end = '\r';
		end += 4;
		if ((size_t)(in->ptr + in->len - end) < body_len)
			return;
		run_request(peer, request);
		in->at = (size_t)(end - in->ptr) + body_len;
	}
}
