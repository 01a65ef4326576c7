#include "wire/dsn_text.h"

#include "base/clock.h"
#include "wire/text.h"

#define SUBJECT_BYTES_MAX 200
#define REPLY_BYTES_MAX 4096
#define RULE STR("----------------------------------------------------------------\r\n")

static const char *const subjects[DSN_ACTION_COUNT] = {
	[DSN_FAILED] = N_("Mail could not be delivered"),
	[DSN_DELAYED] = N_("Mail is not delivered yet"),
	[DSN_RELAYED] = N_("Mail was handed on"),
};

static const char *const openings[DSN_ACTION_COUNT] = {
	[DSN_FAILED] = N_("Your mail could not be delivered to the following recipients, and it will not be tried again."),
	[DSN_DELAYED] = N_("Your mail has not been delivered to the following recipients yet. You need not send it again: it is tried on until the time given."),
	[DSN_RELAYED] = N_("Your mail was handed on for the following recipients to a server that may send no notice of its own."),
};

/* The same, for the administrator, when the sender cannot be told. */
static const char *const openings_to_administrator[DSN_ACTION_COUNT] = {
	[DSN_FAILED] = N_("A mail could not be delivered to the following recipients, and it will not be tried again. Its sender cannot be told, so you get this notice as the administrator."),
	[DSN_DELAYED] = N_("A mail has not been delivered to the following recipients yet; it is tried on until the time given. Its sender cannot be told, so you get this notice as the administrator."),
	[DSN_RELAYED] = N_("A mail was handed on for the following recipients to a server that may send no notice of its own. Its sender cannot be told, so you get this notice as the administrator."),
};

static bool has_action(const struct dsn *dsn, enum dsn_action action)
{
	for (size_t i = 0; i < dsn->recipients_count; i++) {
		if (dsn->recipients[i].action == action)
			return true;
	}
	return false;
}

/* The gravest, which the subject names. */
static enum dsn_action gravest(const struct dsn *dsn)
{
	return has_action(dsn, DSN_FAILED) ? DSN_FAILED : has_action(dsn, DSN_DELAYED) ? DSN_DELAYED : DSN_RELAYED;
}

static enum language other(enum language language)
{
	return language == LANGUAGE_JA ? LANGUAGE_EN : LANGUAGE_JA;
}

bool dsn_subject_print(struct buf *out, const struct dsn *dsn)
{
	const char *sentence = subjects[gravest(dsn)];
	struct str subject = text_cut(str_trim(dsn->subject), SUBJECT_BYTES_MAX);

	return buf_add(out, str_of(say(dsn->first, sentence))) && buf_add(out, STR(" / ")) &&
	       buf_add(out, str_of(say(other(dsn->first), sentence))) &&
	       (subject.len == 0 || (buf_add(out, STR(": ")) && text_clean_print(out, subject)));
}

/* Each line of `text`, indented. */
static bool add_lines(struct buf *out, struct str text)
{
	text = text_cut(str_trim(text), REPLY_BYTES_MAX);
	while (text.len > 0) {
		struct str line = str_cut(&text, '\n');

		if (!buf_add(out, STR("    ")) || !text_clean_print(out, str_trim(line)) || !buf_add(out, STR("\r\n")))
			return false;
	}
	return true;
}

static bool add_recipient(struct buf *out, const struct dsn_recipient *recipient, enum language language)
{
	const char *says = recipient->remote ? say(language, N_("The server %s answered:")) : say(language, N_("Reason:"));
	char server[256];
	char until[CLOCK_RFC5322_MAX];

	text_clean_copy(recipient->remote_mta, sizeof(server), server);
	if (!buf_add(out, STR("\r\n  ")) || !text_clean_print(out, recipient->address) || !buf_add(out, STR("\r\n")))
		return false;
	if (recipient->action == DSN_DELAYED && recipient->retry_until_us > 0) {
		clock_rfc5322_print(recipient->retry_until_us, until);
		if (!buf_add(out, STR("  ")) || !buf_add_format(out, say(language, N_("Tried until: %s")), until) ||
		    !buf_add(out, STR("\r\n")))
			return false;
	}
	if (recipient->reply.len == 0)
		return true;
	if (!buf_add(out, STR("  ")))
		return false;
	if (!(recipient->remote ? buf_add_format(out, says, server) : buf_add(out, str_of(says))))
		return false;
	return buf_add(out, STR("\r\n")) && add_lines(out, recipient->reply);
}

/* "label value" on a line of its own; nothing when there is no value. */
static bool add_fact(struct buf *out, const char *label, struct str value)
{
	if (value.len == 0)
		return true;
	return buf_add(out, STR("  ")) && buf_add(out, str_of(label)) && buf_add(out, STR(" ")) &&
	       text_clean_print(out, text_cut(value, 1000)) && buf_add(out, STR("\r\n"));
}

static bool add_facts(struct buf *out, const struct dsn *dsn, enum language language)
{
	char arrival[CLOCK_RFC5322_MAX];

	clock_rfc5322_print(dsn->arrival_us, arrival);
	return buf_add(out, str_of(say(language, N_("About the mail:")))) && buf_add(out, STR("\r\n")) &&
	       add_fact(out, say(language, N_("Subject:")), str_trim(dsn->subject)) &&
	       add_fact(out, say(language, N_("Message-ID:")), str_trim(dsn->original_id)) &&
	       add_fact(out, say(language, N_("Accepted at:")), str_of(arrival)) &&
	       add_fact(out, say(language, N_("Accepted by:")), dsn->hostname) &&
	       add_fact(out, say(language, N_("Event ID, for the administrator:")), dsn->event_id);
}

static bool add_language(struct buf *out, const struct dsn *dsn, enum language language)
{
	bool good = true;

	for (int action = 0; good && action < DSN_ACTION_COUNT; action++) {
		const char *opening = dsn->to_administrator ? openings_to_administrator[action] : openings[action];

		if (!has_action(dsn, (enum dsn_action)action))
			continue;
		good = buf_add(out, str_of(say(language, opening))) && buf_add(out, STR("\r\n"));
		for (size_t i = 0; good && i < dsn->recipients_count; i++) {
			if (dsn->recipients[i].action == (enum dsn_action)action)
				good = add_recipient(out, &dsn->recipients[i], language);
		}
		good = good && buf_add(out, STR("\r\n"));
	}
	return good && add_facts(out, dsn, language);
}

bool dsn_text_print(struct buf *out, const struct dsn *dsn)
{
	return add_language(out, dsn, dsn->first) && buf_add(out, STR("\r\n")) && buf_add(out, RULE) &&
	       buf_add(out, STR("\r\n")) && add_language(out, dsn, other(dsn->first));
}
