/* smtp_client_hello: what a server offers in its answer to EHLO (RFC 5321, 4.1.1.1). Used by smtp_client.c only. */
#ifndef WIRE_SMTP_CLIENT_HELLO_H
#define WIRE_SMTP_CLIENT_HELLO_H

#include "wire/smtp_client.h"

/* `text` is the reply's, lines parted by '\n', the first of them the greeting. What was offered before is forgotten. */
void smtp_client_hello_parse(struct smtp_client *client, struct str text);

#endif
