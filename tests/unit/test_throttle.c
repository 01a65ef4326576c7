/* The throttle: who is locked out, for how long, and who is not. */
#include <string.h>

#include "check.h"
#include "domain/cidr.h"
#include "domain/throttle.h"

static const struct throttle_options options = {
	.account_failures_max = 5, .network_failures_max = 20, .window_ms = 60000, .lock_ms = 300000, .entries_max = 1000,
};

static const unsigned char *at(const char *text)
{
	static unsigned char ip[16];

	if (!ip_parse(str_of(text), ip))
		CHECK(false, text);
	return ip;
}

static void fail(struct throttle *throttle, const char *name, const char *ip, unsigned times, uint64_t now_ms)
{
	for (unsigned i = 0; i < times; i++)
		throttle_failed(throttle, str_of(name), at(ip), now_ms);
}

static enum throttle_verdict ask(struct throttle *throttle, const char *name, const char *ip, uint64_t now_ms)
{
	return throttle_ask(throttle, str_of(name), at(ip), now_ms);
}

static void test_account(void)
{
	struct throttle *throttle = throttle_new(&options);

	fail(throttle, "copier@x.example", "192.0.2.1", 4, 1000);
	CHECK(ask(throttle, "copier@x.example", "198.51.100.1", 1000) == THROTTLE_PASS, "four of five");
	fail(throttle, "Copier@X.example", "192.0.2.2", 1, 2000);
	CHECK(ask(throttle, "copier@x.example", "198.51.100.1", 2000) == THROTTLE_ACCOUNT_LOCKED,
	      "the fifth locks, from wherever, however it was written");
	CHECK(ask(throttle, "scan@x.example", "192.0.2.1", 2000) == THROTTLE_PASS, "another account is not locked");
	CHECK(ask(throttle, "copier@x.example", "198.51.100.1", 301999) == THROTTLE_ACCOUNT_LOCKED, "until its time");
	CHECK(ask(throttle, "copier@x.example", "198.51.100.1", 302000) == THROTTLE_PASS, "and no longer");
	fail(throttle, "copier@x.example", "192.0.2.1", 4, 302000);
	CHECK(ask(throttle, "copier@x.example", "192.0.2.1", 302000) == THROTTLE_PASS, "then it counts anew");
	fail(throttle, "slow@x.example", "192.0.2.9", 4, 400000);
	fail(throttle, "slow@x.example", "192.0.2.9", 4, 460001);
	CHECK(ask(throttle, "slow@x.example", "192.0.2.9", 460001) == THROTTLE_PASS, "failures outside the window are forgotten");
	throttle_free(throttle);
}

static void test_network(void)
{
	struct throttle *throttle = throttle_new(&options);
	char name[32];

	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "guess%u", i);
		fail(throttle, name, "192.0.2.1", 1, 1000);
	}
	CHECK(ask(throttle, "new@x.example", "192.0.2.1", 1000) == THROTTLE_NETWORK_LOCKED, "twenty names lock the network");
	CHECK(ask(throttle, "new@x.example", "192.0.2.2", 1000) == THROTTLE_PASS, "not its neighbour: IPv4 is one address");
	for (unsigned i = 0; i < 20; i++) {
		char ip[48];

		(void)snprintf(name, sizeof(name), "guess-six-%u", i);
		(void)snprintf(ip, sizeof(ip), "2001:db8:0:2::%x", i + 1);
		fail(throttle, name, ip, 1, 1000);
	}
	CHECK(ask(throttle, "new@x.example", "2001:db8:0:2:ffff::1", 1000) == THROTTLE_NETWORK_LOCKED, "IPv6 is a /64");
	CHECK(ask(throttle, "new@x.example", "2001:db8:0:3::1", 1000) == THROTTLE_PASS, "and not the next");
	throttle_free(throttle);
}

/* A guesser must not lock a copier out. */
static void test_lane(void)
{
	struct throttle *throttle = throttle_new(&options);
	const uint64_t day_ms = 86400000;

	throttle_succeeded(throttle, STR("copier@x.example"), at("10.0.0.7"), 1000);
	fail(throttle, "copier@x.example", "203.0.113.66", 5, 2000);
	CHECK(ask(throttle, "copier@x.example", "203.0.113.66", 2000) == THROTTLE_ACCOUNT_LOCKED, "the guesser is locked out");
	CHECK(ask(throttle, "copier@x.example", "10.0.0.7", 2000) == THROTTLE_PASS, "the copier is not");
	CHECK(ask(throttle, "copier@x.example", "10.0.0.8", 2000) == THROTTLE_ACCOUNT_LOCKED, "its neighbour is");
	CHECK(ask(throttle, "Copier@X.Example", "10.0.0.7", 2000) == THROTTLE_PASS, "the lane takes any case, too");
	for (unsigned i = 0; i < 25; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "guess%u", i);
		fail(throttle, name, "10.0.0.7", 1, 3000);
	}
	CHECK(ask(throttle, "copier@x.example", "10.0.0.7", 3000) == THROTTLE_PASS, "nor when its network is locked");
	CHECK(ask(throttle, "scan@x.example", "10.0.0.7", 3000) == THROTTLE_NETWORK_LOCKED, "where others are");
	fail(throttle, "copier@x.example", "10.0.0.7", 4, 4000);
	CHECK(ask(throttle, "copier@x.example", "10.0.0.7", 4000) == THROTTLE_PASS, "it may mistype");
	fail(throttle, "copier@x.example", "10.0.0.7", 1, 4000);
	CHECK(ask(throttle, "copier@x.example", "10.0.0.7", 4000) != THROTTLE_PASS, "a lane that guesses is closed");
	throttle_free(throttle);

	throttle = throttle_new(&options);
	throttle_succeeded(throttle, STR("rare@x.example"), at("10.0.0.9"), 1000);
	fail(throttle, "rare@x.example", "203.0.113.66", 5, 13 * day_ms);
	CHECK(ask(throttle, "rare@x.example", "10.0.0.9", 13 * day_ms) == THROTTLE_PASS, "thirteen days are lately");
	fail(throttle, "rare@x.example", "203.0.113.66", 5, 15 * day_ms);
	CHECK(ask(throttle, "rare@x.example", "10.0.0.9", 15 * day_ms) == THROTTLE_ACCOUNT_LOCKED, "fifteen are not");
	throttle_free(throttle);
}

static void test_forget(void)
{
	struct throttle *throttle = throttle_new(&options);

	fail(throttle, "copier@x.example", "10.0.0.7", 25, 1000);
	CHECK(ask(throttle, "copier@x.example", "10.0.0.7", 1000) != THROTTLE_PASS, "a copier with an old password");
	throttle_forget(throttle, STR("COPIER@x.example"));
	CHECK(ask(throttle, "copier@x.example", "10.0.0.7", 1000) == THROTTLE_PASS, "a new one opens account and network");
	throttle_forget(throttle, STR("nobody"));
	throttle_free(throttle);
}

/* Bounded: the least recent goes first, and what is asked for stays. */
static void test_bounds(void)
{
	struct throttle_options small = options;
	struct throttle *throttle;
	char name[32], ip[32];
	unsigned char raw[16];

	small.entries_max = 100;
	throttle = throttle_new(&small);
	fail(throttle, "watched", "10.0.0.7", 5, 1000);
	fail(throttle, "unwatched", "10.0.0.8", 5, 1000);
	for (unsigned i = 0; i < 100000; i++) {
		(void)snprintf(name, sizeof(name), "n%u", i);
		(void)snprintf(ip, sizeof(ip), "10.%u.%u.%u", 1 + i / 65536, i / 256 % 256, i % 256);
		(void)ip_parse(str_of(ip), raw);
		throttle_failed(throttle, str_of(name), raw, 1000);
		throttle_succeeded(throttle, str_of(name), raw, 1000);
		(void)throttle_ask(throttle, STR("watched"), raw, 1000);
	}
	CHECK(ask(throttle, "watched", "198.51.100.1", 1000) == THROTTLE_ACCOUNT_LOCKED, "who is asked for is remembered");
	CHECK(ask(throttle, "unwatched", "198.51.100.1", 1000) == THROTTLE_PASS, "who is not goes first");
	throttle_free(throttle);

	small.entries_max = 0;
	throttle = throttle_new(&small);
	fail(throttle, "copier", "10.0.0.7", 50, 1000);
	throttle_succeeded(throttle, STR("copier"), at("10.0.0.7"), 1000);
	CHECK(ask(throttle, "copier", "10.0.0.7", 1000) == THROTTLE_PASS, "no memory, no lock");
	throttle_free(throttle);

	small = options;
	small.account_failures_max = small.network_failures_max = 0;
	throttle = throttle_new(&small);
	fail(throttle, "copier", "10.0.0.7", 1000, 1000);
	CHECK(ask(throttle, "copier", "10.0.0.7", 1000) == THROTTLE_PASS, "0: never");
	throttle_free(throttle);
}

static void test_names(void)
{
	struct throttle *throttle = throttle_new(&options);
	char long_name[5000];
	struct str name = { long_name, sizeof(long_name) };

	memset(long_name, 'a', sizeof(long_name));
	for (unsigned i = 0; i < 5; i++)
		throttle_failed(throttle, name, at("10.0.0.7"), 1000);
	CHECK(throttle_ask(throttle, name, at("10.0.0.8"), 1000) == THROTTLE_ACCOUNT_LOCKED, "a long name is a name");
	name.len--;
	CHECK(throttle_ask(throttle, name, at("10.0.0.8"), 1000) == THROTTLE_PASS, "and not its beginning");
	CHECK(throttle_ask(throttle, STR(""), at("10.0.0.8"), 1000) == THROTTLE_PASS, "nor the empty one");
	throttle_free(throttle);
}

static void test_forged(void)
{
	struct throttle *throttle = throttle_new(&options);

	throttle_succeeded(throttle, STR("copier@x.example"), at("192.0.2.1"), 1000);
	for (unsigned i = 0; i < 20; i++)
		throttle_forged(throttle, STR("erp@x.example"), at("192.0.2.1"), 2000);
	CHECK(ask(throttle, "erp@x.example", "192.0.2.1", 2000) == THROTTLE_NETWORK_LOCKED, "forged tokens lock their network");
	CHECK(ask(throttle, "erp@x.example", "192.0.2.2", 2000) == THROTTLE_PASS, "and never the name");
	CHECK(ask(throttle, "copier@x.example", "192.0.2.1", 2000) == THROTTLE_PASS, "who signed in from there lately goes on");
	for (unsigned i = 0; i < 5; i++)
		throttle_forged(throttle, STR("copier@x.example"), at("192.0.2.1"), 3000);
	CHECK(ask(throttle, "copier@x.example", "192.0.2.1", 3000) == THROTTLE_NETWORK_LOCKED, "unless it forges itself");
	throttle_free(throttle);
}

int main(void)
{
	test_account();
	test_network();
	test_lane();
	test_forget();
	test_bounds();
	test_names();
	test_forged();
	return check_report();
}
