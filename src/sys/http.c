#include "sys/http_private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_KEPT_MAX 16
#define CONNECT_MS_MAX 10000
#define PROXY_PASSWORD_MAX 1024
#define PROXY_WANTS_PASSWORD 407
#define LINK_LOCAL_NET 0xa9fe /* 169.254 */


/* One socket of curl's that the loop watches. */
struct watch {
	uv_poll_t poll;
	struct http *http;
	curl_socket_t socket;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
}

static void free_call(struct call *call)
{
	if (call->next)
		call->next->before = call->before;
	if (call->before)
		call->before->next = call->next;
	else if (call->http->calls == call)
		call->http->calls = call->next;
	if (call->easy)
		curl_easy_cleanup(call->easy);
	for (struct curl_slist *header = call->headers; header; header = header->next)
		OPENSSL_cleanse(header->data, strlen(header->data)); /* an Authorization may be among them */
	curl_slist_free_all(call->headers);
	if (call->body)
		OPENSSL_cleanse(call->body, call->body_len);
	free(call->body);
	buf_wipe(&call->answer); /* tokens */
	free(call);
}

/* What went wrong, in words for who runs this; "%s" is the host, and another one curl's own words. */
static const struct {
	CURLcode code;
	const char *sentence;
} reasons[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, N_("no address is known for %s: is the name server reachable?") },
	{ CURLE_COULDNT_RESOLVE_PROXY, N_("on the way to %s: no address is known for the proxy (%s)") },
	{ CURLE_COULDNT_CONNECT, N_("cannot connect to %s: %s") },
	{ CURLE_OPERATION_TIMEDOUT, N_("%s did not answer in time: %s") },
	{ CURLE_PEER_FAILED_VERIFICATION, N_("the certificate of %s cannot be trusted: %s") },
	{ CURLE_SSL_CONNECT_ERROR, N_("TLS with %s failed: %s") },
	{ CURLE_SSL_CACERT_BADFILE, N_("for %s: the file of trusted authorities cannot be read: %s") },
	{ CURLE_GOT_NOTHING, N_("%s closed the connection without an answer") },
	{ CURLE_RECV_ERROR, N_("the connection to %s was lost: %s") },
	{ CURLE_SEND_ERROR, N_("the connection to %s was lost: %s") },
	{ CURLE_PARTIAL_FILE, N_("the connection to %s was lost in the middle of its answer") },
	{ CURLE_PROXY, N_("the proxy on the way to %s refuses: %s") },
};

static void explain(const struct call *call, CURLcode code, struct fault *fault)
{
	const char *words = call->words[0] ? call->words : curl_easy_strerror(code);
	long proxy_status = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
	if (call->too_long) {
		(void)fault_set(fault, OUTCOME_LATER, N_("the answer of %s is longer than %zu bytes"), call->host,
				call->answer.bytes_max);
		return;
	}
	if (proxy_status == PROXY_WANTS_PASSWORD) {
		(void)fault_set(fault, OUTCOME_LATER,
				N_("the proxy on the way to %s wants a name and password, or refuses those it got (407); see proxy and "
				   "proxy-password-file of the upstream"),
				call->host);
		return;
	}
	if (proxy_status >= 300) {
		(void)fault_set(fault, OUTCOME_LATER, N_("the proxy on the way to %s refuses: %s"), call->host, words);
		return;
	}
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		if (reasons[i].code == code) {
			(void)fault_set(fault, OUTCOME_LATER, reasons[i].sentence, call->host, words);
			return;
		}
	}
	(void)fault_set(fault, OUTCOME_LATER, N_("the request to %s failed: %s"), call->host, words);
}

static void answer(struct call *call, CURLcode code)
{
	struct http_answer said = { .outcome = OUTCOME_LATER, .retry_after_s = -1, .body = STR(""), .header = call->easy };
	long status = 0;
	curl_off_t wait = 0, sent = 0;
	void *context;

	if (curl_easy_getinfo(call->easy, CURLINFO_SIZE_UPLOAD_T, &sent) == CURLE_OK)
		said.body_sent = (uint64_t)sent >= call->source_bytes + call->body_len;
	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK && status > 0) {
		said.outcome = OUTCOME_OK;
		said.status = (unsigned)status;
		said.body = buf_str(&call->answer);
		if (curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0)
			said.retry_after_s = (long)wait;
	} else {
		said.broken_status = (unsigned)status;
		explain(call, code, &said.fault);
	}
	(void)curl_multi_remove_handle(call->http->multi, call->easy);
	context = call->context;
	call->context = NULL; /* who is answered has nothing to cancel any more */
	call->on_answer(context, &said);
	free_call(call);
}

static void take_answers(struct http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		char *call = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
		answer((struct call *)(void *)call, message->data.result);
	}
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	struct http *http = watch->http;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0, running;

	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	(void)curl_multi_socket_action(http->multi, watch->socket, flags, &running);
	take_answers(http);
}

static void on_timer(uv_timer_t *timer)
{
	struct http *http = timer->data;
	int running;

	(void)curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	take_answers(http);
}

static void on_watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* CURLMOPT_SOCKETFUNCTION */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *known)
{
	struct http *http = context;
	struct watch *watch = known;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watch) {
			(void)curl_multi_assign(http->multi, socket, NULL);
			uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
		}
		return 0;
	}
	if (!watch) {
		watch = calloc(1, sizeof(*watch));
		if (!watch)
			return -1;
		watch->http = http;
		watch->socket = socket;
		if (uv_poll_init_socket(&http->loop->uv, &watch->poll, socket) != 0) {
			free(watch);
			return -1;
		}
		watch->poll.data = watch;
		(void)curl_multi_assign(http->multi, socket, watch);
	}
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	(void)uv_poll_start(&watch->poll, events, on_poll);
	return 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int on_timeout_wanted(CURLM *multi, long wait_ms, void *context)
{
	struct http *http = context;

	(void)multi;
	if (wait_ms < 0)
		(void)uv_timer_stop(&http->timer);
	else
		(void)uv_timer_start(&http->timer, on_timer, (uint64_t)wait_ms, 0);
	return 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct call *call = context;

	if (!buf_add(&call->answer, (struct str){ bytes, size * count })) {
		call->too_long = true;
		return 0;
	}
	return size * count;
}

struct http *http_new(struct loop *loop)
{
	struct http *http = calloc(1, sizeof(*http));

	(void)pthread_once(&curl_once, init_curl);
	if (!http || !(http->multi = curl_multi_init()))
		abort();
	http->loop = loop;
	(void)uv_timer_init(&loop->uv, &http->timer);
	http->timer.data = http;
	(void)curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	(void)curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted);
	(void)curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	(void)curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT_MAX);
	return http;
}

static void on_http_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void http_free(struct http *http)
{
	if (!http)
		return;
	while (http->calls) {
		(void)snprintf(http->calls->words, CURL_ERROR_SIZE, "%s", "Sekisho is stopping");
		answer(http->calls, CURLE_ABORTED_BY_CALLBACK);
	}
	(void)curl_multi_cleanup(http->multi);
	uv_close((uv_handle_t *)&http->timer, on_http_timer_closed);
}

static bool is_loopback(const char *host)
{
	struct in_addr address;

	return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
	       (inet_pton(AF_INET, host, &address) == 1 && (ntohl(address.s_addr) >> 24) == IN_LOOPBACKNET);
}

static bool is_link_local(const char *host)
{
	struct in_addr address;

	return inet_pton(AF_INET, host, &address) == 1 && (ntohl(address.s_addr) >> 16) == LINK_LOCAL_NET;
}

/* Which host the URL names; only https, or http to this machine itself. */
static enum outcome judge_url(const char *url, bool metadata_service, char ret_host[NAME_BYTES_MAX], struct fault *fault)
{
	CURLU *parsed = curl_url();
	char *scheme = NULL, *host = NULL;
	enum outcome outcome = OUTCOME_OK;

	if (!parsed || curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    !str_copy(str_of(host), NAME_BYTES_MAX, ret_host))
		outcome = fault_set(fault, OUTCOME_NEVER, N_("\"%s\" is no URL"), url);
	else if (strcmp(scheme, "https") != 0 &&
		 !(strcmp(scheme, "http") == 0 && (is_loopback(host) || (metadata_service && is_link_local(host)))))
		outcome = fault_set(fault, OUTCOME_NEVER,
				    N_("\"%s\" must start with https: only this machine itself is asked in clear"), url);
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(parsed);
	return outcome;
}

static bool set_headers(struct call *call, const char *const *headers)
{
	for (; headers && *headers; headers++) {
		struct curl_slist *longer = curl_slist_append(call->headers, *headers);

		if (!longer)
			return false;
		call->headers = longer;
	}
	return curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK;
}

/* The system's roots are looked up by name in their folder, one by one, when a certificate asks for them: reading the
 * whole bundle would cost more than the request. */
static bool set_trust(CURL *easy, const char *ca_file)
{
	const char *folder = getenv(X509_get_default_cert_dir_env());

	return curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CAPATH, folder ? folder : X509_get_default_cert_dir()) == CURLE_OK;
}

/* A name in the proxy's URL would bring an empty password along: it is taken out of there and given beside it. */
static bool set_proxy_user(CURL *easy, const char *proxy, const char *password)
{
	CURLU *url = curl_url();
	char *user = NULL, *bare = NULL;
	bool set = url && curl_url_set(url, CURLUPART_URL, proxy, 0) == CURLUE_OK &&
		   curl_url_get(url, CURLUPART_USER, &user, CURLU_URLDECODE) == CURLUE_OK && curl_url_set(url, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
		   curl_url_get(url, CURLUPART_URL, &bare, 0) == CURLUE_OK && curl_easy_setopt(easy, CURLOPT_PROXY, bare) == CURLE_OK &&
		   curl_easy_setopt(easy, CURLOPT_PROXYUSERNAME, user) == CURLE_OK &&
		   curl_easy_setopt(easy, CURLOPT_PROXYPASSWORD, password) == CURLE_OK &&
		   curl_easy_setopt(easy, CURLOPT_PROXYAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST)) == CURLE_OK;

	curl_free(user);
	curl_free(bare);
	curl_url_cleanup(url);
	return set;
}

static bool set_proxy(const struct call *call, const struct http_request *request)
{
	char password[PROXY_PASSWORD_MAX];
	bool set;

	/* This machine itself is never behind a proxy, whatever the environment says. */
	if (request->metadata_service || (!request->proxy && is_loopback(call->host)))
		return curl_easy_setopt(call->easy, CURLOPT_PROXY, "") == CURLE_OK;
	if (!request->proxy)
		return true;
	if (request->proxy_password.len == 0)
		return curl_easy_setopt(call->easy, CURLOPT_PROXY, request->proxy) == CURLE_OK;
	if (!str_copy(request->proxy_password, sizeof(password), password))
		return false;
	set = set_proxy_user(call->easy, request->proxy, password);
	OPENSSL_cleanse(password, sizeof(password));
	return set;
}

static bool set_silence(CURL *easy, unsigned silence_s)
{
	return silence_s == 0 || (curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
				  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)silence_s) == CURLE_OK);
}

static bool set_up(struct call *call, const struct http_request *request)
{
	long connect_ms = request->timeout_ms && request->timeout_ms < CONNECT_MS_MAX ? (long)request->timeout_ms : CONNECT_MS_MAX;
	CURL *easy = curl_easy_init();

	call->easy = easy;
	return easy && curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->words) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_USERAGENT, "Sekisho/" SEKISHO_VERSION) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PRIVATE, call) == CURLE_OK && set_trust(easy, request->ca_file) &&
	       set_proxy(call, request) && set_headers(call, request->headers) && set_silence(easy, request->silence_s) &&
	       http_set_body(call, request) &&
	       (!request->method || curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK);
}

enum outcome http_send(struct http *http, const struct http_request *request,
		       void (*on_answer)(void *context, const struct http_answer *answer), void *context,
		       struct fault *fault)
{
	struct call *call = calloc(1, sizeof(*call));
	enum outcome outcome;

	if (!call)
		return fault_set(fault, OUTCOME_LATER, N_("memory is short"));
	call->http = http;
	call->on_answer = on_answer;
	call->context = context;
	buf_init(&call->answer, request->answer_bytes_max);
	outcome = judge_url(request->url, request->metadata_service, call->host, fault);
	if (outcome == OUTCOME_OK &&
	    (!set_up(call, request) || curl_multi_add_handle(http->multi, call->easy) != CURLM_OK))
		outcome = fault_set(fault, OUTCOME_LATER, N_("memory is short"));
	if (outcome != OUTCOME_OK) {
		free_call(call);
		return outcome;
	}
	call->next = http->calls;
	if (call->next)
		call->next->before = call;
	http->calls = call;
	return OUTCOME_OK;
}

void http_cancel(struct http *http, const void *context)
{
	struct call *next;

	for (struct call *call = http->calls; call; call = next) {
		next = call->next;
		if (call->context != context)
			continue;
		(void)curl_multi_remove_handle(http->multi, call->easy);
		free_call(call);
	}
}
