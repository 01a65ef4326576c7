/* ledger_sift: rows that were refused together, one by one, so that the one at fault does not keep the others out. */
#include "keep/ledger_private.h"

static enum outcome put_aside(struct ledger *ledger, const char *kind, struct str packed, struct fault *fault)
{
	enum outcome outcome = ledger_begin(ledger, fault);

	if (outcome != OUTCOME_OK)
		return outcome;
	return ledger_end(ledger, ledger_set_aside(ledger, kind, packed, fault), fault);
}

static enum outcome sift(struct ledger *ledger, enum ledger_log log, const struct str *rows, size_t count, size_t *aside,
			 struct fault *fault)
{
	bool are_traces = log == LEDGER_TRACES;

	for (size_t i = 0; i < count; i++) {
		struct fault why;
		enum outcome outcome = ledger_rows_add(ledger, are_traces ? NULL : &rows[i], are_traces ? 0 : 1,
						       are_traces ? &rows[i] : NULL, are_traces ? 1 : 0, &why);

		/* A ledger that is ill itself refuses this as well, and then nothing is set aside. */
		if (outcome == OUTCOME_NEVER && put_aside(ledger, are_traces ? "trace" : "sign-in", rows[i], fault) != OUTCOME_OK)
			return fault->outcome;
		if (outcome == OUTCOME_LATER) {
			*fault = why;
			return outcome;
		}
		*aside += outcome == OUTCOME_NEVER;
	}
	return OUTCOME_OK;
}

enum outcome ledger_rows_sift(struct ledger *ledger, const struct str *sign_ins, size_t sign_ins_count,
			      const struct str *traces, size_t traces_count, size_t *ret_aside, struct fault *fault)
{
	enum outcome outcome;

	*ret_aside = 0;
	outcome = sift(ledger, LEDGER_SIGN_INS, sign_ins, sign_ins_count, ret_aside, fault);
	return outcome == OUTCOME_OK ? sift(ledger, LEDGER_TRACES, traces, traces_count, ret_aside, fault) : outcome;
}
