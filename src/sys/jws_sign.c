#include "sys/jws_sign.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define PASSWORD_MAX_BYTES 1024

struct jws_signer {
	EVP_PKEY *key;
	X509 *certificate; /* NULL: none */
};

static BIO *bio_of(struct str bytes)
{
	return BIO_new_mem_buf(bytes.ptr, (int)bytes.len);
}

/* PEM_read_*'s password callback: never a prompt on the terminal. */
static int give_password(char *ret_password, int size, int writing, void *context)
{
	const char *password = context;
	int len = (int)strlen(password);

	(void)writing;
	if (len > size)
		return -1;
	memcpy(ret_password, password, (size_t)len);
	return len;
}

static bool read_pem(struct jws_signer *signer, struct str certificate, struct str key, char *password)
{
	BIO *bio = bio_of(key.len > 0 ? key : certificate);

	if (bio)
		signer->key = PEM_read_bio_PrivateKey(bio, NULL, give_password, password);
	BIO_free(bio);
	bio = certificate.len > 0 ? bio_of(certificate) : NULL;
	if (bio)
		signer->certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return signer->key && (certificate.len == 0 || signer->certificate);
}

/* False: it is no PKCS#12 at all. Else the key is there, or the password is wrong. */
static bool read_pkcs12(struct jws_signer *signer, struct str bytes, const char *password)
{
	BIO *bio = bio_of(bytes);
	PKCS12 *store = bio ? d2i_PKCS12_bio(bio, NULL) : NULL;

	BIO_free(bio);
	if (!store)
		return false;
	(void)PKCS12_parse(store, password, &signer->key, &signer->certificate, NULL);
	PKCS12_free(store);
	return true;
}

static enum outcome judge(const struct jws_signer *signer, const char *name, struct fault *fault)
{
	int bits = EVP_PKEY_get_base_id(signer->key) == EVP_PKEY_RSA ? EVP_PKEY_get_bits(signer->key) : 0;

	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		return fault_set(fault, OUTCOME_NEVER, N_("the key of %s is no RSA key of %d to %d bits; make one of those and register its certificate"),
				 name, RSA_BITS_MIN, RSA_BITS_MAX);
	if (signer->certificate && X509_check_private_key(signer->certificate, signer->key) != 1)
		return fault_set(fault, OUTCOME_NEVER, N_("the key does not belong to the certificate in %s"), name);
	return OUTCOME_OK;
}

enum outcome jws_signer_load(struct str certificate, struct str key, struct str password, const char *name, struct jws_signer **ret_signer,
			     struct fault *fault)
{
	struct jws_signer *signer = calloc(1, sizeof(*signer));
	char secret[PASSWORD_MAX_BYTES];
	enum outcome outcome = OUTCOME_OK;

	if (!signer)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory while reading %s"), name);
	if (!str_copy(password, sizeof(secret), secret))
		outcome = fault_set(fault, OUTCOME_NEVER, N_("the password for %s is longer than %d bytes"), name, PASSWORD_MAX_BYTES);
	else if (!(certificate.len > 0 && key.len == 0 && read_pkcs12(signer, certificate, secret)))
		(void)read_pem(signer, certificate, key, secret);
	OPENSSL_cleanse(secret, sizeof(secret));
	ERR_clear_error();
	if (outcome == OUTCOME_OK && !signer->key)
		outcome = fault_set(fault, OUTCOME_NEVER,
				    N_("no private key can be read from %s: is it PEM or PKCS#12, and is certificate-password-file right?"), name);
	if (outcome == OUTCOME_OK && certificate.len > 0 && !signer->certificate)
		outcome = fault_set(fault, OUTCOME_NEVER, N_("no certificate can be read from %s: it must be PEM, or PKCS#12 with its key"), name);
	if (outcome == OUTCOME_OK)
		outcome = judge(signer, name, fault);
	if (outcome == OUTCOME_OK)
		*ret_signer = signer;
	else
		jws_signer_free(signer);
	return outcome;
}

void jws_signer_free(struct jws_signer *signer)
{
	if (!signer)
		return;
	EVP_PKEY_free(signer->key); /* OpenSSL wipes it */
	X509_free(signer->certificate);
	free(signer);
}

static int64_t seconds_of(const ASN1_TIME *time)
{
	struct tm parts;

	return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

bool jws_signer_dates(const struct jws_signer *signer, int64_t *ret_begins_s, int64_t *ret_ends_s)
{
	if (!signer->certificate)
		return false;
	*ret_begins_s = seconds_of(X509_get0_notBefore(signer->certificate));
	*ret_ends_s = seconds_of(X509_get0_notAfter(signer->certificate));
	return true;
}

bool jws_signer_thumbprint(const struct jws_signer *signer, unsigned char ret_thumbprint[JWS_THUMBPRINT_BYTES])
{
	unsigned len = 0;

	return signer->certificate && X509_digest(signer->certificate, EVP_sha256(), ret_thumbprint, &len) == 1 && len == JWS_THUMBPRINT_BYTES;
}

bool jws_signer_sha1(const struct jws_signer *signer, unsigned char ret_sha1[JWS_SHA1_BYTES])
{
	unsigned len = 0;

	return signer->certificate && X509_digest(signer->certificate, EVP_sha1(), ret_sha1, &len) == 1 && len == JWS_SHA1_BYTES;
}

bool jws_sign(const struct jws_signer *signer, enum jws_algorithm algorithm, struct str text, struct buf *out)
{
	unsigned char signature[JWS_SIGNATURE_MAX];
	size_t len = sizeof(signature);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *parameters = NULL;
	bool good = context && EVP_DigestSignInit(context, &parameters, EVP_sha256(), NULL, signer->key) == 1;

	if (good && algorithm == JWS_PS256)
		good = EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1;
	good = good && EVP_DigestSign(context, signature, &len, (const unsigned char *)text.ptr, text.len) == 1 &&
	       buf_add(out, (struct str){ (const char *)signature, len });
	EVP_MD_CTX_free(context);
	return good;
}
