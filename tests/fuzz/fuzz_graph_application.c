/* Whatever comes in place of an application's credentials: no more than there is room for, each with something to know it by and an end; and what is
 * said of a secret is the end of one of them that begins like it. */
#include <stdlib.h>
#include <string.h>

#include "wire/graph_application.h"

#define NOW_US 1795521600000000

static void check_choice(const struct graph_application *application, const struct graph_secret *secret)
{
	int64_t chosen_us = graph_secret_ends_us(application, str_of(secret->hint), NOW_US);
	bool is_one = false;

	for (size_t i = 0; i < application->secrets_count; i++)
		is_one |= application->secrets[i].ends_us == chosen_us && strncmp(secret->hint, application->secrets[i].hint, strlen(application->secrets[i].hint)) == 0;
	if (!is_one || (chosen_us <= NOW_US && secret->ends_us > NOW_US) || (secret->ends_us > NOW_US && chosen_us > secret->ends_us))
		abort();
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct graph_application application;

	if (!graph_application_parse((struct str){ (const char *)data, size }, &application))
		return 0;
	if (application.secrets_count > GRAPH_CREDENTIALS_MAX || application.certificates_count > GRAPH_CREDENTIALS_MAX)
		abort();
	for (size_t i = 0; i < application.secrets_count; i++) {
		if (application.secrets[i].hint[0] == '\0' || strlen(application.secrets[i].hint) >= GRAPH_HINT_BYTES || application.secrets[i].ends_us <= 0)
			abort();
		check_choice(&application, &application.secrets[i]);
	}
	for (size_t i = 0; i < application.certificates_count; i++) {
		if (graph_certificate_ends_us(&application, application.certificates[i].sha1) <= 0)
			abort();
	}
	return 0;
}
