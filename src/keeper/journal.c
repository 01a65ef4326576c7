#include "keeper/journal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/random.h"

#define ROW_BYTES_MAX 65536

void journal_address_print(const unsigned char ip[16], char ret_text[JOURNAL_ADDRESS_MAX])
{
	static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	bool v4 = memcmp(ip, mapped, sizeof(mapped)) == 0;

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip + sizeof(mapped) : ip, ret_text, JOURNAL_ADDRESS_MAX))
		ret_text[0] = '\0';
}

void journal_correlation_print(const struct way_back *way, char ret_text[40])
{
	static uint32_t run[2]; /* so that two runs of the program do not give the same */

	if (run[0] == 0)
		random_bytes(run, sizeof(run));
	(void)snprintf(ret_text, 40, "%08x-%04x-%04x-%04x-%012llx", run[0], run[1] >> 16, run[1] & 0xffff,
		       (unsigned)(way->gate & 0xffff), (unsigned long long)(way->session & 0xffffffffffffull));
}

bool journal_sign_in(struct keeper *keeper, const struct sign_in *row,
		     void (*on_done)(void *context, enum outcome outcome, const struct fault *fault), void *context)
{
	struct buf packed;
	bool added;

	log_event(row->error_code ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "sign-in", LOG_STR("id", row->event_id),
		  LOG_STR("user", row->user), LOG_STR("ip", row->ip), LOG_STR("listener", row->listener),
		  LOG_NUMBER("error_code", row->error_code), LOG_STR("rule", row->policy_rule),
		  LOG_STR("tls", row->tls_version), LOG_STR("reply", row->smtp_reply));
	buf_init(&packed, ROW_BYTES_MAX);
	added = sign_in_print(&packed, row) &&
		spool_row_add(keeper->spool, SPOOL_ROW_SIGN_IN, buf_str(&packed), on_done, context);
	buf_done(&packed);
	return added;
}

void journal_refused(struct keeper *keeper, const struct trace *trace, struct str peer, struct str reply)
{
	struct buf packed;

	log_event(LOG_LEVEL_WARNING, "refused", LOG_STR("id", trace->id), LOG_STR("from", trace->from),
		  LOG_STR("account", trace->account), LOG_STR("ip", peer), LOG_STR("reply", reply));
	buf_init(&packed, ROW_BYTES_MAX);
	if (!trace_print(&packed, trace) ||
	    !spool_row_add(keeper->spool, SPOOL_ROW_TRACE, buf_str(&packed), NULL, NULL))
		log_event(LOG_LEVEL_ERROR, "a trace was not written", LOG_STR("id", trace->id));
	buf_done(&packed);
}
