#include "cli/report_html.h"

#include <string.h>

#include <sodium/crypto_hash_sha256.h>
#include <sodium/utils.h>

#include "base/clock.h"
#include "domain/report.h"
#include "domain/retirement.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define DOMAINS_MAX 20
#define DAY_CHARS 10
#define CHART_WIDTH 660
#define CHART_HEIGHT 120
#define CHART_LEFT 50
#define CHART_BASE 130 /* y of the axis */

static const char *const protocols[] = { "basic", "oauth", "none" }; /* from the axis upwards */
static const char *const protocol_names[] = { "Basic auth", "OAuth", N_("without a sign-in") };

static const char style[] =
	"@page{size:A4;margin:14mm}"
	"body{font:14px/1.5 system-ui,'Noto Sans CJK JP','Hiragino Sans','Yu Gothic UI',sans-serif;color:#1a1a1a;max-width:210mm;margin:2em auto;"
	"padding:0 1em}"
	"h1{font-size:1.5em;margin:0}h2{font-size:1.1em;margin:1.6em 0 .3em;break-after:avoid}p{margin:.3em 0}"
	"figure{margin:0;break-inside:avoid}svg{width:100%;height:auto}text{font-size:10px;fill:#444}"
	".basic{fill:#c2410c}.oauth{fill:#1d4ed8}.none{fill:#6b7280}.axis{stroke:#888}"
	".key{display:inline-block;margin-right:1.2em}.key svg{width:.8em;height:.8em;margin-right:.3em}"
	"table{border-collapse:collapse;width:100%;font-size:11px}thead{display:table-header-group}tr{break-inside:avoid}"
	"th,td{border-bottom:1px solid #ccc;padding:.25em .4em;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
	"td.number,th.number{text-align:right;overflow-wrap:normal}tr.refused td:last-child{font-weight:bold}"
	"@media print{body{margin:0;max-width:none;padding:0}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}";

struct html {
	struct buf *out;
	const struct report_page *page;
	bool good;
};

static void put(struct html *html, const char *text)
{
	html->good = html->good && buf_add(html->out, str_of(text));
}

static void put_format(struct html *html, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Numbers and words of ours only: what others chose goes through put_text(). */
static void put_format(struct html *html, const char *format, ...)
{
	char text[512];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	html->good = html->good && len >= 0 && (size_t)len < sizeof(text);
	put(html, text);
}

/* Any text, as text: in an element or in a quoted attribute. Control characters become U+FFFD. */
static void put_text(struct html *html, const char *text)
{
	static const struct {
		char byte;
		const char *as;
	} escapes[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" }, { '\'', "&#39;" } };

	for (; text && *text && html->good; text++) {
		const char *as = (unsigned char)*text < 0x20 || *text == 0x7f ? "\xef\xbf\xbd" : NULL;

		for (size_t i = 0; i < COUNT(escapes); i++)
			as = *text == escapes[i].byte ? escapes[i].as : as;
		if (as)
			put(html, as);
		else
			html->good = buf_add_byte(html->out, *text);
	}
}

static void put_said(struct html *html, const char *english)
{
	put_text(html, say(html->page->language, english));
}

static void day_of(int64_t us, char ret_day[CLOCK_RFC3339_MAX])
{
	clock_rfc3339_print(us, ret_day);
	ret_day[DAY_CHARS] = '\0';
}

static const char *text_at(const json_t *line, const char *name)
{
	const char *text = json_string_value(json_object_get(line, name));

	return text ? text : "";
}

static json_int_t number_at(const json_t *line, const char *name)
{
	return json_integer_value(json_object_get(line, name));
}

/* --- the charts --- */

/* One domain: days by protocols. */
struct chart {
	const char *domain;
	json_int_t messages[REPORT_DAYS_MAX][COUNT(protocols)];
	json_int_t sign_ins[REPORT_DAYS_MAX][COUNT(protocols)];
	json_int_t messages_sum;
};

static void chart_add(struct chart *chart, const struct report_page *page, const json_t *line)
{
	int64_t us;
	int64_t back;

	if (!clock_rfc3339_parse(str_of(text_at(line, "day")), &us))
		return;
	back = page->now_us / REPORT_DAY_US - us / REPORT_DAY_US;
	if (back < 0 || back >= page->days_count)
		return;
	for (size_t i = 0; i < COUNT(protocols); i++) {
		if (strcmp(text_at(line, "authenticationProtocol"), protocols[i]) != 0)
			continue;
		chart->messages[page->days_count - 1 - back][i] += number_at(line, "messagesSent");
		chart->sign_ins[page->days_count - 1 - back][i] += number_at(line, "signIns");
		chart->messages_sum += number_at(line, "messagesSent");
	}
}

static json_int_t highest_of(const json_int_t counts[][COUNT(protocols)], int64_t days)
{
	json_int_t highest = 1;

	for (int64_t day = 0; day < days; day++) {
		json_int_t sum = 0;

		for (size_t i = 0; i < COUNT(protocols); i++)
			sum += counts[day][i];
		highest = sum > highest ? sum : highest;
	}
	return highest;
}

static void put_bar(struct html *html, const json_int_t counts[COUNT(protocols)], json_int_t highest, int64_t day)
{
	const struct report_page *page = html->page;
	double width = (double)CHART_WIDTH / (double)page->days_count;
	double y = CHART_BASE;
	char name[CLOCK_RFC3339_MAX];

	day_of(page->now_us - (page->days_count - 1 - day) * REPORT_DAY_US, name);
	for (size_t i = 0; i < COUNT(protocols); i++) {
		double height = (double)CHART_HEIGHT * (double)counts[i] / (double)highest;

		if (counts[i] == 0)
			continue;
		y -= height;
		put_format(html, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>%s ", protocols[i],
			   CHART_LEFT + width * (double)day + width * 0.1, y, width * 0.8, height, name);
		put_said(html, protocol_names[i]);
		put_format(html, ": %lld</title></rect>", (long long)counts[i]);
	}
}

static void put_axis(struct html *html, json_int_t highest)
{
	const struct report_page *page = html->page;
	char first[CLOCK_RFC3339_MAX], last[CLOCK_RFC3339_MAX];

	day_of(page->now_us - (page->days_count - 1) * REPORT_DAY_US, first);
	day_of(page->now_us, last);
	put_format(html, "<line class=\"axis\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>", CHART_LEFT, CHART_BASE, CHART_LEFT + CHART_WIDTH,
		   CHART_BASE);
	put_format(html, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%lld</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\">0</text>",
		   CHART_LEFT - 4, CHART_BASE - CHART_HEIGHT + 8, (long long)highest, CHART_LEFT - 4, CHART_BASE);
	put_format(html, "<text x=\"%d\" y=\"%d\">%s</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>", CHART_LEFT, CHART_BASE + 12,
		   first, CHART_LEFT + CHART_WIDTH, CHART_BASE + 12, last);
}

static void put_chart(struct html *html, const struct chart *chart)
{
	const json_int_t(*counts)[COUNT(protocols)] = chart->messages_sum ? chart->messages : chart->sign_ins;
	json_int_t highest = highest_of(counts, html->page->days_count);

	put(html, "<h2><bdi>");
	put_text(html, chart->domain);
	put(html, "</bdi>: ");
	/* Imported sign-ins know of no messages. */
	put_said(html, chart->messages_sum ? N_("messages by day") : N_("sign-ins by day"));
	put_format(html, "</h2><figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", CHART_LEFT + CHART_WIDTH + 10, CHART_BASE + 16);
	put_text(html, chart->domain);
	put(html, "\">");
	for (int64_t day = 0; day < html->page->days_count; day++)
		put_bar(html, counts[day], highest, day);
	put_axis(html, highest);
	put(html, "</svg></figure>\n");
}

static void put_key(struct html *html)
{
	put(html, "<p>");
	for (size_t i = 0; i < COUNT(protocols); i++) {
		put_format(html, "<span class=\"key\"><svg viewBox=\"0 0 10 10\"><rect class=\"%s\" width=\"10\" height=\"10\"/></svg>", protocols[i]);
		put_said(html, protocol_names[i]);
		put(html, "</span>");
	}
	put(html, "</p>\n");
}

static void put_charts(struct html *html)
{
	static struct chart charts[DOMAINS_MAX];
	size_t count = 0, left_out = 0, at;
	const json_t *line;

	memset(charts, 0, sizeof(charts));
	json_array_foreach(html->page->days, at, line) {
		const char *domain = text_at(line, "domain");
		size_t i = 0;

		while (i < count && strcmp(charts[i].domain, domain) != 0)
			i++;
		if (i == DOMAINS_MAX) {
			left_out++;
			continue;
		}
		if (i == count)
			charts[count++].domain = domain;
		chart_add(&charts[i], html->page, line);
	}
	if (count > 0)
		put_key(html);
	for (size_t i = 0; i < count; i++)
		put_chart(html, &charts[i]);
	if (left_out > 0) {
		put(html, "<p>");
		put_said(html, N_("Only the domains seen last have a chart; the table has all of them."));
		put(html, "</p>\n");
	}
}

/* --- the table --- */

static const struct {
	const char *name;
	const char *heading; /* N_() */
	enum { CELL_TEXT, CELL_NUMBER, CELL_SHARE, CELL_DAY } kind;
} cells[] = {
	{ "senderAddress", N_("Sender address"), CELL_TEXT },
	{ "domain", N_("Domain"), CELL_TEXT },
	{ "authenticationProtocol", N_("Authentication Protocol"), CELL_TEXT },
	{ "tls10", N_("TLS 1.0 (percentage)"), CELL_SHARE },
	{ "tls11", N_("TLS 1.1 (percentage)"), CELL_SHARE },
	{ "tls12", N_("TLS 1.2 (percentage)"), CELL_SHARE },
	{ "tls13", N_("TLS 1.3 (percentage)"), CELL_SHARE },
	{ "messagesSent", N_("Messages sent"), CELL_NUMBER },
	{ "devices", N_("Devices"), CELL_NUMBER },
	{ "lastSeen", N_("Last seen"), CELL_DAY },
	{ "afterRetirement", N_("After retirement"), CELL_TEXT },
};

static void put_cell(struct html *html, const json_t *line, size_t i)
{
	const json_t *value = json_object_get(line, cells[i].name);

	put(html, cells[i].kind == CELL_NUMBER || cells[i].kind == CELL_SHARE ? "<td class=\"number\">" : "<td>");
	switch (cells[i].kind) {
	case CELL_TEXT:
		put(html, "<bdi>");
		put_text(html, i + 1 == COUNT(cells) ? text_at(line, "afterRetirementText") : json_string_value(value));
		put(html, "</bdi>");
		break;
	case CELL_NUMBER:
		put_format(html, "%lld", (long long)json_integer_value(value));
		break;
	case CELL_SHARE:
		if (json_is_real(value))
			put_format(html, "%.1f", json_real_value(value));
		break;
	case CELL_DAY:
		put_format(html, "%.10s", json_is_string(value) ? json_string_value(value) : "");
		break;
	}
	put(html, "</td>");
}

static void put_table(struct html *html)
{
	const json_t *line;
	size_t at;

	put(html, "<h2>");
	put_said(html, N_("Senders"));
	put(html, "</h2>\n<table><thead><tr>");
	for (size_t i = 0; i < COUNT(cells); i++) {
		put(html, cells[i].kind == CELL_NUMBER || cells[i].kind == CELL_SHARE ? "<th scope=\"col\" class=\"number\">" : "<th scope=\"col\">");
		put_said(html, cells[i].heading);
		put(html, "</th>");
	}
	put(html, "</tr></thead><tbody>\n");
	json_array_foreach(html->page->senders, at, line) {
		put(html, strcmp(text_at(line, "afterRetirement"), "refused") == 0 ? "<tr class=\"refused\">" : "<tr>");
		for (size_t i = 0; i < COUNT(cells); i++)
			put_cell(html, line, i);
		put(html, "</tr>\n");
	}
	put(html, "</tbody></table>\n");
}

/* --- the page --- */

/* The page's one style is allowed by its hash; nothing else is. */
static void put_head(struct html *html, const char *title)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char base64[sodium_base64_ENCODED_LEN(crypto_hash_sha256_BYTES, sodium_base64_VARIANT_ORIGINAL)];

	(void)crypto_hash_sha256(hash, (const unsigned char *)style, sizeof(style) - 1);
	(void)sodium_bin2base64(base64, sizeof(base64), hash, sizeof(hash), sodium_base64_VARIANT_ORIGINAL);
	put_format(html, "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">\n", html->page->language == LANGUAGE_JA ? "ja" : "en");
	put_format(html, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-%s'\">\n", base64);
	put(html, "<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"referrer\" content=\"no-referrer\">\n<title>");
	put_text(html, title);
	put(html, "</title>\n<style>");
	put(html, style);
	put(html, "</style></head>\n<body>\n<h1>");
	put_text(html, title);
	put(html, "</h1>\n");
}

/* What is to come next of the schedule. */
static void put_schedule(struct html *html)
{
	char when[64];
	int64_t us;

	for (size_t i = 0; i < retirement_schedule_count; i++) {
		const struct retirement_phase *phase = &retirement_schedule[i];

		if (retirement_date_parse(str_of(phase->date), &us, NULL) == OUTCOME_OK && us < html->page->now_us)
			continue;
		retirement_when_print(phase->date, phase->exact, html->page->language, sizeof(when), when);
		put(html, "<p><strong>");
		put_text(html, when);
		put(html, "</strong>: ");
		put_said(html, phase->text);
		put(html, "</p>\n");
	}
}

bool report_html_print(struct buf *out, const struct report_page *page)
{
	struct html html = { .out = out, .page = page, .good = page->days_count >= 1 && page->days_count <= REPORT_DAYS_MAX };
	char first[CLOCK_RFC3339_MAX], last[CLOCK_RFC3339_MAX];

	day_of(page->now_us - (page->days_count - 1) * REPORT_DAY_US, first);
	day_of(page->now_us, last);
	put_head(&html, say(page->language, N_("SMTP AUTH clients report")));
	put_format(&html, "<p>%s – %s (UTC), Sekisho " SEKISHO_VERSION "</p>\n", first, last);
	put_schedule(&html);
	if (json_array_size(page->senders) == 0) {
		put(&html, "<p>");
		put_said(&html, N_("Nobody signed in or sent mail in these days."));
		put(&html, "</p>\n");
	} else {
		put_charts(&html);
		put_table(&html);
	}
	put(&html, "</body></html>\n");
	return html.good;
}
