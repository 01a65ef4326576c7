/* sys/stream as a client: addresses in turn, STARTTLS on both sides, and certificates that must be refused unseen. */
#include "stream_help.h"

static enum outcome connect_client(const char *host, unsigned to, unsigned timeout_ms)
{
	return stream_connect(&client.stream, &loop, host, to, timeout_ms, &side_handler, &client, side_on_connected,
			      NULL);
}

static void names_and_addresses_connect(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct stream_address peer;

		assert_int_equal(connect_client(hosts[i], port, 5000), OUTCOME_OK);
		assert_int_equal(client.connected_count, 0);
		WAIT(client.connected_count == 1 && server.stream.started);
		assert_int_equal(client.connected, OUTCOME_OK);
		stream_peer(&client.stream, &peer);
		assert_string_equal(peer.text, "127.0.0.1");
		assert_int_equal(peer.port, port);
		assert_int_equal(peer.ip[10], 0xff);
		assert_string_equal(stream_tls_version(&client.stream), "");
		assert_true(stream_write(&client.stream, STR("hello")));
		stream_close(&client.stream);
		WAIT(server.got.len == 5 && server.ended_count == 1 && client.closed_count == 1);
		stream_close(&server.stream);
		WAIT(server.closed_count == 1);
		buf_done(&server.got);
		side_reset(&server);
		side_reset(&client);
	}
}

static unsigned closed_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	(void)close(fd);
	return ntohs(address.sin_port);
}

static void what_cannot_connect_says_why(void **state)
{
	struct fault fault;

	(void)state;
	assert_int_equal(connect_client("127.0.0.1", closed_port(), 5000), OUTCOME_OK);
	WAIT(client.connected_count == 1);
	assert_int_equal(client.connected, OUTCOME_LATER);
	assert_non_null(strstr(client.why, "cannot connect to 127.0.0.1 port"));
	stream_close(&client.stream);
	WAIT(client.closed_count == 1);
	assert_int_equal(client.ended_count, 0);

	side_reset(&client);
	assert_int_equal(connect_client("no-such-name.invalid", 25, 5000), OUTCOME_OK);
	WAIT(client.connected_count == 1);
	assert_int_equal(client.connected, OUTCOME_LATER);
	assert_non_null(strstr(client.why, "no-such-name.invalid"));
	stream_close(&client.stream);
	WAIT(client.closed_count == 1);

	side_reset(&client);
	assert_int_equal(stream_connect(&client.stream, &loop, "localhost", 0, 1, &side_handler, &client,
					side_on_connected, &fault),
			 OUTCOME_NEVER);
	assert_int_equal(stream_connect(&client.stream, &loop, "", 25, 1, &side_handler, &client, side_on_connected,
					&fault),
			 OUTCOME_NEVER);
}

/* A listener whose queue is full lets a connect hang, as a silent firewall does. */
static void silence_has_an_end(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int full = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), waiting[3];
	uint64_t began;

	(void)state;
	assert_int_equal(bind(full, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(full, 0), 0);
	assert_int_equal(getsockname(full, (struct sockaddr *)&address, &size), 0);
	for (size_t i = 0; i < 3; i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(waiting[i], (const struct sockaddr *)&address, sizeof(address));
	}
	began = clock_monotonic_ms();
	assert_int_equal(connect_client("127.0.0.1", ntohs(address.sin_port), 300), OUTCOME_OK);
	WAIT(client.connected_count == 1);
	assert_in_range(clock_monotonic_ms() - began, 250, 3000);
	assert_int_equal(client.connected, OUTCOME_LATER);
	assert_non_null(strstr(client.why, "did not answer in time"));
	stream_close(&client.stream);
	WAIT(client.closed_count == 1);
	for (size_t i = 0; i < 3; i++)
		(void)close(waiting[i]);
	(void)close(full);
}

static void a_close_may_come_while_connecting(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost", "no-such-name.invalid" };

	(void)state;
	accept_nothing = true;
	for (size_t turns = 0; turns < 6; turns++) {
		for (size_t i = 0; i < 3; i++) {
			side_reset(&client);
			assert_int_equal(connect_client(hosts[i], i == 0 && turns % 2 ? closed_port() : port, 5000),
					 OUTCOME_OK);
			for (size_t turned = 0; turned < turns && !client.connected_count; turned++)
				turn();
			stream_close(&client.stream);
			assert_int_equal(client.closed_count, 0);
			WAIT(client.closed_count == 1);
			assert_true(client.connected_count == 0 || turns > 0);
		}
	}
}

/* SMTP's STARTTLS in small: the server says "220", the client answers with the handshake. */
static size_t server_line(struct side *side, struct str input)
{
	if (side->stream.ssl) {
		assert_true(stream_write(&side->stream, input));
		stream_flush(&side->stream);
		return input.len;
	}
	if (input.len < 10)
		return 0;
	assert_memory_equal(input.ptr, "STARTTLS\r\n", 10);
	assert_true(stream_write(&side->stream, STR("220 go\r\n")));
	if (side->step)
		assert_true(stream_write(&side->stream, STR("250-AUTH XOAUTH2\r\n"))); /* what nobody may send yet */
	assert_true(stream_secure_server(&side->stream, server_context, false));
	assert_false(stream_secure_server(&side->stream, server_context, false));
	return 10;
}

static size_t client_line(struct side *side, struct str input)
{
	if (side->stream.ssl)
		return input.len;
	if (input.len < 8)
		return 0;
	assert_true(stream_secure_client(&side->stream, client_context, "localhost"));
	return 8;
}

static void client_says_hello(struct side *side)
{
	assert_true(stream_write(&side->stream, STR("EHLO again\r\n")));
	stream_flush(&side->stream);
}

static void start_both(void)
{
	server.take = server_line;
	client.take = client_line;
	client.secured = client_says_hello;
	assert_int_equal(connect_client("127.0.0.1", port, 5000), OUTCOME_OK);
	WAIT(client.connected_count == 1 && server.stream.started);
}

static void starttls_on_both_sides(void **state)
{
	(void)state;
	start_both();
	assert_true(stream_write(&client.stream, STR("STARTTLS\r\n")));
	stream_flush(&client.stream);
	WAIT(client.got.len == 8 + 12);
	assert_memory_equal(client.got.ptr, "220 go\r\nEHLO again\r\n", 20);
	assert_got(&server, "STARTTLS\r\nEHLO again\r\n");
	assert_string_equal(stream_tls_version(&client.stream), "1.3");
	assert_null(server.stream.held.ptr); /* the ticket left with the first reply */
	stream_close(&client.stream);
	WAIT(server.ended_count == 1);
	assert_int_equal(server.end, STREAM_END_PEER);
}

static void what_comes_behind_starttls_is_refused(void **state)
{
	(void)state;
	start_both();
	assert_true(stream_write(&client.stream, STR("STARTTLS\r\nEHLO injected\r\n")));
	stream_flush(&client.stream);
	WAIT(server.ended_count == 1);
	assert_int_equal(server.end, STREAM_END_TLS);
	assert_string_equal(server.why, "the peer sent 15 bytes in clear behind STARTTLS, before the handshake");
	assert_got(&server, "STARTTLS\r\n");
	assert_int_equal(server.secured_count, 0);
}

static void what_comes_behind_220_is_refused(void **state)
{
	(void)state;
	server.step = 1;
	start_both();
	assert_true(stream_write(&client.stream, STR("STARTTLS\r\n")));
	stream_flush(&client.stream);
	WAIT(client.ended_count == 1);
	assert_int_equal(client.end, STREAM_END_TLS);
	assert_non_null(strstr(client.why, "18 bytes in clear"));
	assert_got(&client, "220 go\r\n");
	assert_int_equal(client.secured_count, 0);
}

static size_t detect_tls(struct side *side, struct str input)
{
	if (side->stream.ssl)
		return input.len;
	if (side->step++ == 0)
		return 0; /* looks only, and decides when more has come */
	assert_int_equal(input.ptr[0], 0x16);
	assert_true(stream_secure_server(&side->stream, server_context, true));
	return 0;
}

static void tls_is_recognised(void **state)
{
	struct peer peer;

	(void)state;
	server.take = detect_tls;
	peer_open(&peer);
	peer_secure(&peer, TLS1_3_VERSION, 7);
	peer_say(&peer, STR("EHLO a\r\n"), SIZE_MAX);
	WAIT(server.got.len == 8);
	peer_close(&peer);
}

/* The decision may also be made later, from outside: what lies there is then the handshake. */
static void tls_may_be_started_late(void **state)
{
	struct peer peer;

	(void)state;
	server.take = NULL;
	peer_open(&peer);
	WAIT(server.stream.started);
	server.take = detect_tls;
	server.step = 0;
	peer_start_tls(&peer, TLS1_2_VERSION);
	peer_flush(&peer, SIZE_MAX);
	WAIT(server.stream.input.len > 0);
	assert_false(stream_secure_server(&server.stream, server_context, false));
	assert_true(stream_secure_server(&server.stream, server_context, true));
	for (int i = 0; i < 10000 && (!server.secured_count || SSL_in_init(peer.ssl)); i++)
		peer_receive(&peer);
	assert_int_equal(server.secured_count, 1);
	peer_say(&peer, STR("EHLO a\r\n"), SIZE_MAX);
	WAIT(server.got.len == 8);
	peer_close(&peer);
}

/* A server with `certificate`; the client awaits `host`. Nothing that it collected may leave in clear or to a stranger. */
static void refuse(const struct certificate *certificate, const char *host, const char *want)
{
	SSL_CTX *proper = server_context;

	server_context = SSL_CTX_new(TLS_server_method()); /* tls_server_new would not take an expired one */
	assert_int_equal(SSL_CTX_use_certificate(server_context, certificate->x509), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(server_context, certificate->key), 1);
	start_tls_at_accept = true;
	server.close_at_end = true;
	assert_int_equal(connect_client("127.0.0.1", port, 5000), OUTCOME_OK);
	WAIT(client.connected_count == 1);
	assert_true(stream_secure_client(&client.stream, client_context, host));
	assert_true(stream_write(&client.stream, STR("AUTH XOAUTH2 secret\r\n")));
	stream_flush(&client.stream);
	WAIT(client.ended_count == 1 && server.closed_count == 1);
	assert_int_equal(client.end, STREAM_END_TLS);
	assert_string_equal(client.why, want);
	assert_int_equal(client.secured_count, 0);
	assert_int_equal(server.got.len, 0);
	assert_int_equal(server.end, STREAM_END_TLS);
	assert_non_null(strstr(server.why, "the peer refused TLS: "));
	stream_close(&client.stream);
	WAIT(client.closed_count == 1);
	buf_done(&server.got);
	side_reset(&server);
	side_reset(&client);
	SSL_CTX_free(server_context);
	server_context = proper;
}

static void wrong_certificates_are_refused(void **state)
{
	struct certificate other = certificate_new("other", "DNS:other.example.com,IP:127.0.0.2", &authority, "EC", -1, 30);
	struct certificate partial = certificate_new("other", "DNS:l*.example.com", &authority, "EC", -1, 30);
	struct certificate old = certificate_new("localhost", "DNS:localhost", &authority, "EC", -30, -1);
	struct certificate early = certificate_new("localhost", "DNS:localhost", &authority, "EC", 2, 30);
	struct certificate own = certificate_new("localhost", "DNS:localhost", NULL, "EC", -1, 30);
	struct certificate strange = certificate_new("localhost", "DNS:localhost", &wrong_authority, "RSA", -1, 30);
	struct certificate *all[] = { &other, &partial, &old, &early, &own, &strange };

	(void)state;
	refuse(&other, "localhost", "the certificate is not one for localhost");
	refuse(&other, "127.0.0.1", "the certificate is not one for 127.0.0.1");
	refuse(&partial, "lo.example.com", "the certificate is not one for lo.example.com");
	refuse(&old, "localhost", "the certificate of localhost, or one above it, has expired");
	refuse(&early, "localhost", "the certificate of localhost is not valid yet; is this machine's clock right?");
	refuse(&own, "localhost", "the certificate of localhost is signed by itself and not trusted here");
	refuse(&strange, "localhost", "the certificate of localhost comes from an authority not trusted here");
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		certificate_free(all[i]);
}

static void an_address_may_be_certified(void **state)
{
	(void)state;
	start_tls_at_accept = true;
	assert_int_equal(connect_client("127.0.0.1", port, 5000), OUTCOME_OK);
	WAIT(client.connected_count == 1);
	assert_true(stream_secure_client(&client.stream, client_context, "127.0.0.1"));
	WAIT(client.secured_count == 1 && server.secured_count == 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)
	const struct CMUnitTest tests[] = {
		TEST(names_and_addresses_connect),
		TEST(what_cannot_connect_says_why),
		TEST(silence_has_an_end),
		TEST(a_close_may_come_while_connecting),
		TEST(starttls_on_both_sides),
		TEST(what_comes_behind_starttls_is_refused),
		TEST(what_comes_behind_220_is_refused),
		TEST(tls_is_recognised),
		TEST(tls_may_be_started_late),
		TEST(wrong_certificates_are_refused),
		TEST(an_address_may_be_certified),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
