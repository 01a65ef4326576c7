#include "sys/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

/* AES-128 first: as safe as a copier's page needs, and the cheapest. */
#define SUITES_1_3 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define CIPHERS_1_2                                                                                                    \
	"ECDHE+AESGCM+AES128:ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES128:ECDHE+AES:"                                      \
	"AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA256:AES256-SHA256:AES128-SHA:AES256-SHA:!aNULL:!eNULL"
/* The signatures that TLS 1.0 and 1.1 are made of (MD5 and SHA-1) are below level 1. */
#define CIPHERS_OLD CIPHERS_1_2 ":@SECLEVEL=0"
#define GROUPS "X25519:P-256:P-384" /* X25519 costs a server 40 µs less a handshake */

static const struct {
	enum tls_version version;
	int protocol;
	const char *name; /* OpenSSL's */
	const char *ours;
} versions[] = {
	{ TLS_VERSION_1_0, TLS1_VERSION, "TLSv1", "1.0" },
	{ TLS_VERSION_1_1, TLS1_1_VERSION, "TLSv1.1", "1.1" },
	{ TLS_VERSION_1_2, TLS1_2_VERSION, "TLSv1.2", "1.2" },
	{ TLS_VERSION_1_3, TLS1_3_VERSION, "TLSv1.3", "1.3" },
};
#define VERSIONS_COUNT (sizeof(versions) / sizeof(*versions))

/* OpenSSL's own words for what failed last. */
static const char *words(void)
{
	unsigned long error = ERR_peek_last_error();
	const char *reason = error ? ERR_reason_error_string(error) : NULL;

	return reason ? reason : "?";
}

static int protocol_of(enum tls_version version)
{
	for (size_t i = 0; i < VERSIONS_COUNT; i++)
		if (versions[i].version == version)
			return versions[i].protocol;
	return TLS1_2_VERSION;
}

const char *tls_version_name(const SSL *ssl)
{
	int protocol = SSL_version(ssl);

	for (size_t i = 0; i < VERSIONS_COUNT; i++)
		if (versions[i].protocol == protocol)
			return versions[i].ours;
	return "";
}

static int no_pass_phrase(char *ret_phrase, int size, int writing, void *context)
{
	(void)ret_phrase;
	(void)size;
	(void)writing;
	*(bool *)context = true;
	return -1;
}

/* The next certificate of a PEM text; NULL at its end or when it cannot be read. */
static X509 *next_certificate(BIO *bio)
{
	return PEM_read_bio_X509(bio, NULL, NULL, (void *)(uintptr_t)"");
}

static enum outcome check_leaf(X509 *leaf, const char *name, struct fault *fault)
{
	if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0)
		return fault_set(fault, OUTCOME_NEVER, N_("the certificate in %s has expired: get a new one"), name);
	if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0)
		return fault_set(fault, OUTCOME_NEVER,
				 N_("the certificate in %s is not valid yet: is this machine's clock right?"), name);
	return OUTCOME_OK;
}

/* Leaf, then each certificate that signed the one before it (RFC 8446, 4.4.2). */
static enum outcome use_chain(SSL_CTX *context, const struct tls_pair *pair, struct fault *fault)
{
	BIO *bio = BIO_new_mem_buf(pair->certificate.ptr, (int)pair->certificate.len);
	X509 *leaf = bio ? next_certificate(bio) : NULL;
	X509 *before = leaf, *above;
	enum outcome outcome;

	if (!leaf) {
		outcome = fault_set(fault, OUTCOME_NEVER, N_("%s holds no PEM certificate that can be read: %s"), pair->name,
				    words());
		goto done;
	}
	outcome = check_leaf(leaf, pair->name, fault);
	if (outcome == OUTCOME_OK && SSL_CTX_use_certificate(context, leaf) != 1)
		outcome = fault_set(fault, OUTCOME_NEVER, N_("the certificate in %s cannot be used: %s"), pair->name,
				    words());
	while (outcome == OUTCOME_OK && (above = next_certificate(bio))) {
		if (X509_check_issued(above, before) != X509_V_OK) {
			outcome = fault_set(fault, OUTCOME_NEVER,
					    N_("the certificates in %s are out of order: put the server's own first, then "
					       "each one that signed the one before it"),
					    pair->name);
			X509_free(above);
		} else if (SSL_CTX_add0_chain_cert(context, above) != 1) {
			outcome = fault_set(fault, OUTCOME_NEVER, N_("the certificate in %s cannot be used: %s"), pair->name,
					    words());
			X509_free(above);
		} else {
			before = above;
		}
	}
	if (outcome == OUTCOME_OK && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		outcome = fault_set(fault, OUTCOME_NEVER, N_("%s holds a certificate that cannot be read: %s"), pair->name,
				    words());
done:
	ERR_clear_error();
	X509_free(leaf);
	BIO_free(bio);
	return outcome;
}

static enum outcome use_key(SSL_CTX *context, const struct tls_pair *pair, struct fault *fault)
{
	BIO *bio = BIO_new_mem_buf(pair->key.ptr, (int)pair->key.len);
	bool locked = false;
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, &locked) : NULL;
	enum outcome outcome = OUTCOME_OK;

	if (locked)
		outcome = fault_set(fault, OUTCOME_NEVER,
				    N_("the private key that belongs to %s is locked with a pass phrase: store it without one"),
				    pair->name);
	else if (!key)
		outcome = fault_set(fault, OUTCOME_NEVER,
				    N_("the private key that belongs to %s cannot be read: it must be a private key as PEM"),
				    pair->name);
	else if (SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_check_private_key(context) != 1)
		outcome = fault_set(fault, OUTCOME_NEVER,
				    N_("the private key does not belong to the certificate in %s"), pair->name);
	ERR_clear_error();
	EVP_PKEY_free(key);
	BIO_free(bio);
	return outcome;
}

static void bind_sessions(SSL_CTX *context, struct str listener, const unsigned char *ticket_key)
{
	unsigned char id[EVP_MAX_MD_SIZE], keys[TLS_TICKET_KEY_BYTES];
	unsigned id_len = 0;

	(void)EVP_Digest(listener.ptr, listener.len, id, &id_len, EVP_sha256(), NULL);
	(void)SSL_CTX_set_session_id_context(context, id, id_len);
	(void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	memcpy(keys, ticket_key, sizeof(keys));
	(void)SSL_CTX_set_tlsext_ticket_keys(context, keys, sizeof(keys));
	OPENSSL_cleanse(keys, sizeof(keys));
	(void)SSL_CTX_set_num_tickets(context, 1);
}

enum outcome tls_server_new(const struct tls_pair *pairs, size_t count, enum tls_version least, struct str listener,
			    const unsigned char ticket_key[TLS_TICKET_KEY_BYTES], SSL_CTX **ret_context,
			    struct fault *fault)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	enum outcome outcome = OUTCOME_OK;

	if (!context)
		return fault_set(fault, OUTCOME_LATER, N_("TLS failed: %s"), words());
	(void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
						   SSL_OP_CIPHER_SERVER_PREFERENCE);
	(void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	if (SSL_CTX_set_min_proto_version(context, protocol_of(least)) != 1 ||
	    SSL_CTX_set_ciphersuites(context, SUITES_1_3) != 1 ||
	    SSL_CTX_set_cipher_list(context, least < TLS_VERSION_1_2 ? CIPHERS_OLD : CIPHERS_1_2) != 1 ||
	    SSL_CTX_set1_groups_list(context, GROUPS) != 1)
		outcome = fault_set(fault, OUTCOME_NEVER, N_("TLS failed: %s"), words());
	bind_sessions(context, listener, ticket_key);
	ERR_clear_error();
	for (size_t i = 0; i < count && outcome == OUTCOME_OK; i++) {
		outcome = use_chain(context, &pairs[i], fault);
		if (outcome == OUTCOME_OK)
			outcome = use_key(context, &pairs[i], fault);
	}
	if (outcome == OUTCOME_OK)
		*ret_context = context;
	else
		SSL_CTX_free(context);
	return outcome;
}

static enum outcome add_roots(SSL_CTX *context, struct str pem, struct fault *fault)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	enum outcome outcome = OUTCOME_OK;
	size_t count = 0;
	X509 *root;

	while (bio && outcome == OUTCOME_OK && (root = next_certificate(bio))) {
		if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root) != 1)
			outcome = fault_set(fault, OUTCOME_LATER, N_("TLS failed: %s"), words());
		X509_free(root);
		count++;
	}
	if (outcome == OUTCOME_OK && (count == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE))
		outcome = fault_set(fault, OUTCOME_NEVER, N_("the file of trusted authorities holds no PEM certificate that can be read: %s"),
				    words());
	ERR_clear_error();
	BIO_free(bio);
	return outcome;
}

enum outcome tls_client_new(struct str extra_roots, SSL_CTX **ret_context, struct fault *fault)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	enum outcome outcome = OUTCOME_OK;

	if (!context)
		return fault_set(fault, OUTCOME_LATER, N_("TLS failed: %s"), words());
	(void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	(void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_default_verify_paths(context) != 1 || SSL_CTX_set_ciphersuites(context, SUITES_1_3) != 1)
		outcome = fault_set(fault, OUTCOME_NEVER, N_("TLS failed: %s"), words());
	ERR_clear_error();
	if (outcome == OUTCOME_OK && extra_roots.len > 0)
		outcome = add_roots(context, extra_roots, fault);
	if (outcome == OUTCOME_OK)
		*ret_context = context;
	else
		SSL_CTX_free(context);
	return outcome;
}

enum outcome tls_days_left(struct str pem, const char *name, int *ret_days, struct fault *fault)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	X509 *leaf = bio ? next_certificate(bio) : NULL;
	enum outcome outcome = OUTCOME_OK;
	int days, seconds;

	if (!leaf || ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(leaf)) != 1)
		outcome = fault_set(fault, OUTCOME_NEVER, N_("%s holds no PEM certificate that can be read: %s"), name,
				    words());
	else
		*ret_days = seconds < 0 ? days - 1 : days;
	ERR_clear_error();
	X509_free(leaf);
	BIO_free(bio);
	return outcome;
}
