#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "sys/stream_private.h"

/* Alerts that the peer sent have reasons from here on (RFC 8446, 6). */
#define ALERT_REASON SSL_AD_REASON_OFFSET
#define ALERTS_MAX 256

/* To explain another reason of OpenSSL's: add a row. */
static const struct {
	int reason;
	const char *id;
	const char *sentence;
} reasons[] = {
	{ SSL_R_HTTP_REQUEST, "tls-not-spoken", N_("the peer speaks HTTP where TLS is spoken") },
	{ SSL_R_HTTPS_PROXY_REQUEST, "tls-not-spoken", N_("the peer speaks HTTP where TLS is spoken") },
	{ SSL_R_WRONG_VERSION_NUMBER, "tls-not-spoken", N_("the peer does not speak TLS here, but something in clear") },
	{ SSL_R_PACKET_LENGTH_TOO_LONG, "tls-not-spoken", N_("the peer does not speak TLS here, but something in clear") },
	{ SSL_R_UNSUPPORTED_PROTOCOL, "tls-too-old", N_("the peer knows only TLS versions that are switched off here") },
	{ SSL_R_VERSION_TOO_LOW, "tls-too-old", N_("the peer knows only TLS versions that are switched off here") },
	{ SSL_R_WRONG_SSL_VERSION, "tls-too-old", N_("the peer knows only TLS versions that are switched off here") },
	{ SSL_R_NO_SHARED_CIPHER, "tls-nothing-shared", N_("no TLS cipher is known both to the peer and here") },
	{ SSL_R_NO_SUITABLE_KEY_SHARE, "tls-nothing-shared", N_("no TLS key exchange is known both to the peer and here") },
	{ SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "tls-nothing-shared", N_("no TLS signature is known both to the peer and here") },
	{ SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "tls-garbled", N_("what the peer sent was changed on its way, or is not TLS") },
};

/* The same for what is wrong with the server's certificate; "%s" is the host. */
static const struct {
	long error;
	const char *id;
	const char *sentence;
} verdicts[] = {
	{ X509_V_ERR_CERT_HAS_EXPIRED, "certificate-expired", N_("the certificate of %s, or one above it, has expired") },
	{ X509_V_ERR_CERT_NOT_YET_VALID, "certificate-not-yet-valid", N_("the certificate of %s is not valid yet; is this machine's clock right?") },
	{ X509_V_ERR_HOSTNAME_MISMATCH, "certificate-wrong-name", N_("the certificate is not one for %s") },
	{ X509_V_ERR_IP_ADDRESS_MISMATCH, "certificate-wrong-name", N_("the certificate is not one for %s") },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "certificate-self-signed", N_("the certificate of %s is signed by itself and not trusted here") },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "certificate-unknown-authority", N_("the certificate of %s comes from an authority not trusted here") },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "certificate-unknown-authority", N_("the certificate of %s comes from an authority not trusted here") },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "certificate-unknown-authority",
	  N_("the certificate of %s comes from an authority not trusted here") },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "certificate-unknown-authority",
	  N_("the certificate of %s comes from an authority not trusted here, or its chain is incomplete") },
	{ X509_V_ERR_CERT_REVOKED, "certificate-revoked", N_("the certificate of %s was revoked") },
};

static const char *explain_certificate(SSL *ssl, struct fault *fault)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	const char *host = X509_VERIFY_PARAM_get0_host(param, 0);
	char *ip = X509_VERIFY_PARAM_get1_ip_asc(param);
	long error = SSL_get_verify_result(ssl);

	if (!host)
		host = ip ? ip : "?";
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		if (verdicts[i].error == error) {
			(void)fault_set(fault, OUTCOME_LATER, verdicts[i].sentence, host);
			OPENSSL_free(ip);
			return verdicts[i].id;
		}
	}
	(void)fault_set(fault, OUTCOME_LATER, N_("the certificate of %s cannot be trusted: %s"), host,
			X509_verify_cert_error_string(error));
	OPENSSL_free(ip);
	return "certificate-untrusted";
}

const char *stream_tls_explain(SSL *ssl, struct fault *fault)
{
	unsigned long error = ERR_peek_error();
	int reason = ERR_GET_REASON(error);
	const char *words;

	if (error == 0 || ERR_GET_LIB(error) != ERR_LIB_SSL) {
		words = error ? ERR_reason_error_string(error) : NULL;
		(void)fault_set(fault, OUTCOME_LATER, N_("TLS failed: %s"), words ? words : "?");
		return "tls-failed";
	}
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return explain_certificate(ssl, fault);
	if (reason >= ALERT_REASON && reason < ALERT_REASON + ALERTS_MAX) {
		(void)fault_set(fault, OUTCOME_LATER, N_("the peer refused TLS: %s"),
				SSL_alert_desc_string_long(reason - ALERT_REASON));
		return reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION ? "tls-too-old" : "tls-refused";
	}
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		if (reasons[i].reason == reason) {
			(void)fault_set(fault, OUTCOME_LATER, reasons[i].sentence, NULL); /* takes nothing */
			return reasons[i].id;
		}
	}
	words = ERR_reason_error_string(error);
	(void)fault_set(fault, OUTCOME_LATER, N_("TLS failed: %s"), words ? words : "?");
	return "tls-failed";
}
