/* sys/stream: how connections end: a close may come anywhere, nothing comes after an end, and each end says why. */
#include "stream_help.h"

static size_t take_nothing(struct side *side, struct str input)
{
	(void)side;
	(void)input;
	return 0;
}

static size_t echo(struct side *side, struct str input)
{
	assert_true(stream_write(&side->stream, input));
	stream_flush(&side->stream);
	if (stream_waiting(&side->stream) > 65536)
		stream_pause(&side->stream); /* side_on_drained goes on */
	return input.len;
}

static size_t close_inside(struct side *side, struct str input)
{
	assert_true(stream_write(&side->stream, STR("221 bye\r\n")));
	stream_close(&side->stream);
	stream_close(&side->stream);
	stream_flush(&side->stream);
	stream_again(&side->stream);
	return input.len / 2;
}

static size_t abort_inside(struct side *side, struct str input)
{
	assert_true(stream_write(&side->stream, STR("never said")));
	stream_abort(&side->stream);
	return input.len;
}

static void secured_closes(struct side *side)
{
	assert_true(stream_write(&side->stream, STR("220 bye\r\n")));
	stream_close(&side->stream);
}

static void secured_aborts(struct side *side)
{
	stream_abort(&side->stream);
}

static void closing_works_anywhere(void **state)
{
	static const struct {
		bool tls;
		size_t (*take)(struct side *side, struct str input);
		void (*secured)(struct side *side);
		const char *want;
	} cases[] = {
		{ false, close_inside, NULL, "221 bye\r\n" }, { true, close_inside, NULL, "221 bye\r\n" },
		{ false, abort_inside, NULL, "" },            { true, abort_inside, NULL, "" },
		{ true, NULL, secured_closes, "220 bye\r\n" },  { true, NULL, secured_aborts, "" },
	};
	struct peer peer;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		server.take = cases[i].take;
		server.secured = cases[i].secured;
		start_tls_at_accept = cases[i].tls;
		peer_open(&peer);
		if (cases[i].tls)
			peer_secure(&peer, TLS1_3_VERSION, SIZE_MAX);
		if (!cases[i].secured)
			peer_say(&peer, STR("QUIT\r\n"), SIZE_MAX);
		for (int turns = 0; turns < 10000 && !peer.eof && !peer.reset; turns++)
			peer_receive(&peer);
		assert_true(peer.eof || peer.reset);
		assert_int_equal(peer.got_len, strlen(cases[i].want));
		assert_memory_equal(peer.got, cases[i].want, peer.got_len);
		assert_int_equal(server.ended_count, 0);
		peer_close(&peer);
		WAIT(server.closed_count == 1);
		buf_done(&server.got);
		side_reset(&server);
	}
}

/* Unread input must not turn into a reset that eats the last reply. */
static void the_last_words_arrive(void **state)
{
	static char flood[300000];
	struct peer peer;
	size_t sent = 0;

	(void)state;
	server.take = take_nothing;
	peer_open(&peer);
	for (int i = 0; i < 1000 && sent < sizeof(flood); i++) {
		ssize_t count = write(peer.fd, flood + sent, sizeof(flood) - sent);

		sent += count > 0 ? (size_t)count : 0;
		turn();
	}
	assert_true(stream_write(&server.stream, STR("421 too much\r\n")));
	stream_close(&server.stream);
	for (int i = 0; i < 10000 && !peer.eof && !peer.reset; i++)
		peer_receive(&peer);
	assert_true(peer.eof);
	assert_false(peer.reset);
	assert_int_equal(peer.got_len, 14);
	peer_close(&peer);
	WAIT(server.closed_count == 1);
}

static void a_deaf_peer_is_left(void **state)
{
	static const char block[65536];
	struct peer peer;
	int small = 4096;
	uint64_t began;

	(void)state;
	peer_open(&peer);
	(void)setsockopt(peer.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	WAIT(server.stream.started);
	(void)uv_send_buffer_size((uv_handle_t *)&server.stream.tcp, &small);
	for (int i = 0; i < 16; i++)
		assert_true(stream_write(&server.stream, (struct str){ block, sizeof(block) }));
	stream_close(&server.stream);
	began = clock_monotonic_ms();
	WAIT_MS(server.closed_count == 1, STREAM_PARTING_MS + 3000);
	assert_in_range(clock_monotonic_ms() - began, STREAM_PARTING_MS - 200, STREAM_PARTING_MS + 2000);
	peer_close(&peer);
}

/* Dead.Letter: bytes in clear behind close_notify are nobody's. */
static void nothing_comes_after_close_notify(void **state)
{
	struct peer peer;

	(void)state;
	for (int together = 0; together < 2; together++) {
		start_tls_at_accept = true;
		peer_open(&peer);
		peer_secure(&peer, TLS1_3_VERSION, SIZE_MAX);
		assert_int_equal(SSL_write(peer.ssl, "BDAT 1000\r\n0123456789", 21), 21);
		(void)SSL_shutdown(peer.ssl);
		if (together)
			assert_int_equal(BIO_write(peer.out, "x", 1), 1);
		peer_flush(&peer, SIZE_MAX);
		if (!together)
			peer_send(&peer, STR("x"), 1);
		WAIT(server.ended_count == 1);
		assert_int_equal(server.end, STREAM_END_PEER);
		assert_got(&server, "BDAT 1000\r\n0123456789");
		assert_false(server.stream.reading);
		for (int i = 0; i < 20; i++)
			peer_send(&peer, STR("plain"), SIZE_MAX);
		assert_got(&server, "BDAT 1000\r\n0123456789");
		stream_close(&server.stream);
		WAIT(server.closed_count == 1);
		peer_close(&peer);
		buf_done(&server.got);
		side_reset(&server);
	}
}

static void what_is_no_tls_is_explained(void **state)
{
	static const struct {
		const char *says;
		const char *want;
	} cases[] = {
		{ "EHLO a.example.com\r\n", "in clear" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct peer peer;

		start_tls_at_accept = true;
		peer_open(&peer);
		peer_send(&peer, str_of(cases[i].says), SIZE_MAX);
		WAIT(server.ended_count == 1);
		assert_int_equal(server.end, STREAM_END_TLS);
		if (!strstr(server.why, cases[i].want))
			fail_msg("%s", server.why);
		assert_int_equal(server.inputs, 0);
		stream_close(&server.stream);
		WAIT(server.closed_count == 1);
		peer_close(&peer);
		buf_done(&server.got);
		side_reset(&server);
	}
}

static void an_alert_is_explained(void **state)
{
	struct peer peer;

	(void)state;
	start_tls_at_accept = true;
	peer_open(&peer);
	peer_start_tls(&peer, TLS1_2_VERSION);
	SSL_set_verify(peer.ssl, SSL_VERIFY_PEER, NULL);
	peer_flush(&peer, SIZE_MAX);
	for (int i = 0; i < 1000 && !server.ended_count; i++)
		peer_receive(&peer);
	assert_int_equal(server.ended_count, 1);
	assert_int_equal(server.end, STREAM_END_TLS);
	assert_string_equal(server.why, "the peer refused TLS: unknown CA");
	peer_close(&peer);
}

static void hanging_up_is_explained(void **state)
{
	struct peer peer;

	(void)state;
	start_tls_at_accept = true;
	server.close_at_end = true;
	peer_open(&peer);
	peer_send(&peer, STR("\x16\x03\x01"), 1);
	peer_close(&peer);
	WAIT(server.closed_count == 1);
	assert_int_equal(server.end, STREAM_END_LOST);
	assert_non_null(strstr(server.why, "in the middle of the TLS handshake"));
	buf_done(&server.got);
	side_reset(&server);

	peer_open(&peer);
	peer_secure(&peer, TLS1_3_VERSION, SIZE_MAX);
	peer_close(&peer);
	WAIT(server.ended_count == 1);
	assert_int_equal(server.end, STREAM_END_LOST);
	assert_non_null(strstr(server.why, "close_notify"));
}

static void renegotiation_is_off(void **state)
{
	struct peer peer;

	(void)state;
	start_tls_at_accept = true;
	server.take = echo;
	peer_open(&peer);
	peer_secure(&peer, TLS1_2_VERSION, SIZE_MAX);
	(void)SSL_renegotiate(peer.ssl);
	(void)SSL_do_handshake(peer.ssl);
	peer_flush(&peer, SIZE_MAX);
	for (int i = 0; i < 200; i++)
		turn();
	assert_int_equal(server.secured_count, 1);
	assert_int_equal(server.inputs, 0);
	peer_close(&peer);
}

/* A peer that asks for new keys without end and reads nothing must not fill our memory. */
static void key_updates_are_bounded(void **state)
{
	struct peer peer;

	(void)state;
	start_tls_at_accept = true;
	peer_open(&peer);
	peer_secure(&peer, TLS1_3_VERSION, SIZE_MAX);
	for (int i = 0; i < 20000 && !server.ended_count; i++) {
		if (SSL_key_update(peer.ssl, SSL_KEY_UPDATE_REQUESTED) != 1 || SSL_do_handshake(peer.ssl) != 1)
			break;
		peer_flush(&peer, SIZE_MAX);
	}
	assert_true(stream_waiting(&server.stream) <= 3u << 20);
	peer_close(&peer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)
	const struct CMUnitTest tests[] = {
		TEST(closing_works_anywhere),
		TEST(the_last_words_arrive),
		TEST(a_deaf_peer_is_left),
		TEST(nothing_comes_after_close_notify),
		TEST(what_is_no_tls_is_explained),
		TEST(an_alert_is_explained),
		TEST(hanging_up_is_explained),
		TEST(renegotiation_is_off),
		TEST(key_updates_are_bounded),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
