#include "sys/certificate_view.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Written out in UTF-8, what steers a terminal escaped. */
#define NAME_FLAGS ((XN_FLAG_RFC2253 | ASN1_STRFLGS_ESC_CTRL) & ~(unsigned long)ASN1_STRFLGS_ESC_MSB)

static void name_print(const X509_NAME *name, char ret_text[CERTIFICATE_NAME_MAX])
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len = 0;

	if (bio && X509_NAME_print_ex(bio, name, 0, NAME_FLAGS) >= 0)
		len = BIO_read(bio, ret_text, CERTIFICATE_NAME_MAX - 1);
	ret_text[len > 0 ? len : 0] = '\0';
	BIO_free(bio);
}

static void common_name_print(X509_NAME *name, const char *otherwise, char ret_text[CERTIFICATE_NAME_MAX])
{
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	X509_NAME_ENTRY *entry = at >= 0 ? X509_NAME_get_entry(name, at) : NULL;
	BIO *bio = entry ? BIO_new(BIO_s_mem()) : NULL;
	int len = 0;

	if (bio && ASN1_STRING_print_ex(bio, X509_NAME_ENTRY_get_data(entry), ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_UTF8_CONVERT) >= 0)
		len = BIO_read(bio, ret_text, CERTIFICATE_NAME_MAX - 1);
	if (len > 0)
		ret_text[len] = '\0';
	else
		(void)snprintf(ret_text, CERTIFICATE_NAME_MAX, "%s", otherwise);
	BIO_free(bio);
}

static int64_t time_us(const ASN1_TIME *time)
{
	struct tm parts;

	if (ASN1_TIME_to_tm(time, &parts) != 1)
		return 0;
	return (int64_t)timegm(&parts) * 1000000;
}

/* A DNS name as it may be shown; NULL: it holds what no name does. */
static const char *dns_text(const ASN1_STRING *string)
{
	const unsigned char *bytes = ASN1_STRING_get0_data(string);

	for (int i = 0; i < ASN1_STRING_length(string); i++) {
		if (bytes[i] <= ' ' || bytes[i] >= 0x7f)
			return NULL;
	}
	return (const char *)bytes;
}

static void add_name(const GENERAL_NAME *name, char *ret_names)
{
	size_t len = strlen(ret_names);
	char text[INET6_ADDRSTRLEN] = "";
	const char *dns = name->type == GEN_DNS ? dns_text(name->d.dNSName) : NULL;
	const ASN1_OCTET_STRING *ip = name->type == GEN_IPADD ? name->d.iPAddress : NULL;

	if (ip && ASN1_STRING_length(ip) == 4)
		(void)inet_ntop(AF_INET, ASN1_STRING_get0_data(ip), text, sizeof(text));
	else if (ip && ASN1_STRING_length(ip) == 16)
		(void)inet_ntop(AF_INET6, ASN1_STRING_get0_data(ip), text, sizeof(text));
	if (dns)
		(void)snprintf(ret_names + len, CERTIFICATE_NAMES_MAX - len, "%s%.*s", len ? " " : "",
			       ASN1_STRING_length(name->d.dNSName), dns);
	else if (text[0])
		(void)snprintf(ret_names + len, CERTIFICATE_NAMES_MAX - len, "%s%s", len ? " " : "", text);
}

void certificate_view_of(X509 *certificate, struct certificate_view *ret_view)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

	*ret_view = (struct certificate_view){
		.not_before_us = time_us(X509_get0_notBefore(certificate)),
		.not_after_us = time_us(X509_get0_notAfter(certificate)),
		.self_signed = X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0,
	};
	name_print(X509_get_subject_name(certificate), ret_view->subject);
	name_print(X509_get_issuer_name(certificate), ret_view->issuer);
	common_name_print(X509_get_subject_name(certificate), ret_view->subject, ret_view->common_name);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		add_name(sk_GENERAL_NAME_value(names, i), ret_view->names);
	GENERAL_NAMES_free(names);
	ERR_clear_error();
}

enum outcome certificate_view_each(struct str pem, const char *name, bool (*each)(void *context, const struct certificate_view *view),
				   void *context, struct fault *fault)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	struct certificate_view view;
	bool more = bio != NULL;
	size_t count = 0;
	X509 *certificate;

	while (more && (certificate = PEM_read_bio_X509(bio, NULL, NULL, (void *)(uintptr_t)""))) {
		certificate_view_of(certificate, &view);
		X509_free(certificate);
		more = each(context, &view);
		count++;
	}
	ERR_clear_error();
	BIO_free(bio);
	if (count > 0)
		return OUTCOME_OK;
	return fault_set(fault, OUTCOME_NEVER, N_("%s holds no PEM certificate that can be read"), name);
}
