/* faults: what goes wrong in the sandbox on demand, by name (contract, 2). */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include <pthread.h>

#include "base/fault.h"

enum sandbox_fault {
	FAULT_TENANT_SWITCH, FAULT_MAILBOX_SWITCH, FAULT_SECURITY_DEFAULTS, FAULT_AUTH_POLICY, FAULT_CRITERIA, FAULT_BASIC_RETIRED,
	FAULT_WRONG_SECRET, FAULT_EXPIRED_SECRET, FAULT_TOKEN_EXPIRING, FAULT_TOKEN_ENDPOINT_DOWN,
	FAULT_CONCURRENT_432, FAULT_RATE_30, FAULT_SEND_AS_DENIED, FAULT_MAILBOX_FULL,
	FAULT_ERRORS_52251, FAULT_ERRORS_52252, FAULT_ERRORS_52253, FAULT_ERRORS_52254, FAULT_ERRORS_52255,
	FAULT_RECIPIENT_QUOTA, FAULT_TEMPORARY_451, FAULT_SERVICE_421, FAULT_CUT_AFTER_DOT, FAULT_CUT_MID_DATA, FAULT_SLOW,
	FAULT_NO_STARTTLS, FAULT_BAD_CERTIFICATE,
	FAULT_CONSENT_MISSING, FAULT_APP_DISABLED, FAULT_CLOCK_SKEW, FAULT_NO_RESOURCE, FAULT_MFA_NEEDED, FAULT_CONDITIONAL_ACCESS,
	FAULT_PERSON_DISABLED, FAULT_REFRESH_EXPIRED, FAULT_TOKEN_THROTTLED, FAULT_TOKEN_PAGE, FAULT_TOKEN_NONSENSE, FAULT_METADATA_UPDATING,
	FAULT_GRAPH_401, FAULT_GRAPH_403, FAULT_GRAPH_POLICY, FAULT_GRAPH_SEND_AS, FAULT_GRAPH_NO_MAILBOX, FAULT_GRAPH_NO_USER, FAULT_GRAPH_QUOTA,
	FAULT_GRAPH_RECIPIENTS, FAULT_GRAPH_413, FAULT_GRAPH_SIZE, FAULT_GRAPH_429, FAULT_GRAPH_503, FAULT_GRAPH_500, FAULT_GRAPH_504, FAULT_GRAPH_200,
	FAULT_GRAPH_NONSENSE, FAULT_GRAPH_CUT, FAULT_GRAPH_HALF, FAULT_GRAPH_HANG, FAULT_GRAPH_SLOW, FAULT_GRAPH_UPLOAD,
	FAULT_COUNT
};

struct faults {
	pthread_mutex_t mutex;
	bool on[FAULT_COUNT];
	bool counted[FAULT_COUNT];
	unsigned left[FAULT_COUNT];
};

void faults_init(struct faults *faults);

/* "CASE" or "CASE:N". NEVER: unknown (the nearest is named), or a bad N. */
enum outcome faults_add(struct faults *faults, struct str text, struct fault *fault);

/* Does it strike now? Uses up one of its N. From any thread. */
bool faults_strike(struct faults *faults, enum sandbox_fault which);
bool faults_is_on(struct faults *faults, enum sandbox_fault which); /* uses nothing up */

const char *faults_name(enum sandbox_fault which);
const char *faults_explain(enum sandbox_fault which); /* N_() */

#endif
