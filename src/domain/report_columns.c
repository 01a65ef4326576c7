/* report_columns: what stands in the SMTP AUTH clients report, in each of its orders. */
#include "domain/report.h"

#define PROTOCOL_AND_TLS                                                                                               \
	{ "authenticationProtocol", N_("Authentication Protocol"), COLUMN_BOTH },                                         \
	{ "tls10", N_("TLS 1.0 (percentage)"), COLUMN_CSV },                                                              \
	{ "tls11", N_("TLS 1.1 (percentage)"), COLUMN_CSV },                                                              \
	{ "tls12", N_("TLS 1.2 (percentage)"), COLUMN_CSV },                                                              \
	{ "tls13", N_("TLS 1.3 (percentage)"), COLUMN_CSV },                                                              \
	{ "tls10", N_("TLS 1.0 %"), COLUMN_TABLE },                                                                       \
	{ "tls11", N_("TLS 1.1 %"), COLUMN_TABLE },                                                                       \
	{ "tls12", N_("TLS 1.2 %"), COLUMN_TABLE },                                                                       \
	{ "tls13", N_("TLS 1.3 %"), COLUMN_TABLE },                                                                       \
	{ "messagesSent", N_("Messages sent"), COLUMN_BOTH }
#define LAST_SEEN { "lastSeen", N_("Last seen"), COLUMN_BOTH }
#define AFTER { "afterRetirementText", N_("After retirement"), COLUMN_BOTH }

/* The exchange admin center's own columns first, by sender. */
static const struct column by_sender[] = {
	{ "senderAddress", N_("Sender address"), COLUMN_BOTH }, { "domain", N_("Domain"), COLUMN_BOTH },
	PROTOCOL_AND_TLS, { "devices", N_("Devices"), COLUMN_BOTH }, LAST_SEEN, AFTER, { 0 },
};
static const struct column by_domain[] = {
	{ "domain", N_("Domain"), COLUMN_BOTH }, PROTOCOL_AND_TLS, { "senders", N_("Senders"), COLUMN_BOTH },
	{ "devices", N_("Devices"), COLUMN_BOTH }, LAST_SEEN, AFTER, { 0 },
};
static const struct column by_device[] = {
	{ "ipAddress", N_("IP address"), COLUMN_BOTH }, { "ehlo", N_("EHLO"), COLUMN_BOTH }, PROTOCOL_AND_TLS,
	{ "senders", N_("Senders"), COLUMN_BOTH }, LAST_SEEN, AFTER, { 0 },
};
static const struct column by_tls[] = {
	{ "tlsVersion", N_("TLS"), COLUMN_BOTH }, { "signIns", N_("Sign-ins"), COLUMN_BOTH }, { "senders", N_("Senders"), COLUMN_BOTH },
	{ "devices", N_("Devices"), COLUMN_BOTH }, LAST_SEEN, { 0 },
};
static const struct column by_day[] = {
	{ "day", N_("Day"), COLUMN_BOTH }, { "domain", N_("Domain"), COLUMN_BOTH }, PROTOCOL_AND_TLS,
	{ "signIns", N_("Sign-ins"), COLUMN_BOTH }, AFTER, { 0 },
};
const struct column *const report_columns[REPORT_BY_COUNT] = {
	[REPORT_BY_SENDER] = by_sender, [REPORT_BY_DOMAIN] = by_domain, [REPORT_BY_DEVICE] = by_device,
	[REPORT_BY_TLS] = by_tls,       [REPORT_BY_DAY] = by_day,
};
