/* assertion, jws_sign: what an application signs, verified with the public key and taken apart again. Another library judges them in
 * tests/system/test_flows.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "courier/signed_assertion.h"
#include "sys/certificate.h"
#include "wire/jwt.h"

#define TOKEN_BYTES 8192

static struct certificate rsa, other, curve;

static struct jws_signer *signer_of(const struct certificate *certificate)
{
	struct jws_signer *signer = NULL;
	struct fault fault;

	if (jws_signer_load(buf_str(&certificate->certificate), buf_str(&certificate->key), STR(""), "test", &signer, &fault) != OUTCOME_OK)
		printf("# %s\n", fault.text[0]);
	return signer;
}

static bool print(struct buf *out, struct jws_signer *signer, enum jws_algorithm algorithm)
{
	struct assertion assertion = { .issuer = STR("app"), .subject = STR("app"), .audience = STR("https://login.example/t/oauth2/v2.0/token") };

	return signed_assertion_print(out, &assertion, signer, algorithm);
}

static const char *text(const struct jwt *jwt, const char *name)
{
	const char *value = json_string_value(json_object_get(jwt->claims, name));

	return value ? value : "";
}

static int64_t number(const struct jwt *jwt, const char *name)
{
	return json_integer_value(json_object_get(jwt->claims, name));
}

static void check_algorithm(enum jws_algorithm algorithm, enum jws_algorithm wrong)
{
	const char *label = jws_algorithm_name(algorithm);
	unsigned char thumbprint[JWS_THUMBPRINT_BYTES];
	unsigned char of_key[JWS_THUMBPRINT_BYTES];
	struct jws_signer *signer = signer_of(&rsa);
	struct jws_key *key = jws_key_certificate(buf_str(&rsa.certificate), of_key);
	struct jws_key *stranger = jws_key_certificate(buf_str(&other.certificate), thumbprint);
	CLEANUP(cleanup_buf) struct buf token = { .bytes_max = TOKEN_BYTES };
	CLEANUP(cleanup_buf) struct buf again = { .bytes_max = TOKEN_BYTES };
	CLEANUP(cleanup_buf) struct buf wanted = { .bytes_max = 64 };
	const char *why = "";
	struct jwt jwt = { 0 }, second = { 0 };

	CHECK(print(&token, signer, algorithm) && print(&again, signer, algorithm) && jwt_parse(buf_str(&token), &jwt, &why) &&
	      jwt_parse(buf_str(&again), &second, &why), label);
	CHECK(strcmp(jwt.algorithm, label) == 0, "the header names the algorithm");
	CHECK(jws_verify(key, algorithm, jwt.signed_part, buf_str(&jwt.signature)), "the public key verifies it");
	CHECK(!jws_verify(key, wrong, jwt.signed_part, buf_str(&jwt.signature)), "not as the other algorithm");
	CHECK(!jws_verify(stranger, algorithm, jwt.signed_part, buf_str(&jwt.signature)), "not with another key");
	jwt.signature.ptr[7] ^= 1;
	CHECK(!jws_verify(key, algorithm, jwt.signed_part, buf_str(&jwt.signature)), "not with a bit changed");
	CHECK(strcmp(text(&jwt, "iss"), "app") == 0 && strcmp(text(&jwt, "sub"), "app") == 0 &&
	      strcmp(text(&jwt, "aud"), "https://login.example/t/oauth2/v2.0/token") == 0, "issuer, subject, audience");
	CHECK(number(&jwt, "exp") - number(&jwt, "nbf") <= 600 && number(&jwt, "exp") > number(&jwt, "iat"), "good for ten minutes at most");
	CHECK(strlen(text(&jwt, "jti")) == 36 && strcmp(text(&jwt, "jti"), text(&second, "jti")) != 0, "an id that is never the same");
	CHECK(jws_signer_thumbprint(signer, thumbprint) && memcmp(thumbprint, of_key, sizeof(thumbprint)) == 0 &&
	      base64url_print(&wanted, (struct str){ (const char *)thumbprint, sizeof(thumbprint) }) && str_eq(buf_str(&wanted), str_of(jwt.thumbprint)),
	      "x5t#S256 is the certificate's");
	jwt_done(&jwt);
	jwt_done(&second);
	jws_key_free(key);
	jws_key_free(stranger);
	jws_signer_free(signer);
}

static void check_refusals(void)
{
	const struct {
		const char *label;
		struct str certificate, key;
		const char *words;
	} cases[] = {
		{ "the key of another certificate", buf_str(&rsa.certificate), buf_str(&other.key), "the key does not belong to the certificate in test" },
		{ "no key", buf_str(&rsa.certificate), STR(""), "no private key can be read from test" },
		{ "no certificate", STR("nonsense"), buf_str(&rsa.key), "no certificate can be read from test" },
		{ "a curve", buf_str(&curve.certificate), buf_str(&curve.key), "the key of test is no RSA key" },
		{ "nothing", STR(""), STR(""), "no private key can be read from test" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct jws_signer *signer = NULL;
		struct fault fault = { 0 };

		if (!CHECK(jws_signer_load(cases[i].certificate, cases[i].key, STR(""), "test", &signer, &fault) == OUTCOME_NEVER && !signer &&
			   strncmp(fault.text[0], cases[i].words, strlen(cases[i].words)) == 0, cases[i].label))
			printf("# %s\n", fault.text[0]);
		jws_signer_free(signer);
	}
}

int main(void)
{
	struct fault fault;

	if (certificate_make_leaf(NULL, "DNS:a.example", CERTIFICATE_RSA, &rsa, &fault) != OUTCOME_OK ||
	    certificate_make_leaf(NULL, "DNS:b.example", CERTIFICATE_RSA, &other, &fault) != OUTCOME_OK ||
	    certificate_make_leaf(NULL, "DNS:c.example", CERTIFICATE_P256, &curve, &fault) != OUTCOME_OK)
		return 1;
	check_algorithm(JWS_PS256, JWS_RS256);
	check_algorithm(JWS_RS256, JWS_PS256);
	check_refusals();
	certificate_done(&rsa);
	certificate_done(&other);
	certificate_done(&curve);
	return check_report();
}
