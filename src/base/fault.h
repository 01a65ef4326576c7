/* fault: what went wrong, as an enum to act on and one sentence to show, in each language. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include "base/say.h"

#define FAULT_TEXT_MAX 512

enum outcome {
	OUTCOME_OK,
	OUTCOME_LATER, /* passing trouble: worth another try */
	OUTCOME_NEVER, /* final: another try gives the same answer */
};

struct fault {
	enum outcome outcome;
	char text[LANGUAGE_COUNT][FAULT_TEXT_MAX]; /* cut at a character, never in one */
};

/* Fill in *fault (may be NULL) and hand its outcome back, so that a caller can `return` it. The sentence is looked
 * up in the catalogue for each language. */
enum outcome fault_set(struct fault *fault, enum outcome outcome, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "cannot DOING WHAT: <errno's text>". Full disk, out of memory, descriptors or quota are OUTCOME_LATER, as is
 * any I/O error; no such file, no permission are OUTCOME_NEVER. `doing` is an English verb, e.g. "open". */
enum outcome fault_errno(struct fault *fault, const char *doing, const char *what);

#endif
