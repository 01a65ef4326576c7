/* courier/senders: how many can be held, and that those with nothing worth remembering make room. */
#include "check.h"
#include "courier/courier_private.h"

#define MANY 10000 /* as many as are remembered */

static struct courier courier;
static struct mailbox mailbox = { .courier = &courier };

static void refuse(unsigned number, unsigned times)
{
	char sender[64];
	struct work work = { .kind = FAILURE_SEND_AS_DENIED };

	(void)snprintf(sender, sizeof(sender), "sender-%u@contoso.example", number);
	work.message.sender = str_of(sender);
	for (unsigned i = 0; i < times; i++)
		senders_end(&mailbox, &work, false);
}

static bool is_held(unsigned number)
{
	char sender[64];
	const char *cause;

	(void)snprintf(sender, sizeof(sender), "sender-%u@contoso.example", number);
	return courier_hold_ms(&courier, mailbox.upstream_name, mailbox.address, str_of(sender), &cause) > 0;
}

int main(void)
{
	mailbox.upstream_name = STR("main");
	mailbox.address = STR("copier@contoso.example");
	refuse(0, 3);
	CHECK(is_held(0), "three errors hold a sender");
	for (unsigned number = 1; number < MANY; number++)
		refuse(number, 1);
	refuse(MANY, 3);
	CHECK(!is_held(MANY) && courier.senders.count == MANY, "over the ceiling nobody new is held");
	CHECK(is_held(0), "and nobody is forgotten for it");
	senders_release_all(&courier);
	refuse(MANY, 3);
	CHECK(is_held(MANY) && courier.senders.count <= MANY, "those that are idle make room");
	for (unsigned number = MANY + 1; number < 2 * MANY; number++)
		refuse(number, 1);
	CHECK(is_held(MANY) && courier.senders.count == MANY, "one after the other, and who is held stays");
	return check_report();
}
