#include "domain/cidr.h"

#include <arpa/inet.h>
#include <string.h>

#define MAPPED_BITS 96 /* ::ffff:0:0/96 holds the IPv4 addresses (RFC 4291, 2.5.5.2) */

static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* inet_pton is a parser of text, no socket. *ret_first_bit: how many bits stand before a prefix of this family. */
static bool address_parse(struct str text, unsigned char ret_ip[16], unsigned *ret_first_bit)
{
	char zero_terminated[INET6_ADDRSTRLEN];

	if (!str_copy(text, sizeof(zero_terminated), zero_terminated))
		return false;
	if (inet_pton(AF_INET, zero_terminated, ret_ip + MAPPED_BITS / 8) == 1) {
		memcpy(ret_ip, mapped, sizeof(mapped));
		*ret_first_bit = MAPPED_BITS;
		return true;
	}
	*ret_first_bit = 0;
	return inet_pton(AF_INET6, zero_terminated, ret_ip) == 1;
}

bool ip_parse(struct str text, unsigned char ret_ip[16])
{
	unsigned first_bit;

	return address_parse(text, ret_ip, &first_bit);
}

static bool bit_of(const unsigned char ip[16], unsigned bit)
{
	return ip[bit / 8] >> (7 - bit % 8) & 1;
}

bool cidr_parse(struct str text, struct cidr *ret_cidr)
{
	struct cidr cidr;
	struct str rest = text;
	struct str address = str_cut(&rest, '/');
	unsigned first_bit;
	uint64_t bits;

	if (!address_parse(address, cidr.ip, &first_bit))
		return false;
	bits = 128 - first_bit;
	if (address.len < text.len && !str_to_u64(rest, bits, &bits))
		return false;
	cidr.bits = (unsigned char)(first_bit + bits);
	for (unsigned bit = cidr.bits; bit < 128; bit++) {
		if (bit_of(cidr.ip, bit))
			return false;
	}
	*ret_cidr = cidr;
	return true;
}

bool cidr_print(const struct cidr *cidr, struct buf *out)
{
	bool is_ipv4 = cidr->bits >= MAPPED_BITS && memcmp(cidr->ip, mapped, sizeof(mapped)) == 0;
	unsigned first_bit = is_ipv4 ? MAPPED_BITS : 0;
	char text[INET6_ADDRSTRLEN];

	if (!inet_ntop(is_ipv4 ? AF_INET : AF_INET6, cidr->ip + first_bit / 8, text, sizeof(text)))
		return false;
	if (cidr->bits == 128)
		return buf_add(out, str_of(text));
	return buf_add_format(out, "%s/%u", text, cidr->bits - first_bit);
}

bool cidr_has(const struct cidr *cidr, const unsigned char ip[16])
{
	size_t whole = cidr->bits / 8;
	unsigned left = cidr->bits % 8;

	if (memcmp(cidr->ip, ip, whole) != 0)
		return false;
	return left == 0 || ((cidr->ip[whole] ^ ip[whole]) & (0xff00u >> left) & 0xffu) == 0;
}

bool cidr_any_has(const struct cidr *list, size_t count, const unsigned char ip[16])
{
	for (size_t i = 0; i < count; i++) {
		if (cidr_has(&list[i], ip))
			return true;
	}
	return false;
}
