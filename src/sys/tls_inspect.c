#include "sys/tls_inspect.h"

#include <openssl/x509_vfy.h>

#include "sys/tls.h"

/* On failure the chain is as far as it was built; without one, what the server sent is all there is. */
static void keep_chain(struct tls_inspection *inspection, X509_STORE_CTX *store)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
	int count = sk_X509_num(chain);

	inspection->count = 0;
	for (int i = 0; i < count && inspection->count < TLS_INSPECTION_MAX; i++)
		certificate_view_of(sk_X509_value(chain, i), &inspection->chain[inspection->count++]);
	if (inspection->count == 0 && X509_STORE_CTX_get0_cert(store))
		certificate_view_of(X509_STORE_CTX_get0_cert(store), &inspection->chain[inspection->count++]);
}

/* Asked for each certificate; the verdict is handed back as it is. */
static int on_verdict(int good, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_inspection *inspection = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	int depth = X509_STORE_CTX_get_error_depth(store);

	if (inspection->failed || (good && depth > 0))
		return good;
	keep_chain(inspection, store);
	inspection->failed = !good;
	inspection->wrong = depth >= 0 && (size_t)depth < inspection->count ? (size_t)depth : 0;
	return good;
}

enum outcome tls_inspect_new(struct str extra_roots, struct tls_inspection *inspection, SSL_CTX **ret_context, struct fault *fault)
{
	enum outcome outcome = tls_client_new(extra_roots, ret_context, fault);

	*inspection = (struct tls_inspection){ 0 };
	if (outcome != OUTCOME_OK)
		return outcome;
	(void)SSL_CTX_set_app_data(*ret_context, inspection);
	SSL_CTX_set_verify(*ret_context, SSL_VERIFY_PEER, on_verdict);
	return OUTCOME_OK;
}
