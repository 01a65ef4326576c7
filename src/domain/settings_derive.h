/* settings_derive: the defaults of an upstream that depend on its other settings (contract of the file: cloud
 * gives host, token-url, graph-url and scope; Exchange Online's hosts have limits); for settings*.c. */
#ifndef DOMAIN_SETTINGS_DERIVE_H
#define DOMAIN_SETTINGS_DERIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* Each writes its default for `upstream` (a struct upstream_settings) as text. False: there is none. */
bool derive_cloud(const void *upstream, size_t size, char *ret_text);
bool derive_host(const void *upstream, size_t size, char *ret_text);
bool derive_token_url(const void *upstream, size_t size, char *ret_text);
bool derive_device_code_url(const void *upstream, size_t size, char *ret_text);
bool derive_authorize_url(const void *upstream, size_t size, char *ret_text);
bool derive_graph_url(const void *upstream, size_t size, char *ret_text);
bool derive_scope(const void *upstream, size_t size, char *ret_text);
bool derive_connections_max(const void *upstream, size_t size, char *ret_text);
bool derive_messages_per_minute_max(const void *upstream, size_t size, char *ret_text);
bool derive_recipients_per_day_max(const void *upstream, size_t size, char *ret_text);

/* "global, usgov, usdod, china, google, custom". */
const char *const *cloud_names(size_t *ret_count);

#endif
