/* probe_dates: the step that asks Microsoft Graph when the application's credentials end. Whatever comes of it, mail goes: it never fails. */
#include <stdio.h>

#include "base/clock.h"
#include "courier/probe_private.h"

#define LOOK_EVERY_MS 100
#define WAIT_MS 25000
#define DAY_BYTES 10

static void say_end(struct probe *probe, const char *name, int64_t ends_us)
{
	char when[CLOCK_RFC3339_MAX];

	if (ends_us == 0)
		return;
	clock_rfc3339_print(ends_us, when);
	probe_say_more(probe, "%s%s %.*s", probe->text[0] ? ", " : "", name, DAY_BYTES, when);
}

static void say_ends(struct probe *probe, const struct credentials *credentials)
{
	probe->text[0] = '\0';
	say_end(probe, "client-secret-file", credentials->ends.secret_us);
	say_end(probe, "client-secret-file-next", credentials->ends.secret_next_us);
	say_end(probe, "certificate-file", credentials->ends.certificate_us);
	probe_say_more(probe, N_(": ends then, as Microsoft Graph tells"));
}

static void tell(struct probe *probe, const struct credentials *credentials)
{
	const char *why = credentials->fault.text[probe->options.language];

	switch (credentials->state) {
	case CREDENTIALS_READ:
		say_ends(probe, credentials);
		break;
	case CREDENTIALS_FOREIGN:
		probe_say(probe, N_("none of the application's credentials that Microsoft Graph shows is the one used here; give the date in the settings: "
				    "client-secret-expires"));
		break;
	case CREDENTIALS_DENIED:
		probe_say(probe, N_("the app may not read when its secret ends, which sending does not need; give the date in the settings "
				    "(client-secret-expires), or grant Application.Read.All (%s)"), why);
		break;
	case CREDENTIALS_UNASKED:
	case CREDENTIALS_UNREACHED:
	case CREDENTIALS_STATE_COUNT:
		probe_say(probe, N_("Microsoft Graph could not be asked when the secret ends, which holds up no mail: %s"), why);
		break;
	}
	probe_ok(probe);
}

static void look(struct probe *probe)
{
	const struct upstream *upstream = upstream_find(probe->courier, str_of(probe->settings->name));
	const struct credentials *credentials = &upstream->credentials;

	if (credentials->readings != probe->readings) {
		tell(probe, credentials);
	} else if (clock_monotonic_ms() - probe->since_ms >= WAIT_MS) {
		probe_say(probe, N_("Microsoft Graph did not say in time when the secret ends, which holds up no mail"));
		probe_ok(probe);
	} else {
		probe_wait(probe, LOOK_EVERY_MS, look);
	}
}

void probe_begin_dates(struct probe *probe)
{
	struct upstream *upstream = upstream_find(probe->courier, str_of(probe->settings->name));

	probe->readings = upstream->credentials.readings;
	credentials_hurry(probe->courier->credentials, &upstream->credentials);
	probe_wait(probe, LOOK_EVERY_MS, look);
}
