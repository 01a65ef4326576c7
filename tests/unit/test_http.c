/* sys/http against a small server of our own: answers, and a clear sentence for each way of not getting one. */
#include "stream_help.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "sys/http.h"

struct visitor {
	struct stream stream;
};

struct hearing {
	unsigned count, status;
	enum outcome outcome;
	long retry_after_s;
	char body[256], why[FAULT_TEXT_MAX];
};

static struct http *http;
static unsigned visitors, requests;
static bool in_clear;
static char last_request[2048];
static char ca_path[] = "/tmp/test_http_ca.XXXXXX";

static void say_back(struct stream *stream, const char *status, const char *more, struct str body)
{
	char head[256];

	(void)snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status, more, body.len);
	assert_true(stream_write(stream, str_of(head)));
	assert_true(stream_write(stream, body));
	stream_flush(stream);
}

static size_t visitor_on_input(struct stream *stream, struct str input)
{
	static char block[100000];
	const char *body = memmem(input.ptr, input.len, "\r\n\r\n", 4);
	const char *length;
	uint64_t body_len = 0;
	char line[64];
	struct str rest;

	if (input.ptr[0] == 0x16) { /* TLS where none is spoken */
		assert_true(stream_write(stream, STR("220 mail.example.com ESMTP\r\n")));
		stream_flush(stream);
		return input.len;
	}
	if (!body)
		return 0;
	body += 4;
	length = memmem(input.ptr, (size_t)(body - input.ptr), "Content-Length: ", 16);
	rest = length ? str_skip(input, (size_t)(length + 16 - input.ptr)) : STR("");
	(void)str_to_u64(str_cut(&rest, '\r'), UINT32_MAX, &body_len);
	if ((size_t)(input.ptr + input.len - body) < body_len)
		return 0;
	requests++;
	(void)str_copy(input, sizeof(last_request), last_request);
	rest = input;
	(void)str_copy(str_cut(&rest, '\r'), sizeof(line), line);
	if (strstr(line, "/hello"))
		say_back(stream, "200 OK", "", STR("hello"));
	else if (strstr(line, "/echo"))
		say_back(stream, "200 OK", "", (struct str){ body, body_len });
	else if (strstr(line, "/busy"))
		say_back(stream, "429 Too Many Requests", "Retry-After: 7\r\n", STR("slow down"));
	else if (strstr(line, "/moved"))
		say_back(stream, "302 Found", "Location: http://192.0.2.1/\r\n", STR(""));
	else if (strstr(line, "/long"))
		say_back(stream, "200 OK", "", (struct str){ block, sizeof(block) });
	else if (strstr(line, "/half"))
		assert_true(stream_write(stream, STR("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.")));
	else if (strstr(line, "CONNECT"))
		say_back(stream, "403 Forbidden", "", STR("not through me"));
	if (strstr(line, "/half") || strstr(line, "/cut"))
		stream_close(stream);
	return input.len;
}

static void visitor_on_secured(struct stream *stream)
{
	(void)stream;
}

static void visitor_on_end(struct stream *stream, enum stream_end end, const struct fault *fault)
{
	(void)end;
	(void)fault;
	stream_close(stream);
}

static void visitor_on_closed(struct stream *stream)
{
	visitors--;
	free(stream->owner);
}

static const struct stream_handler visitor_handler = {
	.on_input = visitor_on_input,
	.on_secured = visitor_on_secured,
	.on_end = visitor_on_end,
	.on_closed = visitor_on_closed,
};

static void on_visitor(uv_stream_t *tcp, int status)
{
	struct visitor *visitor = calloc(1, sizeof(*visitor));

	assert_int_equal(status, 0);
	visitors++;
	assert_true(stream_accept(&visitor->stream, &loop, tcp, &visitor_handler, visitor));
	if (!in_clear)
		assert_true(stream_secure_server(&visitor->stream, server_context, false));
	stream_start(&visitor->stream);
}

static void on_answer(void *context, const struct http_answer *answer)
{
	struct hearing *hearing = context;

	hearing->count++;
	hearing->outcome = answer->outcome;
	hearing->status = answer->status;
	hearing->retry_after_s = answer->retry_after_s;
	(void)str_copy(answer->body, sizeof(hearing->body), hearing->body);
	if (answer->outcome != OUTCOME_OK)
		(void)str_copy(str_of(answer->fault.text[LANGUAGE_EN]), sizeof(hearing->why), hearing->why);
}

static int open_http(void **state)
{
	assert_int_equal(open_loop(state), 0);
	listener.connection_cb = on_visitor;
	visitors = requests = 0;
	in_clear = false;
	http = http_new(&loop);
	return 0;
}

static int close_http(void **state)
{
	http_free(http);
	http = NULL;
	WAIT(visitors == 0); /* connections that were kept are closed */
	return close_loop(state);
}

static const char *url_of(const char *scheme, const char *host, const char *path)
{
	static char url[128];

	(void)snprintf(url, sizeof(url), "%s://%s:%u%s", scheme, host, port, path);
	return url;
}

static struct hearing ask(const struct http_request *request)
{
	struct hearing hearing = { 0 };
	struct fault fault;

	if (http_send(http, request, on_answer, &hearing, &fault) != OUTCOME_OK)
		fail_msg("%s", fault.text[LANGUAGE_EN]);
	assert_int_equal(hearing.count, 0);
	WAIT(hearing.count == 1);
	return hearing;
}

static struct http_request request_for(const char *path)
{
	return (struct http_request){ .url = url_of("https", "localhost", path),
				      .ca_file = ca_path,
				      .timeout_ms = 5000,
				      .answer_bytes_max = 65536,
				      .body = STR("") };
}

static void answers_come(void **state)
{
	const char *const headers[] = { "Authorization: Bearer secret", "Content-Type: text/plain", NULL };
	struct http_request request = request_for("/hello");
	struct hearing hearing = ask(&request);

	(void)state;
	assert_int_equal(hearing.outcome, OUTCOME_OK);
	assert_int_equal(hearing.status, 200);
	assert_string_equal(hearing.body, "hello");
	assert_int_equal(hearing.retry_after_s, -1);
	assert_memory_equal(last_request, "GET /hello HTTP/1.1\r\n", 21);

	request = request_for("/echo");
	request.headers = headers;
	request.body = STR("a=b&c=d");
	hearing = ask(&request);
	assert_string_equal(hearing.body, "a=b&c=d");
	assert_memory_equal(last_request, "POST /echo HTTP/1.1\r\n", 21);
	assert_non_null(strstr(last_request, "\r\nAuthorization: Bearer secret\r\n"));
	assert_non_null(strstr(last_request, "\r\nContent-Type: text/plain\r\n"));
	assert_non_null(strstr(last_request, "\r\nUser-Agent: Sekisho/"));

	request = request_for("/busy");
	hearing = ask(&request);
	assert_int_equal(hearing.outcome, OUTCOME_OK);
	assert_int_equal(hearing.status, 429);
	assert_int_equal(hearing.retry_after_s, 7);

	request = request_for("/moved");
	hearing = ask(&request);
	assert_int_equal(hearing.status, 302); /* and not followed */

	assert_int_equal(requests, 4);
	assert_int_equal(visitors, 1); /* one connection, kept */
}

static void clear_text_only_to_this_machine(void **state)
{
	static const char *const refused[] = { "http://192.0.2.1/", "http://127.evil.example.com/", "http://localhost.example.com/",
					       "ftp://localhost/", "file:///etc/passwd", "localhost/", "", "https://" };
	struct http_request request;
	struct hearing hearing;

	(void)state;
	in_clear = true;
	request = request_for("/hello");
	request.url = url_of("http", "127.0.0.1", "/hello");
	hearing = ask(&request);
	assert_string_equal(hearing.body, "hello");
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct fault fault = { 0 };

		request.url = refused[i];
		assert_int_equal(http_send(http, &request, on_answer, &hearing, &fault), OUTCOME_NEVER);
		assert_non_null(strstr(fault.text[LANGUAGE_EN], refused[i]));
	}
	assert_int_equal(hearing.count, 1);
}

static void what_gets_no_answer_says_why(void **state)
{
	const struct {
		const char *host, *path, *ca_file, *proxy, *want;
		unsigned timeout_ms;
		bool in_clear;
	} cases[] = {
		{ "localhost", "/silent", ca_path, NULL, "localhost did not answer in time: ", 300, false },
		{ "localhost", "/cut", ca_path, NULL, "localhost closed the connection without an answer", 5000, false },
		{ "localhost", "/half", ca_path, NULL, "the connection to localhost was lost in the middle of its answer", 5000,
		  false },
		{ "localhost", "/long", ca_path, NULL, "the answer of localhost is longer than 65536 bytes", 5000, false },
		{ "localhost", "/hello", NULL, NULL, "the certificate of localhost cannot be trusted: ", 5000, false },
		{ "localhost", "/hello", ca_path, NULL, "TLS with localhost failed: ", 5000, true },
		{ "localhost", "/hello", "/no/such/file", NULL,
		  "for localhost: the file of trusted authorities cannot be read: ", 5000, false },
		{ "no-such-name.invalid", "/hello", ca_path, NULL, "no address is known for no-such-name.invalid", 5000, false },
		{ "localhost", "/hello", ca_path, "http://no-such-proxy.invalid:1",
		  "on the way to localhost: no address is known for the proxy", 5000, false },
		{ "localhost", "/hello", ca_path, "http://127.0.0.1", "the proxy on the way to localhost refuses: ", 5000, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct http_request request = request_for("");
		struct hearing hearing;
		char proxy[64];

		in_clear = cases[i].in_clear;
		request.url = url_of("https", cases[i].host, cases[i].path);
		request.ca_file = cases[i].ca_file;
		request.timeout_ms = cases[i].timeout_ms;
		request.proxy = cases[i].proxy;
		if (cases[i].proxy && strstr(cases[i].proxy, "127.0.0.1")) {
			(void)snprintf(proxy, sizeof(proxy), "%s:%u", cases[i].proxy, port);
			request.proxy = proxy;
		}
		hearing = ask(&request);
		assert_int_equal(hearing.outcome, OUTCOME_LATER);
		assert_int_equal(hearing.status, 0);
		if (strncmp(hearing.why, cases[i].want, strlen(cases[i].want)) != 0)
			fail_msg("%zu: %s", i, hearing.why);
	}
}

static void another_name_is_refused(void **state)
{
	struct certificate other = certificate_new("other", "DNS:other.example.com", &authority, "EC", -1, 30);
	struct http_request request = request_for("/hello");
	SSL_CTX *proper = server_context;
	struct hearing hearing;

	(void)state;
	server_context = server_context_new(&other, TLS_VERSION_1_2);
	hearing = ask(&request);
	SSL_CTX_free(server_context);
	server_context = proper;
	certificate_free(&other);
	assert_int_equal(hearing.outcome, OUTCOME_LATER);
	assert_non_null(strstr(hearing.why, "the certificate of localhost cannot be trusted: "));
	assert_int_equal(requests, 0);
}

static void refused_connections_say_so(void **state)
{
	struct http_request request = request_for("");
	struct hearing hearing;

	(void)state;
	request.url = "https://localhost:1/";
	hearing = ask(&request);
	assert_int_equal(hearing.outcome, OUTCOME_LATER);
	assert_memory_equal(hearing.why, "cannot connect to localhost: ", 29);
}

/* A connection that one set of authorities vouched for is not used for a request that trusts others. */
static void trust_is_not_shared(void **state)
{
	struct http_request request = request_for("/hello");
	struct hearing hearing = ask(&request);

	(void)state;
	assert_int_equal(hearing.status, 200);
	request.ca_file = NULL;
	hearing = ask(&request);
	assert_int_equal(hearing.outcome, OUTCOME_LATER);
}

static void the_environment_does_not_hijack_this_machine(void **state)
{
	struct http_request request = request_for("/hello");
	struct hearing hearing;

	(void)state;
	(void)setenv("HTTPS_PROXY", "http://no-such-proxy.invalid:1", 1);
	hearing = ask(&request);
	assert_int_equal(hearing.status, 200);
	request.url = "https://no-such-host.invalid/";
	hearing = ask(&request);
	assert_non_null(strstr(hearing.why, "proxy"));
	(void)unsetenv("HTTPS_PROXY");
}

static void the_end_answers_everybody(void **state)
{
	struct http_request request = request_for("/silent");
	struct hearing hearings[5] = { 0 };

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(http_send(http, &request, on_answer, &hearings[i], NULL), OUTCOME_OK);
	WAIT(requests >= 2);
	http_free(http);
	http = NULL;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(hearings[i].count, 1);
		assert_int_equal(hearings[i].outcome, OUTCOME_LATER);
	}
}

static void many_at_once(void **state)
{
	enum { MANY = 60 };
	struct http_request request = request_for("/hello");
	struct hearing hearings[MANY] = { 0 };
	unsigned heard = 0;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(http_send(http, &request, on_answer, &hearings[i], NULL), OUTCOME_OK);
	for (uint64_t until = clock_monotonic_ms() + 20000; heard < MANY && clock_monotonic_ms() < until;) {
		turn();
		heard = 0;
		for (size_t i = 0; i < MANY; i++)
			heard += hearings[i].count == 1 && hearings[i].status == 200;
	}
	assert_int_equal(heard, MANY);
}

static int make_all(void **state)
{
	int fd;

	assert_int_equal(make_certificates(state), 0);
	fd = mkstemp(ca_path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, authority.pem, strlen(authority.pem)), strlen(authority.pem));
	return close(fd);
}

static int free_all(void **state)
{
	(void)unlink(ca_path);
	return free_certificates(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_http, close_http)
	const struct CMUnitTest tests[] = {
		TEST(answers_come),
		TEST(clear_text_only_to_this_machine),
		TEST(what_gets_no_answer_says_why),
		TEST(another_name_is_refused),
		TEST(refused_connections_say_so),
		TEST(trust_is_not_shared),
		TEST(the_environment_does_not_hijack_this_machine),
		TEST(the_end_answers_everybody),
		TEST(many_at_once),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
