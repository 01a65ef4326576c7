#include "wire/smtp_client_hello.h"

static void take_pipelining(struct smtp_client *client, struct str values)
{
	(void)values;
	client->pipelining = true;
}

static void take_dsn(struct smtp_client *client, struct str values)
{
	(void)values;
	client->dsn = true;
}

static void take_8bitmime(struct smtp_client *client, struct str values)
{
	(void)values;
	client->eightbit = true;
}

static void take_smtputf8(struct smtp_client *client, struct str values)
{
	(void)values;
	client->utf8 = true;
	client->eightbit = true; /* RFC 6531, 3.1: it implies 8BITMIME */
}

static void take_starttls(struct smtp_client *client, struct str values)
{
	(void)values;
	client->starttls = true;
}

static void take_size(struct smtp_client *client, struct str values)
{
	uint64_t size_max;

	client->size = true;
	if (str_to_u64(str_trim(values), UINT64_MAX, &size_max))
		client->size_max = size_max;
}

static void take_auth(struct smtp_client *client, struct str values)
{
	while (values.len > 0) {
		struct str name = str_trim(str_cut(&values, ' '));
		enum sasl_mechanism mechanism;

		if (sasl_mechanism_parse(name, &mechanism))
			client->mechanisms |= SASL_BIT(mechanism);
	}
}

/* To know one more extension: a row and its function. */
static const struct {
	const char *keyword;
	void (*take)(struct smtp_client *, struct str values);
} extensions[] = {
	{ "PIPELINING", take_pipelining }, { "DSN", take_dsn },           { "8BITMIME", take_8bitmime },
	{ "SMTPUTF8", take_smtputf8 },     { "STARTTLS", take_starttls }, { "SIZE", take_size },
	{ "AUTH", take_auth },
};

void smtp_client_hello_parse(struct smtp_client *client, struct str text)
{
	client->pipelining = client->dsn = client->eightbit = client->utf8 = client->size = client->starttls = false;
	client->size_max = 0;
	client->mechanisms = 0;
	(void)str_cut(&text, '\n');
	while (text.len > 0) {
		struct str line = str_trim(str_cut(&text, '\n'));
		struct str keyword = { line.ptr, 0 };

		/* "AUTH=LOGIN PLAIN" is an old form of AUTH. */
		while (keyword.len < line.len && line.ptr[keyword.len] != ' ' && line.ptr[keyword.len] != '=')
			keyword.len++;
		for (size_t i = 0; i < sizeof(extensions) / sizeof(*extensions); i++) {
			if (str_eq_nocase(keyword, str_of(extensions[i].keyword)))
				extensions[i].take(client, str_skip(line, keyword.len + 1));
		}
	}
}
