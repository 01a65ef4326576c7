/* Parameters that are taken hold nothing that could break a line, and are taken the same when written again; xtext comes back. */
#include <stdlib.h>

#include "wire/smtp_param.h"

static void check_value(struct str value, size_t len_max)
{
	if (value.len > len_max)
		abort();
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] <= ' ' || value.ptr[i] > '~')
			abort();
	}
}

static void check_mail(struct str text)
{
	static const char *const rets[] = { "", " RET=FULL", " RET=HDRS" };
	struct smtp_mail_params mail, again;
	struct buf out;
	struct str bad;
	bool fits;

	if (smtp_mail_params_parse(text, &mail, &bad) != SMTP_PARAM_OK)
		return;
	check_value(mail.envid, SMTP_ENVID_MAX);
	check_value(mail.auth, SIZE_MAX);
	buf_init(&out, 1 << 20);
	fits = buf_add_format(&out, "%s%s%s", mail.body_8bit ? " BODY=8BITMIME" : "", mail.utf8 ? " SMTPUTF8" : "",
			      rets[mail.ret]);
	if (mail.size_given)
		fits = fits && buf_add_format(&out, " SIZE=%llu", (unsigned long long)mail.size);
	if (mail.envid.len)
		fits = fits && buf_add(&out, STR(" ENVID=")) && buf_add(&out, mail.envid);
	if (mail.auth.len)
		fits = fits && buf_add(&out, STR(" AUTH=")) && buf_add(&out, mail.auth);
	if (!fits || smtp_mail_params_parse(buf_str(&out), &again, &bad) != SMTP_PARAM_OK || again.size != mail.size ||
	    again.size_given != mail.size_given || again.body_8bit != mail.body_8bit || again.utf8 != mail.utf8 ||
	    again.ret != mail.ret || !str_eq(again.envid, mail.envid) || !str_eq(again.auth, mail.auth))
		abort();
	buf_done(&out);
}

static void check_rcpt(struct str text)
{
	struct smtp_rcpt_params rcpt;
	struct str bad;

	if (smtp_rcpt_params_parse(text, &rcpt, &bad) != SMTP_PARAM_OK)
		return;
	check_value(rcpt.orcpt, SMTP_ORCPT_MAX);
	if ((rcpt.notify & SMTP_NOTIFY_NEVER) && rcpt.notify != SMTP_NOTIFY_NEVER)
		abort();
}

static void check_xtext(struct str text)
{
	struct buf raw, wire, again;

	buf_init(&raw, 1 << 20);
	buf_init(&wire, 1 << 20);
	buf_init(&again, 1 << 20);
	if (xtext_parse(text, &raw)) {
		if (!xtext_print(&wire, buf_str(&raw)) || !xtext_parse(buf_str(&wire), &again) ||
		    !str_eq(buf_str(&again), buf_str(&raw)))
			abort();
	} else if (raw.len > 0) {
		abort();
	}
	buf_clear(&wire);
	if (!xtext_print(&wire, text))
		abort();
	check_value(buf_str(&wire), SIZE_MAX);
	buf_done(&raw);
	buf_done(&wire);
	buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };

	check_mail(text);
	check_rcpt(text);
	check_xtext(text);
	return 0;
}
