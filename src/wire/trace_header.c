#include "wire/trace_header.h"

#include "base/clock.h"

#define WORD_BYTES_MAX 255

/* Only what a domain, an address literal or a word may hold; any other byte becomes '?', which ends nothing. */
static bool add_word(struct buf *out, struct str word)
{
	bool good = true;

	if (word.len > WORD_BYTES_MAX)
		word.len = WORD_BYTES_MAX;
	for (size_t i = 0; good && i < word.len; i++) {
		char byte = word.ptr[i];
		bool fits = (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
			    byte == '-' || byte == '_' || byte == '.' || byte == ':' || byte == '[' || byte == ']';

		good = buf_add_byte(out, fits ? byte : '?');
	}
	return word.len > 0 ? good : buf_add(out, STR("unknown"));
}

/* RFC 3848, RFC 6531 4.3; AUTH after HELO is met with devices and has no name of its own. */
static bool add_protocol(struct buf *out, const struct trace_header *trace)
{
	bool extended = trace->esmtp || trace->tls || trace->signed_in;

	return buf_add(out, trace->utf8 ? STR("UTF8SMTP") : extended ? STR("ESMTP") : STR("SMTP")) &&
	       buf_add(out, trace->tls ? STR("S") : STR("")) && buf_add(out, trace->signed_in ? STR("A") : STR(""));
}

bool trace_header_print(struct buf *out, const struct trace_header *trace)
{
	bool ipv6 = str_find(trace->peer, ':') < trace->peer.len;
	char date[CLOCK_RFC5322_MAX];
	size_t before = out->len;

	clock_rfc5322_print(trace->real_us, date);
	if (buf_add(out, STR("Received: from ")) && add_word(out, trace->hello) &&
	    buf_add(out, ipv6 ? STR(" ([IPv6:") : STR(" ([")) && add_word(out, trace->peer) &&
	    buf_add(out, STR("])\r\n\tby ")) && add_word(out, trace->hostname) &&
	    buf_add(out, STR(" (Sekisho ")) && add_word(out, trace->mark) && buf_add(out, STR(")\r\n\twith ")) &&
	    add_protocol(out, trace) && buf_add(out, STR(" id ")) && add_word(out, trace->event_id) &&
	    buf_add(out, STR(";\r\n\t")) && buf_add(out, str_of(date)) && buf_add(out, STR("\r\n")))
		return true;
	out->len = before;
	return false;
}
