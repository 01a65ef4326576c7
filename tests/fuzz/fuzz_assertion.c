/* Whatever stands in an assertion: printed it is a JWT's header and claims, and they give the texts back; what is no UTF-8 is refused. */
#include <stdlib.h>
#include <string.h>

#include "wire/assertion.h"
#include "wire/jwt.h"

static bool same(const struct jwt *jwt, const char *name, struct str text)
{
	const json_t *value = json_object_get(jwt->claims, name);

	return text.len == 0 ? !value : json_is_string(value) && str_eq((struct str){ json_string_value(value), json_string_length(value) }, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = { (const char *)data, size };
	struct str issuer = str_cut(&input, '|');
	struct str subject = str_cut(&input, '|');
	struct assertion assertion = { .algorithm = STR("PS256"), .thumbprint = STR("0123456789abcdef0123456789abcdef"), .issuer = issuer,
				       .subject = subject, .audience = input, .id = STR("id"), .now_s = 1700000000, .lifetime_s = 540 };
	struct buf out;
	const char *why;
	struct jwt jwt;

	buf_init(&out, ASSERTION_BYTES_MAX);
	if (assertion_print(&out, &assertion)) {
		if (!str_is_utf8(issuer) || !str_is_utf8(subject) || !str_is_utf8(input))
			abort();
		if (!buf_add(&out, STR(".c2ln"))) {
			buf_done(&out);
			return 0;
		}
		if (!jwt_parse(buf_str(&out), &jwt, &why))
			abort();
		if (!same(&jwt, "iss", issuer) || !same(&jwt, "sub", subject) || !same(&jwt, "aud", input) || strcmp(jwt.algorithm, "PS256") != 0)
			abort();
		jwt_done(&jwt);
	}
	buf_done(&out);
	return 0;
}
