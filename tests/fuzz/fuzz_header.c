/* However a message is cut into runs, the same is seen of its header, within the ceilings; and what is read out of a From are
 * addresses, one a line, that read alone give themselves. */
#include <stdlib.h>
#include <string.h>

#include "wire/header.h"
#include "wire/smtp_address.h"

static void scan_all(struct header_scan *scan, struct str message, size_t bite)
{
	header_scan_init(scan, STR("mark"));
	while (message.len > 0) {
		struct str run = { message.ptr, message.len < bite ? message.len : bite };

		if (!header_scan_feed(scan, run))
			abort();
		message = str_skip(message, run.len);
	}
}

static bool same(const struct header_scan *a, const struct header_scan *b)
{
	for (int i = 0; i < HEADER_FIELD_COUNT; i++) {
		if (!str_eq(buf_str(&a->value[i]), buf_str(&b->value[i])) || a->count[i] != b->count[i] || a->cut[i] != b->cut[i] ||
		    a->value[i].len > HEADER_VALUE_MAX)
			return false;
	}
	return a->received == b->received && a->loop_mark == b->loop_mark && a->ended == b->ended && a->eight_bit == b->eight_bit;
}

static void check_addresses(struct str value)
{
	struct buf keep;
	struct str list;
	size_t count = 0;

	buf_init(&keep, 4096);
	if (!header_addresses_parse(value, 8, &keep) && keep.len > 0)
		abort();
	for (list = buf_str(&keep); list.len > 0; count++) {
		struct smtp_address address;
		struct str line = str_cut(&list, '\n');

		if (!smtp_address_parse(line, &address) || !str_eq(address.whole, line))
			abort();
	}
	if (count > 8)
		abort();
	buf_done(&keep);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = { (const char *)data, size };
	struct header_scan whole, bitten;

	scan_all(&whole, input, SIZE_MAX);
	scan_all(&bitten, input, 1);
	if (!same(&whole, &bitten))
		abort();
	header_scan_done(&bitten);
	scan_all(&bitten, input, 7);
	if (!same(&whole, &bitten))
		abort();
	check_addresses(buf_str(&whole.value[HEADER_FROM]));
	check_addresses(input);
	header_scan_done(&bitten);
	header_scan_done(&whole);
	return 0;
}
