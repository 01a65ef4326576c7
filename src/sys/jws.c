#include "sys/jws.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define COORDINATE_BYTES 32

struct jws_key {
	EVP_PKEY *pkey;
	bool rsa;
};

static const char *const names[JWS_ALGORITHM_COUNT] = { [JWS_RS256] = "RS256", [JWS_PS256] = "PS256", [JWS_ES256] = "ES256" };

bool jws_algorithm_parse(struct str name, enum jws_algorithm *ret_algorithm)
{
	for (int i = 0; i < JWS_ALGORITHM_COUNT; i++) {
		if (str_eq(name, str_of(names[i]))) {
			*ret_algorithm = (enum jws_algorithm)i;
			return true;
		}
	}
	return false;
}

const char *jws_algorithm_name(enum jws_algorithm algorithm)
{
	return names[algorithm];
}

/* --- keys --- */

static struct jws_key *key_from(const char *kind, OSSL_PARAM_BLD *build, bool rsa)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
	struct jws_key *key = calloc(1, sizeof(*key));
	bool made = params && context && key && EVP_PKEY_fromdata_init(context) == 1 &&
		    EVP_PKEY_fromdata(context, &key->pkey, EVP_PKEY_PUBLIC_KEY, params) == 1;

	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(params);
	if (made) {
		key->rsa = rsa;
		return key;
	}
	free(key);
	return NULL;
}

static BIGNUM *number(struct str bytes)
{
	return BN_bin2bn((const unsigned char *)bytes.ptr, (int)bytes.len, NULL);
}

struct jws_key *jws_key_rsa(struct str modulus, struct str exponent)
{
	BIGNUM *n = modulus.len <= RSA_BITS_MAX / 8 + 1 ? number(modulus) : NULL;
	BIGNUM *e = exponent.len <= 8 ? number(exponent) : NULL;
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	struct jws_key *key = NULL;

	if (n && e && build && BN_num_bits(n) >= RSA_BITS_MIN && BN_num_bits(n) <= RSA_BITS_MAX && BN_is_odd(e) && !BN_is_one(e) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		key = key_from("RSA", build, true);
	OSSL_PARAM_BLD_free(build);
	BN_free(n);
	BN_free(e);
	return key;
}

static bool is_on_curve(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	bool good = context && EVP_PKEY_public_check(context) == 1;

	EVP_PKEY_CTX_free(context);
	return good;
}

struct jws_key *jws_key_p256(struct str x, struct str y)
{
	unsigned char point[1 + 2 * COORDINATE_BYTES] = { 0x04 }; /* uncompressed */
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	struct jws_key *key = NULL;

	if (build && x.len == COORDINATE_BYTES && y.len == COORDINATE_BYTES) {
		memcpy(point + 1, x.ptr, COORDINATE_BYTES);
		memcpy(point + 1 + COORDINATE_BYTES, y.ptr, COORDINATE_BYTES);
		if (OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
		    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)) == 1)
			key = key_from("EC", build, false);
	}
	OSSL_PARAM_BLD_free(build);
	if (key && !is_on_curve(key->pkey)) {
		jws_key_free(key);
		key = NULL;
	}
	return key;
}

struct jws_key *jws_key_certificate(struct str pem, unsigned char ret_thumbprint[32])
{
	BIO *text = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	X509 *certificate = text ? PEM_read_bio_X509(text, NULL, NULL, NULL) : NULL;
	EVP_PKEY *pkey = certificate ? X509_get_pubkey(certificate) : NULL;
	struct jws_key *key = calloc(1, sizeof(*key));
	bool good = key && pkey && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA && X509_digest(certificate, EVP_sha256(), ret_thumbprint, NULL) == 1;

	X509_free(certificate);
	BIO_free(text);
	if (good) {
		*key = (struct jws_key){ pkey, true };
		return key;
	}
	EVP_PKEY_free(pkey);
	free(key);
	return NULL;
}

void jws_key_free(struct jws_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

/* --- signatures --- */

/* r and s as JOSE has them, to the DER that OpenSSL wants. The caller frees *ret_der with OPENSSL_free. */
static int ecdsa_to_der(struct str signature, unsigned char **ret_der)
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r;
	BIGNUM *s;
	int len = 0;

	*ret_der = NULL;
	if (!pair || signature.len != 2 * COORDINATE_BYTES) {
		ECDSA_SIG_free(pair);
		return 0;
	}
	r = number((struct str){ signature.ptr, COORDINATE_BYTES });
	s = number(str_skip(signature, COORDINATE_BYTES));
	/* A zero of either passes some verifiers for any text (CVE-2022-21449): never here. */
	if (r && s && !BN_is_zero(r) && !BN_is_zero(s) && ECDSA_SIG_set0(pair, r, s) == 1) {
		len = i2d_ECDSA_SIG(pair, ret_der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(pair);
	return len > 0 ? len : 0;
}

static bool verify(const struct jws_key *key, enum jws_algorithm algorithm, struct str text, const unsigned char *signature, size_t len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *parameters = NULL;
	bool good = context && EVP_DigestVerifyInit(context, &parameters, EVP_sha256(), NULL, key->pkey) == 1;

	if (good && algorithm == JWS_PS256)
		good = EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1;
	good = good && EVP_DigestVerify(context, signature, len, (const unsigned char *)text.ptr, text.len) == 1;
	EVP_MD_CTX_free(context);
	return good;
}

bool jws_verify(const struct jws_key *key, enum jws_algorithm algorithm, struct str text, struct str signature)
{
	unsigned char *der;
	bool good;
	int len;

	if (key->rsa != (algorithm != JWS_ES256))
		return false;
	if (key->rsa)
		return verify(key, algorithm, text, (const unsigned char *)signature.ptr, signature.len);
	len = ecdsa_to_der(signature, &der);
	good = len > 0 && verify(key, algorithm, text, der, (size_t)len);
	OPENSSL_free(der);
	return good;
}
