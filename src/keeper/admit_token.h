/* admit_token: a sign-in with a token: the issuer's verdict, then policy, then the row and the answer. */
#ifndef KEEPER_ADMIT_TOKEN_H
#define KEEPER_ADMIT_TOKEN_H

#include "keeper/attempt.h"

/* Takes the attempt over. */
void admit_token(struct attempt *attempt, struct str token);

#endif
