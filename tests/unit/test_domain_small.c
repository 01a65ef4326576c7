/* cidr, event_id, retry: the small decisions, case by case. */
#include <string.h>

#include "check.h"
#include "domain/cidr.h"
#include "domain/event_id.h"
#include "domain/retry.h"

static void check_cidr(void)
{
	static const struct {
		const char *label, *network, *ip;
		bool parses, has;
	} cases[] = {
		{ "cidr: a /8 has its last address", "10.0.0.0/8", "10.255.255.255", true, true },
		{ "cidr: a /8 has no neighbour", "10.0.0.0/8", "11.0.0.0", true, false },
		{ "cidr: a /25 ends within a byte", "192.0.2.0/25", "192.0.2.127", true, true },
		{ "cidr: one past a /25", "192.0.2.0/25", "192.0.2.128", true, false },
		{ "cidr: a bare address is itself", "192.0.2.7", "192.0.2.7", true, true },
		{ "cidr: a bare address is nobody else", "192.0.2.7", "192.0.2.6", true, false },
		{ "cidr: /0 has every IPv4 address", "0.0.0.0/0", "203.0.113.9", true, true },
		{ "cidr: IPv4's /0 has no IPv6 address", "0.0.0.0/0", "2001:db8::1", true, false },
		{ "cidr: ::/0 has everybody", "::/0", "203.0.113.9", true, true },
		{ "cidr: IPv6 /32", "2001:db8::/32", "2001:db8:ffff::1", true, true },
		{ "cidr: IPv6 /33 splits", "2001:db8::/33", "2001:db8:8000::1", true, false },
		{ "cidr: a mapped address is the IPv4 one", "::ffff:10.0.0.0/104", "10.9.9.9", true, true },
		{ "cidr: host bits", "10.0.0.1/8", "10.0.0.1", false, false },
		{ "cidr: 33 bits of 32", "10.0.0.0/33", "10.0.0.0", false, false },
		{ "cidr: no bits after the slash", "10.0.0.0/", "10.0.0.0", false, false },
		{ "cidr: blank", " 10.0.0.0/8", "10.0.0.0", false, false },
		{ "cidr: three parts", "10.0.0/8", "10.0.0.0", false, false },
		{ "cidr: nothing", "", "10.0.0.0", false, false },
		{ "cidr: a name", "localhost", "127.0.0.1", false, false },
		{ "cidr: a zone", "fe80::1%eth0", "fe80::1", false, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct cidr cidr;
		unsigned char ip[16];
		bool parsed = cidr_parse(str_of(cases[i].network), &cidr);

		CHECK(parsed == cases[i].parses, cases[i].label);
		CHECK(ip_parse(str_of(cases[i].ip), ip), cases[i].label);
		if (parsed)
			CHECK(cidr_has(&cidr, ip) == cases[i].has, cases[i].label);
	}
}

static void check_cidr_list(void)
{
	struct cidr list[2];
	unsigned char ip[16];

	CHECK(cidr_parse(STR("10.0.0.0/8"), &list[0]) && cidr_parse(STR("2001:db8::/32"), &list[1]),
	      "cidr list");
	CHECK(ip_parse(STR("2001:db8::5"), ip) && cidr_any_has(list, 2, ip), "cidr list: the second has it");
	CHECK(!cidr_any_has(list, 1, ip), "cidr list: the first alone has it not");
	CHECK(!cidr_any_has(NULL, 0, ip), "cidr list: an empty one has nobody");
}

static void check_event_id(void)
{
	char text[EVENT_ID_LEN + 1];
	char again[EVENT_ID_LEN + 1];
	char last[EVENT_ID_LEN + 1] = "";
	bool rising = true;

	event_id_print(0, 0, text);
	CHECK(strcmp(text, "2222222222") == 0, "event id: the first");
	event_id_print(EVENT_ID_NODES - 1, EVENT_ID_COUNTS - 1, text);
	CHECK(strcmp(text, "ZZZZZZZZZZ") == 0, "event id: the last");
	for (uint64_t count = 0; count < 100000; count++) {
		event_id_print(7, count, text);
		rising = rising && strcmp(last, text) < 0;
		memcpy(last, text, sizeof(last));
	}
	CHECK(rising, "event id: 100,000 differ and rise");
	CHECK(strpbrk(text, "0O1ILU") == NULL, "event id: no confusable character");
	CHECK(event_id_parse(STR("abc-def 234 5"), again) && strcmp(again, "ABCDEF2345") == 0,
	      "event id: as read aloud");
	CHECK(!event_id_parse(STR("ABCDEF234"), again), "event id: one short");
	CHECK(!event_id_parse(STR("ABCDEF23456"), again), "event id: one too many");
	CHECK(!event_id_parse(STR("ABCDEF234O"), again), "event id: a letter O");
	CHECK(!event_id_parse((struct str){ "ABCDEF234\0", 10 }, again), "event id: a NUL");
}

static void check_retry(void)
{
	uint64_t lowest = UINT64_MAX;
	uint64_t highest = 0;

	for (uint32_t random = 0; random < 100000; random++) {
		uint64_t wait_ms = retry_wait_ms(1, 60, 3600, random * 40503u);

		lowest = wait_ms < lowest ? wait_ms : lowest;
		highest = wait_ms > highest ? wait_ms : highest;
	}
	CHECK(lowest >= 48000 && lowest < 48100, "retry: at least 80 % of the first wait");
	CHECK(highest <= 72000 && highest > 71900, "retry: at most 120 % of the first wait");
	CHECK(retry_wait_ms(3, 60, 3600, 48000) == 240000, "retry: doubled twice");
	CHECK(retry_wait_ms(4000000000u, 60, 3600, 720000) == 3600000, "retry: never over its ceiling");
	CHECK(retry_wait_ms(1, 7200, 3600, 720000) == 3600000, "retry: a first wait over the ceiling");
}

int main(void)
{
	check_cidr();
	check_cidr_list();
	check_event_id();
	check_retry();
	return check_report();
}
