#include "cli/login_page.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define REQUEST_BYTES_MAX 32768
#define BROWSER_MS_MAX 5000

int login_page_open(unsigned port, unsigned *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd == -1)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == -1 || listen(fd, 8) == -1 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) == -1) {
		(void)close(fd);
		return -1;
	}
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static bool wait_readable(int fd, int other_fd, uint64_t until_ms)
{
	struct pollfd both[] = { { fd, POLLIN, 0 }, { other_fd, POLLIN, 0 } };
	uint64_t now_ms = clock_monotonic_ms();

	if (now_ms >= until_ms || poll(both, 2, (int)(until_ms - now_ms)) <= 0)
		return false;
	return both[1].revents == 0 && (both[0].revents & POLLIN);
}

/* The head of one request. False: too long, too slow, or no GET. */
static bool read_head(int browser, struct buf *head)
{
	uint64_t until_ms = clock_monotonic_ms() + BROWSER_MS_MAX;

	while (!memmem(head->ptr ? head->ptr : "", head->len, "\r\n\r\n", 4)) {
		char *room = wait_readable(browser, -1, until_ms) ? buf_room(head, 1024) : NULL;
		ssize_t got = room ? recv(browser, room, 1024, 0) : 0;

		if (got <= 0)
			return false;
		buf_grew(head, (size_t)got);
	}
	return str_starts(buf_str(head), STR("GET /"));
}

static void answer(int browser, const char *status, const char *language, const char *sentence)
{
	char text[4096];
	int len = snprintf(text, sizeof(text),
			   "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\nCache-Control: no-store\r\n"
			   "Referrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'\r\n\r\n"
			   "<!doctype html><html lang=\"%s\"><title>Sekisho</title><p>%s</p></html>\n",
			   status, language, sentence);

	if (len > 0 && (size_t)len < sizeof(text))
		(void)send(browser, text, (size_t)len, MSG_NOSIGNAL);
	(void)shutdown(browser, SHUT_WR);
	(void)close(browser);
}

/* "GET /?code=… HTTP/1.1": with an answer in its query. */
static bool take_target(struct str head, struct buf *ret_target)
{
	struct str target;

	(void)str_cut(&head, ' ');
	target = str_cut(&head, ' ');
	if (!memmem(target.ptr, target.len, "code=", 5) && !memmem(target.ptr, target.len, "error=", 6))
		return false;
	buf_clear(ret_target);
	return buf_add(ret_target, target);
}

bool login_page_wait(int listener, int give_up_fd, unsigned ms_max, struct buf *ret_target, int *ret_browser)
{
	uint64_t until_ms = clock_monotonic_ms() + ms_max;

	while (wait_readable(listener, give_up_fd, until_ms)) {
		int browser = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		struct buf head;
		bool taken;

		if (browser == -1)
			continue;
		buf_init(&head, REQUEST_BYTES_MAX);
		taken = read_head(browser, &head) && take_target(buf_str(&head), ret_target);
		buf_wipe(&head);
		if (taken) {
			*ret_browser = browser;
			return true;
		}
		answer(browser, "404 Not Found", "en", "Not found");
	}
	return false;
}

void login_page_tell(int browser, const char *language, const char *sentence)
{
	answer(browser, "200 OK", language, sentence);
}
