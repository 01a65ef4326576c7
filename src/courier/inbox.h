/*
 * inbox: a message as a file of a folder: NAME.eml byte for byte, and its envelope as NAME.json ("from", "to", "receivedDateTime",
 * "id"). Both under a name that tells the message, so that one that is written again after a crash is the same file; each is
 * written beside, synced and renamed, the envelope first, and the folder synced: whoever sees NAME.eml sees all of it, and its
 * envelope. Blocks: for a worker.
 */
#ifndef COURIER_INBOX_H
#define COURIER_INBOX_H

#include "base/fault.h"
#include "courier/courier.h"

/* `envelope`: the JSON. LATER: the folder cannot be written just now. */
enum outcome inbox_put(const char *folder, struct str name, struct str envelope, const struct courier_job *job, struct fault *fault);

/* The envelope of a job. False: out of memory. */
struct smtp_client_message;
bool inbox_envelope_print(const struct courier_job *job, const struct smtp_client_message *message, struct buf *out);

#endif
