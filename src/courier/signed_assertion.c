#include "courier/signed_assertion.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/random.h"
#include "wire/jwt.h"

#define LIFETIME_S 540 /* Microsoft: at most 10 minutes, and nbf lies a minute back */

/* A random UUID (RFC 9562, 5.4): never twice the same. */
static void make_id(char ret_id[40])
{
	unsigned char bytes[16];

	random_bytes(bytes, sizeof(bytes));
	bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
	(void)snprintf(ret_id, 40, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2], bytes[3],
		       bytes[4], bytes[5], bytes[6], bytes[7], bytes[8], bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]);
}

bool signed_assertion_print(struct buf *out, struct assertion *assertion, const struct jws_signer *signer, enum jws_algorithm algorithm)
{
	CLEANUP(cleanup_buf) struct buf text = { .bytes_max = ASSERTION_BYTES_MAX };
	CLEANUP(cleanup_buf) struct buf signature = { .bytes_max = JWS_SIGNATURE_MAX };
	unsigned char thumbprint[JWS_THUMBPRINT_BYTES];
	char id[40];

	make_id(id);
	assertion->algorithm = str_of(jws_algorithm_name(algorithm));
	assertion->id = str_of(id);
	if (jws_signer_thumbprint(signer, thumbprint))
		assertion->thumbprint = (struct str){ (const char *)thumbprint, sizeof(thumbprint) };
	assertion->now_s = clock_real_us() / 1000000;
	assertion->lifetime_s = LIFETIME_S;
	return assertion_print(&text, assertion) && jws_sign(signer, algorithm, buf_str(&text), &signature) && buf_add(out, buf_str(&text)) &&
	       buf_add_byte(out, '.') && base64url_print(out, buf_str(&signature));
}
