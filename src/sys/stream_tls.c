#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sys/stream_private.h"
#include "sys/tls.h"

/*
 * OpenSSL reads straight from what the kernel gave in this turn (stream->feed) and writes into one buffer of the loop
 * (loop->sealed), so no stream owns memory for TLS while it is idle. Whoever calls OpenSSL empties that buffer first,
 * and sends or keeps what is in it before any handler is called.
 */

static BIO_METHOD *bio_method;
static pthread_once_t bio_once = PTHREAD_ONCE_INIT;

static int bio_read(BIO *bio, char *ret_bytes, int size)
{
	struct stream *stream = BIO_get_data(bio);
	size_t count = stream->feed.len < (size_t)size ? stream->feed.len : (size_t)size;

	BIO_clear_retry_flags(bio);
	if (count == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(ret_bytes, stream->feed.ptr, count);
	stream->feed = str_skip(stream->feed, count);
	return (int)count;
}

static int bio_write(BIO *bio, const char *bytes, int size)
{
	struct stream *stream = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	return buf_add(&stream->loop->sealed, (struct str){ bytes, (size_t)size }) ? size : -1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static void make_bio_method(void)
{
	bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
	if (!bio_method || !BIO_meth_set_read(bio_method, bio_read) || !BIO_meth_set_write(bio_method, bio_write) ||
	    !BIO_meth_set_ctrl(bio_method, bio_ctrl) || !BIO_meth_set_create(bio_method, bio_create))
		abort();
}

/* The loop's buffer grows to the largest run; it is not to stay that large for good. */
static void let_go_of_sealed(struct stream *stream)
{
	if (stream->loop->sealed.cap > 4 * LOOP_READ_BYTES)
		buf_done(&stream->loop->sealed);
	else
		buf_clear(&stream->loop->sealed);
}

/* What is in the loop's buffer leaves. */
static bool send_sealed(struct stream *stream)
{
	bool sent = stream_send(stream, buf_str(&stream->loop->sealed));

	let_go_of_sealed(stream);
	return sent;
}

static void end_for_memory(struct stream *stream)
{
	struct fault fault;

	(void)fault_set(&fault, OUTCOME_LATER, N_("memory is short"));
	stream_end(stream, STREAM_END_LOST, &fault);
}

bool stream_tls_send(struct stream *stream, bool goodbye)
{
	struct fault fault;
	bool fine;

	stream->flushing = false;
	ERR_clear_error();
	buf_clear(&stream->loop->sealed);
	fine = buf_add(&stream->loop->sealed, buf_str(&stream->held));
	if (fine && stream->output.len > 0 && !stream->ended)
		fine = SSL_write(stream->ssl, stream->output.ptr, (int)stream->output.len) > 0;
	if (fine && goodbye)
		(void)SSL_shutdown(stream->ssl);
	buf_done(&stream->held);
	buf_done(&stream->output);
	if (fine && send_sealed(stream))
		return true;
	stream->tls_trouble = stream_tls_explain(stream->ssl, &fault);
	stream_end_later(stream, &fault);
	return false;
}

static void fail(struct stream *stream)
{
	struct fault fault;

	stream->tls_trouble = stream_tls_explain(stream->ssl, &fault);
	stream_end(stream, STREAM_END_TLS, &fault);
}

/* OpenSSL keeps both sides' keys of the exchange as long as the connection: 5 KiB each time for P-256, and the private one is
 * of use to nobody but a thief. Setting a type empties the key that it holds. */
static void forget_exchange(SSL *ssl)
{
	EVP_PKEY *key;

	if (SSL_get_tmp_key(ssl, &key) == 1) {
		(void)EVP_PKEY_set_type(key, EVP_PKEY_RSA);
		EVP_PKEY_free(key);
	}
	if (SSL_get_peer_tmp_key(ssl, &key) == 1) {
		(void)EVP_PKEY_set_type(key, EVP_PKEY_RSA);
		EVP_PKEY_free(key);
	}
}

/* The last flight of the handshake waits for what the owner has to say, and leaves in one write with it. A server's ticket
 * in TLS 1.3 may wait longer: nobody is held up by it. */
static bool secured(struct stream *stream)
{
	bool only_ticket = SSL_is_server(stream->ssl) && SSL_version(stream->ssl) == TLS1_3_VERSION;

	stream->handshaking = false;
	forget_exchange(stream->ssl);
	if (!buf_add(&stream->held, buf_str(&stream->loop->sealed))) {
		end_for_memory(stream);
		return false;
	}
	let_go_of_sealed(stream);
	stream->handler->on_secured(stream);
	if (!stream->ended && !stream->closing && (stream->flushing || (stream->held.len > 0 && !only_ticket)))
		(void)stream_tls_send(stream, false);
	return !stream->ended && !stream->closing;
}

/* True: the handshake is done, and there may be more to read. */
static bool shake_hands(struct stream *stream)
{
	int result, error;

	ERR_clear_error();
	buf_clear(&stream->loop->sealed);
	result = SSL_do_handshake(stream->ssl);
	if (result == 1)
		return secured(stream);
	error = SSL_get_error(stream->ssl, result);
	if (!send_sealed(stream))
		end_for_memory(stream);
	else if (error != SSL_ERROR_WANT_READ)
		fail(stream);
	return false;
}

/* Decrypt as much as there is, up to the loop's buffer. Returns SSL_ERROR_NONE when there may be more. */
static int decrypt(struct stream *stream, size_t *ret_got)
{
	size_t got = 0, count;
	int result = 1;

	ERR_clear_error();
	buf_clear(&stream->loop->sealed);
	while (got < LOOP_READ_BYTES) {
		result = SSL_read_ex(stream->ssl, stream->loop->plain_bytes + got, LOOP_READ_BYTES - got, &count);
		if (result != 1)
			break;
		got += count;
	}
	*ret_got = got;
	return SSL_get_error(stream->ssl, result);
}

void stream_tls_take(struct stream *stream)
{
	struct fault fault;
	size_t got;
	int error;

	if (stream->handshaking && !shake_hands(stream))
		return;
	do {
		error = decrypt(stream, &got);
		if (error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL)
			stream->tls_trouble = stream_tls_explain(stream->ssl, &fault);
		/* A peer may make OpenSSL answer (key updates), but not without taking the answers. */
		if (!send_sealed(stream)) {
			end_for_memory(stream);
			return;
		}
		if (got > 0)
			stream_deliver(stream, (struct str){ stream->loop->plain_bytes, got });
		if (stream->ended || stream->closing)
			return;
	} while (error == SSL_ERROR_NONE);
	stream->feed = STR("");
	if (error == SSL_ERROR_WANT_READ)
		return;
	if (error != SSL_ERROR_ZERO_RETURN) {
		stream_end(stream, STREAM_END_TLS, &fault);
		return;
	}
	(void)fault_set(&fault, OUTCOME_LATER, N_("the peer closed the connection"));
	stream_end(stream, STREAM_END_PEER, &fault);
}

static bool attach(struct stream *stream, SSL_CTX *context)
{
	BIO *bio;

	if (stream->ssl || stream->ended || stream->closing || stream->late || stream->connecting)
		return false;
	(void)pthread_once(&bio_once, make_bio_method);
	ERR_clear_error();
	stream->ssl = SSL_new(context);
	bio = BIO_new(bio_method);
	if (!stream->ssl || !bio) {
		BIO_free(bio);
		stream_tls_free(stream);
		return false;
	}
	BIO_set_data(bio, stream);
	SSL_set_bio(stream->ssl, bio, bio);
	return true;
}

/* What was collected so far is meant for a peer in clear. */
static bool send_clear(struct stream *stream)
{
	bool sent = stream_send(stream, buf_str(&stream->output));

	buf_done(&stream->output);
	stream->flushing = false;
	return sent;
}

bool stream_secure_server(struct stream *stream, SSL_CTX *context, bool input_is_tls)
{
	struct buf kept = stream->input;

	if ((kept.len > 0 && !input_is_tls) || !attach(stream, context))
		return false;
	if (!send_clear(stream)) {
		stream_tls_free(stream);
		return false;
	}
	SSL_set_accept_state(stream->ssl);
	stream->handshaking = true;
	stream->input_is_tls = input_is_tls;
	stream->secured_now = stream->delivering;
	if (kept.len > 0) {
		buf_init(&stream->input, kept.bytes_max);
		stream->feed = buf_str(&kept);
		stream_tls_take(stream);
		buf_done(&kept);
		stream_read_as_wanted(stream);
	}
	return true;
}

/* The name or address that the peer's certificate must hold. */
static bool expect(SSL *ssl, const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

bool stream_secure_client(struct stream *stream, SSL_CTX *context, const char *host)
{
	int result;

	if (stream->input.len > 0 || !attach(stream, context))
		return false;
	SSL_set_connect_state(stream->ssl);
	SSL_set_verify(stream->ssl, SSL_VERIFY_PEER, NULL);
	if (!expect(stream->ssl, host) || !send_clear(stream))
		goto undo;
	stream->input_is_tls = false;
	buf_clear(&stream->loop->sealed);
	result = SSL_do_handshake(stream->ssl); /* says hello; nothing to read yet */
	if (SSL_get_error(stream->ssl, result) != SSL_ERROR_WANT_READ || !send_sealed(stream))
		goto undo;
	stream->handshaking = true;
	stream->secured_now = stream->delivering;
	return true;

undo:
	stream_tls_free(stream);
	return false;
}

void stream_tls_free(struct stream *stream)
{
	SSL_free(stream->ssl);
	stream->ssl = NULL;
}

const char *stream_tls_version(const struct stream *stream)
{
	return stream->ssl && !stream->handshaking ? tls_version_name(stream->ssl) : "";
}

const char *stream_tls_cipher(const struct stream *stream)
{
	return stream->ssl && !stream->handshaking ? SSL_get_cipher_name(stream->ssl) : "";
}
