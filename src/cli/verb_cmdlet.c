#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/ask.h"
#include "cli/verbs.h"
#include "domain/nearest.h"
#include "domain/settings.h"

/*
 * Exchange's cmdlets for those who know them: names, parameters and values as there, where SmtpClientAuthenticationDisabled is the
 * inverse of our smtp-auth. Source: Microsoft, Get-CASMailbox, Set-TransportConfig, Get-OrganizationConfig (ExchangePowerShell).
 */
struct property {
	const char *name;
	const char *field;   /* of the daemon's row, and the switch that is set */
	bool inverse;        /* on is False */
	bool nullable;
};

static const struct property cas_properties[] = {
	{ "SmtpClientAuthenticationDisabled", "smtp-auth", true, true },
	{ NULL, NULL, false, false },
};
static const struct property transport_properties[] = {
	{ "SmtpClientAuthenticationDisabled", "smtp-auth", true, false },
	{ NULL, NULL, false, false },
};
static const struct property organization_properties[] = {
	{ "OAuth2ClientProfileEnabled", "oauth2-client-profile", false, false },
	{ NULL, NULL, false, false },
};

static const struct cmdlet {
	const char *name;
	bool sets;
	bool of_user; /* else of the tenant */
	const struct property *properties;
} cmdlets[] = {
	{ "Get-CASMailbox", false, true, cas_properties },
	{ "Set-CASMailbox", true, true, cas_properties },
	{ "Get-TransportConfig", false, false, transport_properties },
	{ "Set-TransportConfig", true, false, transport_properties },
	{ "Get-OrganizationConfig", false, false, organization_properties },
	{ "Set-OrganizationConfig", true, false, organization_properties },
};

/* What was typed: whom it is about, what is set, what is to be shown. */
struct words {
	const char *identity;
	const struct property *property; /* set, or the one to show; NULL: all */
	const char *value;
};

static const struct property *property_of(const struct cmdlet *cmdlet, const char *name)
{
	for (const struct property *property = cmdlet->properties; property->name; property++) {
		if (str_eq_nocase(str_of(name), str_of(property->name)))
			return property;
	}
	return NULL;
}

static int unknown_property(const struct cli *cli, const struct cmdlet *cmdlet, const char *name)
{
	return cli_fail(cli, EX_USAGE, N_("%s: there is no %s here; there is: %s"), cmdlet->name, name, cmdlet->properties->name);
}

static int read_words(const struct cli *cli, const struct cmdlet *cmdlet, struct words *ret_words)
{
	const json_t *words = json_object_get(cli->args, "words");

	*ret_words = (struct words){ 0 };
	for (size_t i = 0; i < json_array_size(words); i++) {
		const char *word = json_string_value(json_array_get(words, i));

		if (strcasecmp(word, "-Identity") == 0)
			continue;
		if (word[0] == '-') {
			ret_words->property = property_of(cmdlet, word + 1);
			if (!ret_words->property || !cmdlet->sets)
				return unknown_property(cli, cmdlet, word);
			ret_words->value = json_string_value(json_array_get(words, ++i));
			if (!ret_words->value || ret_words->value[0] == '\0')
				return cli_fail(cli, EX_USAGE, N_("%s has no value: the shell takes $true for a variable of its own; write '$true' in quotes, or true"),
						word);
		} else if (cmdlet->of_user && !ret_words->identity) {
			ret_words->identity = word;
		} else {
			ret_words->property = property_of(cmdlet, word);
			if (!ret_words->property)
				return unknown_property(cli, cmdlet, word);
		}
	}
	if (cmdlet->of_user && !ret_words->identity)
		return cli_fail(cli, EX_USAGE, N_("%s needs a mailbox: %s copier@contoso.example"), cmdlet->name, cmdlet->name);
	if (cmdlet->sets && !ret_words->value)
		return cli_fail(cli, EX_USAGE, N_("%s needs a value: %s -%s true"), cmdlet->name, cmdlet->name, cmdlet->properties->name);
	return EX_OK;
}

/* The switch's word for $true, $false, $null; NULL: none of them. */
static const char *switch_value(const struct property *property, const char *value)
{
	if (value[0] == '$')
		value++;
	if (strcasecmp(value, "null") == 0)
		return property->nullable ? "inherit" : NULL;
	if (strcasecmp(value, "true") == 0)
		return property->inverse ? "off" : "on";
	if (strcasecmp(value, "false") == 0)
		return property->inverse ? "on" : "off";
	return NULL;
}

/* --- the daemon's rows --- */

struct answer {
	const struct cli *cli;
	const struct cmdlet *cmdlet;
	const struct property *property;
	char tenant[256];
	size_t tenants;
};

static void print_property(const struct answer *answer, const json_t *row, const struct property *property)
{
	const char *value = json_string_value(json_object_get(row, property->field));
	bool on = value && strcmp(value, "on") == 0;
	bool unset = value && strcmp(value, "inherit") == 0;
	bool truth = property->inverse ? !on : on;

	if (answer->cli->form == CLI_JSON)
		(void)printf("{\"%s\":%s}\n", property->name, unset ? "null" : truth ? "true" : "false");
	else
		(void)printf("%-33s : %s\n", property->name, unset ? "" : truth ? "True" : "False");
}

static void on_row(void *context, json_t *row)
{
	const struct answer *answer = context;

	for (const struct property *property = answer->cmdlet->properties; property->name; property++) {
		if (!answer->property || answer->property == property)
			print_property(answer, row, property);
	}
}

static void on_tenant(void *context, json_t *row)
{
	struct answer *answer = context;

	(void)str_copy(str_of(json_string_value(json_object_get(row, "tenant"))), sizeof(answer->tenant), answer->tenant);
	answer->tenants++;
}

static int ask(const struct cli *cli, const char *socket_path, const char *verb, json_t *args, void (*each)(void *context, json_t *row),
	       void *context)
{
	bool refused;
	int fd = ask_connect(socket_path, 5000, &refused);

	if (fd == -1)
		return cli_fail(cli, refused ? EX_NOPERM : EX_UNAVAILABLE, N_("no daemon answers at %s; start it with: sekisho serve -c FILE"),
				socket_path);
	return ask_question(cli, fd, verb, args, each, context);
}

/* Whom a cmdlet without an identity means: --tenant, or the only one there is. */
static int find_tenant(const struct cli *cli, const char *socket_path, struct answer *answer)
{
	const char *given = json_string_value(json_object_get(cli->args, "tenant"));
	json_t *nothing;
	int exit_code;

	if (given)
		return str_copy(str_of(given), sizeof(answer->tenant), answer->tenant) ? EX_OK :
			cli_fail(cli, EX_USAGE, N_("there is no tenant \"%s\"; see: sekisho tenant list"), given);
	nothing = json_object();
	exit_code = ask(cli, socket_path, "tenant list", nothing, on_tenant, answer);
	json_decref(nothing);
	if (exit_code == EX_OK && answer->tenants != 1)
		return cli_fail(cli, EX_USAGE, N_("there are %zu tenants; choose one: --tenant DOMAIN"), answer->tenants);
	return exit_code;
}

static int run(const struct cli *cli, const struct cmdlet *cmdlet, const char *socket_path)
{
	struct answer answer = { .cli = cli, .cmdlet = cmdlet };
	struct words words;
	const char *value = NULL;
	json_t *args;
	char verb[32];
	int exit_code = read_words(cli, cmdlet, &words);

	if (exit_code == EX_OK && cmdlet->sets) {
		value = switch_value(words.property, words.value);
		if (!value)
			return cli_fail(cli, EX_USAGE, N_("%s cannot be \"%s\"; it can be: %s"), words.property->name, words.value,
					words.property->nullable ? "$true, $false, $null" : "$true, $false");
	}
	if (exit_code == EX_OK && !cmdlet->of_user)
		exit_code = find_tenant(cli, socket_path, &answer);
	if (exit_code != EX_OK)
		return exit_code;
	answer.property = words.property;
	args = json_pack("{s:s}", cmdlet->of_user ? "user" : "tenant", cmdlet->of_user ? words.identity : answer.tenant);
	if (cmdlet->sets)
		(void)json_object_set_new(args, "set", json_pack("{s:s}", words.property->field, value));
	if (cli->yes)
		(void)json_object_set_new(args, "yes", json_true());
	(void)snprintf(verb, sizeof(verb), "%s %s", cmdlet->of_user ? "user" : "tenant", cmdlet->sets ? "set" : "show");
	exit_code = ask(cli, socket_path, verb, args, on_row, &answer);
	json_decref(args);
	return exit_code;
}

int verb_cmdlet(struct cli *cli)
{
	struct settings *settings = NULL;
	int exit_code = cli->socket && !cli->config ? EX_OK : ask_settings(cli, &settings);

	for (size_t i = 0; exit_code == EX_OK && i < sizeof(cmdlets) / sizeof(*cmdlets); i++) {
		if (strcmp(cmdlets[i].name, cli->verb->words) == 0) {
			exit_code = run(cli, &cmdlets[i], cli->socket ? cli->socket : settings->daemon.socket);
			break;
		}
	}
	settings_free(settings);
	return exit_code;
}
