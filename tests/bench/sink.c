#include "sink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "options.h"
#include "tally.h"

enum { events_max = 256, reads_in_a_row_max = 16 };

/* options: what --help prints. */
struct sink_options {
	const char *address, *tls, *certificate, *key, *ids, *stats, *fail;
	long smtp_port, token_port, lookup_port, delay_ms;
	bool auth, list_fails, quick_acks;
};

static const struct option_row rows[] = {
	{ "address", OPTION_TEXT, offsetof(struct sink_options, address), "where to listen (127.0.0.1)" },
	{ "port", OPTION_COUNT, offsetof(struct sink_options, smtp_port), "port of SMTP (0: any)" },
	{ "tls", OPTION_TEXT, offsetof(struct sink_options, tls), "none, starttls or implicit (none)" },
	{ "certificate", OPTION_TEXT, offsetof(struct sink_options, certificate),
	  "PEM chain, for SMTP and the token endpoint" },
	{ "key", OPTION_TEXT, offsetof(struct sink_options, key), "its key" },
	{ "auth", OPTION_FLAG, offsetof(struct sink_options, auth), "want AUTH XOAUTH2; any token is taken" },
	{ "token-port", OPTION_COUNT, offsetof(struct sink_options, token_port),
	  "HTTPS token endpoint: POST /…/token" },
	{ "lookup-port", OPTION_COUNT, offsetof(struct sink_options, lookup_port),
	  "HTTP responder for nginx: GET /auth" },
	{ "quick-acks", OPTION_FLAG, offsetof(struct sink_options, quick_acks),
	  "acknowledge each segment at once" },
	{ "ids", OPTION_TEXT, offsetof(struct sink_options, ids),
	  "append the Message-ID of each message to this file" },
	{ "stats", OPTION_TEXT, offsetof(struct sink_options, stats),
	  "write the counts to this file on SIGUSR1 and at the end" },
	{ "delay-ms", OPTION_COUNT, offsetof(struct sink_options, delay_ms),
	  "wait so long before the reply to a message" },
	{ "fail", OPTION_TEXT, offsetof(struct sink_options, fail),
	  "NAME[:EVERY][,…]: fail at each EVERY-th chance" },
	{ "list-fails", OPTION_FLAG, offsetof(struct sink_options, list_fails),
	  "print the names that --fail knows" },
};

static void peer_end(struct sink *sink, struct peer *peer)
{
	struct sink_counts *counts = &sink->counts;

	if (peer->state == PEER_LATE)
		TAILQ_REMOVE(&sink->late, peer, late);
	conn_close(&peer->conn);
	free(peer->head);
	free(peer);
	counts->open--;
}

/* Says what waits; true: the peer is still there. */
static bool say(struct peer *peer)
{
	enum conn_is is = peer->cut ? CONN_FAILED : conn_flush(&peer->conn, peer);

	if (is == CONN_FAILED || (is == CONN_OK && peer->over)) {
		peer_end(peer->sink, peer);
		return false;
	}
	if (is == CONN_OK && peer->start_tls) {
		SSL *ssl = SSL_new(peer->sink->tls);

		if (!ssl)
			options_die(1, "out of memory");
		peer->start_tls = false;
		peer->conn.in.at =
		        peer->conn.in.len; /* what was sent in clear before the handshake is not believed */
		SSL_set_accept_state(ssl);
		conn_start_tls(&peer->conn, ssl);
	}
	return true;
}

static void on_readable(struct peer *peer)
{
	if (peer->conn.shaking) {
		enum conn_is is = conn_handshake(&peer->conn, peer);

		if (is == CONN_AGAIN)
			return;
		if (is != CONN_OK) {
			peer_end(peer->sink, peer);
			return;
		}
		peer->sink->counts.tls++;
		if (peer->listener->tls == SINK_IMPLICIT) {
			peer->listener->begin(peer);
			if (!say(peer))
				return;
		}
	}
	for (int i = 0;; i++) {
		enum conn_is is = conn_read(&peer->conn);

		if (is == CONN_CLOSED || is == CONN_FAILED) {
			peer_end(peer->sink, peer);
			return;
		}
		if (is == CONN_AGAIN)
			return;
		peer->listener->eat(peer);
		if (!say(peer) || peer->conn.shaking)
			return;
		if (i >= reads_in_a_row_max && !(peer->conn.ssl && SSL_pending(peer->conn.ssl)))
			return;
	}
}

static void on_connection(struct sink *sink, const struct listener *listener)
{
	int fd;

	while ((fd = accept4(listener->conn.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1) {
		struct peer *peer = calloc(1, sizeof(*peer));

		if (!peer)
			options_die(1, "out of memory");
		peer->listener = listener;
		peer->sink = sink;
		sink->counts.connections++;
		if (++sink->counts.open > sink->counts.open_max)
			sink->counts.open_max = sink->counts.open;
		conn_init(&peer->conn, sink->epoll_fd, fd, peer);
		peer->conn.quick_ack = sink->quick_acks;
		if (listener->tls == SINK_IMPLICIT) {
			SSL *ssl = SSL_new(sink->tls);

			if (!ssl)
				options_die(1, "out of memory");
			SSL_set_accept_state(ssl);
			conn_start_tls(&peer->conn, ssl);
			continue;
		}
		listener->begin(peer);
		(void)say(peer);
	}
}

static void listener_open(struct sink *sink, struct listener *listener, const char *address)
{
	struct sockaddr_in where = { .sin_family = AF_INET, .sin_port = htons((uint16_t)listener->port) };
	socklen_t size = sizeof(where);
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (inet_pton(AF_INET, address, &where.sin_addr) != 1)
		options_die(64, "--address wants an IPv4 address, not \"%s\"", address);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd == -1 || bind(fd, (struct sockaddr *)&where, sizeof(where)) == -1 || listen(fd, 4096) == -1)
		options_die(75, "cannot listen on %s:%d: %s", address, listener->port, strerror(errno));
	if (getsockname(fd, (struct sockaddr *)&where, &size) == 0)
		listener->port = ntohs(where.sin_port);
	conn_init(&listener->conn, sink->epoll_fd, fd, listener);
}

static SSL_CTX *tls_open(const struct sink_options *options)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	if (!tls || SSL_CTX_use_certificate_chain_file(tls, options->certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(tls, options->key, SSL_FILETYPE_PEM) != 1)
		options_die(65, "cannot use the certificate %s with the key %s", options->certificate,
		            options->key);
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                              SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	return tls;
}

static void counts_print(const struct sink_counts *counts, FILE *out)
{
	fprintf(out,
	        "{\"messages\":%ld,\"bytes\":%ld,\"recipients\":%ld,\"connections\":%ld,\"open\":%ld,\"open_"
	        "max\":%ld,\"tls\":%ld,"
	        "\"auths\":%ld,\"tokens\":%ld,\"lookups\":%ld,\"refused\":%ld,\"cut\":%ld}\n",
	        counts->messages, counts->message_bytes, counts->recipients, counts->connections,
	        counts->open, counts->open_max, counts->tls, counts->auths, counts->tokens, counts->lookups,
	        counts->refused, counts->cut);
}

/* By rename, so that a reader never meets half of it. */
static void counts_save(const struct sink_counts *counts, const char *path)
{
	char temp[4096];
	FILE *out;

	if (!path)
		return;
	(void)snprintf(temp, sizeof(temp), "%s.new", path);
	out = fopen(temp, "we");
	if (!out)
		options_die(1, "cannot write %s: %s", temp, strerror(errno));
	counts_print(counts, out);
	if (fclose(out) == EOF || rename(temp, path) == -1)
		options_die(1, "cannot write %s: %s", path, strerror(errno));
}

/* Replies whose time has come; returns how long to sleep for the next, -1: for ever. */
static int on_time(struct sink *sink)
{
	struct peer *peer;

	while ((peer = TAILQ_FIRST(&sink->late))) {
		uint64_t now_us = tally_now_us();

		if (peer->due_us > now_us)
			return (int)((peer->due_us - now_us) / 1000 + 1);
		TAILQ_REMOVE(&sink->late, peer, late);
		sink_smtp_answer_body(peer);
		sink_smtp_eat(peer);
		(void)say(peer);
	}
	return -1;
}

static void fails_add(const char *text)
{
	char name[64];

	while (text && *text) {
		size_t len = strcspn(text, ",");

		(void)snprintf(name, sizeof(name), "%.*s", len < sizeof(name) ? (int)len : 63, text);
		if (!sink_fail_add(name))
			options_die(64, "--fail does not know \"%s\"; --list-fails prints the names", name);
		text += len + (text[len] == ',');
	}
}

static enum sink_tls tls_of(const char *text)
{
	static const char *const names[] = {
		[SINK_CLEAR] = "none", [SINK_STARTTLS] = "starttls", [SINK_IMPLICIT] = "implicit"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], text) == 0)
			return (enum sink_tls)i;
	options_die(64, "--tls wants none, starttls or implicit, not \"%s\"", text);
}

static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void serve(struct sink *sink, struct listener *listeners, size_t listener_count, const char *stats)
{
	struct epoll_event events[events_max];
	int signal_fd = signals_open();
	struct epoll_event on_signal = { .events = EPOLLIN, .data.ptr = sink };

	(void)epoll_ctl(sink->epoll_fd, EPOLL_CTL_ADD, signal_fd, &on_signal);
	for (;;) {
		int count = epoll_wait(sink->epoll_fd, events, events_max, on_time(sink));

		for (int i = 0; i < count; i++) {
			void *owner = events[i].data.ptr;
			struct signalfd_siginfo got;

			if (owner == sink) {
				if (read(signal_fd, &got, sizeof(got)) == sizeof(got))
					counts_save(&sink->counts, stats);
				if (got.ssi_signo != SIGUSR1)
					return;
			} else if ((struct listener *)owner >= listeners &&
			           (struct listener *)owner < listeners + listener_count) {
				on_connection(sink, owner);
			} else if ((events[i].events & ~(uint32_t)EPOLLOUT) ||
			           ((struct peer *)owner)->conn.shaking) {
				on_readable(owner);
			} else {
				(void)say(owner);
			}
		}
	}
}

int main(int argc, char **argv)
{
	struct sink_options options = { .address = "127.0.0.1", .tls = "none" };
	struct sink sink = { .ids_fd = -1 };
	struct listener listeners[3];
	size_t count = 1;

	options_parse(rows, sizeof(rows) / sizeof(rows[0]), &options, argc, argv);
	if (options.list_fails) {
		sink_fail_list(stdout);
		return 0;
	}
	fails_add(options.fail);
	TAILQ_INIT(&sink.late);
	sink.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	sink.auth = options.auth;
	sink.delay_ms = options.delay_ms;
	sink.quick_acks = options.quick_acks;
	if (options.ids &&
	    (sink.ids_fd = open(options.ids, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) == -1)
		options_die(1, "cannot write %s: %s", options.ids, strerror(errno));
	listeners[0] = (struct listener){ .begin = sink_smtp_begin,
		                          .eat = sink_smtp_eat,
		                          .tls = tls_of(options.tls),
		                          .port = (int)options.smtp_port };
	if (options.token_port)
		listeners[count++] = (struct listener){ .begin = sink_http_begin,
			                                .eat = sink_http_eat,
			                                .tls = SINK_IMPLICIT,
			                                .port = (int)options.token_port };
	if (options.lookup_port)
		listeners[count++] = (struct listener){ .begin = sink_http_begin,
			                                .eat = sink_http_eat,
			                                .tls = SINK_CLEAR,
			                                .port = (int)options.lookup_port };
	if (listeners[0].tls != SINK_CLEAR || options.token_port) {
		if (!options.certificate || !options.key)
			options_die(64, "TLS and the token endpoint want --certificate and --key");
		sink.tls = tls_open(&options);
	}
	for (size_t i = 0; i < count; i++)
		listener_open(&sink, &listeners[i], options.address);
	sink.smtp_port = listeners[0].port;
	printf("ready %d\n", sink.smtp_port);
	fflush(stdout);
	serve(&sink, listeners, count, options.stats);
	counts_print(&sink.counts, stdout);
	SSL_CTX_free(sink.tls);
	return 0;
}
