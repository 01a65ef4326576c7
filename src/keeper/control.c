#include "keeper/control.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <sodium/utils.h>

#include "base/log.h"

#define READ_BYTES 4096
#define BODY_READ_BYTES 65536

struct control {
	struct keeper *keeper;
	uv_pipe_t listener;
	unsigned clients;
};

struct control_client {
	uv_pipe_t pipe; /* first */
	struct control *control;
	struct buf request;
	json_t *question;      /* its line has come; NULL: not yet */
	size_t line_len;       /* with its end; behind it comes the body, if there is one */
	size_t body_len;
	struct api_call *call;
	size_t waiting;
	bool ending;
};

struct sending {
	uv_write_t write; /* first */
	struct control_client *client;
	size_t len;
	char bytes[];
};

/* --- who calls --- */

static bool in_group(uid_t uid, gid_t gid)
{
	const struct group *group = getgrgid(gid);
	const struct passwd *user = getpwuid(uid);

	for (char **member = group && user ? group->gr_mem : NULL; member && *member; member++) {
		if (strcmp(*member, user->pw_name) == 0)
			return true;
	}
	return false;
}

/* Root and the daemon's own user rule, its group operates, nobody else gets in. */
static bool who_is(struct control_client *client, enum api_role *ret_role, char *ret_actor, size_t size)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)&client->pipe, &fd) != 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1)
		return false;
	(void)snprintf(ret_actor, size, peer.uid == 0 ? "root" : "uid %u", peer.uid);
	*ret_role = API_ADMINISTRATOR;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	*ret_role = API_OPERATOR;
	return peer.gid == getegid() || in_group(peer.uid, getegid());
}

/* --- bytes out --- */

static void on_closed(uv_handle_t *handle)
{
	struct control_client *client = (struct control_client *)handle;

	client->control->clients--;
	json_decref(client->question);
	buf_wipe(&client->request);
	free(client);
}

static void close_client(struct control_client *client)
{
	struct api_call *call = client->call;

	if (uv_is_closing((uv_handle_t *)&client->pipe))
		return;
	if (call) {
		call->client = NULL;
		client->call = NULL;
		if (call->on_client_gone)
			call->on_client_gone(call);
	}
	uv_close((uv_handle_t *)&client->pipe, on_closed);
}

static void on_sent(uv_write_t *write, int status)
{
	struct sending *sending = (struct sending *)write;
	struct control_client *client = sending->client;

	client->waiting -= sending->len;
	sodium_memzero(sending->bytes, sending->len); /* an answer may hold a generated password */
	free(sending);
	if (status < 0 || (client->ending && client->waiting == 0))
		close_client(client);
}

void control_say(struct control_client *client, struct str line)
{
	struct sending *sending = malloc(sizeof(*sending) + line.len + 1);
	uv_buf_t part;

	if (!sending || client->waiting > CONTROL_WAITING_BYTES_MAX) {
		free(sending);
		close_client(client);
		return;
	}
	sending->client = client;
	sending->len = line.len + 1;
	memcpy(sending->bytes, line.ptr, line.len);
	sending->bytes[line.len] = '\n';
	part = uv_buf_init(sending->bytes, (unsigned)sending->len);
	client->waiting += sending->len;
	if (uv_write(&sending->write, (uv_stream_t *)&client->pipe, &part, 1, on_sent) != 0) {
		client->waiting -= sending->len;
		free(sending);
		close_client(client);
	}
}

size_t control_waiting(const struct control_client *client)
{
	return client->waiting;
}

void control_done(struct control_client *client)
{
	client->call = NULL;
	client->ending = true;
	if (client->waiting == 0)
		close_client(client);
}

/* --- a request --- */

static void start_call(struct control_client *client, const json_t *request)
{
	struct api_call *call = calloc(1, sizeof(*call));
	struct str verb_name = str_of(json_string_value(json_object_get(request, "verb")));
	const struct api_verb *verb = api_find(verb_name);

	if (!call) {
		close_client(client);
		return;
	}
	call->keeper = client->control->keeper;
	call->client = client;
	call->args = json_incref(json_object_get(request, "args"));
	call->body = (struct str){ client->request.ptr + client->line_len, client->body_len };
	client->call = call;
	(void)language_parse(str_of(json_string_value(json_object_get(request, "lang"))), &call->language);
	if (!who_is(client, &call->role, call->actor, sizeof(call->actor)))
		api_fail_text(call, EX_NOPERM, N_("only root, the daemon's user and its group may ask here"));
	else if (!verb)
		api_fail_text(call, EX_USAGE, N_("the daemon knows no \"%.*s\"; the nearest is \"%s\""), STR_ARG(verb_name),
			      api_nearest(verb_name));
	else if (verb->role > call->role)
		api_fail_text(call, EX_NOPERM, N_("\"%s\" is for administrators: root or the daemon's user"), verb->name);
	else
		verb->run(call);
}

/* False: no request; the client is closed. */
static bool on_line(struct control_client *client, struct str line)
{
	json_int_t body_len;

	client->question = json_loadb(line.ptr, line.len, 0, NULL);
	body_len = json_integer_value(json_object_get(client->question, "body"));
	client->line_len = line.len + 1;
	if (!json_is_object(client->question) || body_len < 0 || (uint64_t)body_len > client->request.bytes_max - client->line_len) {
		close_client(client);
		return false;
	}
	client->body_len = (size_t)body_len;
	return true;
}

static void on_request(struct control_client *client)
{
	json_t *question = client->question;

	client->question = NULL;
	start_call(client, question);
	json_decref(question);
	sodium_memzero(client->request.ptr, client->request.len); /* it may hold a password */
	buf_clear(&client->request);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
	struct control_client *client = (struct control_client *)handle;
	size_t left = client->request.bytes_max - client->request.len;
	size_t count = client->question ? BODY_READ_BYTES : READ_BYTES;
	char *room;

	(void)suggested;
	count = count < left ? count : left;
	room = count ? buf_room(&client->request, count) : NULL;
	*ret_buf = uv_buf_init(room, room ? (unsigned)count : 0);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
	struct control_client *client = (struct control_client *)stream;
	struct str all;
	size_t end;

	(void)bytes;
	if (count < 0) {
		close_client(client);
		return;
	}
	/* Reading goes on while a call is under way, so that a client that follows in silence is missed when it goes. */
	if (client->call || client->ending)
		return;
	buf_grew(&client->request, (size_t)count);
	all = buf_str(&client->request);
	if (!client->question) {
		end = str_find(all, '\n');
		if (end == all.len || !on_line(client, (struct str){ all.ptr, end }))
			return;
	}
	if (all.len >= client->line_len + client->body_len)
		on_request(client);
}

static void on_client(uv_stream_t *listener, int status)
{
	struct control *control = listener->data;
	struct control_client *client = status == 0 ? calloc(1, sizeof(*client)) : NULL;

	if (!client)
		return;
	client->control = control;
	control->clients++;
	buf_init(&client->request, CONTROL_REQUEST_BYTES_MAX);
	(void)uv_pipe_init(&control->keeper->loop.uv, &client->pipe, 0);
	if (uv_accept(listener, (uv_stream_t *)&client->pipe) != 0 || control->clients > CONTROL_CLIENTS_MAX ||
	    uv_read_start((uv_stream_t *)&client->pipe, on_alloc, on_read) != 0)
		close_client(client);
}

struct control *control_new(struct keeper *keeper, int listener_fd, struct fault *fault)
{
	struct control *control = calloc(1, sizeof(*control));
	int status = control ? uv_pipe_init(&keeper->loop.uv, &control->listener, 0) : UV_ENOMEM;

	if (status == 0)
		status = uv_pipe_open(&control->listener, listener_fd);
	if (status == 0) {
		control->keeper = keeper;
		control->listener.data = control;
		status = uv_listen((uv_stream_t *)&control->listener, 16, on_client);
	}
	if (status == 0)
		return control;
	(void)fault_set(fault, OUTCOME_LATER, N_("cannot listen on the control socket: %s"), uv_strerror(status));
	free(control);
	return NULL;
}

void control_free(struct control *control)
{
	uv_close((uv_handle_t *)&control->listener, NULL);
	/* `control` itself stays: a client's close callback may still come. The process is about to end. */
}
