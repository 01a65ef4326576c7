#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/demo.h"

#define LINE_MAX_BYTES 1024
#define PATIENCE_SECONDS 30
#define SEND_BYTES 65536

/* The dialogue as it stands. */
struct talk {
	struct copier *copier;
	int fd;
	SSL_CTX *context;
	SSL *ssl; /* NULL: in clear */
	char input[8192];
	size_t input_len;
};

static void show(const char *who, const char *line)
{
	(void)printf("    %s %s\n", who, line);
}

static bool send_bytes(struct talk *talk, struct str bytes)
{
	while (bytes.len > 0) {
		int count = bytes.len < SEND_BYTES ? (int)bytes.len : SEND_BYTES;
		ssize_t sent = talk->ssl ? SSL_write(talk->ssl, bytes.ptr, count) : send(talk->fd, bytes.ptr, (size_t)count, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes = str_skip(bytes, (size_t)sent);
	}
	return true;
}

/* Say a line; `shown` stands for it on the screen. */
static bool speak(struct talk *talk, const char *line, const char *shown)
{
	char whole[LINE_MAX_BYTES + 2];
	int len = snprintf(whole, sizeof(whole), "%s\r\n", line);

	show("C:", shown ? shown : line);
	return len > 0 && (size_t)len < sizeof(whole) && send_bytes(talk, (struct str){ whole, (size_t)len });
}

static bool hear_line(struct talk *talk, char ret_line[LINE_MAX_BYTES])
{
	for (;;) {
		struct str all = { talk->input, talk->input_len };
		size_t end = str_find(all, '\n');
		ssize_t got;

		if (end < all.len) {
			bool fits = str_copy(str_trim((struct str){ all.ptr, end }), LINE_MAX_BYTES, ret_line);

			talk->input_len -= end + 1;
			memmove(talk->input, talk->input + end + 1, talk->input_len);
			return fits;
		}
		if (talk->input_len == sizeof(talk->input))
			return false;
		got = talk->ssl ? SSL_read(talk->ssl, talk->input + talk->input_len, (int)(sizeof(talk->input) - talk->input_len)) :
				  recv(talk->fd, talk->input + talk->input_len, sizeof(talk->input) - talk->input_len, 0);
		if (got <= 0)
			return false;
		talk->input_len += (size_t)got;
	}
}

/* A whole reply, printed; its code. 0: there is none. */
static unsigned hear(struct talk *talk)
{
	char line[LINE_MAX_BYTES];
	uint64_t code;

	do {
		if (!hear_line(talk, line) || strlen(line) < 3)
			return 0;
		show("S:", line);
	} while (line[3] == '-');
	(void)snprintf(talk->copier->last, sizeof(talk->copier->last), "%s", line);
	return str_to_u64((struct str){ line, 3 }, 999, &code) ? (unsigned)code : 0;
}

static bool ask(struct talk *talk, const char *line, const char *shown, unsigned wanted)
{
	return speak(talk, line, shown) && hear(talk) == wanted;
}

static bool open_connection(struct talk *talk)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)talk->copier->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	struct timeval patience = { PATIENCE_SECONDS, 0 };

	talk->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (talk->fd == -1)
		return false;
	(void)setsockopt(talk->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(talk->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return connect(talk->fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

static bool secure(struct talk *talk)
{
	talk->context = SSL_CTX_new(TLS_client_method());
	if (!talk->context || SSL_CTX_load_verify_file(talk->context, talk->copier->ca_file) != 1)
		return false;
	SSL_CTX_set_verify(talk->context, SSL_VERIFY_PEER, NULL);
	talk->ssl = SSL_new(talk->context);
	if (!talk->ssl || SSL_set_fd(talk->ssl, talk->fd) != 1 || SSL_set1_host(talk->ssl, "localhost") != 1)
		return false;
	if (SSL_connect(talk->ssl) != 1)
		return false;
	(void)printf("    --- %s, %s ---\n", SSL_get_version(talk->ssl), SSL_get_cipher_name(talk->ssl));
	return true;
}

static bool say_base64(struct talk *talk, const char *secret)
{
	CLEANUP(buf_wipe) struct buf line = { .bytes_max = LINE_MAX_BYTES };

	return base64_print(&line, str_of(secret)) && buf_add_byte(&line, '\0') && speak(talk, line.ptr, "********");
}

static enum copier_end sign_in(struct talk *talk)
{
	unsigned code;

	if (!open_connection(talk) || hear(talk) != 220 || !ask(talk, "EHLO copier.contoso.example", NULL, 250) ||
	    !ask(talk, "STARTTLS", NULL, 220) || !secure(talk) || !ask(talk, "EHLO copier.contoso.example", NULL, 250) ||
	    !ask(talk, "AUTH LOGIN", NULL, 334) || !say_base64(talk, talk->copier->user) || hear(talk) != 334 ||
	    !say_base64(talk, talk->copier->password))
		return COPIER_BROKEN;
	code = hear(talk);
	return code == 235 ? COPIER_SIGNED_IN : code >= 400 ? COPIER_REFUSED : COPIER_BROKEN;
}

/* With the dots that RFC 5321, 4.5.2 wants, and the end. */
static bool send_message(struct talk *talk, struct str message)
{
	CLEANUP(cleanup_buf) struct buf stuffed = { .bytes_max = 2 * message.len };
	char shown[128];
	struct str rest = message;

	(void)snprintf(shown, sizeof(shown), say(talk->copier->cli->language, N_("(%zu bytes of message)")), message.len);
	show("C:", shown);
	while (rest.len > 0) {
		size_t end = str_find(rest, '\n');
		struct str line = { rest.ptr, end < rest.len ? end + 1 : rest.len };

		if ((line.ptr[0] == '.' && !buf_add_byte(&stuffed, '.')) || !buf_add(&stuffed, line))
			return false;
		rest = str_skip(rest, line.len);
	}
	return send_bytes(talk, buf_str(&stuffed)) && ask(talk, ".", NULL, 250);
}

static enum copier_end hand_over(struct talk *talk, const char *recipient, struct str message)
{
	char line[LINE_MAX_BYTES];

	(void)snprintf(line, sizeof(line), "MAIL FROM:<%s>", talk->copier->user);
	if (!ask(talk, line, NULL, 250))
		return COPIER_BROKEN;
	(void)snprintf(line, sizeof(line), "RCPT TO:<%s>", recipient);
	if (!ask(talk, line, NULL, 250) || !ask(talk, "DATA", NULL, 354))
		return COPIER_BROKEN;
	return send_message(talk, message) ? COPIER_SENT : COPIER_BROKEN;
}

enum copier_end copier_run(struct copier *copier, const char *recipient, struct str message)
{
	struct talk talk = { .copier = copier, .fd = -1 };
	uint64_t began_us = clock_monotonic_us();
	char said[sizeof(copier->last)];
	enum copier_end end = sign_in(&talk);

	if (end == COPIER_SIGNED_IN && message.len > 0)
		end = hand_over(&talk, recipient, message);
	(void)memcpy(said, copier->last, sizeof(said));
	if (end != COPIER_BROKEN)
		(void)ask(&talk, "QUIT", NULL, 221);
	(void)memcpy(copier->last, said, sizeof(said)); /* what decided, not the goodbye */
	copier->milliseconds = (double)(clock_monotonic_us() - began_us) / 1000;
	SSL_free(talk.ssl);
	SSL_CTX_free(talk.context);
	if (talk.fd != -1)
		(void)close(talk.fd);
	return end;
}
