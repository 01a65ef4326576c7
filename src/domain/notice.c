#include "domain/notice.h"

#include <assert.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define DAY_US (86400ll * 1000000)
#define HOUR_US (3600ll * 1000000)

/* To add a kind: an enum value and a row. {name} is filled in from the notice's data. */
static const struct {
	const char *name;
	enum notice_severity severity;
	bool mailed;
	bool dated; /* known long before: nobody is called for it at once */
	int64_t quiet_us;
	const char *title; /* N_() */
	const char *text;  /* N_() */
} kinds[] = {
	[NOTICE_RETIREMENT] = {
		"retirement", NOTICE_INFO, true, true, 0,
		N_("Basic authentication for SMTP AUTH, {tenant}: {phase} on {date} (days left: {days})"),
		N_("{sentence}\nOn {date} that holds for {tenant}. Accounts that signed in with basic authentication in the last 30 days: "
		   "{count}.\n{devices}\n{more}\nWhat each of them can do instead: sekisho retirement simulate --at {date}") },
	[NOTICE_FIRST_BASIC] = {
		"first-basic", NOTICE_INFO, true, false, 0,
		N_("{account} signs in with basic authentication"),
		N_("At {at} {account} signed in by SMTP AUTH with a password, from {ip} (it calls itself {ehlo}). {before}\nBasic "
		   "authentication for SMTP AUTH ends; see: sekisho retirement show, sekisho report smtp-auth\nIf nobody knows of it: sekisho "
		   "user set {account} enabled no") },
	[NOTICE_LOCKED_ACCOUNT] = {
		"locked-account", NOTICE_WARNING, true, false, DAY_US,
		N_("{account} is locked out after wrong passwords"),
		N_("{failures} wrong passwords within {window} seconds, the last from {ip} at {at}: for {lasts} seconds {account} can sign in only "
		   "from where it did so lately.\nIf a device has an old password, give it the new one, or: sekisho user passwd {account}\n"
		   "Who tried: sekisho signins --user {account} --status failure") },
	[NOTICE_LOCKED_NETWORK] = {
		"locked-network", NOTICE_WARNING, true, false, DAY_US,
		N_("{ip} is locked out after wrong passwords"),
		N_("{failures} wrong passwords within {window} seconds came from {ip}, the last for {account} at {at}: for {lasts} seconds only "
		   "accounts that signed in from there lately can sign in.\nWho tried: sekisho signins --ip {ip} --status failure") },
	[NOTICE_EXPIRY] = {
		"expiry", NOTICE_WARNING, true, true, 0,
		N_("{name}: the {item} ends on {date} (days left: {days})"),
		N_("{sentence}") },
	[NOTICE_PAUSED] = {
		"upstream-paused", NOTICE_CRITICAL, true, false, HOUR_US,
		N_("No mail leaves by upstream {upstream}"),
		N_("Since {at} upstream {upstream} takes no mail ({mailbox}): {trouble}\nMail is taken in and kept meanwhile, and tried again by "
		   "itself. See: sekisho upstream list, sekisho queue list") },
	[NOTICE_SENDER_HELD] = {
		"sender-held", NOTICE_WARNING, true, false, 0,
		N_("Mail of {sender} is held back: {upstream} refuses it again and again"),
		N_("Since {at} mail of {sender} waits, because upstream {upstream} ({mailbox}) refused it for one cause again and again ({cause}), "
		   "and going on would have it block the whole mailbox. It said: {reply}\n{meaning}\n{mend}\nWhen that is mended: sekisho queue "
		   "release ID, with the ID of a message that waits (sekisho queue list), or sekisho queue flush. Without it one message is tried "
		   "at {until}; if that one is refused as well, the next wait is twice as long, to four hours.") },
	[NOTICE_REPORT_UNSENT] = {
		"report-unsent", NOTICE_WARNING, true, false, 0,
		N_("A delivery report to {to} was refused"),
		N_("A mail of {to} could not be delivered, and the report that tells so ({id}) was refused: {reply}\nNo other report is made of "
		   "it: please tell {to}. See: sekisho trace --id {id}") },
	[NOTICE_MAIL_UNSENT] = {
		"mail-unsent", NOTICE_CRITICAL, false, false, DAY_US,
		N_("Notices cannot be mailed to {to}"),
		N_("The mail of notices {id} to {to} was refused: {reply}\nSee mail-to, from and upstream under notices in the settings, and "
		   "try it: sekisho notices test") },
	[NOTICE_TEST] = {
		"test", NOTICE_INFO, true, false, 0,
		N_("Test: notices of {host} reach you"),
		N_("This is a test, asked for by {actor} at {at}. Nothing needs to be done.") },
};
static_assert(COUNT(kinds) == NOTICE_KIND_COUNT, "a row for each kind");

static const char *const severity_names[] = { [NOTICE_INFO] = "info", [NOTICE_WARNING] = "warning", [NOTICE_CRITICAL] = "critical" };
static_assert(COUNT(severity_names) == NOTICE_SEVERITY_COUNT, "name each severity");
static const char *const state_names[] = { [NOTICE_OPEN] = "open", [NOTICE_ACKNOWLEDGED] = "acknowledged", [NOTICE_SNOOZED] = "snoozed",
					    [NOTICE_OVER] = "over" };
static_assert(COUNT(state_names) == NOTICE_STATE_COUNT, "name each state");

const char *notice_kind_name(enum notice_kind kind)
{
	assert((unsigned)kind < NOTICE_KIND_COUNT);
	return kinds[kind].name;
}

bool notice_kind_parse(struct str name, enum notice_kind *ret_kind)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (str_eq(name, str_of(kinds[i].name))) {
			*ret_kind = (enum notice_kind)i;
			return true;
		}
	}
	return false;
}

static bool name_find(struct str name, const char *const *names, size_t count, size_t *ret_at)
{
	for (*ret_at = 0; *ret_at < count; ++*ret_at) {
		if (str_eq(name, str_of(names[*ret_at])))
			return true;
	}
	return false;
}

const char *notice_severity_name(enum notice_severity severity)
{
	return severity_names[severity];
}

bool notice_severity_parse(struct str name, enum notice_severity *ret_severity)
{
	size_t at;

	if (!name_find(name, severity_names, COUNT(severity_names), &at))
		return false;
	*ret_severity = (enum notice_severity)at;
	return true;
}

const char *notice_state_name(enum notice_state state)
{
	return state_names[state];
}

bool notice_state_parse(struct str name, enum notice_state *ret_state)
{
	size_t at;

	if (!name_find(name, state_names, COUNT(state_names), &at))
		return false;
	*ret_state = (enum notice_state)at;
	return true;
}

enum notice_severity notice_severity_of(enum notice_kind kind)
{
	return kinds[kind].severity;
}

bool notice_is_mailed(enum notice_kind kind)
{
	return kinds[kind].mailed;
}

bool notice_waits(const struct notice *notice)
{
	return notice->severity == NOTICE_INFO || kinds[notice->kind].dated;
}

int64_t notice_quiet_us(enum notice_kind kind)
{
	return kinds[kind].quiet_us;
}

bool notice_is_open(const struct notice *notice, int64_t now_us)
{
	return notice->state == NOTICE_OPEN || (notice->state == NOTICE_SNOOZED && notice->snoozed_until_us <= now_us);
}

void notice_sentences(enum notice_kind kind, const char **ret_title, const char **ret_text)
{
	*ret_title = kinds[kind].title;
	*ret_text = kinds[kind].text;
}

/* --- days --- */

int64_t notice_day(int64_t real_us, int64_t offset_us)
{
	int64_t local_us = real_us + offset_us;

	return local_us >= 0 ? local_us / DAY_US : -((-local_us + DAY_US - 1) / DAY_US);
}

/* The nearest mark that has been reached; `marks` fall. */
static bool mark_of(const unsigned *marks, size_t count, int64_t days_left, unsigned *ret_mark)
{
	for (size_t i = count; i-- > 0;) {
		if (days_left <= (int64_t)marks[i]) {
			*ret_mark = marks[i];
			return true;
		}
	}
	return false;
}

bool notice_retirement_due(enum retirement_exact exact, bool new_tenants_only, int64_t days_left, unsigned *ret_mark)
{
	static const unsigned marks[] = { 90, 30, 7, 1 };
	static const unsigned once[] = { 30 };

	if (days_left < 0)
		return false;
	if (new_tenants_only || exact == RETIREMENT_HALF_YEAR)
		return mark_of(once, COUNT(once), days_left, ret_mark);
	return mark_of(marks, COUNT(marks), days_left, ret_mark);
}

bool notice_expiry_due(int64_t days_left, bool ended, unsigned *ret_mark)
{
	static const unsigned marks[] = { 30, 7, 1 };

	if (!ended)
		return mark_of(marks, COUNT(marks), days_left, ret_mark);
	*ret_mark = 0;
	return true;
}

enum notice_severity notice_retirement_severity(unsigned mark, size_t accounts)
{
	if (accounts == 0)
		return NOTICE_INFO;
	return mark <= 7 ? NOTICE_CRITICAL : mark <= 30 ? NOTICE_WARNING : NOTICE_INFO;
}

enum notice_severity notice_expiry_severity(unsigned mark)
{
	return mark <= 1 ? NOTICE_CRITICAL : mark <= 7 ? NOTICE_WARNING : NOTICE_INFO;
}
