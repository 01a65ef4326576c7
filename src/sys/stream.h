/*
 * stream: a TCP connection, in clear or TLS, on a loop. Input comes as it is decrypted, output is collected and leaves
 * in one write; nothing is copied twice. An idle stream owns no buffer.
 */
#ifndef SYS_STREAM_H
#define SYS_STREAM_H

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/fault.h"
#include "sys/loop.h"

#define STREAM_INPUT_BYTES_MAX 131072 /* kept unread before reading from the peer stops */
#define STREAM_OUTPUT_BYTES_MAX 1048576

enum stream_end { STREAM_END_PEER, STREAM_END_LOST, STREAM_END_TLS, STREAM_END_OURS };

struct stream;

struct stream_handler {
	/* New bytes stand behind what was left: returns how many of `input` were used; the rest is kept and comes again
	 * with more, or at stream_again(). */
	size_t (*on_input)(struct stream *stream, struct str input);
	void (*on_secured)(struct stream *stream);            /* the handshake is done, the peer verified (client) */
	/* All output has left: comes, in a later turn, only when a flush could not hand everything to the kernel at once, which
	 * stream_waiting() tells; may be NULL. */
	void (*on_drained)(struct stream *stream);
	/* The peer is gone or the handshake failed; `fault` says why in the words of TLS or the system. The stream takes no more
	 * calls but stream_close, which is still the owner's to make. */
	void (*on_end)(struct stream *stream, enum stream_end end, const struct fault *fault);
	void (*on_closed)(struct stream *stream);             /* the last call: free what holds it */
};

struct stream {
	uv_tcp_t tcp;              /* first: the handle's address is the stream's */
	struct loop *loop;
	const struct stream_handler *handler;
	void *owner;
	SSL *ssl;
	struct buf input;          /* what on_input left */
	struct buf output;         /* what is to be sent, before TLS */
	struct buf held;           /* TLS's own bytes (a ticket, Finished) that leave with the next flush */
	struct str feed;           /* encrypted bytes of this turn not yet taken by OpenSSL */
	size_t writing;            /* bytes handed to the kernel's queue by uv_write and not yet gone */
	struct stream_connect *connecting;
	struct stream_parting *parting; /* while closing waits for the peer */
	struct fault *late;        /* told by on_end in a later turn */
	enum stream_end how_ended;
	int connect_error;         /* libuv's, of the last address tried; 0: none */
	const char *tls_trouble;   /* an id of why TLS ended: "certificate-expired", "tls-too-old" …; NULL: it did not */
	bool started, reading, paused, delivering, again, handshaking, input_is_tls, secured_now, flushing, ended, closing;
};

/* Embedded in its owner, zeroed or not. After accept: uv_accept has not been called yet; false: the connection is already
 * gone, and on_closed comes in a later turn all the same (nothing else does). */
bool stream_accept(struct stream *stream, struct loop *loop, uv_stream_t *listener,
		   const struct stream_handler *handler, void *owner);
void stream_start(struct stream *stream); /* begin to read (TCP_NODELAY is set) */

/* Connect to the first address that answers; on_connected comes once, in a later turn, with OK (call stream_start) or with a
 * fault (call stream_close); after stream_close it does not come. Numeric addresses need no names. NEVER: `host` or `port`
 * cannot be right; then there is nothing to close. */
struct stream_connect;
enum outcome stream_connect(struct stream *stream, struct loop *loop, const char *host, unsigned port,
			    unsigned timeout_ms, const struct stream_handler *handler, void *owner,
			    void (*on_connected)(struct stream *stream, enum outcome outcome, const struct fault *fault),
			    struct fault *fault);

/* Start TLS, also from inside on_input. What was collected before leaves first, in clear; what is collected from here on waits
 * for the handshake. Server: what is already in `input` (also what this on_input will not use) is handed to OpenSSL only if
 * `input_is_tls`; else it must be empty, and a peer that sent it too early gets on_end. False: TLS already, or too late. */
bool stream_secure_server(struct stream *stream, SSL_CTX *context, bool input_is_tls);
/* Client: `host` is verified (name or IP address) and a name is sent as SNI; nothing collected leaves before that. */
bool stream_secure_client(struct stream *stream, SSL_CTX *context, const char *host);

/* Collect output; false over STREAM_OUTPUT_BYTES_MAX. stream_flush sends what is collected (encrypted as one run). */
bool stream_write(struct stream *stream, struct str bytes) __attribute__((warn_unused_result));
void stream_flush(struct stream *stream);
size_t stream_waiting(const struct stream *stream); /* bytes collected or not yet taken by the kernel */

void stream_again(struct stream *stream);  /* deliver what on_input left, at once; inside on_input: after it returns */
void stream_pause(struct stream *stream);  /* stop reading: the consumer cannot follow; what this turn brought still comes */
void stream_resume(struct stream *stream); /* read again, in a later turn; what on_input left comes with stream_again */

/* Send what is collected and say close_notify (in one write: do not flush before), close; on_closed comes in a later turn,
 * after at most STREAM_PARTING_MS when the peer does not take it. stream_abort sends nothing. */
#define STREAM_PARTING_MS 5000
void stream_close(struct stream *stream);
void stream_abort(struct stream *stream);

/* "192.0.2.7" (an IPv4-mapped address as IPv4) and port. */
struct stream_address {
	unsigned char ip[16]; /* IPv6, IPv4 mapped */
	unsigned short port;
	char text[48];
};
void stream_peer(struct stream *stream, struct stream_address *ret_address);
const char *stream_tls_version(const struct stream *stream); /* "1.3"; "" in clear */
const char *stream_tls_cipher(const struct stream *stream);

#endif
