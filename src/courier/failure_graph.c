#include "courier/failure_graph.h"

#include <string.h>

#include "base/say.h"

#define SECONDS(n) ((uint64_t)(n) * 1000)

#define TOO_LARGE \
	{ { FAILURE_OTHER_WAY, 0, "graph-request-too-large", \
	    N_("The message is too large for one request to Microsoft Graph; lower graph-request-bytes-max, or give the upstream a " \
	       "fallback of kind smtp, or a route with size-over-bytes to one."), 0 }, false }

/*
 * The first row that fits. A row fits when the status is between its bounds, the code is its own (NULL: any) and the message
 * holds its words (NULL: any). The mark above rows is their source:
 *   [SEND]  Microsoft, "user: sendMail"              [ERR]   Microsoft, "Microsoft Graph error responses"
 *   [EWS]   Microsoft, "ResponseCode" (Exchange's own codes come through Graph)
 *   [THR]   Microsoft, "Microsoft Graph throttling limits"         [RBAC]  Microsoft, "Limiting application permissions"
 *   [LOG]   answers that people have published, where Microsoft has no page        [RFC n]  that standard
 * What concerns one mailbox stops that mailbox only, also where it may be the application's fault: a tenant that lets the
 * application into some mailboxes answers for the others just as one that lets it into none.
 */
static const struct {
	unsigned status_min, status_max;
	const char *code;
	const char *words;
	struct failure_graph_verdict graph;
} rows[] = {
	{ GRAPH_UNREACHED, GRAPH_UNREACHED, NULL, NULL,
	  { { FAILURE_PAUSE_UPSTREAM, SECONDS(15), "graph-unreachable",
	      N_("Microsoft Graph cannot be reached. Check graph-url, the proxy and the firewall: sekisho upstream test."), 0 }, false } },
	{ GRAPH_LOST, GRAPH_LOST, NULL, NULL,
	  { { FAILURE_LATER, 0, "connection-lost", N_("The connection to the upstream was cut; the mail is tried again."), 0 }, true } },

	/* Found before asking (courier/graph.c, graph_plan.c). */
	{ GRAPH_NOT_SPLIT, GRAPH_NOT_SPLIT, NULL, NULL,
	  { { FAILURE_OTHER_WAY, 0, "graph-not-split",
	      N_("The message is too large for one request to Microsoft Graph, and no attachments of it can be sent apart; give the upstream a "
		 "fallback of kind smtp, or a route with size-over-bytes to one."), 0 }, false } },
	{ GRAPH_LONG_HEADER, GRAPH_LONG_HEADER, NULL, NULL,
	  { { FAILURE_OTHER_WAY, 0, "graph-header-too-large", N_("The message's header is longer than Microsoft Graph could take."), 0 },
	    false } },
	{ GRAPH_NAMES_OTHERS, GRAPH_NAMES_OTHERS, NULL, NULL,
	  { { FAILURE_OTHER_WAY, 0, "graph-names-others",
	      N_("The header names recipients to whom the message was not sent: Microsoft Graph would mail it to them as well."), 0 }, false } },

	/* [LOG] msgraph-docs 13979: a message over Graph's limit was answered 200, and not sent. Only 202 is a yes. */
	{ 200, 299, NULL, NULL,
	  { { FAILURE_LATER, SECONDS(300), "graph-not-sent",
	      N_("Microsoft Graph gave an answer that is no yes to sending; the mail is tried again."), 0 }, false } },
	{ 300, 399, NULL, NULL,
	  { { FAILURE_PAUSE_UPSTREAM, SECONDS(300), "graph-elsewhere",
	      N_("graph-url leads elsewhere; it must be the address of Microsoft Graph itself."), 0 }, false } },

	/* [ERR] The token is not, or no longer, good. */
	{ 401, 401, NULL, NULL,
	  { { FAILURE_REFRESH_TOKEN, SECONDS(120), "token-refused",
	      N_("Microsoft Graph refuses the token: scope must end in /.default of Graph itself, and the tenant must be the mailbox's."), 0 },
	    false } },

	/* [THR] [LOG] Throttled; Retry-After says for how long, else this. */
	{ 429, 429, NULL, NULL,
	  { { FAILURE_PAUSE_MAILBOX, SECONDS(10), "graph-throttled",
	      N_("Microsoft Graph asks for fewer requests for this mailbox; it goes on when Graph said."), 0 }, false } },
	{ 503, 503, NULL, NULL,
	  { { FAILURE_PAUSE_MAILBOX, SECONDS(30), "graph-busy", N_("Microsoft Graph is busy; the mail is tried again."), 0 }, false } },
	/* [RFC 9110, 15.6.5] Who stands before Exchange has waited in vain for its answer. */
	{ 504, 504, NULL, NULL,
	  { { FAILURE_LATER, 0, "graph-timeout", N_("Microsoft Graph did not answer in time; the mail is tried again."), 0 }, true } },

	/* [SEND] */
	{ 400, 599, "ErrorSendAsDenied", NULL,
	  { { FAILURE_NEVER, 0, "send-as-denied", N_("The mailbox may not send as this sender; give it SendAs, or set from-rewrite."),
	      FAILURE_SEND_AS_DENIED }, false } },
	/* [EWS] */
	{ 400, 599, "ErrorQuotaExceeded", NULL,
	  { { FAILURE_NEVER, 0, "mailbox-full", N_("The mailbox that sends is full upstream; make room in it."), FAILURE_MAILBOX_FULL },
	    false } },
	{ 507, 507, NULL, NULL,
	  { { FAILURE_NEVER, 0, "mailbox-full", N_("The mailbox that sends is full upstream; make room in it."), FAILURE_MAILBOX_FULL },
	    false } },
	{ 400, 599, "ErrorInvalidRecipients", NULL,
	  { { FAILURE_NEVER, 0, "invalid-recipient", N_("The upstream knows no such recipient."), FAILURE_INVALID_RECIPIENT }, false } },
	{ 400, 599, NULL, "SubmissionQuotaExceeded",
	  { { FAILURE_PAUSE_MAILBOX, SECONDS(3600), "recipient-quota", N_("The mailbox has used up its recipients for the day."), 0 },
	    false } },
	/* [EWS] The mailbox's MaxSendSize. */
	{ 400, 599, "ErrorMessageSizeExceeded", NULL,
	  { { FAILURE_NEVER, 0, "too-large", N_("The message is larger than the upstream takes."), 0 }, false } },
	/* [LOG] */
	{ 413, 413, NULL, NULL, TOO_LARGE },
	{ 400, 400, NULL, "maximum request length", TOO_LARGE },

	/* [RBAC] [LOG] */
	{ 403, 403, NULL, "AccessPolicy",
	  { { FAILURE_PAUSE_MAILBOX, SECONDS(300), "graph-access-policy",
	      N_("An application access policy of the tenant keeps the application out of this mailbox: Test-ApplicationAccessPolicy."), 0 },
	    false } },
	{ 403, 403, NULL, "Access to OData is disabled",
	  { { FAILURE_PAUSE_MAILBOX, SECONDS(300), "graph-access-policy",
	      N_("An application access policy of the tenant keeps the application out of this mailbox: Test-ApplicationAccessPolicy."), 0 },
	    false } },
	/* [ERR] [SEND] */
	{ 403, 403, "ErrorAccessDenied", NULL,
	  { { FAILURE_PAUSE_MAILBOX, SECONDS(300), "graph-permission",
	      N_("The application may not send as this mailbox: it needs Graph's application permission Mail.Send (and Mail.ReadWrite for "
		 "large mail) with the administrator's consent, or the role Application Mail.Send over this mailbox."), 0 }, false } },
	{ 403, 403, "Authorization_RequestDenied", NULL,
	  { { FAILURE_PAUSE_UPSTREAM, SECONDS(300), "graph-permission-none",
	      N_("The application has no permission in Microsoft Graph: give it the application permission Mail.Send, with the "
		 "administrator's consent."), 0 }, false } },
	/* [LOG] 404, at times 403. */
	{ 400, 499, "MailboxNotEnabledForRESTAPI", NULL,
	  { { FAILURE_PAUSE_MAILBOX, SECONDS(900), "graph-no-mailbox",
	      N_("The mailbox is inactive, deleted, or not in Exchange Online: Graph cannot send for it."), 0 }, false } },
	{ 400, 499, "ErrorInvalidUser", NULL,
	  { { FAILURE_PAUSE_MAILBOX, SECONDS(900), "graph-no-user",
	      N_("The tenant has no such mailbox; check mailbox of the upstream, and the account's address."), 0 }, false } },
	{ 404, 404, "ResourceNotFound", NULL,
	  { { FAILURE_PAUSE_MAILBOX, SECONDS(900), "graph-no-user",
	      N_("The tenant has no such mailbox; check mailbox of the upstream, and the account's address."), 0 }, false } },
	{ 404, 404, "Request_ResourceNotFound", NULL,
	  { { FAILURE_PAUSE_MAILBOX, SECONDS(900), "graph-no-user",
	      N_("The tenant has no such mailbox; check mailbox of the upstream, and the account's address."), 0 }, false } },
	/* [EWS] A draft that is gone, or that somebody changed: it is made anew. */
	{ 404, 412, "ErrorItemNotFound", NULL,
	  { { FAILURE_LATER, 0, "graph-draft-gone", N_("The draft is gone from the mailbox; the mail is tried again."), 0 }, false } },
	{ 409, 412, NULL, NULL,
	  { { FAILURE_LATER, 0, "graph-draft-gone", N_("The draft is gone from the mailbox; the mail is tried again."), 0 }, false } },
	/* [SEND] A piece of a file that is not the one awaited: the upload begins anew. */
	{ 416, 416, NULL, NULL,
	  { { FAILURE_LATER, 0, "graph-draft-gone", N_("The draft is gone from the mailbox; the mail is tried again."), 0 }, false } },
	/* [RFC 9110, 15.5.9] */
	{ 408, 408, NULL, NULL,
	  { { FAILURE_LATER, 0, "temporary", N_("The upstream asks to try again later."), 0 }, false } },
	/* Whoever answered was not Graph: that says nothing of the mail. */
	{ 400, 499, "", NULL,
	  { { FAILURE_PAUSE_UPSTREAM, SECONDS(60), "graph-not-there",
	      N_("What answers at graph-url is not Microsoft Graph; check graph-url and the proxy."), 0 }, false } },
	{ 403, 405, NULL, NULL,
	  { { FAILURE_PAUSE_MAILBOX, SECONDS(300), "graph-refuses", N_("Microsoft Graph refuses to send for this mailbox."), 0 }, false } },
	{ 400, 499, NULL, NULL,
	  { { FAILURE_NEVER, 0, "permanent", N_("The upstream refuses this message for good."), 0 }, false } },
	{ 500, 599, NULL, NULL,
	  { { FAILURE_LATER, 0, "temporary", N_("The upstream asks to try again later."), 0 }, false } },
};

static const struct failure_graph_verdict nonsense = {
	{ FAILURE_LATER, 0, "graph-nonsense", N_("Microsoft Graph answered what is no answer; the mail is tried again."), 0 }, false
};

static bool holds(struct str text, struct str words)
{
	for (size_t i = 0; i + words.len <= text.len; i++) {
		if (str_starts_nocase(str_skip(text, i), words))
			return true;
	}
	return false;
}

const struct failure_graph_verdict *failure_graph_decide(unsigned status, struct str code, struct str message)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (status < rows[i].status_min || status > rows[i].status_max)
			continue;
		if (rows[i].code && !str_eq_nocase(code, str_of(rows[i].code)))
			continue;
		if (rows[i].words && !holds(message, str_of(rows[i].words)))
			continue;
		return &rows[i].graph;
	}
	return &nonsense;
}

const char *failure_graph_explain(const char *cause)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rows[i].graph.verdict.cause, cause) == 0)
			return rows[i].graph.verdict.explain;
	}
	return NULL;
}
