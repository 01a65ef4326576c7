/* smtp_param: the parameters behind MAIL FROM and RCPT TO (RFC 1870, 3461, 4954, 6152, 6531). */
#ifndef WIRE_SMTP_PARAM_H
#define WIRE_SMTP_PARAM_H

#include "base/buf.h"
#include "base/str.h"

#define SMTP_ENVID_MAX 100 /* RFC 3461, 4.4 */
#define SMTP_ORCPT_MAX 500

enum smtp_ret { SMTP_RET_UNSET, SMTP_RET_FULL, SMTP_RET_HDRS };

enum smtp_notify { /* bits */
	SMTP_NOTIFY_UNSET = 0,
	SMTP_NOTIFY_NEVER = 1,
	SMTP_NOTIFY_SUCCESS = 2,
	SMTP_NOTIFY_FAILURE = 4,
	SMTP_NOTIFY_DELAY = 8,
};

struct smtp_mail_params {
	bool size_given;
	uint64_t size;      /* SIZE=, octets; UINT64_MAX for any larger number */
	bool body_8bit;     /* BODY=8BITMIME */
	bool utf8;          /* SMTPUTF8 */
	enum smtp_ret ret;
	struct str envid;   /* still xtext, as it goes upstream */
	struct str auth;    /* AUTH=, accepted and not used (RFC 4954, 5: only trusted clients' is) */
};

struct smtp_rcpt_params {
	unsigned notify;    /* enum smtp_notify */
	struct str orcpt;   /* "rfc822;xtext", as it goes upstream */
};

enum smtp_param_fault {
	SMTP_PARAM_OK,
	SMTP_PARAM_UNKNOWN,  /* 555 5.5.4 */
	SMTP_PARAM_DOUBLED,  /* 501 5.5.4 */
	SMTP_PARAM_BAD,      /* 501 5.5.4: bad value or syntax */
};

/* `text` is what smtp_path_parse left. *ret_bad names the parameter at fault. */
enum smtp_param_fault smtp_mail_params_parse(struct str text, struct smtp_mail_params *ret_params, struct str *ret_bad);
enum smtp_param_fault smtp_rcpt_params_parse(struct str text, struct smtp_rcpt_params *ret_params, struct str *ret_bad);

/* RFC 3461, 4: xtext. xtext_parse refuses +XX that is not upper-case hex and any decoded CR, LF or NUL. */
bool xtext_parse(struct str text, struct buf *out) __attribute__((warn_unused_result));
bool xtext_print(struct buf *out, struct str raw) __attribute__((warn_unused_result));

#endif
