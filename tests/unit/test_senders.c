/* courier/senders: how many can be held, and that those with nothing worth remembering make room. */
#include "check.h"
#include "courier/courier_private.h"

#define MANY 10000 /* as many as are remembered */

static struct courier courier;
static struct mailbox mailbox = { .courier = &courier };

static struct settings settings;
static unsigned begun, ended;
static bool refused_by_disk;

static bool on_hold(void *context, struct str upstream, struct str mailbox_address, struct str sender, struct str text)
{
	(void)context;
	(void)upstream;
	(void)mailbox_address;
	(void)sender;
	if (refused_by_disk)
		return false;
	begun += text.len > 0;
	ended += text.len == 0;
	return true;
}

static const struct courier_handler handler = { .on_hold = on_hold };

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

static void forget_all(void)
{
	settings.upstreams_count = 0;
	senders_forget_gone(&courier);
}

/* What was noted is read by the next process. */
static void check_restart(void)
{
	static char name[] = "main";
	static struct upstream_settings row = { .name = name };
	const char *cause = "";

	courier.settings = &settings;
	settings.upstreams = &row;
	forget_all();
	CHECK(courier.senders.count == 0 && courier_holds(&courier) == 0, "of an upstream that is gone nobody is remembered");
	CHECK(!courier_held_before(&courier, STR("main"), mailbox.address, STR("a@b.example"), STR("send-as-denied 1 2 900000\nx")),
	      "restart: the upstream is gone");
	settings.upstreams_count = 1;
	CHECK(!courier_held_before(&courier, STR("main"), mailbox.address, STR("a@b.example"), STR("nonsense")), "restart: no such note");
	CHECK(courier_held_before(&courier, STR("main"), mailbox.address, STR("a@b.example"), STR("send-as-denied 1 99000000000000000 900000\nx")) &&
		      courier_holds(&courier) == 1 &&
		      courier_hold_ms(&courier, STR("main"), mailbox.address, STR("a@b.example"), &cause) > 890000 &&
		      str_eq(str_of(cause), STR("send-as-denied")),
	      "restart: held as before");
	begun = ended = 0;
	refused_by_disk = true;
	courier_release(&courier, STR("a@b.example"));
	CHECK(courier_holds(&courier) == 0 && ended == 0, "released while the disk takes nothing");
	refused_by_disk = false;
	senders_note_owed(&courier);
	senders_note_owed(&courier);
	CHECK(ended == 1, "it is noted later, once");
}

int main(void)
{
	mailbox.upstream_name = STR("main");
	courier.handler = &handler;
	mailbox.address = STR("copier@contoso.example");
	refuse(0, 3);
	CHECK(is_held(0), "three errors hold a sender");
	CHECK(begun == 1 && ended == 0 && courier_holds(&courier) == 1, "it is noted once");
	for (unsigned number = 1; number < MANY; number++)
		refuse(number, 1);
	CHECK(begun == 1, "errors that hold nobody are not noted");
	refuse(MANY, 3);
	CHECK(!is_held(MANY) && courier.senders.count == MANY, "over the ceiling nobody new is held");
	CHECK(is_held(0), "and nobody is forgotten for it");
	senders_release_all(&courier);
	CHECK(ended == 1 && courier_holds(&courier) == 0, "its end is noted once, and that of nobody else");
	refuse(MANY, 3);
	CHECK(is_held(MANY) && courier.senders.count <= MANY, "those that are idle make room");
	for (unsigned number = MANY + 1; number < 2 * MANY; number++)
		refuse(number, 1);
	CHECK(is_held(MANY) && courier.senders.count == MANY, "one after the other, and who is held stays");
	check_restart();
	return check_report();
}
