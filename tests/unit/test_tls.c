/* sys/tls: contexts from good files, a sentence for every bad one, versions, tickets bound to their listener. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/cleanup.h"
#include "certificates.h"
#include "sys/certificate_view.h"
#include "sys/tls.h"

static struct certificate root, middle, leaf_ec, leaf_rsa, expired, early, stranger;
static const unsigned char ticket_key[TLS_TICKET_KEY_BYTES] = { 1, 2, 3 };

static int make_all(void **state)
{
	(void)state;
	root = certificate_new("Root", NULL, NULL, "EC", -10, 100);
	middle = certificate_new("Middle", NULL, &root, "EC", -10, 100);
	leaf_ec = certificate_new("localhost", "DNS:localhost", &middle, "EC", -10, 30);
	leaf_rsa = certificate_new("localhost", "DNS:localhost", &middle, "RSA", -10, 30);
	expired = certificate_new("localhost", "DNS:localhost", &root, "EC", -10, -2);
	early = certificate_new("localhost", "DNS:localhost", &root, "EC", 2, 10);
	stranger = certificate_new("stranger", NULL, NULL, "EC", -10, 100);
	return 0;
}

static int free_all(void **state)
{
	struct certificate *all[] = { &root, &middle, &leaf_ec, &leaf_rsa, &expired, &early, &stranger };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		certificate_free(all[i]);
	return 0;
}

static char *join(const char *first, const char *second)
{
	size_t size = strlen(first) + strlen(second) + 1;
	char *joined = malloc(size);

	(void)snprintf(joined, size, "%s%s", first, second);
	return joined;
}

static struct tls_pair pair_of(const char *certificate, const char *key)
{
	return (struct tls_pair){ str_of(certificate), str_of(key), "mail.pem" };
}

static SSL_CTX *server_of(const struct tls_pair *pairs, size_t count, enum tls_version least, struct str listener)
{
	SSL_CTX *context = NULL;
	struct fault fault = { 0 };

	if (tls_server_new(pairs, count, least, listener, ticket_key, &context, &fault) != OUTCOME_OK)
		fail_msg("%s", fault.text[LANGUAGE_EN]);
	return context;
}

static void bad_files_are_named(void **state)
{
	CLEANUP(cleanup_free) char *upside_down = join(middle.pem, leaf_ec.pem);
	CLEANUP(cleanup_free) char *unrelated = join(leaf_ec.pem, stranger.pem);
	CLEANUP(cleanup_free) char *torn = join(leaf_ec.pem, "-----BEGIN CERTIFICATE-----\nAAAA\n");
	BIO *bio = BIO_new(BIO_s_mem());
	CLEANUP(cleanup_free) char *locked = NULL;
	char phrase[] = "secret";

	PEM_write_bio_PrivateKey(bio, leaf_ec.key, EVP_aes_128_cbc(), NULL, 0, NULL, phrase);
	locked = pem_text(bio);

	const struct {
		const char *label, *certificate, *key, *want;
	} cases[] = {
		{ "nothing", "", leaf_ec.key_pem, "mail.pem holds no PEM certificate that can be read: no start line" },
		{ "a key for a certificate", leaf_ec.key_pem, leaf_ec.key_pem,
		  "mail.pem holds no PEM certificate that can be read: no start line" },
		{ "expired", expired.pem, expired.key_pem, "the certificate in mail.pem has expired: get a new one" },
		{ "not yet", early.pem, early.key_pem,
		  "the certificate in mail.pem is not valid yet: is this machine's clock right?" },
		{ "another key", leaf_ec.pem, middle.key_pem,
		  "the private key does not belong to the certificate in mail.pem" },
		{ "another kind of key", leaf_ec.pem, leaf_rsa.key_pem,
		  "the private key does not belong to the certificate in mail.pem" },
		{ "no key", leaf_ec.pem, leaf_ec.pem, "the private key that belongs to mail.pem cannot be read: it must be a private key as PEM" },
		{ "locked", leaf_ec.pem, locked,
		  "the private key that belongs to mail.pem is locked with a pass phrase: store it without one" },
		{ "upside down", upside_down, leaf_ec.key_pem,
		  "the certificates in mail.pem are out of order: put the server's own first, then each one that signed "
		  "the one before it" },
		{ "unrelated", unrelated, leaf_ec.key_pem,
		  "the certificates in mail.pem are out of order: put the server's own first, then each one that signed "
		  "the one before it" },
		{ "torn", torn, leaf_ec.key_pem, "mail.pem holds a certificate that cannot be read: bad end line" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tls_pair pair = pair_of(cases[i].certificate, cases[i].key);
		struct fault fault = { 0 };
		SSL_CTX *context = NULL;

		assert_int_equal(tls_server_new(&pair, 1, TLS_VERSION_1_2, STR("a"), ticket_key, &context, &fault),
				 OUTCOME_NEVER);
		assert_null(context);
		if (strcmp(fault.text[LANGUAGE_EN], cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].label, fault.text[LANGUAGE_EN]);
		assert_int_equal(ERR_peek_error(), 0);
	}
}

/* Both ends in memory, until neither has more to say. */
static bool shake(SSL *server, SSL *client)
{
	BIO *up, *down;

	(void)BIO_new_bio_pair(&up, 1 << 16, &down, 1 << 16);
	SSL_set_bio(server, up, up);
	SSL_set_bio(client, down, down);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	for (int i = 0; i < 10; i++) {
		char byte;

		(void)SSL_do_handshake(client);
		(void)SSL_do_handshake(server);
		if (SSL_is_init_finished(client))
			(void)SSL_read(client, &byte, 1); /* takes the ticket */
	}
	ERR_clear_error();
	return SSL_is_init_finished(server) && SSL_is_init_finished(client);
}

/* One connection; returns "version cipher", and the session when asked for. */
static bool dial(SSL_CTX *server_context, SSL_CTX *client_context, SSL_SESSION *session, SSL_SESSION **ret_session,
		 bool *ret_reused, char ret_what[96])
{
	SSL *server = SSL_new(server_context), *client = SSL_new(client_context);
	bool fine;

	SSL_set1_host(client, "localhost");
	if (session)
		SSL_set_session(client, session);
	fine = shake(server, client);
	(void)snprintf(ret_what, 96, "%s %s", tls_version_name(server), SSL_get_cipher_name(server));
	if (ret_reused)
		*ret_reused = SSL_session_reused(server) == 1;
	if (ret_session)
		*ret_session = SSL_get1_session(client);
	SSL_shutdown(client);
	SSL_shutdown(server);
	SSL_free(server);
	SSL_free(client);
	return fine;
}

static void versions_and_ciphers(void **state)
{
	CLEANUP(cleanup_free) char *chain_ec = join(leaf_ec.pem, middle.pem), *chain_rsa = join(leaf_rsa.pem, middle.pem);
	struct tls_pair pairs[2] = { pair_of(chain_ec, leaf_ec.key_pem), pair_of(chain_rsa, leaf_rsa.key_pem) };
	SSL_CTX *modern = server_of(pairs, 2, TLS_VERSION_1_2, STR("a"));
	SSL_CTX *old = server_of(pairs, 2, TLS_VERSION_1_0, STR("b"));
	SSL_CTX *newest = server_of(pairs, 2, TLS_VERSION_1_3, STR("c"));
	const struct {
		const char *label;
		SSL_CTX *server;
		int version;
		const char *ciphers, *want; /* NULL: no connection */
	} cases[] = {
		{ "today's", modern, TLS1_3_VERSION, NULL, "1.3 TLS_AES_128_GCM_SHA256" },
		{ "1.2", modern, TLS1_2_VERSION, NULL, "1.2 ECDHE-ECDSA-AES128-GCM-SHA256" },
		{ "1.2, RSA only", modern, TLS1_2_VERSION, "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256",
		  "1.2 ECDHE-RSA-AES128-GCM-SHA256" },
		{ "an old device's 1.2", modern, TLS1_2_VERSION, "AES256-SHA:AES128-SHA", "1.2 AES128-SHA" },
		{ "1.1 where it is off", modern, TLS1_1_VERSION, NULL, NULL },
		{ "1.1", old, TLS1_1_VERSION, NULL, "1.1 ECDHE-ECDSA-AES128-SHA" },
		{ "1.0, RSA only", old, TLS1_VERSION, "AES128-SHA", "1.0 AES128-SHA" },
		{ "today's at the old one", old, TLS1_3_VERSION, NULL, "1.3 TLS_AES_128_GCM_SHA256" },
		{ "1.2 where only 1.3 is on", newest, TLS1_2_VERSION, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		SSL_CTX *client = SSL_CTX_new(TLS_client_method());
		char what[96];
		bool fine;

		SSL_CTX_set_security_level(client, 0);
		SSL_CTX_set_min_proto_version(client, TLS1_VERSION);
		SSL_CTX_set_max_proto_version(client, cases[i].version);
		if (cases[i].ciphers)
			assert_int_equal(SSL_CTX_set_cipher_list(client, cases[i].ciphers), 1);
		fine = dial(cases[i].server, client, NULL, NULL, NULL, what);
		SSL_CTX_free(client);
		if (fine != (cases[i].want != NULL) || (fine && strcmp(what, cases[i].want) != 0))
			fail_msg("%s: %s", cases[i].label, what);
	}
	SSL_CTX_free(modern);
	SSL_CTX_free(old);
	SSL_CTX_free(newest);
}

static void tickets_belong_to_their_listener(void **state)
{
	CLEANUP(cleanup_free) char *chain = join(leaf_ec.pem, middle.pem);
	struct tls_pair pair = pair_of(chain, leaf_ec.key_pem);
	SSL_CTX *a = server_of(&pair, 1, TLS_VERSION_1_2, STR("submission"));
	SSL_CTX *also_a = server_of(&pair, 1, TLS_VERSION_1_2, STR("submission")); /* another gate's */
	SSL_CTX *b = server_of(&pair, 1, TLS_VERSION_1_2, STR("relay"));
	static const int protocols[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		SSL_CTX *client = NULL;
		SSL_SESSION *session;
		bool reused;
		char what[96];

		assert_int_equal(tls_client_new(str_of(root.pem), &client, NULL), OUTCOME_OK);
		SSL_CTX_set_max_proto_version(client, protocols[i]);
		assert_true(dial(a, client, NULL, &session, &reused, what));
		assert_false(reused);
		assert_true(SSL_SESSION_is_resumable(session));
		assert_true(dial(also_a, client, session, NULL, &reused, what));
		assert_true(reused);
		assert_true(dial(b, client, session, NULL, &reused, what) || !reused);
		assert_false(reused);
		SSL_SESSION_free(session);
		SSL_CTX_free(client);
	}
	SSL_CTX_free(a);
	SSL_CTX_free(also_a);
	SSL_CTX_free(b);
}

static void clients_trust_what_they_are_told(void **state)
{
	CLEANUP(cleanup_free) char *chain = join(leaf_ec.pem, middle.pem), *both = join(stranger.pem, root.pem);
	struct tls_pair pair = pair_of(chain, leaf_ec.key_pem);
	SSL_CTX *server = server_of(&pair, 1, TLS_VERSION_1_2, STR("a")), *client = NULL;
	struct fault fault;
	char what[96];

	(void)state;
	assert_int_equal(tls_client_new(STR(""), &client, NULL), OUTCOME_OK);
	assert_false(dial(server, client, NULL, NULL, NULL, what));
	SSL_CTX_free(client);
	assert_int_equal(tls_client_new(str_of(stranger.pem), &client, NULL), OUTCOME_OK);
	assert_false(dial(server, client, NULL, NULL, NULL, what));
	SSL_CTX_free(client);
	assert_int_equal(tls_client_new(str_of(both), &client, NULL), OUTCOME_OK);
	assert_true(dial(server, client, NULL, NULL, NULL, what));
	SSL_CTX_free(client);
	assert_int_equal(tls_client_new(STR("no certificate"), &client, &fault), OUTCOME_NEVER);
	assert_non_null(strstr(fault.text[LANGUAGE_EN], "trusted authorities"));
	SSL_CTX_free(server);
}

static void days_are_counted(void **state)
{
	struct fault fault;
	int days = 99;

	(void)state;
	assert_int_equal(tls_days_left(str_of(leaf_ec.pem), "a", &days, NULL), OUTCOME_OK);
	assert_in_range(days, 29, 30);
	assert_int_equal(tls_days_left(str_of(expired.pem), "a", &days, NULL), OUTCOME_OK);
	assert_true(days < 0);
	assert_int_equal(tls_days_left(STR("x"), "a", &days, &fault), OUTCOME_NEVER);
}

static bool keep_view(void *context, const struct certificate_view *view)
{
	struct certificate_view *views = context;

	views[views[0].not_after_us ? 1 : 0] = *view;
	return true;
}

static void certificates_say_whose_they_are(void **state)
{
	struct certificate_view views[2] = { 0 };
	struct certificate named = certificate_new("caf\u00e9\x1b[2J", "DNS:a.example,IP:192.0.2.7,IP:::1,email:x@y.example,DNS:b.example",
						   &leaf_ec, "EC", -1, 3);
	char both[16384];
	struct fault fault;

	(void)state;
	(void)snprintf(both, sizeof(both), "%s%s", named.pem, leaf_ec.pem);
	assert_int_equal(certificate_view_each(str_of(both), "both", keep_view, views, NULL), OUTCOME_OK);
	assert_string_equal(views[0].common_name, "caf\u00e9\\1B[2J");
	assert_string_equal(views[0].names, "a.example 192.0.2.7 ::1 b.example");
	assert_string_equal(views[0].issuer, views[1].subject);
	assert_in_range(views[0].not_after_us - views[0].not_before_us, 4ll * 86400 * 1000000 - 2000000, 4ll * 86400 * 1000000 + 2000000);
	assert_false(views[0].self_signed);
	assert_int_equal(certificate_view_each(STR("x"), "file.pem", keep_view, views, &fault), OUTCOME_NEVER);
	assert_string_equal(fault.text[LANGUAGE_EN], "file.pem holds no PEM certificate that can be read");
	certificate_free(&named);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files_are_named),	cmocka_unit_test(versions_and_ciphers),
		cmocka_unit_test(tickets_belong_to_their_listener), cmocka_unit_test(clients_trust_what_they_are_told),
		cmocka_unit_test(days_are_counted), cmocka_unit_test(certificates_say_whose_they_are),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
