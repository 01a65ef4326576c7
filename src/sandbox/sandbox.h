/*
 * sandbox: a stand-in for Exchange Online, for trying Sekisho and for its tests: smtp.office365.com with the tenant contoso.example, the
 * Entra token endpoint, and an inbox of files. It says SANDBOX wherever it speaks, listens on this machine only, and makes the faults
 * that are asked for. Like the real one it lists CHUNKING and BINARYMIME; unlike it, it has no BDAT: that is answered 502.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <jansson.h>

#include "base/say.h"

struct sandbox_options {
	const char *dir;
	unsigned smtp_port, https_port; /* 0: a free one */
	unsigned messages_per_minute;   /* what rate-30 allows a mailbox; 0: 30, as the real one */
	const json_t *fails;            /* array of "CASE[:N]"; NULL: none */
	bool transcript;                /* what goes over the wire into DIR/transcript.txt, without credentials and bodies */
	enum language language;
};

/* Until SIGTERM or SIGINT. The exit code. */
int sandbox_run(const struct sandbox_options *options);

/* The cases of --fail, a line each, on standard output. */
void sandbox_list_cases(enum language language);

#endif
