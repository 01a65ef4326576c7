/* smtp_client_say: the commands of the client's side, each into `out`, each within its ceiling. Used by smtp_client.c only.
 * A command that finds no room sets client->no_memory. */
#ifndef WIRE_SMTP_CLIENT_SAY_H
#define WIRE_SMTP_CLIENT_SAY_H

#include "wire/smtp_client.h"

void smtp_client_say(struct smtp_client *client, const char *command); /* CRLF is added */
void smtp_client_say_hello(struct smtp_client *client, const char *verb);
void smtp_client_say_mail(struct smtp_client *client);
void smtp_client_say_rcpt(struct smtp_client *client, const struct smtp_client_recipient *recipient);

/* Whether everything of the message can stand in a command line: no control character, no blank in a parameter. */
bool smtp_client_sayable(const struct smtp_client_message *message);

/* Whether some address is not ASCII, so that SMTPUTF8 must be said (RFC 6531, 3.4). */
bool smtp_client_needs_utf8(const struct smtp_client_message *message);

#endif
