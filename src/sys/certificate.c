#include "sys/certificate.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define DAYS 90
#define PEM_BYTES_MAX 65536
#define RSA_BITS 2048
#define SERIAL_BITS 127

static EVP_PKEY *make_key(enum certificate_kind kind)
{
	return kind == CERTIFICATE_RSA ? EVP_RSA_gen(RSA_BITS) : EVP_EC_gen("P-256");
}

static bool add_extension(X509 *certificate, X509 *issuer, int which, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool added;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, which, value);
	added = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return added;
}

static bool set_name(X509 *certificate, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(certificate);

	return X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const unsigned char *)"Sekisho SANDBOX", -1, -1, 0) == 1 &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1;
}

static bool set_serial(X509 *certificate)
{
	BIGNUM *number = BN_new();
	bool set = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
		   BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;

	BN_free(number);
	return set;
}

static X509 *make(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key, const char *names)
{
	X509 *certificate = X509_new();
	X509 *above = issuer ? issuer : certificate;
	bool made = certificate && key && X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
		    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) &&
		    X509_gmtime_adj(X509_getm_notAfter(certificate), DAYS * 86400L) && X509_set_pubkey(certificate, key) == 1 &&
		    set_name(certificate, name) && X509_set_issuer_name(certificate, X509_get_subject_name(above)) == 1 &&
		    add_extension(certificate, above, NID_basic_constraints, names ? "critical,CA:FALSE" : "critical,CA:TRUE") &&
		    add_extension(certificate, above, NID_key_usage, names ? "critical,digitalSignature,keyEncipherment" :
									     "critical,keyCertSign,cRLSign") &&
		    add_extension(certificate, above, NID_subject_key_identifier, "hash") &&
		    (!issuer || add_extension(certificate, above, NID_authority_key_identifier, "keyid:always")) &&
		    (!names || (add_extension(certificate, above, NID_ext_key_usage, "serverAuth") &&
				add_extension(certificate, above, NID_subject_alt_name, names))) &&
		    X509_sign(certificate, issuer_key ? issuer_key : key, EVP_sha256()) > 0;

	if (made)
		return certificate;
	X509_free(certificate);
	return NULL;
}

static bool take_text(BIO *from, struct buf *out)
{
	char *bytes;
	long len = BIO_get_mem_data(from, &bytes);

	buf_init(out, PEM_BYTES_MAX);
	return len > 0 && buf_add(out, (struct str){ bytes, (size_t)len });
}

static enum outcome print(X509 *certificate, EVP_PKEY *key, struct certificate *ret_certificate, struct fault *fault)
{
	BIO *certificate_text = BIO_new(BIO_s_mem());
	BIO *key_text = BIO_new(BIO_s_secmem());
	bool printed = certificate && certificate_text && key_text && PEM_write_bio_X509(certificate_text, certificate) == 1 &&
		       PEM_write_bio_PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		       take_text(certificate_text, &ret_certificate->certificate) && take_text(key_text, &ret_certificate->key);

	BIO_free(certificate_text);
	BIO_free(key_text);
	X509_free(certificate);
	EVP_PKEY_free(key);
	if (printed)
		return OUTCOME_OK;
	return fault_set(fault, OUTCOME_LATER, N_("a certificate could not be made"));
}

enum outcome certificate_make_authority(const char *name, struct certificate *ret_authority, struct fault *fault)
{
	EVP_PKEY *key = make_key(CERTIFICATE_P256);

	*ret_authority = (struct certificate){ 0 };
	return print(make(key, name, NULL, NULL, NULL), key, ret_authority, fault);
}

enum outcome certificate_make_leaf(const struct certificate *authority, const char *names, enum certificate_kind kind,
				   struct certificate *ret_leaf, struct fault *fault)
{
	BIO *text = authority ? BIO_new_mem_buf(authority->certificate.ptr, (int)authority->certificate.len) : NULL;
	BIO *key_text = authority ? BIO_new_mem_buf(authority->key.ptr, (int)authority->key.len) : NULL;
	X509 *issuer = text ? PEM_read_bio_X509(text, NULL, NULL, NULL) : NULL;
	EVP_PKEY *issuer_key = key_text ? PEM_read_bio_PrivateKey(key_text, NULL, NULL, NULL) : NULL;
	bool readable = !authority || (issuer && issuer_key && X509_check_private_key(issuer, issuer_key) == 1);
	EVP_PKEY *key = readable ? make_key(kind) : NULL;
	enum outcome outcome;

	*ret_leaf = (struct certificate){ 0 };
	outcome = print(readable ? make(key, "localhost", issuer, issuer_key, names) : NULL, key, ret_leaf, fault);
	X509_free(issuer);
	EVP_PKEY_free(issuer_key);
	BIO_free(text);
	BIO_free(key_text);
	return outcome;
}

void certificate_done(struct certificate *certificate)
{
	buf_done(&certificate->certificate);
	buf_wipe(&certificate->key);
}
