/* control: the socket on which administrators and operators ask; it knows its callers by SO_PEERCRED. */
#ifndef KEEPER_CONTROL_H
#define KEEPER_CONTROL_H

#include "keeper/api.h"

#define CONTROL_REQUEST_BYTES_MAX (1u << 20)
#define CONTROL_CLIENTS_MAX 64
#define CONTROL_WAITING_BYTES_MAX (64u << 20) /* unread answers; a client that lets more collect is dropped */

struct control;
struct control *control_new(struct keeper *keeper, int listener_fd, struct fault *fault);
void control_free(struct control *control); /* clients are told nothing: their sockets close */

/* For api.c. One line, its end added. */
void control_say(struct control_client *client, struct str line);
size_t control_waiting(const struct control_client *client);
void control_done(struct control_client *client); /* the call has ended: flush and close */

#endif
