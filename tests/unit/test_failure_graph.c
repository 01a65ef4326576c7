/* failure_graph: what each answer of Graph means. */
#include <string.h>

#include "check.h"
#include "courier/failure_graph.h"

static const struct {
	const char *label;
	unsigned status;
	const char *code, *message;
	enum failure_meaning meaning;
	const char *cause;
	bool ambiguous;
} cases[] = {
	{ "not reached", GRAPH_UNREACHED, "", "", FAILURE_PAUSE_UPSTREAM, "graph-unreachable", false },
	{ "lost behind the body", GRAPH_LOST, "", "", FAILURE_LATER, "connection-lost", true },
	{ "not to be taken apart", GRAPH_NOT_SPLIT, "", "", FAILURE_OTHER_WAY, "graph-not-split", false },
	{ "a header without end", GRAPH_LONG_HEADER, "", "", FAILURE_OTHER_WAY, "graph-header-too-large", false },
	{ "it names others", GRAPH_NAMES_OTHERS, "", "", FAILURE_OTHER_WAY, "graph-names-others", false },
	{ "200 is no yes", 200, "", "", FAILURE_LATER, "graph-not-sent", false },
	{ "a page that leads elsewhere", 302, "", "", FAILURE_PAUSE_UPSTREAM, "graph-elsewhere", false },
	{ "the token", 401, "InvalidAuthenticationToken", "Lifetime validation failed", FAILURE_REFRESH_TOKEN, "token-refused", false },
	{ "throttled", 429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.", FAILURE_PAUSE_MAILBOX, "graph-throttled", false },
	{ "throttled without words", 429, "", "", FAILURE_PAUSE_MAILBOX, "graph-throttled", false },
	{ "busy", 503, "ServiceUnavailable", "", FAILURE_PAUSE_MAILBOX, "graph-busy", false },
	{ "timed out behind Graph", 504, "", "", FAILURE_LATER, "graph-timeout", true },
	{ "send as", 403, "ErrorSendAsDenied", "does not have the right", FAILURE_NEVER, "send-as-denied", false },
	{ "letters of another case", 403, "errorsendasdenied", "", FAILURE_NEVER, "send-as-denied", false },
	{ "the mailbox is full", 400, "ErrorQuotaExceeded", "", FAILURE_NEVER, "mailbox-full", false },
	{ "no room", 507, "ErrorQuota", "", FAILURE_NEVER, "mailbox-full", false },
	{ "recipients", 400, "ErrorInvalidRecipients", "At least one recipient is not valid.", FAILURE_NEVER, "invalid-recipient", false },
	{ "the day's recipients", 403, "ErrorX", "SubmissionQuotaExceededException", FAILURE_PAUSE_MAILBOX, "recipient-quota", false },
	{ "the message's size", 400, "ErrorMessageSizeExceeded", "", FAILURE_NEVER, "too-large", false },
	{ "the request's size", 413, "", "", FAILURE_OTHER_WAY, "graph-request-too-large", false },
	{ "the request's size in words", 400, "BadRequest", "The maximum request length supported is 4MB.", FAILURE_OTHER_WAY, "graph-request-too-large", false },
	{ "an access policy", 403, "ErrorAccessDenied", "[RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings.", FAILURE_PAUSE_MAILBOX, "graph-access-policy", false },
	{ "an access policy of old", 403, "ErrorAccessDenied", "Access to OData is disabled.", FAILURE_PAUSE_MAILBOX, "graph-access-policy", false },
	{ "no permission", 403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.", FAILURE_PAUSE_MAILBOX, "graph-permission", false },
	{ "no permission at all", 403, "Authorization_RequestDenied", "", FAILURE_PAUSE_UPSTREAM, "graph-permission-none", false },
	{ "no mailbox", 404, "MailboxNotEnabledForRESTAPI", "", FAILURE_PAUSE_MAILBOX, "graph-no-mailbox", false },
	{ "no mailbox, as 403", 403, "MailboxNotEnabledForRESTAPI", "", FAILURE_PAUSE_MAILBOX, "graph-no-mailbox", false },
	{ "no user", 404, "ErrorInvalidUser", "", FAILURE_PAUSE_MAILBOX, "graph-no-user", false },
	{ "no resource", 404, "ResourceNotFound", "", FAILURE_PAUSE_MAILBOX, "graph-no-user", false },
	{ "no resource of the directory", 404, "Request_ResourceNotFound", "", FAILURE_PAUSE_MAILBOX, "graph-no-user", false },
	{ "the draft is gone", 404, "ErrorItemNotFound", "", FAILURE_LATER, "graph-draft-gone", false },
	{ "the draft has changed", 409, "ErrorIrresolvableConflict", "", FAILURE_LATER, "graph-draft-gone", false },
	{ "a range that is not awaited", 416, "InvalidRange", "", FAILURE_LATER, "graph-draft-gone", false },
	{ "too slow", 408, "", "", FAILURE_LATER, "temporary", false },
	{ "a page of somebody else", 404, "", "", FAILURE_PAUSE_UPSTREAM, "graph-not-there", false },
	{ "some other refusal", 403, "SomethingNew", "", FAILURE_PAUSE_MAILBOX, "graph-refuses", false },
	{ "bad base64", 400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.", FAILURE_NEVER, "permanent", false },
	{ "an error of Exchange", 500, "ErrorInternalServerError", "", FAILURE_LATER, "temporary", false },
	{ "a gateway's error", 502, "", "", FAILURE_LATER, "temporary", false },
	{ "no status of HTTP", 700, "", "", FAILURE_LATER, "graph-nonsense", false },
};

int main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct failure_graph_verdict *got = failure_graph_decide(cases[i].status, str_of(cases[i].code), str_of(cases[i].message));

		CHECK(got->verdict.meaning == cases[i].meaning && strcmp(got->verdict.cause, cases[i].cause) == 0 &&
			      got->ambiguous == cases[i].ambiguous && got->verdict.explain,
		      cases[i].label);
		CHECK(got->verdict.meaning != FAILURE_DELIVERED, cases[i].label);
	}
	return check_report();
}
