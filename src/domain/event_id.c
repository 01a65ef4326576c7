#include "domain/event_id.h"

#include <assert.h>
#include <string.h>

#define NODE_LEN 3

/* Digits and capitals without 0 O 1 I L U. */
static const char alphabet[] = "23456789ABCDEFGHJKMNPQRSTVWXYZ";

#define BASE (sizeof(alphabet) - 1)

static_assert(BASE == 30, "EVENT_ID_NODES and EVENT_ID_COUNTS are powers of it");

static void digits_print(uint64_t value, size_t count, char *ret_text)
{
	while (count > 0) {
		ret_text[--count] = alphabet[value % BASE];
		value /= BASE;
	}
}

void event_id_print(uint32_t node, uint64_t count, char ret_text[EVENT_ID_LEN + 1])
{
	digits_print(node % EVENT_ID_NODES, NODE_LEN, ret_text);
	digits_print(count % EVENT_ID_COUNTS, EVENT_ID_LEN - NODE_LEN, ret_text + NODE_LEN);
	ret_text[EVENT_ID_LEN] = '\0';
}

bool event_id_parse(struct str text, char ret_text[EVENT_ID_LEN + 1])
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		char byte = text.ptr[i];

		if (byte == ' ' || byte == '-')
			continue;
		if (byte >= 'a' && byte <= 'z')
			byte = (char)(byte - 'a' + 'A');
		if (len == EVENT_ID_LEN || byte == '\0' || !strchr(alphabet, byte))
			return false;
		ret_text[len++] = byte;
	}
	ret_text[len] = '\0';
	return len == EVENT_ID_LEN;
}

bool event_id_count(const char *text, uint64_t *ret_count)
{
	uint64_t count = 0;

	if (strlen(text) != EVENT_ID_LEN)
		return false;
	for (size_t i = NODE_LEN; i < EVENT_ID_LEN; i++) {
		const char *digit = strchr(alphabet, text[i]);

		if (!digit)
			return false;
		count = count * BASE + (uint64_t)(digit - alphabet);
	}
	*ret_count = count;
	return true;
}
