#include <stdio.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/random.h"
#include "cli/demo.h"

#define PDF_BYTES 1048576
#define OBJECTS 5
#define BASE64_LINE 76
#define RAW_LINE (BASE64_LINE / 4 * 3)

/* 【複合機】①スキャン in ISO-2022-JP, ① from NEC's row 13 as copiers write it. */
#define SUBJECT_JIS "\x1b$B\x21\x5a\x4a\x23\x39\x67\x35\x21\x21\x5b\x2d\x21\x25\x39\x25\x2d\x25\x63\x25\x73\x1b(B"
#define BODY_JIS "\x1b$B%9%-%c%s$7$?J8=q$r$*Aw$j$7$^$9!#\x1b(B" /* スキャンした文書をお送りします。 */

/* A PDF with one page and a stream of noise, so that it has the size of a scan; its cross-reference table is right. */
static bool add_pdf(struct buf *pdf)
{
	static const char text[] = "BT /F1 24 Tf 72 720 Td (Sekisho demo: a scanned page) Tj ET";
	size_t at[OBJECTS + 1];
	size_t noise = PDF_BYTES;
	size_t xref;
	char *room;

	if (!buf_add(pdf, STR("%PDF-1.4\n")))
		return false;
	at[1] = pdf->len;
	if (!buf_add(pdf, STR("1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n")))
		return false;
	at[2] = pdf->len;
	if (!buf_add(pdf, STR("2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n")))
		return false;
	at[3] = pdf->len;
	if (!buf_add(pdf, STR("3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 << "
			      "/Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>\nendobj\n")))
		return false;
	at[4] = pdf->len;
	if (!buf_add_format(pdf, "4 0 obj\n<< /Length %zu >>\nstream\n%s\nendstream\nendobj\n", sizeof(text) - 1, text))
		return false;
	at[5] = pdf->len;
	room = buf_add_format(pdf, "5 0 obj\n<< /Length %zu >>\nstream\n", noise) ? buf_room(pdf, noise) : NULL;
	if (!room)
		return false;
	random_bytes(room, noise);
	buf_grew(pdf, noise);
	if (!buf_add(pdf, STR("\nendstream\nendobj\n")))
		return false;
	xref = pdf->len;
	if (!buf_add_format(pdf, "xref\n0 %d\n0000000000 65535 f \n", OBJECTS + 1))
		return false;
	for (int i = 1; i <= OBJECTS; i++) {
		if (!buf_add_format(pdf, "%010zu 00000 n \n", at[i]))
			return false;
	}
	return buf_add_format(pdf, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%zu\n%%%%EOF\n", OBJECTS + 1, xref);
}

static bool add_base64_lines(struct buf *out, struct str raw)
{
	while (raw.len > 0) {
		struct str line = { raw.ptr, raw.len < RAW_LINE ? raw.len : RAW_LINE };

		if (!base64_print(out, line) || !buf_add(out, STR("\r\n")))
			return false;
		raw = str_skip(raw, line.len);
	}
	return true;
}

static bool add_header(struct buf *out, const char *from, const char *to)
{
	char date[CLOCK_RFC5322_MAX];

	clock_rfc5322_print(clock_real_us(), date);
	return buf_add_format(out, "Date: %s\r\nFrom: <%s>\r\nTo: <%s>\r\nMessage-ID: <%08x%08x@copier.contoso.example>\r\n", date, from, to,
			      random_below(UINT32_MAX), random_below(UINT32_MAX)) &&
	       buf_add(out, STR("Subject: =?ISO-2022-JP?B?")) && base64_print(out, STR(SUBJECT_JIS)) && buf_add(out, STR("?=\r\n")) &&
	       buf_add(out, STR("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"scan\"\r\n\r\n"));
}

bool demo_message(const char *from, const char *to, struct buf *ret_message)
{
	struct buf pdf;
	bool made;

	buf_init(&pdf, 2 * PDF_BYTES);
	buf_init(ret_message, 4 * PDF_BYTES);
	made = add_pdf(&pdf) && add_header(ret_message, from, to) &&
	       buf_add(ret_message, STR("--scan\r\nContent-Type: text/plain; charset=ISO-2022-JP\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" BODY_JIS
					"\r\n.\r\n\r\n--scan\r\nContent-Type: application/pdf; name=\"scan.pdf\"\r\n"
					"Content-Disposition: attachment; filename=\"scan.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n")) &&
	       add_base64_lines(ret_message, buf_str(&pdf)) && buf_add(ret_message, STR("--scan--\r\n"));
	buf_done(&pdf);
	return made;
}
