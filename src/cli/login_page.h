/* login_page: the place on this machine that a sign-in's page leads back to: one HTTP request on loopback (RFC 8252, 7.3). */
#ifndef CLI_LOGIN_PAGE_H
#define CLI_LOGIN_PAGE_H

#include <stdbool.h>

#include "base/buf.h"

/* Listens on 127.0.0.1; `port` 0: a free one. -1: it cannot. */
int login_page_open(unsigned port, unsigned *ret_port);

/* Waits until a browser asks for a page with an answer in it; anything else (a favicon) is 404. *ret_target is its path and query. False: `give_up_fd` became
 * readable, or ms_max has passed. The browser waits for login_page_tell. */
bool login_page_wait(int listener, int give_up_fd, unsigned ms_max, struct buf *ret_target, int *ret_browser);
/* A sentence to the browser, then its connection is closed. */
void login_page_tell(int browser, const char *language, const char *sentence);

#endif
