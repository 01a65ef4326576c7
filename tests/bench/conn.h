/* conn: one non-blocking end of a connection, in clear or in TLS, with what came in and what waits to go out.
 */
#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* bytes: a run of bytes that grows at the end and is eaten at the start. */
struct bytes {
	char *ptr; /* what is left to read begins at ptr + at */
	size_t at;
	size_t len; /* end of what is there, counted from ptr */
	size_t size;
};

struct conn {
	int fd; /* -1: closed */
	int epoll_fd;
	SSL *ssl;       /* NULL: in clear */
	bool shaking;   /* the handshake is not done yet */
	bool quick_ack; /* acknowledge each segment at once */
	uint32_t interest;
	struct bytes in;
	struct bytes out;
	const char *bulk; /* borrowed; goes out after `out` */
	size_t bulk_len;
};

enum conn_is { CONN_OK, CONN_AGAIN, CONN_CLOSED, CONN_FAILED };

/* Takes `fd` (owned from here on) and registers it with `owner` as its epoll data. */
void conn_init(struct conn *conn, int epoll_fd, int fd, void *owner);

/* Begins TLS on it; `ssl` is owned from here on. The handshake moves on in conn_handshake. */
void conn_start_tls(struct conn *conn, SSL *ssl);

/* CONN_OK: done. CONN_AGAIN: wait for an event. */
enum conn_is conn_handshake(struct conn *conn, void *owner);

/* One read of at most 64 KiB onto conn->in; CONN_OK means bytes came and more may wait. */
enum conn_is conn_read(struct conn *conn);

/* Writes what waits; CONN_OK: all of it has gone, CONN_AGAIN: an EPOLLOUT will come. */
enum conn_is conn_flush(struct conn *conn, void *owner);

/* Queue bytes; nothing is written before conn_flush, so that one reply group is one segment. */
void conn_say(struct conn *conn, const char *format, ...) __attribute__((format(printf, 2, 3)));
void conn_put(struct conn *conn, const char *ptr, size_t len);

/* Takes one line off conn->in: *ret_line is NUL-terminated without its CRLF, and lives until the next read.
 * False: no whole line is there. Ends the program if a line passes line_bytes_max: the other side is not
 * SMTP. */
bool conn_line(struct conn *conn, char **ret_line);

/* Ends TLS politely (close_notify), closes, frees; a second call does nothing. */
void conn_close(struct conn *conn);

#endif
