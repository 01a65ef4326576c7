#include "domain/boot.h"

#include "base/pack.h"

static const struct pack_field boot_fields[] = {
	PACK_FIELD(boot, path, PACK_STR),     PACK_FIELD(boot, settings, PACK_STR),
	PACK_FIELD(boot, hostname, PACK_STR), PACK_FIELD(boot, number, PACK_U32),
	PACK_FIELD(boot, ticket_key, PACK_BYTES), PACK_FIELD(boot, certificates, PACK_STR),
};

static const struct pack_field pair_fields[] = {
	PACK_FIELD(boot_pair, certificate, PACK_STR),
	PACK_FIELD(boot_pair, key, PACK_STR),
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

bool boot_print(struct buf *out, const struct boot *boot)
{
	return pack_print(out, boot_fields, COUNT(boot_fields), boot);
}

bool boot_parse(struct str packed, struct boot *ret_boot)
{
	return pack_parse(&packed, boot_fields, COUNT(boot_fields), ret_boot) && packed.len == 0;
}

bool boot_pair_print(struct buf *out, const struct boot_pair *pair)
{
	return pack_print(out, pair_fields, COUNT(pair_fields), pair);
}

bool boot_pair_next(struct str *packed, struct boot_pair *ret_pair)
{
	return pack_parse(packed, pair_fields, COUNT(pair_fields), ret_pair);
}
