/* load: SMTP submission clients without end: N sessions at a time, M messages, one JSON line of what
 * happened. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "dialogue.h"
#include "options.h"

enum { events_max = 256, sweep_ms = 20, opening_max = 64 };

struct load_options {
	const char *host, *tls, *tls_version, *groups, *auth, *user, *password_file, *users, *recipient,
	        *ack_log, *acks;
	long port, sessions, messages, bytes, per_connection, idle, retry_ms, seconds, timeout_ms, sources;
	bool resume;
};

static const struct option_row rows[] = {
	{ "host", OPTION_TEXT, offsetof(struct load_options, host),
	  "IPv4 address of the server (127.0.0.1)" },
	{ "port", OPTION_COUNT, offsetof(struct load_options, port), "its port (587)" },
	{ "tls", OPTION_TEXT, offsetof(struct load_options, tls), "starttls, implicit or none (starttls)" },
	{ "tls-version", OPTION_TEXT, offsetof(struct load_options, tls_version),
	  "1.2 or 1.3: only this one (1.3)" },
	{ "groups", OPTION_TEXT, offsetof(struct load_options, groups), "key exchange groups (P-256)" },
	{ "resume", OPTION_FLAG, offsetof(struct load_options, resume),
	  "take up TLS sessions again by ticket" },
	{ "auth", OPTION_TEXT, offsetof(struct load_options, auth), "login, plain or none (login)" },
	{ "user", OPTION_TEXT, offsetof(struct load_options, user), "account; also the sender" },
	{ "password-file", OPTION_TEXT, offsetof(struct load_options, password_file),
	  "its password is the file's first line" },
	{ "users", OPTION_TEXT, offsetof(struct load_options, users),
	  "file of user:password rows, one account a connection in turn" },
	{ "recipient", OPTION_TEXT, offsetof(struct load_options, recipient), "recipient of all messages" },
	{ "sessions", OPTION_COUNT, offsetof(struct load_options, sessions), "clients at a time (1)" },
	{ "messages", OPTION_COUNT, offsetof(struct load_options, messages), "messages in all (1000)" },
	{ "bytes", OPTION_COUNT, offsetof(struct load_options, bytes), "size of a message (4096)" },
	{ "per-connection", OPTION_COUNT, offsetof(struct load_options, per_connection),
	  "messages a connection (1)" },
	{ "acks", OPTION_TEXT, offsetof(struct load_options, acks),
	  "delayed or quick: TCP acknowledgements of the clients (delayed)" },
	{ "idle", OPTION_COUNT, offsetof(struct load_options, idle),
	  "open so many signed-in sessions and hold them, until stdin has a line or ends" },
	{ "sources", OPTION_COUNT, offsetof(struct load_options, sources),
	  "spread clients over so many source addresses (127.0.1.1 and up)" },
	{ "retry-ms", OPTION_COUNT, offsetof(struct load_options, retry_ms),
	  "try a failed message again after so long, same Message-ID (never)" },
	{ "seconds", OPTION_COUNT, offsetof(struct load_options, seconds),
	  "begin nothing new after so long (60)" },
	{ "timeout-ms", OPTION_COUNT, offsetof(struct load_options, timeout_ms),
	  "longest wait for a reply (60000)" },
	{ "ack-log", OPTION_TEXT, offsetof(struct load_options, ack_log),
	  "append the Message-ID of each acknowledged message to this file" },
};

static char *file_read(const char *path)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = fopen(path, "re");

	if (!file)
		options_die(66, "cannot read %s: %s", path, strerror(errno));
	if (getdelim(&text, &size, '\0', file) == -1)
		options_die(65, "%s is empty", path);
	fclose(file);
	return text;
}

/* The rows of --users, or the one account of --user and --password-file. */
static void accounts_read(struct load *load, const struct load_options *options)
{
	struct account *accounts = NULL;
	char *rest = options->users ? file_read(options->users) : NULL;
	char *row;
	size_t count = 0;

	while (rest && (row = strsep(&rest, "\n"))) {
		char *colon = strchr(row, ':');

		if (!*row)
			continue;
		if (!colon)
			options_die(65, "row %zu of %s is not user:password", count + 1, options->users);
		*colon = '\0';
		if ((count & (count - 1)) == 0 &&
		    !(accounts = reallocarray(accounts, count ? count * 2 : 1, sizeof(*accounts))))
			options_die(1, "out of memory");
		accounts[count++] = (struct account){ row, colon + 1 };
	}
	if (!options->users) {
		char *password = options->password_file ? file_read(options->password_file) : NULL;

		if (load->auth && (!options->user || !password))
			options_die(64, "AUTH wants --user and --password-file, or --users");
		if (password)
			password[strcspn(password, "\r\n")] = '\0';
		accounts = calloc(1, sizeof(*accounts));
		if (!accounts)
			options_die(1, "out of memory");
		accounts[count++] =
		        (struct account){ options->user ? options->user : "bench@bench.invalid", password };
	}
	if (!count)
		options_die(65, "%s has no row", options->users);
	load->accounts = accounts;
	load->account_count = count;
}

static void tls_open(struct load *load, const struct load_options *options)
{
	int version = strcmp(options->tls_version, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;

	if (version == TLS1_3_VERSION && strcmp(options->tls_version, "1.3") != 0)
		options_die(64, "--tls-version wants 1.2 or 1.3, not \"%s\"", options->tls_version);
	load->tls = SSL_CTX_new(TLS_client_method());
	if (!load->tls || !SSL_CTX_set_min_proto_version(load->tls, version) ||
	    !SSL_CTX_set_max_proto_version(load->tls, version))
		options_die(1, "TLS cannot be set up");
	if (!SSL_CTX_set1_groups_list(load->tls, options->groups))
		options_die(64, "--groups: OpenSSL does not know \"%s\"", options->groups);
	SSL_CTX_set_verify(load->tls, SSL_VERIFY_NONE, NULL); /* what is measured is the server */
	SSL_CTX_set_mode(load->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                                    SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(load->tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
	if (options->resume) {
		SSL_CTX_set_session_cache_mode(load->tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(load->tls, dialogue_on_ticket);
	} else {
		SSL_CTX_set_session_cache_mode(load->tls, SSL_SESS_CACHE_OFF);
	}
}

/* Lines of 76 characters that look like base64, as an attachment does, and the end of the message. */
static void body_make(struct load *load, size_t bytes)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char end[] = "\r\n.\r\n";
	char *body = malloc(bytes + sizeof(end));
	unsigned seed = 1;

	if (!body)
		options_die(1, "out of memory");
	for (size_t i = 0; i < bytes; i++) {
		seed = seed * 1103515245U + 12345U;
		body[i] = i % 78 == 76 ? '\r' : i % 78 == 77 ? '\n' : alphabet[seed >> 16 & 63];
	}
	if (bytes && body[bytes - 1] == '\r')
		body[bytes - 1] = 'A';
	memcpy(body + bytes, end, sizeof(end) - 1);
	load->body = body;
	load->message_bytes = bytes;
	load->body_len = bytes + sizeof(end) - 1;
}

static void sessions_free(struct session *sessions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		conn_close(&sessions[i].conn);
		SSL_SESSION_free(sessions[i].ticket);
	}
	free(sessions);
}

/* Begins what is due, ends what is overdue; false: nothing is left to do. */
static bool sweep(struct session *sessions, size_t count, const struct load_options *options)
{
	struct load *load = sessions[0].load;
	uint64_t now_us = tally_now_us();
	bool alive = false;
	long opening = 0;

	for (size_t i = 0; i < count; i++)
		opening += sessions[i].step < STEP_MAIL;
	for (size_t i = 0; i < count; i++) {
		struct session *session = &sessions[i];

		if (session->step == STEP_PAUSE && load->refuse_pause) {
			load->failed += session->message != 0;
			session->message = 0;
			session->step = STEP_DONE;
		}
		if (session->step == STEP_PAUSE && session->due_us <= now_us)
			session->step = STEP_DONE;
		if (session->step == STEP_DONE && session->conn.fd == -1 &&
		    (!load->idle || opening < opening_max)) {
			dialogue_begin(session);
			opening++;
		} else if (session->step < STEP_HELD &&
		           now_us - session->active_us > (uint64_t)options->timeout_ms * 1000) {
			dialogue_fail(session, "no reply in time");
		}
		alive |= session->step != STEP_DONE;
	}
	return alive;
}

static void idle_announce(const struct load *load)
{
	printf("{\"held\":%ld,\"failures\":", load->held);
	failures_print(&load->failures, stdout);
	printf("}\n");
	fflush(stdout);
}

/* Signals and, with --idle, standard input come in as events without a session. */
static void control_open(struct load *load, bool with_stdin, int *ret_signal_fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	*ret_signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	(void)epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, *ret_signal_fd, &event);
	if (with_stdin && epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event) == -1)
		options_die(64, "--idle wants a pipe or a terminal as standard input: %s", strerror(errno));
}

/* After each event a session that has ended begins anew, so that the number of clients stays. */
static void on_event(struct session *session, uint32_t events)
{
	dialogue_event(session, events);
	if (session->step == STEP_DONE && !session->load->idle)
		dialogue_begin(session);
}

static bool run(struct session *sessions, size_t count, const struct load_options *options)
{
	struct load *load = sessions[0].load;
	struct epoll_event events[events_max];
	uint64_t end_us = tally_now_us() + (uint64_t)options->seconds * 1000000;
	uint64_t sweep_us = 0;
	bool announced = false;
	bool cut = false;
	int signal_fd;

	control_open(load, options->idle, &signal_fd);
	for (;;) {
		int ready;

		if (tally_now_us() >= sweep_us) {
			if (!sweep(sessions, count, options) && (!load->idle || load->stop))
				return cut;
			sweep_us = tally_now_us() + sweep_ms * 1000;
		}
		ready = epoll_wait(load->epoll_fd, events, events_max, sweep_ms);
		for (int i = 0; i < ready; i++) {
			if (events[i].data.ptr)
				on_event(events[i].data.ptr, events[i].events);
			else if (load->idle)
				return cut;
			else
				load->stop = load->refuse_pause = cut = true;
		}
		if (load->idle && !announced && (load->held >= load->idle || tally_now_us() > end_us)) {
			idle_announce(load);
			announced = load->stop = true;
		}
		if (!load->idle && tally_now_us() > end_us && !load->stop)
			load->stop = load->refuse_pause = cut = true;
	}
}

static void report(struct load *load, uint64_t start_us, bool cut)
{
	struct rusage used;
	double seconds = (double)((load->acknowledged ? load->last_ack_us : tally_now_us()) - start_us) / 1e6;

	(void)getrusage(RUSAGE_SELF, &used);
	printf("{\"acknowledged\":%ld,\"failed\":%ld,\"retried\":%ld,\"cut_short\":%s,\"seconds\":%.3f,\"per_"
	       "second\":%.1f,"
	       "\"connections\":%ld,\"held\":%ld,\"message_bytes\":%zu,\"run_id\":\"%s\",",
	       load->acknowledged, load->failed, load->retried, cut ? "true" : "false", seconds,
	       seconds > 0 ? (double)load->acknowledged / seconds : 0, load->connections, load->held,
	       load->message_bytes, load->run_id);
	printf("\"tls\":\"%s\",\"cipher\":\"%s\",\"group\":\"%s\",\"resumed\":%ld,\"acks\":\"%s\",\"client_"
	       "cpu_seconds\":%.3f,",
	       load->tls_version, load->tls_cipher, load->tls_group, load->resumed,
	       load->quick_ack ? "quick" : "delayed",
	       (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
	printf("\"dialogue_ms\":");
	series_print(&load->dialogue_us, stdout);
	printf(",\"message_ms\":");
	series_print(&load->message_us, stdout);
	printf(",\"failures\":");
	failures_print(&load->failures, stdout);
	printf("}\n");
}

static bool is_one_of(const char *text, const char *a, const char *b)
{
	return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

static void load_init(struct load *load, const struct load_options *options)
{
	static char date[64];
	static char run_id[64];
	struct timespec now;
	struct tm tm;

	if (inet_pton(AF_INET, options->host, &load->server.sin_addr) != 1)
		options_die(64, "--host wants an IPv4 address, not \"%s\"", options->host);
	if (!is_one_of(options->tls, "starttls", "implicit") && strcmp(options->tls, "none") != 0)
		options_die(64, "--tls wants starttls, implicit or none, not \"%s\"", options->tls);
	if (!is_one_of(options->auth, "login", "plain") && strcmp(options->auth, "none") != 0)
		options_die(64, "--auth wants login, plain or none, not \"%s\"", options->auth);
	if (!is_one_of(options->acks, "delayed", "quick"))
		options_die(64, "--acks wants delayed or quick, not \"%s\"", options->acks);
	if (!options->sessions || !options->per_connection)
		options_die(64, "--sessions and --per-connection want at least 1");
	load->server.sin_port = htons((uint16_t)options->port);
	load->starttls = strcmp(options->tls, "starttls") == 0;
	load->implicit = strcmp(options->tls, "implicit") == 0;
	load->auth = strcmp(options->auth, "none") != 0;
	load->auth_plain = strcmp(options->auth, "plain") == 0;
	load->quick_ack = strcmp(options->acks, "quick") == 0;
	accounts_read(load, options);
	tls_open(load, options);
	body_make(load, (size_t)options->bytes);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&now.tv_sec, &tm));
	(void)snprintf(run_id, sizeof(run_id), "%llx.%x",
	               (unsigned long long)now.tv_sec * 1000000000ULL + (unsigned long long)now.tv_nsec,
	               (unsigned)getpid());
	load->date = date;
	load->run_id = run_id;
	if (options->ack_log &&
	    (load->ack_fd = open(options->ack_log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) == -1)
		options_die(1, "cannot write %s: %s", options->ack_log, strerror(errno));
	load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
}

int main(int argc, char **argv)
{
	struct load_options options = {
		.host = "127.0.0.1",
		.port = 587,
		.tls = "starttls",
		.tls_version = "1.3",
		.groups = "P-256",
		.auth = "login",
		.recipient = "someone@bench.invalid",
		.sessions = 1,
		.messages = 1000,
		.bytes = 4096,
		.per_connection = 1,
		.acks = "delayed",
		.seconds = 60,
		.timeout_ms = 60000,
	};
	static struct load load = { .ack_fd = -1 };
	struct session *sessions;
	uint64_t start_us;
	size_t count;
	bool cut;

	options_parse(rows, sizeof(rows) / sizeof(rows[0]), &options, argc, argv);
	load.server.sin_family = AF_INET;
	load.messages_max = options.messages;
	load.per_connection = options.per_connection;
	load.retry_ms = options.retry_ms;
	load.sources = options.sources;
	load.idle = options.idle;
	load.resume = options.resume;
	load.recipient = options.recipient;
	load_init(&load, &options);
	count = (size_t)(options.idle ? options.idle : options.sessions);
	sessions = calloc(count, sizeof(*sessions));
	if (!sessions)
		options_die(1, "out of memory");
	for (size_t i = 0; i < count; i++)
		sessions[i] = (struct session){
			.conn.fd = -1, .load = &load, .step = STEP_DONE, .number = (long)i
		};
	start_us = tally_now_us();
	cut = run(sessions, count, &options);
	report(&load, start_us, cut);
	sessions_free(sessions, count);
	return load.failed || load.failures.total ? 1 : 0;
}
