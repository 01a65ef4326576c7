/* sys/stream: every byte comes once and in order, however it is cut; an idle stream holds no buffer. */
#include "stream_help.h"

/* Uses whole lines only, as the dialogue of SMTP does. */
static size_t take_lines(struct side *side, struct str input)
{
	size_t used = 0;

	(void)side;
	for (size_t i = 0; i < input.len; i++)
		if (input.ptr[i] == '\n')
			used = i + 1;
	return used;
}

static size_t take_nothing(struct side *side, struct str input)
{
	(void)side;
	(void)input;
	return 0;
}

static size_t take_up_to_limit(struct side *side, struct str input)
{
	return input.len < side->limit ? input.len : side->limit;
}

static size_t echo(struct side *side, struct str input)
{
	assert_true(stream_write(&side->stream, input));
	stream_flush(&side->stream);
	if (stream_waiting(&side->stream) > 65536)
		stream_pause(&side->stream); /* side_on_drained goes on */
	return input.len;
}

static void clear_text_comes_whole(void **state)
{
	struct peer peer;

	(void)state;
	server.take = take_lines;
	peer_open(&peer);
	peer_say(&peer, STR("EHLO a\r\nMAIL FROM:<a@b>\r\nRCP"), 1);
	WAIT(server.got.len == 25);
	assert_int_equal(server.stream.input.len, 3);
	peer_say(&peer, STR("T\r\n"), SIZE_MAX);
	WAIT(server.got.len == 31);
	assert_got(&server, "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT\r\n");
	assert_null(server.stream.input.ptr); /* nothing left, nothing held */
	peer_close(&peer);
	WAIT(server.ended_count == 1);
	assert_int_equal(server.end, STREAM_END_PEER);
	stream_close(&server.stream);
	assert_int_equal(server.closed_count, 0); /* never in the same turn */
	WAIT(server.closed_count == 1);
}

static void reading_stops_while_much_is_left(void **state)
{
	static char bytes[1 << 20];
	struct peer peer;
	size_t sent = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7 + i / 251);
	server.take = take_nothing;
	peer_open(&peer);
	for (int i = 0; i < 2000; i++) {
		ssize_t count = write(peer.fd, bytes + sent, sizeof(bytes) - sent);

		sent += count > 0 ? (size_t)count : 0;
		turn();
	}
	assert_in_range(server.stream.input.len, STREAM_INPUT_BYTES_MAX, STREAM_INPUT_BYTES_MAX + LOOP_READ_BYTES);
	assert_false(server.stream.reading);
	server.take = take_up_to_limit;
	server.limit = 1000;
	stream_again(&server.stream);
	assert_int_equal(server.got.len, 1000);
	server.limit = SIZE_MAX;
	stream_again(&server.stream);
	assert_true(server.stream.reading);
	for (int i = 0; i < 20000 && sent < sizeof(bytes); i++) {
		ssize_t count = write(peer.fd, bytes + sent, sizeof(bytes) - sent);

		sent += count > 0 ? (size_t)count : 0;
		turn();
	}
	WAIT(server.got.len == sizeof(bytes));
	assert_memory_equal(server.got.ptr, bytes, sizeof(bytes));
	peer_close(&peer);
}

static void a_pause_holds_the_peer(void **state)
{
	struct peer peer;

	(void)state;
	start_tls_at_accept = true;
	peer_open(&peer);
	peer_secure(&peer, TLS1_3_VERSION, SIZE_MAX);
	stream_pause(&server.stream);
	peer_say(&peer, STR("later"), SIZE_MAX);
	for (int i = 0; i < 50; i++)
		turn();
	assert_int_equal(server.inputs, 0);
	stream_resume(&server.stream);
	WAIT(server.got.len == 5);
	assert_got(&server, "later");
	peer_close(&peer);
}

static void tls_comes_whole(size_t chunk, int version)
{
	struct peer peer;

	start_tls_at_accept = true;
	server.take = echo;
	peer_open(&peer);
	peer_secure(&peer, version, chunk);
	peer_say(&peer, STR("EHLO copier\r\n"), chunk);
	while (peer.got_len < 13)
		peer_receive(&peer);
	assert_memory_equal(peer.got, "EHLO copier\r\n", 13);
	assert_string_equal(stream_tls_version(&server.stream), version == TLS1_3_VERSION ? "1.3" : "1.2");
	assert_non_null(strstr(stream_tls_cipher(&server.stream), "AES"));
	stream_close(&server.stream);
	while (!peer.eof)
		peer_receive(&peer);
	assert_int_equal(SSL_get_shutdown(peer.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
	peer_close(&peer);
}

static void tls_1_3_byte_by_byte(void **state)
{
	(void)state;
	tls_comes_whole(1, TLS1_3_VERSION);
}

static void tls_1_2_byte_by_byte(void **state)
{
	(void)state;
	tls_comes_whole(1, TLS1_2_VERSION);
}

static void tls_1_2_whole(void **state)
{
	(void)state;
	tls_comes_whole(SIZE_MAX, TLS1_2_VERSION);
}

static void records_of_every_size(void **state)
{
	static char bytes[1 << 22];
	struct peer peer;
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 31 + i / 509);
	start_tls_at_accept = true;
	peer_open(&peer);
	peer_secure(&peer, TLS1_3_VERSION, SIZE_MAX);
	for (size_t size = 1; at + 16384 < sizeof(bytes); size += size < 1500 ? 1 : 977) {
		size_t record = size > 16384 ? 16384 : size;

		peer_say(&peer, (struct str){ bytes + at, record }, size % 3 ? SIZE_MAX : 1013);
		at += record;
	}
	WAIT(server.got.len == at);
	assert_memory_equal(server.got.ptr, bytes, at);
	assert_int_equal(server.ended_count, 0);
	peer_close(&peer);
}

/* A megabyte there and back through a client that takes little at a time, so that the kernel's buffers are full. */
static void a_megabyte_is_echoed(bool tls)
{
	static char bytes[1 << 20], back[1 << 20];
	struct peer peer;
	size_t said = 0, heard = 0;
	int small = 65536, smaller = 16384;
	uint64_t until = clock_monotonic_ms() + 50000;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 13 + i / 1021);
	start_tls_at_accept = tls;
	server.take = echo;
	peer_open(&peer);
	(void)setsockopt(peer.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	(void)setsockopt(peer.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	if (tls)
		peer_secure(&peer, TLS1_3_VERSION, SIZE_MAX);
	else
		WAIT(server.stream.started);
	(void)uv_send_buffer_size((uv_handle_t *)&server.stream.tcp, &smaller);
	while (heard < sizeof(back) && clock_monotonic_ms() < until) {
		/* Say until the server's echo no longer fits into the kernel, then hear. */
		if (said < sizeof(bytes) && stream_waiting(&server.stream) == 0) {
			size_t count = sizeof(bytes) - said < 10000 ? sizeof(bytes) - said : 10000;

			peer_say(&peer, (struct str){ bytes + said, count }, SIZE_MAX);
			said += count;
			turn();
			continue;
		}
		peer_receive(&peer);
		memcpy(back + heard, peer.got, peer.got_len);
		heard += peer.got_len;
		peer.got_len = 0;
	}
	assert_int_equal(heard, sizeof(back));
	assert_memory_equal(bytes, back, sizeof(bytes));
	assert_true(server.drained_count > 0);
	WAIT(stream_waiting(&server.stream) == 0);
	assert_null(server.stream.output.ptr);
	peer_close(&peer);
}

static void a_megabyte_in_clear(void **state)
{
	(void)state;
	a_megabyte_is_echoed(false);
}

static void a_megabyte_in_tls(void **state)
{
	(void)state;
	a_megabyte_is_echoed(true);
}

static void output_has_a_ceiling(void **state)
{
	static const char block[4096];
	struct peer peer;
	size_t taken = 0;

	(void)state;
	peer_open(&peer);
	WAIT(server.stream.started);
	while (stream_write(&server.stream, (struct str){ block, sizeof(block) }))
		taken += sizeof(block);
	assert_int_equal(taken, STREAM_OUTPUT_BYTES_MAX);
	peer_close(&peer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)
	const struct CMUnitTest tests[] = {
		TEST(clear_text_comes_whole),
		TEST(reading_stops_while_much_is_left),
		TEST(a_pause_holds_the_peer),
		TEST(tls_1_3_byte_by_byte),
		TEST(tls_1_2_byte_by_byte),
		TEST(tls_1_2_whole),
		TEST(records_of_every_size),
		TEST(a_megabyte_in_clear),
		TEST(a_megabyte_in_tls),
		TEST(output_has_a_ceiling),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
