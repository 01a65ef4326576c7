/* serve: the verb that runs the gateway in the foreground. */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include "base/say.h"

/* The exit code: 0 after SIGTERM; 78 bad settings, 75 try later. */
int serve(const char *path, enum language language);

#endif
