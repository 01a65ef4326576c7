/* cidr: networks, IPv4 and IPv6 alike (an IPv4 address is its IPv4-mapped IPv6 one). */
#ifndef DOMAIN_CIDR_H
#define DOMAIN_CIDR_H

#include "base/buf.h"
#include "base/str.h"

struct cidr {
	unsigned char ip[16];
	unsigned char bits; /* of 128; an IPv4 /24 is 120 */
};

bool ip_parse(struct str text, unsigned char ret_ip[16]);
bool cidr_parse(struct str text, struct cidr *ret_cidr); /* "10.0.0.0/8", "::1", "192.0.2.7"; host bits must be 0 */
/* As cidr_parse reads it, an IPv4-mapped one as IPv4; false: no room in `out`. */
bool cidr_print(const struct cidr *cidr, struct buf *out) __attribute__((warn_unused_result));
bool cidr_has(const struct cidr *cidr, const unsigned char ip[16]);
bool cidr_any_has(const struct cidr *list, size_t count, const unsigned char ip[16]);

#endif
