#include "cli/bundle.h"

#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include <sodium/utils.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "sys/memfd.h"
#include "sys/tls.h"

#define PEM_BYTES_MAX (1u << 20)
#define SOON_DAYS 14

static void hostname_find(const struct settings *settings, char ret_name[256])
{
	struct addrinfo hints = { .ai_flags = AI_CANONNAME };
	struct addrinfo *found = NULL;

	if (settings->daemon.hostname && str_copy(str_of(settings->daemon.hostname), 256, ret_name))
		return;
	if (gethostname(ret_name, 255) == -1)
		(void)str_copy(STR("localhost"), 256, ret_name);
	ret_name[255] = '\0';
	/* A bare name says nothing to a mail server: ask what it is called in full. */
	if (!strchr(ret_name, '.') && getaddrinfo(ret_name, NULL, &hints, &found) == 0 && found && found->ai_canonname)
		(void)str_copy(str_of(found->ai_canonname), 256, ret_name);
	if (found)
		freeaddrinfo(found);
}

/* What the gates show, and what the keeper may know of it: no keys. */
struct pairs {
	struct buf whole, open;
};

static enum outcome add_pair(struct pairs *pairs, const char *certificate_path, const char *key_path, struct fault *fault)
{
	CLEANUP(buf_wipe) struct buf certificate = { 0 };
	CLEANUP(buf_wipe) struct buf key = { 0 };
	struct boot_pair pair, open;
	int days = 0;

	if (file_load(certificate_path, PEM_BYTES_MAX, &certificate, fault) != OUTCOME_OK ||
	    file_load(key_path, PEM_BYTES_MAX, &key, fault) != OUTCOME_OK ||
	    tls_days_left(buf_str(&certificate), certificate_path, &days, fault) != OUTCOME_OK)
		return fault->outcome;
	if (days < SOON_DAYS)
		log_event(LOG_LEVEL_WARNING, "certificate ends soon", LOG_TEXT("file", certificate_path), LOG_NUMBER("days", days));
	pair = (struct boot_pair){ buf_str(&certificate), buf_str(&key) };
	open = (struct boot_pair){ .certificate = buf_str(&certificate) };
	if (!boot_pair_print(&pairs->whole, &pair) || !boot_pair_print(&pairs->open, &open))
		return fault_set(fault, OUTCOME_NEVER, N_("the certificates together are larger than %u bytes"), BOOT_BYTES_MAX);
	return OUTCOME_OK;
}

/* A key that does not belong, or a chain that is no chain, is found now and not by the first device. */
static enum outcome try_listener(const struct listener_settings *listener, struct str *certificates,
				 const unsigned char *ticket_key, struct fault *fault)
{
	struct tls_pair pairs[LISTENER_CERTIFICATES_MAX];
	SSL_CTX *context = NULL;
	struct boot_pair pair;

	for (size_t i = 0; i < listener->certificates_count && boot_pair_next(certificates, &pair); i++)
		pairs[i] = (struct tls_pair){ pair.certificate, pair.key, listener->certificates[i] };
	if (listener->certificates_count == 0)
		return OUTCOME_OK;
	if (tls_server_new(pairs, listener->certificates_count, (enum tls_version)listener->tls_min, str_of(listener->name),
			   ticket_key, &context, fault) != OUTCOME_OK)
		return fault->outcome;
	SSL_CTX_free(context);
	return OUTCOME_OK;
}

static enum outcome load_certificates(const struct settings *settings, const unsigned char *ticket_key, struct pairs *pairs,
				      struct fault *fault)
{
	struct str rest;

	for (size_t i = 0; i < settings->listeners_count; i++) {
		const struct listener_settings *listener = &settings->listeners[i];

		for (size_t k = 0; k < listener->certificates_count; k++) {
			if (add_pair(pairs, listener->certificates[k], listener->keys[k], fault) != OUTCOME_OK)
				return fault->outcome;
		}
	}
	rest = buf_str(&pairs->whole);
	for (size_t i = 0; i < settings->listeners_count; i++) {
		if (try_listener(&settings->listeners[i], &rest, ticket_key, fault) != OUTCOME_OK)
			return fault->outcome;
	}
	return OUTCOME_OK;
}

static enum outcome seal(const struct boot *boot, int *ret_fd, struct fault *fault)
{
	CLEANUP(buf_wipe) struct buf packed = { .bytes_max = BOOT_BYTES_MAX };

	if (!boot_print(&packed, boot))
		return fault_set(fault, OUTCOME_NEVER, N_("settings and certificates together are larger than %u bytes"), BOOT_BYTES_MAX);
	return memfd_make(buf_str(&packed), ret_fd, fault);
}

static void cleanup_pairs(struct pairs *pairs)
{
	buf_wipe(&pairs->whole);
	buf_done(&pairs->open);
}

enum outcome bundle_make(const struct bundle *older, const struct settings *settings, struct bundle *ret_bundle, struct fault *fault)
{
	CLEANUP(cleanup_buf) struct buf text = { 0 };
	CLEANUP(cleanup_pairs) struct pairs pairs = { .whole.bytes_max = BOOT_BYTES_MAX, .open.bytes_max = BOOT_BYTES_MAX };
	struct bundle fresh = { .gate_fd = -1, .keeper_fd = -1 };
	struct boot boot = { .path = str_of(settings->file) };

	hostname_find(settings, fresh.hostname);
	if (older)
		memcpy(fresh.ticket_key, older->ticket_key, sizeof(fresh.ticket_key));
	else
		random_bytes(fresh.ticket_key, sizeof(fresh.ticket_key));
	if (file_load(settings->file, SETTINGS_BYTES_MAX, &text, fault) != OUTCOME_OK ||
	    load_certificates(settings, fresh.ticket_key, &pairs, fault) != OUTCOME_OK)
		return fault->outcome;
	boot.settings = buf_str(&text);
	boot.hostname = str_of(fresh.hostname);
	boot.certificates = buf_str(&pairs.open);
	if (seal(&boot, &fresh.keeper_fd, fault) != OUTCOME_OK)
		return fault->outcome;
	boot.certificates = buf_str(&pairs.whole);
	memcpy(boot.ticket_key, fresh.ticket_key, sizeof(boot.ticket_key));
	if (seal(&boot, &fresh.gate_fd, fault) != OUTCOME_OK) {
		bundle_close(&fresh);
		return fault->outcome;
	}
	*ret_bundle = fresh;
	return OUTCOME_OK;
}

void bundle_close(struct bundle *bundle)
{
	if (bundle->gate_fd != -1)
		(void)close(bundle->gate_fd);
	if (bundle->keeper_fd != -1)
		(void)close(bundle->keeper_fd);
	bundle->gate_fd = bundle->keeper_fd = -1;
}
