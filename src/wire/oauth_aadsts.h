/* oauth_aadsts: what Entra's error numbers mean (Microsoft: "Microsoft Entra authentication and authorization error codes"). */
#ifndef WIRE_OAUTH_AADSTS_H
#define WIRE_OAUTH_AADSTS_H

#include <stdbool.h>

/* Whether the same request may succeed later without anybody's doing. False also for 0 and unknown numbers. */
bool oauth_aadsts_passing(unsigned aadsts);

#endif
