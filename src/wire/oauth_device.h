/* oauth_device: sign-in with a code that a person types in elsewhere (RFC 8628). */
#ifndef WIRE_OAUTH_DEVICE_H
#define WIRE_OAUTH_DEVICE_H

#include "wire/oauth.h"

#define OAUTH_CODE_MAX 4096
#define OAUTH_INTERVAL_S_MAX 60
#define OAUTH_DEVICE_S_MAX 3600

struct oauth_device {
	char code[OAUTH_CODE_MAX];  /* device_code: a secret */
	char user_code[64];
	char url[512];              /* verification_uri, or Google's verification_url */
	char whole_url[1024];       /* with the code in it; "" : not given */
	unsigned interval_s;        /* between two polls; RFC 8628, 3.2: 5 when not said */
	unsigned expires_in_s;
};

/* False: no such answer; *ret_error tells of it as of a token endpoint's answer. Wipe *ret_device. */
bool oauth_device_parse(unsigned status, struct str body, struct oauth_device *ret_device, struct oauth_answer *ret_error);

/* What a token endpoint's refusal means while a person is still typing (RFC 8628, 3.5). */
enum oauth_poll { OAUTH_POLL_WAIT, OAUTH_POLL_SLOWER, OAUTH_POLL_ENDED };
enum oauth_poll oauth_device_poll(const struct oauth_answer *answer);

#endif
