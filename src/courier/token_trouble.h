/* token_trouble: why there is no token, in one sentence with the mend, in each language. */
#ifndef COURIER_TOKEN_TROUBLE_H
#define COURIER_TOKEN_TROUBLE_H

#include "courier/grant.h"

/* A refusal, or an answer that is none: *fault gets its sentence, outcome LATER: mail waits, since only time or an administrator can mend it. */
enum outcome token_trouble(const char *upstream, const struct grant *grant, unsigned status, const struct oauth_answer *answer, struct fault *fault);

#endif
