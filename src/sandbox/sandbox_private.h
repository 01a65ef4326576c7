/* sandbox_private: what the parts of the sandbox share. */
#ifndef SANDBOX_SANDBOX_PRIVATE_H
#define SANDBOX_SANDBOX_PRIVATE_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>

#include "base/table.h"
#include "sandbox/faults.h"
#include "sandbox/inbox.h"
#include "sandbox/people.h"
#include "sandbox/sandbox.h"
#include "sandbox/tokens.h"
#include "sys/certificate.h"
#include "sys/loop.h"
#include "sys/stream.h"
#include "sys/tls.h"
#include "wire/smtp_server.h"

#define SANDBOX_TENANT "contoso.example"
#define SANDBOX_SCOPE "https://outlook.office365.com/.default"
#define SANDBOX_FEDERATED_ISSUER "https://federated.example"
#define SANDBOX_GRAPH_SCOPE "https://graph.microsoft.com/.default"
#define SANDBOX_FRONTEND "SYBPR01CA0097.ausprd01.prod.outlook.com"

/* What stats.json says; only the loop's thread counts. */
struct sandbox_stats {
	uint64_t messages, connections, connections_per_mailbox_max, auth_attempts, auth_failures, auth_before_tls, refused, rate_delayed;
};

/* What the threads of HTTPS share; under its mutex. */
struct sandbox_graph {
	pthread_mutex_t mutex;
	struct table mailboxes; /* of struct graph_mailbox, by address */
	struct table drafts;    /* of struct graph_draft, by id */
	uint64_t last_id, messages, requests, requests_per_mailbox_max, throttled, applications;
};

/* A mailbox that has signed in. */
struct sandbox_mailbox {
	unsigned connections;
	uint64_t minute;       /* the minute that `sent` counts */
	unsigned sent;
	char address[];
};

struct sandbox {
	struct loop loop;
	char dir[3072];
	struct faults faults;
	struct tokens tokens;
	struct people people;
	struct inbox inbox;
	struct sandbox_stats stats;
	struct sandbox_graph graph;
	int folder_fd;                       /* of `dir`; locked while we run */
	struct certificate authority, leaf;
	struct certificate application;      /* what the registered application may prove itself with */
	char client_id[40], client_secret[48];
	unsigned smtp_port, https_port, messages_per_minute;
	uv_tcp_t listener;
	SSL_CTX *tls, *tls_bad; /* the second with a certificate that nobody should take */
	struct table mailboxes; /* of struct sandbox_mailbox, by address */
	struct table sessions;  /* of struct exchange_session, by number */
	uint64_t last_session;
	FILE *transcript; /* NULL: not asked for */
	struct MHD_Daemon *https;
	uv_timer_t every_second, patience;
	uv_signal_t term, interrupt;
	bool stopping;
};

/* folder.c: D and what is kept in it from one start to the next: authority, client secret. */
enum outcome folder_take(struct sandbox *sandbox, const char *dir, struct fault *fault); /* LATER: another sandbox has it */
enum outcome folder_load(struct sandbox *sandbox, struct fault *fault);  /* certificates and secret: as they were, or new ones */
enum outcome folder_write(struct sandbox *sandbox, struct fault *fault); /* once the ports are ours; sandbox.json last */

/* stats.c: D/stats.json, whole at every moment. */
void stats_write(struct sandbox *sandbox);

/* exchange.c: smtp.office365.com's side. */
enum outcome exchange_open(struct sandbox *sandbox, unsigned port, struct fault *fault);
void exchange_sweep(struct sandbox *sandbox); /* hangs up on who has been silent for too long */
void exchange_close(struct sandbox *sandbox); /* says goodbye to all; the last one gone stops the loop */

#endif
