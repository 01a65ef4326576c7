/* certificates: authorities and server certificates made while a test runs, so that none lies around and expires. */
#ifndef UNIT_CERTIFICATES_H
#define UNIT_CERTIFICATES_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct certificate {
	X509 *x509;
	EVP_PKEY *key;
	char *pem, *key_pem;
};

static char *pem_text(BIO *bio)
{
	char *bytes, *text;
	long len = BIO_get_mem_data(bio, &bytes);

	text = calloc(1, (size_t)len + 1);
	memcpy(text, bytes, (size_t)len);
	BIO_free(bio);
	return text;
}

static void add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	X509_add_ext(x509, extension, -1);
	X509_EXTENSION_free(extension);
}

/* `alt`: "DNS:localhost,IP:127.0.0.1", or NULL for an authority. `issuer` NULL: signed by itself. */
static struct certificate certificate_new(const char *name, const char *alt, const struct certificate *issuer,
					  const char *kind, int first_day, int last_day)
{
	struct certificate made = { .x509 = X509_new() };
	X509_NAME *subject = X509_get_subject_name(made.x509);
	uint64_t serial = 0;
	BIO *bio;

	made.key = strcmp(kind, "RSA") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
					    : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	(void)RAND_bytes((unsigned char *)&serial, 7);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.x509), serial + 1);
	X509_set_version(made.x509, X509_VERSION_3);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(made.x509, issuer ? X509_get_subject_name(issuer->x509) : subject);
	X509_gmtime_adj(X509_getm_notBefore(made.x509), (long)first_day * 86400);
	X509_gmtime_adj(X509_getm_notAfter(made.x509), (long)last_day * 86400);
	X509_set_pubkey(made.x509, made.key);
	add_extension(made.x509, issuer ? issuer->x509 : made.x509, NID_basic_constraints,
		      alt ? "CA:FALSE" : "critical,CA:TRUE");
	if (alt)
		add_extension(made.x509, issuer ? issuer->x509 : made.x509, NID_subject_alt_name, alt);
	X509_sign(made.x509, issuer ? issuer->key : made.key, EVP_sha256());
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(bio, made.x509);
	made.pem = pem_text(bio);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(bio, made.key, NULL, NULL, 0, NULL, NULL);
	made.key_pem = pem_text(bio);
	return made;
}

static void certificate_free(struct certificate *certificate)
{
	X509_free(certificate->x509);
	EVP_PKEY_free(certificate->key);
	free(certificate->pem);
	free(certificate->key_pem);
}

#endif
