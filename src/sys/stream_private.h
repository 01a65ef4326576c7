/* stream_private: what stream.c, stream_output.c, stream_tls.c and stream_connect.c share. Nobody else includes it. */
#ifndef SYS_STREAM_PRIVATE_H
#define SYS_STREAM_PRIVATE_H

#include "sys/stream.h"

/* Zero all but the handle, which is made anew. */
void stream_set_up(struct stream *stream, struct loop *loop, const struct stream_handler *handler, void *owner);

/* Start or stop reading, as the state asks. */
void stream_read_as_wanted(struct stream *stream);

/* Hand `fresh` behind what was left to on_input, and keep what it leaves. */
void stream_deliver(struct stream *stream, struct str fresh);

/* The peer is gone: tell the owner, once, now; or in a later turn, when the owner may be the one who called us. */
void stream_end(struct stream *stream, enum stream_end end, const struct fault *fault);
void stream_end_later(struct stream *stream, const struct fault *fault);

/* Write to the socket what can be written at once, queue the rest. False: over the ceiling or out of memory. */
bool stream_send(struct stream *stream, struct str bytes) __attribute__((warn_unused_result));

/* Stop everything at once: on_closed comes in a later turn. */
void stream_shut(struct stream *stream);
void stream_gone(uv_handle_t *handle);       /* its close callback: frees, and tells the owner */
void stream_parting_discard(struct stream *stream, ssize_t got); /* what came after stream_close */

/* Let OpenSSL take stream->feed: handshake, then deliver what it decrypts. */
void stream_tls_take(struct stream *stream);
/* Encrypt `held`, `output` (and close_notify) into loop->sealed, and send that. False: told by stream_end_later. */
bool stream_tls_send(struct stream *stream, bool goodbye);
void stream_tls_free(struct stream *stream);

/* Why OpenSSL refused, as a sentence and an id (see stream.tls_trouble). */
const char *stream_tls_explain(SSL *ssl, struct fault *fault);

void stream_connect_cancel(struct stream *stream);

#endif
