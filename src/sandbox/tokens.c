#include "sandbox/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"

struct token {
	uint64_t until_ms;
	enum token_audience audience;
	char value[TOKEN_LEN + 1];
};

void tokens_init(struct tokens *tokens)
{
	*tokens = (struct tokens){ 0 };
	(void)pthread_mutex_init(&tokens->mutex, NULL);
}

void tokens_done(struct tokens *tokens)
{
	struct token *token;
	size_t at = 0;

	while ((token = table_next(&tokens->by_value, &at)))
		free(token);
	table_done(&tokens->by_value);
}

/* Whose time is over makes room. */
static void forget_old(struct tokens *tokens, uint64_t now_ms)
{
	struct token *token;
	size_t at = 0;

	while ((token = table_next(&tokens->by_value, &at))) {
		if (now_ms < token->until_ms)
			continue;
		free(table_take(&tokens->by_value, str_of(token->value)));
		at = 0;
	}
}

bool tokens_issue(struct tokens *tokens, enum token_audience audience, unsigned seconds, struct str head, char ret_token[TOKEN_LEN + 1])
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	struct token *token = malloc(sizeof(*token));
	unsigned char raw[TOKEN_LEN];
	uint64_t now_ms = clock_monotonic_ms();
	bool issued;

	if (!token || head.len >= TOKEN_LEN) {
		free(token);
		return false;
	}
	random_bytes(raw, sizeof(raw));
	for (size_t i = 0; i < TOKEN_LEN; i++)
		token->value[i] = alphabet[raw[i] % (sizeof(alphabet) - 1)];
	memcpy(token->value, head.ptr, head.len);
	token->value[head.len + (TOKEN_LEN - head.len) / 4 * 4] = '\0'; /* whole groups of base64url */
	token->until_ms = now_ms + seconds * 1000ull;
	token->audience = audience;
	(void)pthread_mutex_lock(&tokens->mutex);
	if (tokens->by_value.count >= TOKENS_MAX)
		forget_old(tokens, now_ms);
	issued = tokens->by_value.count < TOKENS_MAX && table_put(&tokens->by_value, str_of(token->value), token);
	if (issued)
		tokens->issued++;
	(void)pthread_mutex_unlock(&tokens->mutex);
	if (issued)
		memcpy(ret_token, token->value, TOKEN_LEN + 1);
	else
		free(token);
	return issued;
}

bool tokens_is_good(struct tokens *tokens, enum token_audience audience, struct str value)
{
	const struct token *token;
	bool good;

	(void)pthread_mutex_lock(&tokens->mutex);
	token = table_find(&tokens->by_value, value);
	good = token && token->audience == audience && clock_monotonic_ms() < token->until_ms;
	(void)pthread_mutex_unlock(&tokens->mutex);
	return good;
}

uint64_t tokens_issued(struct tokens *tokens)
{
	uint64_t issued;

	(void)pthread_mutex_lock(&tokens->mutex);
	issued = tokens->issued;
	(void)pthread_mutex_unlock(&tokens->mutex);
	return issued;
}
