#include "base/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A cut in the middle of a UTF-8 character would make the sentence unprintable. */
static void cut_at_character(char *text, size_t size, int would_be)
{
	size_t len = size - 1;

	if (would_be < 0 || (size_t)would_be < size)
		return;
	while (len > 0 && ((unsigned char)text[len - 1] & 0xc0) == 0x80)
		len--;
	if (len > 0 && (unsigned char)text[len - 1] >= 0xc0)
		len--;
	text[len] = '\0';
}

enum outcome fault_set(struct fault *fault, enum outcome outcome, const char *format, ...)
{
	if (!fault)
		return outcome;
	fault->outcome = outcome;
	for (int language = 0; language < LANGUAGE_COUNT; language++) {
		va_list args;
		int len;

		va_start(args, format);
		len = vsnprintf(fault->text[language], FAULT_TEXT_MAX, say((enum language)language, format), args);
		va_end(args);
		cut_at_character(fault->text[language], FAULT_TEXT_MAX, len);
	}
	return outcome;
}

/* The verb is translated by itself, since the sentence is one for all. */
static enum outcome errno_set(struct fault *fault, enum outcome outcome, const char *doing, const char *what,
			      const char *why)
{
	if (!fault)
		return outcome;
	fault->outcome = outcome;
	for (int language = 0; language < LANGUAGE_COUNT; language++) {
		const char *format = say((enum language)language, N_("cannot %s %s: %s"));
		int len = snprintf(fault->text[language], FAULT_TEXT_MAX, format, say((enum language)language, doing), what, why);

		cut_at_character(fault->text[language], FAULT_TEXT_MAX, len);
	}
	return outcome;
}

enum outcome fault_errno(struct fault *fault, const char *doing, const char *what)
{
	int error = errno;
	bool lasting = error == ENOENT || error == EACCES || error == EPERM || error == ENOTDIR || error == EISDIR ||
		       error == EROFS || error == EINVAL || error == ENAMETOOLONG;

	return errno_set(fault, lasting ? OUTCOME_NEVER : OUTCOME_LATER, doing, what, strerror(error));
}
