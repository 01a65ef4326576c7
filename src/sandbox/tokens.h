/* tokens: those that the sandbox's endpoint has given out; shared by its thread and the SMTP side. */
#ifndef SANDBOX_TOKENS_H
#define SANDBOX_TOKENS_H

#include <pthread.h>

#include "base/str.h"
#include "base/table.h"

#define TOKENS_MAX 10000
#define TOKEN_LEN 1400 /* as long as Entra's: what breaks on long lines breaks here, too */

enum token_audience { TOKEN_FOR_SMTP, TOKEN_FOR_GRAPH };

struct tokens {
	pthread_mutex_t mutex;
	struct table by_value;
	uint64_t issued;
};

void tokens_init(struct tokens *tokens);
void tokens_done(struct tokens *tokens);
/* The token begins with `head` (a JWT's header and claims) and goes on at random. False: out of memory, or TOKENS_MAX are out. */
bool tokens_issue(struct tokens *tokens, enum token_audience audience, unsigned seconds, struct str head, char ret_token[TOKEN_LEN + 1]);
/* Given out here, for that audience, and its time is not over. */
bool tokens_is_good(struct tokens *tokens, enum token_audience audience, struct str token);
uint64_t tokens_issued(struct tokens *tokens);

#endif
