#include <stdlib.h>

#include "sandbox/exchange_private.h"

/* Faults of a sender, in the order in which they are looked at. To add one: a row. */
static const struct {
	enum sandbox_fault fault;
	unsigned code;
	const char *enhanced, *text;
} sender_faults[] = {
	{ FAULT_SERVICE_421, 421, "4.3.2", "Service not available, closing transmission channel" },
	{ FAULT_ERRORS_52251, 550, "5.2.251", "Sender throttled due to continuous mailbox full errors." },
	{ FAULT_ERRORS_52252, 550, "5.2.252", "Sender throttled due to continuous send as denied errors." },
	{ FAULT_ERRORS_52253, 550, "5.2.253", "Sender throttled due to continuous invalid license errors." },
	{ FAULT_ERRORS_52254, 550, "5.2.254", "Sender throttled due to continuous too many recipients errors." },
	{ FAULT_ERRORS_52255, 550, "5.2.255", "Sender throttled due to continuous invalid recipients errors." },
};

void exchange_sender(struct exchange_session *session, struct str sender)
{
	for (size_t i = 0; i < sizeof(sender_faults) / sizeof(*sender_faults); i++) {
		if (!faults_strike(&session->sandbox->faults, sender_faults[i].fault))
			continue;
		exchange_refuse(session, sender_faults[i].code, sender_faults[i].enhanced, sender_faults[i].text);
		return;
	}
	/* Nobody has Send As here, and the null sender is nobody's. */
	if (!str_eq_nocase(sender, str_of(session->mailbox->address))) {
		exchange_refuse(session, 550, "5.7.60", "SMTP; Client does not have permissions to send as this sender");
		return;
	}
	free(session->sender);
	session->sender = str_dup(sender);
	if (!session->sender) {
		exchange_refuse(session, 452, "4.3.1", "Insufficient system resources");
		return;
	}
	buf_clear(&session->recipients);
	exchange_accept(session);
}

void exchange_recipient(struct exchange_session *session, struct str recipient)
{
	if (faults_strike(&session->sandbox->faults, FAULT_RECIPIENT_QUOTA))
		exchange_refuse(session, 550, "5.1.90",
				"Your message can't be sent because you've reached your daily limit for message recipients");
	else if ((session->recipients.len > 0 && !buf_add_byte(&session->recipients, '\n')) || !buf_add(&session->recipients, recipient))
		exchange_refuse(session, 452, "4.5.3", "Too many recipients");
	else
		exchange_accept(session);
}
