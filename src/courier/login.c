#include "courier/login.h"

#include <stdlib.h>
#include <string.h>

#include <sodium/utils.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "courier/grant.h"
#include "courier/login_ask.h"
#include "courier/token_trouble.h"
#include "wire/oauth_authorize.h"
#include "wire/oauth_device.h"
#include "wire/token_view.h"

#define SLOWER_S 5 /* RFC 8628, 3.5 */
#define URL_BYTES_MAX 8192
#define REDIRECT_URL_MAX 1024

struct login {
	struct login_desk *desk;
	struct login *next;
	const struct upstream_settings *upstream;
	const struct limits *limits;
	const struct login_handler *handler;
	void *context;
	struct buf secrets;         /* what was sent last */
	struct oauth_device device;
	char redirect_url[REDIRECT_URL_MAX], state[LOGIN_VERIFIER_MAX], verifier[LOGIN_VERIFIER_MAX];
	uint64_t ends_ms;          /* monotonic */
	uv_timer_t timer;
	bool asking;               /* a request is under way */
	bool redeeming;            /* the page has led back */
	bool over;                 /* nobody is to be told anything more */
	bool timer_closed;
};

struct login_desk {
	struct loop *loop;
	struct http *http;
	struct vault *vault;
	void (*on_signed_in)(void *context, struct str upstream);
	void *context;
	struct login *logins;
	size_t count;
};

struct login_desk *login_desk_new(struct loop *loop, struct http *http, struct vault *vault, void (*on_signed_in)(void *context, struct str upstream),
				  void *context)
{
	struct login_desk *desk = calloc(1, sizeof(*desk));

	if (desk)
		*desk = (struct login_desk){ .loop = loop, .http = http, .vault = vault, .on_signed_in = on_signed_in, .context = context };
	return desk;
}

/* --- the end --- */

/* What waits for a timer to close or an answer to come is let go by the last of them. */
static void let_go(struct login *login)
{
	if (!login->over || login->asking || !login->timer_closed)
		return;
	buf_wipe(&login->secrets);
	sodium_memzero(login, sizeof(*login));
	free(login);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct login *login = handle->data;

	login->timer_closed = true;
	let_go(login);
}

static void close_login(struct login *login)
{
	struct login **at = &login->desk->logins;

	while (*at && *at != login)
		at = &(*at)->next;
	if (*at) {
		*at = login->next;
		login->desk->count--;
	}
	login->over = true;
	uv_close((uv_handle_t *)&login->timer, on_timer_closed);
}

static void end(struct login *login, enum outcome outcome, const char *user, const struct fault *fault)
{
	if (login->over)
		return;
	close_login(login);
	login->handler->on_end(login->context, outcome, user, fault);
}

void login_desk_forget(struct login_desk *desk)
{
	struct fault fault;

	(void)fault_set(&fault, OUTCOME_LATER, N_("the settings have changed"));
	while (desk->logins)
		end(desk->logins, OUTCOME_LATER, NULL, &fault);
}

void login_desk_free(struct login_desk *desk)
{
	while (desk && desk->logins)
		close_login(desk->logins);
	free(desk);
}

void login_cancel(struct login_desk *desk, void *context)
{
	struct login *next;

	for (struct login *login = desk->logins; login; login = next) {
		next = login->next;
		if (login->context == context)
			close_login(login);
	}
}

/* --- it worked --- */

static void keep(struct login *login, const struct oauth_answer *given)
{
	char name[GRANT_VAULT_NAME_MAX];
	struct token_view view;
	struct fault fault;
	enum outcome outcome;

	if (!given->refresh_token)
		outcome = fault_set(&fault, OUTCOME_NEVER,
				    N_("the sign-in worked, but the endpoint gave no refresh token; add offline_access to scope of upstream %s"),
				    login->upstream->name);
	else if (!grant_vault_name(login->upstream, sizeof(name), name))
		outcome = fault_set(&fault, OUTCOME_NEVER, N_("the client id, secret or scope of upstream %s is too long"), login->upstream->name);
	else
		outcome = vault_put_anew(login->desk->vault, str_of(name), str_of(given->refresh_token), clock_real_us(), &fault);
	if (outcome != OUTCOME_OK) {
		end(login, outcome, NULL, &fault);
		return;
	}
	token_view_parse(str_of(given->token), &view);
	log_event(LOG_LEVEL_INFO, "signed in", LOG_TEXT("upstream", login->upstream->name), LOG_TEXT("user", view.user));
	login->desk->on_signed_in(login->desk->context, str_of(login->upstream->name));
	end(login, OUTCOME_OK, view.user, NULL);
}

/* --- asking --- */

static enum outcome send_request(struct login *login, struct endpoint_request *request, void (*on_answer)(void *context, const struct http_answer *answer),
			 struct fault *fault)
{
	enum outcome outcome = endpoint_send(login->desk->http, login->upstream, login->limits, request, on_answer, login, fault);

	buf_wipe(&login->secrets);
	if (outcome == OUTCOME_OK) {
		login->asking = true;
		login->secrets = request->secrets;
		request->secrets = (struct buf){ 0 };
	}
	endpoint_request_done(request);
	return outcome;
}

/* The answer has come. False: there is nobody left to hear it. */
static bool is_wanted(struct login *login)
{
	login->asking = false;
	if (!login->over)
		return true;
	let_go(login);
	return false;
}

static void refuse(struct login *login, unsigned status, const struct oauth_answer *answer)
{
	struct fault fault;

	(void)token_trouble(login->upstream->name, NULL, status, answer, &fault);
	end(login, OUTCOME_NEVER, NULL, &fault);
}

static void expire(struct login *login)
{
	struct fault fault;

	(void)fault_set(&fault, OUTCOME_LATER, N_("nobody has finished the sign-in in time; begin again with: sekisho upstream login %s"), login->upstream->name);
	end(login, OUTCOME_LATER, NULL, &fault);
}

/* --- a code typed in elsewhere --- */

static void on_time_to_poll(uv_timer_t *timer);

static void wait_for_person(struct login *login)
{
	(void)uv_timer_start(&login->timer, on_time_to_poll, login->device.interval_s * UINT64_C(1000), 0);
}

static void on_polled(void *context, const struct http_answer *answer)
{
	struct login *login = context;
	struct oauth_answer given = { 0 };
	enum oauth_poll poll = OUTCOME_OK == answer->outcome ? OAUTH_POLL_ENDED : OAUTH_POLL_SLOWER;

	if (!is_wanted(login))
		return;
	if (answer->outcome == OUTCOME_OK && oauth_answer_parse(answer->status, answer->body, &given) && given.good) {
		keep(login, &given);
		oauth_answer_done(&given);
		return;
	}
	endpoint_hide(&login->secrets, &given);
	if (answer->outcome == OUTCOME_OK)
		poll = oauth_device_poll(&given);
	if (poll == OAUTH_POLL_SLOWER)
		login->device.interval_s += login->device.interval_s < OAUTH_INTERVAL_S_MAX ? SLOWER_S : 0;
	if (poll == OAUTH_POLL_ENDED)
		refuse(login, answer->status, &given);
	else
		wait_for_person(login);
	oauth_answer_done(&given);
}

static void on_time_to_poll(uv_timer_t *timer)
{
	struct login *login = timer->data;
	struct endpoint_request request;
	struct fault fault;

	if (clock_monotonic_ms() >= login->ends_ms) {
		expire(login);
		return;
	}
	if (login_ask_poll(login->upstream, login->device.code, &request, &fault) != OUTCOME_OK ||
	    send_request(login, &request, on_polled, &fault) != OUTCOME_OK)
		end(login, fault.outcome, NULL, &fault);
}

static void on_device_code(void *context, const struct http_answer *answer)
{
	struct login *login = context;
	struct oauth_answer refusal;

	if (!is_wanted(login))
		return;
	if (answer->outcome != OUTCOME_OK) {
		end(login, OUTCOME_LATER, NULL, &answer->fault);
		return;
	}
	if (!oauth_device_parse(answer->status, answer->body, &login->device, &refusal)) {
		endpoint_hide(&login->secrets, &refusal);
		refuse(login, answer->status, &refusal);
		return;
	}
	login->ends_ms = clock_monotonic_ms() + login->device.expires_in_s * UINT64_C(1000);
	wait_for_person(login);
	login->handler->on_step(login->context, &(struct login_step){
		.flow = FLOW_DEVICE_CODE,
		.url = str_of(login->device.url),
		.code = str_of(login->device.user_code),
		.whole_url = str_of(login->device.whole_url),
		.expires_in_s = login->device.expires_in_s,
	});
}

static enum outcome begin_device(struct login *login, struct fault *fault)
{
	struct endpoint_request request;

	if (login_ask_device(login->upstream, &request, fault) != OUTCOME_OK)
		return fault->outcome;
	return send_request(login, &request, on_device_code, fault);
}

/* --- a page that leads back --- */

static void on_page_late(uv_timer_t *timer)
{
	expire(timer->data);
}

static void on_page_shown(uv_timer_t *timer)
{
	struct login *login = timer->data;
	CLEANUP(cleanup_buf) struct buf url = { .bytes_max = URL_BYTES_MAX };
	struct fault fault;

	if (!login_page_print(&url, login->upstream, login->redirect_url, login->state, login->verifier)) {
		(void)fault_set(&fault, OUTCOME_NEVER, N_("the client id, secret or scope of upstream %s is too long"), login->upstream->name);
		end(login, OUTCOME_NEVER, NULL, &fault);
		return;
	}
	(void)uv_timer_start(&login->timer, on_page_late, LOGIN_PAGE_S_MAX * UINT64_C(1000), 0);
	login->handler->on_step(login->context,
				&(struct login_step){ .flow = FLOW_AUTH_CODE, .url = buf_str(&url), .expires_in_s = LOGIN_PAGE_S_MAX });
}

/* The step comes later, as that of a device code does. */
static enum outcome begin_page(struct login *login, struct fault *fault)
{
	(void)fault;
	login_random_text(login->state);
	login_random_text(login->verifier);
	(void)uv_timer_start(&login->timer, on_page_shown, 0, 0);
	return OUTCOME_OK;
}

static void on_redeemed(void *context, const struct http_answer *answer)
{
	struct login *login = context;
	struct oauth_answer given = { 0 };

	if (!is_wanted(login))
		return;
	if (answer->outcome != OUTCOME_OK) {
		end(login, OUTCOME_LATER, NULL, &answer->fault);
		return;
	}
	if (oauth_answer_parse(answer->status, answer->body, &given) && given.good) {
		keep(login, &given);
	} else {
		endpoint_hide(&login->secrets, &given);
		refuse(login, answer->status, &given);
	}
	oauth_answer_done(&given);
}

static struct login *find(struct login_desk *desk, struct str upstream)
{
	struct login *login = desk->logins;

	while (login && !str_eq(upstream, str_of(login->upstream->name)))
		login = login->next;
	return login;
}

static enum outcome redeem(struct login *login, const struct oauth_redirect *redirect, struct fault *fault)
{
	struct endpoint_request request;

	if (!str_eq_secret(str_of(redirect->state), str_of(login->state)))
		return fault_set(fault, OUTCOME_NEVER, N_("this is not the page that was opened for upstream %s (its state differs); open the one shown last"),
				 login->upstream->name);
	if (redirect->error[0]) {
		struct oauth_answer refusal = { 0 };

		(void)str_copy(str_of(redirect->error), sizeof(refusal.error), refusal.error);
		(void)str_copy(str_of(redirect->description), sizeof(refusal.description), refusal.description);
		refuse(login, 302, &refusal);
		return OUTCOME_OK;
	}
	if (login_ask_redeem(login->upstream, redirect->code, login->redirect_url, login->verifier, &request, fault) != OUTCOME_OK)
		return fault->outcome;
	/* What could not be sent is not used up: the address may be given once more. */
	login->redeeming = send_request(login, &request, on_redeemed, fault) == OUTCOME_OK;
	return login->redeeming ? OUTCOME_OK : fault->outcome;
}

enum outcome login_redirected(struct login_desk *desk, struct str upstream, struct str text, struct fault *fault)
{
	struct login *login = find(desk, upstream);
	struct oauth_redirect *redirect;
	enum outcome outcome;

	if (!login || login->upstream->flow != FLOW_AUTH_CODE || login->redeeming)
		return fault_set(fault, OUTCOME_NEVER, N_("nobody is signing in for upstream %.*s; begin with: sekisho upstream login %.*s"), STR_ARG(upstream),
				 STR_ARG(upstream));
	redirect = malloc(sizeof(*redirect));
	if (!redirect)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory for a token"));
	if (oauth_redirect_parse(text, redirect))
		outcome = redeem(login, redirect, fault);
	else
		outcome = fault_set(fault, OUTCOME_NEVER, N_("there is no code in it; paste the whole address that the browser shows after the sign-in"));
	sodium_memzero(redirect, sizeof(*redirect));
	free(redirect);
	return outcome;
}

/* --- the beginning --- */

enum outcome login_start(struct login_desk *desk, const struct upstream_settings *upstream, const struct limits *limits, struct str redirect_url,
			 const struct login_handler *handler, void *context, struct fault *fault)
{
	struct login *login;
	enum outcome outcome;

	if (upstream->flow == FLOW_NONE)
		return fault_set(fault, OUTCOME_NEVER, N_("upstream %s signs in by itself: nobody need sign in for it (its settings have no flow)"), upstream->name);
	if (find(desk, str_of(upstream->name)))
		return fault_set(fault, OUTCOME_LATER, N_("somebody is signing in for upstream %s already"), upstream->name);
	login = desk->count < LOGINS_MAX ? calloc(1, sizeof(*login)) : NULL;
	if (!login)
		return fault_set(fault, OUTCOME_LATER, N_("too many sign-ins at once; try again in a minute"));
	login->desk = desk;
	login->upstream = upstream;
	login->limits = limits;
	login->handler = handler;
	login->context = context;
	login->timer.data = login;
	(void)uv_timer_init(&desk->loop->uv, &login->timer);
	login->next = desk->logins;
	desk->logins = login;
	desk->count++;
	if (!str_copy(redirect_url, sizeof(login->redirect_url), login->redirect_url))
		outcome = fault_set(fault, OUTCOME_NEVER, N_("the redirect URL is longer than %d bytes"), REDIRECT_URL_MAX);
	else
		outcome = upstream->flow == FLOW_DEVICE_CODE ? begin_device(login, fault) : begin_page(login, fault);
	if (outcome != OUTCOME_OK)
		close_login(login);
	return outcome;
}
