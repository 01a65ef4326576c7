/* repair_cases: what copiers send, and what becomes of it, byte for byte; for test_repair.c. To add a case: a row. */
#ifndef TESTS_UNIT_REPAIR_CASES_H
#define TESTS_UNIT_REPAIR_CASES_H

#include "wire/repair.h"

#define ALL ((1u << REPAIR_SWITCH_COUNT) - 1)
#define B(kind) REPAIR_BIT(REPAIR_##kind)
#define FROM "From: <c@x.example>\r\n"
#define END "\r\nbody\r\n"

/* A case: its name, the switches, the message before and after, what is told. */
struct repair_case {
	const char *label;
	unsigned switches;
	const char *before, *after;
	unsigned told;
};

static const struct repair_case missing[] = {
	{ "no Date", B(MISSING_DATE), FROM END, FROM "Date: Tue, 24 Nov 2026 00:00:30 +0000\r\n" END, B(MISSING_DATE) },
	{ "an empty Date", B(MISSING_DATE), "Date: \r\n" FROM END, FROM "Date: Tue, 24 Nov 2026 00:00:30 +0000\r\n" END, B(MISSING_DATE) },
	{ "a Date", B(MISSING_DATE), "date:whenever\r\n" END, "date:whenever\r\n" END, 0 },
	{ "no Message-ID", B(MISSING_MESSAGE_ID), FROM END, FROM "Message-ID: <K7M2P9QRST@gate.example>\r\n" END, B(MISSING_MESSAGE_ID) },
	{ "an empty Message-ID", B(MISSING_MESSAGE_ID), "Message-ID:\r\n" FROM END,
	  FROM "Message-ID: <K7M2P9QRST@gate.example>\r\n" END, B(MISSING_MESSAGE_ID) },
	{ "a Message-ID in any case", B(MISSING_MESSAGE_ID), "Message-Id: <1@x>\r\n" END, "Message-Id: <1@x>\r\n" END, 0 },
	{ "no From", B(MISSING_FROM), "Subject: x\r\n" END, "Subject: x\r\nFrom: <copier@contoso.example>\r\n" END, B(MISSING_FROM) },
	{ "a From that is folded", B(MISSING_FROM), "From:\r\n <c@x.example>\r\n" END, "From:\r\n <c@x.example>\r\n" END, 0 },
	{ "no header at all", B(MISSING_FROM) | B(MISSING_DATE), END, "Date: Tue, 24 Nov 2026 00:00:30 +0000\r\nFrom: <copier@contoso.example>\r\n" END,
	  B(MISSING_FROM) | B(MISSING_DATE) },
	{ "MIME without its version", B(MIME_VERSION), "Content-Type: text/html\r\n" END, "Content-Type: text/html\r\nMIME-Version: 1.0\r\n" END,
	  B(MIME_VERSION) },
	{ "no MIME, no version", B(MIME_VERSION), FROM END, FROM END, 0 },
	{ "a version", B(MIME_VERSION), "Mime-Version: 1.0 (x)\r\nContent-Type: text/html\r\n" END,
	  "Mime-Version: 1.0 (x)\r\nContent-Type: text/html\r\n" END, 0 },
};

#define DATE(text) "Date: " text "\r\n" END
static const struct repair_case dates[] = {
	{ "a good date", B(BAD_DATE), DATE("Tue, 24 Nov 2026 09:00:00 +0900"), DATE("Tue, 24 Nov 2026 09:00:00 +0900"), 0 },
	{ "a good date without day and seconds", B(BAD_DATE), DATE("4 Nov 2026 09:00 +0900 (JST)"), DATE("4 Nov 2026 09:00 +0900 (JST)"), 0 },
	{ "an old zone's name", B(BAD_DATE), DATE("Tue, 24 Nov 2026 09:00:00 GMT"), DATE("Tue, 24 Nov 2026 09:00:00 GMT"), 0 },
	{ "a year of two digits, no time of day's zone", B(BAD_DATE), DATE("Tue, 24 Nov 26 00:00:00"), DATE("Tue, 24 Nov 2026 00:00:00 +0000"), B(BAD_DATE) },
	{ "no zone: the one that makes it now", B(BAD_DATE), DATE("Tue, 24 Nov 2026 09:01:10"), DATE("Tue, 24 Nov 2026 09:01:10 +0900"), B(BAD_DATE) },
	{ "no zone, behind Greenwich", B(BAD_DATE), DATE("Mon, 23 Nov 2026 18:58:00"), DATE("Mon, 23 Nov 2026 18:58:00 -0500"), B(BAD_DATE) },
	{ "no zone, a clock that was never set", B(BAD_DATE), DATE("Thu, 1 Jan 2004 00:00:00"), DATE("Thu, 01 Jan 2004 00:00:00 -0000"), B(BAD_DATE) },
	{ "the wrong day of the week", B(BAD_DATE), DATE("Mon, 24 Nov 2026 09:00:00 +0900"), DATE("Tue, 24 Nov 2026 09:00:00 +0900"), B(BAD_DATE) },
	{ "ISO 8601", B(BAD_DATE), DATE("2026-11-24T09:00:00.123+09:00"), DATE("Tue, 24 Nov 2026 09:00:00 +0900"), B(BAD_DATE) },
	{ "ISO 8601 in UTC", B(BAD_DATE), DATE("2026-11-24T00:00:00Z"), DATE("Tue, 24 Nov 2026 00:00:00 +0000"), B(BAD_DATE) },
	{ "with slashes", B(BAD_DATE), DATE("2026/11/24 09:00"), DATE("Tue, 24 Nov 2026 09:00:00 +0900"), B(BAD_DATE) },
	{ "as C writes it", B(BAD_DATE), DATE("Tue Nov 24 09:00:00 2026"), DATE("Tue, 24 Nov 2026 09:00:00 +0900"), B(BAD_DATE) },
	{ "American", B(BAD_DATE), DATE("Nov 24, 2026 3:05 PM +0900"), DATE("Tue, 24 Nov 2026 15:05:00 +0900"), B(BAD_DATE) },
	{ "midnight of twelve hours", B(BAD_DATE), DATE("24 Nov 2026 12:05:00 AM JST"), DATE("Tue, 24 Nov 2026 00:05:00 +0900"), B(BAD_DATE) },
	{ "a colon in the zone", B(BAD_DATE), DATE("Tue, 24 Nov 2026 09:00:00 +09:00"), DATE("Tue, 24 Nov 2026 09:00:00 +0900"), B(BAD_DATE) },
	{ "hyphens", B(BAD_DATE), DATE("24-Nov-2026 09:00:00 +0900"), DATE("Tue, 24 Nov 2026 09:00:00 +0900"), B(BAD_DATE) },
	{ "no date that there is", B(BAD_DATE), DATE("Tue, 31 Feb 2026 09:00:00 +0900"),
	  "X-Original-Date: Tue, 31 Feb 2026 09:00:00 +0900\r\nDate: Tue, 24 Nov 2026 00:00:30 +0000\r\n" END, B(BAD_DATE) },
	{ "no date", B(BAD_DATE), DATE("today"), "X-Original-Date: today\r\nDate: Tue, 24 Nov 2026 00:00:30 +0000\r\n" END, B(BAD_DATE) },
	{ "no date, twice", B(BAD_DATE), "Date: today\r\nDate: now\r\n" END,
	  "X-Original-Date: today\r\nX-Original-Date: now\r\nDate: Tue, 24 Nov 2026 00:00:30 +0000\r\n" END, B(BAD_DATE) },
	{ "no date, and one", B(BAD_DATE) | B(MISSING_DATE), "Date: today\r\nDate: 2026/11/24 09:00\r\nDate:\r\n" END,
	  "X-Original-Date: today\r\nDate: Tue, 24 Nov 2026 09:00:00 +0900\r\n" END, B(BAD_DATE) | B(MISSING_DATE) },
};

static const struct repair_case names[] = {
	{ "an @ in the name", B(QUOTED_AT), "From: user@x.example <user@x.example>\r\n" END, "From: \"user@x.example\" <user@x.example>\r\n" END, B(QUOTED_AT) },
	{ "a comma in the name", B(QUOTED_AT), "To: Tanaka, Taro <t@x.example>\r\n" END, "To: \"Tanaka, Taro\" <t@x.example>\r\n" END, B(QUOTED_AT) },
	{ "the address and more as name", B(QUOTED_AT), "From: u@x.example, 2F <u@x.example>\r\n" END, "From: \"u@x.example, 2F\" <u@x.example>\r\n" END,
	  B(QUOTED_AT) },
	{ "brackets in the name", B(QUOTED_AT), "From: [Scan] 2F <u@x.example>\r\n" END, "From: \"[Scan] 2F\" <u@x.example>\r\n" END, B(QUOTED_AT) },
	{ "a colon in the name", B(QUOTED_AT), "From: FAX: 0312345678 <u@x.example>\r\n" END, "From: \"FAX: 0312345678\" <u@x.example>\r\n" END, B(QUOTED_AT) },
	{ "a quote that is never closed", B(QUOTED_AT), "From: \"Scan 2F <u@x.example>\r\n" END, "From: \"Scan 2F\" <u@x.example>\r\n" END, B(QUOTED_AT) },
	{ "a backslash", B(QUOTED_AT), "From: DOM\\user <u@x.example>\r\n" END, "From: \"DOMuser\" <u@x.example>\r\n" END, B(QUOTED_AT) },
	{ "two mailboxes stay two", B(QUOTED_AT), "From: a@x.example, Bob <b@x.example>\r\n" END, "From: a@x.example, Bob <b@x.example>\r\n" END, 0 },
	{ "good names stay", B(QUOTED_AT), "To: \"a@b\" <a@x.example>,\r\n Dr. Who <w@x.example> (x), c@x.example\r\n" END,
	  "To: \"a@b\" <a@x.example>,\r\n Dr. Who <w@x.example> (x), c@x.example\r\n" END, 0 },
	{ "a group stays", B(QUOTED_AT) | B(ANGLE_BRACKETS), "To: Team: a@x.example, b@x.example;\r\n" END, "To: Team: a@x.example, b@x.example;\r\n" END, 0 },
	{ "no brackets", B(ANGLE_BRACKETS), "From: Copier 2F u@x.example\r\n" END, "From: Copier 2F <u@x.example>\r\n" END, B(ANGLE_BRACKETS) },
	{ "no closing bracket", B(ANGLE_BRACKETS), "From: Copier <u@x.example\r\n" END, "From: Copier <u@x.example>\r\n" END, B(ANGLE_BRACKETS) },
	{ "no opening bracket", B(ANGLE_BRACKETS), "From: Copier u@x.example>\r\n" END, "From: Copier <u@x.example>\r\n" END, B(ANGLE_BRACKETS) },
	{ "brackets twice", B(ANGLE_BRACKETS), "From: <<u@x.example>>\r\n" END, "From: <u@x.example>\r\n" END, B(ANGLE_BRACKETS) },
	{ "the name behind", B(ANGLE_BRACKETS), "From: <u@x.example> Copier\r\n" END, "From: Copier <u@x.example>\r\n" END, B(ANGLE_BRACKETS) },
	{ "semicolons", B(ANGLE_BRACKETS), "To: a@x.example; b@x.example\r\n" END, "To: a@x.example, b@x.example\r\n" END, B(ANGLE_BRACKETS) },
	{ "blanks between", B(ANGLE_BRACKETS), "To: a@x.example b@x.example\r\n" END, "To: a@x.example, b@x.example\r\n" END, B(ANGLE_BRACKETS) },
	{ "mailto", B(ANGLE_BRACKETS), "To: <mailto:a@x.example>\r\n" END, "To: <a@x.example>\r\n" END, B(ANGLE_BRACKETS) },
	{ "a name that needs quotes and an address that needs brackets", B(ANGLE_BRACKETS) | B(QUOTED_AT), "To: [2F] a@x.example\r\n" END,
	  "To: \"[2F]\" <a@x.example>\r\n" END, B(ANGLE_BRACKETS) | B(QUOTED_AT) },
	{ "a bare address is good", B(ANGLE_BRACKETS), "To: a@x.example (Bob), b@x.example\r\n" END, "To: a@x.example (Bob), b@x.example\r\n" END, 0 },
	{ "words between two addresses say nothing", B(ANGLE_BRACKETS), "To: a@x.example or b@x.example\r\n" END, "To: a@x.example or b@x.example\r\n" END, 0 },
	{ "Message-ID without brackets", B(ANGLE_BRACKETS), "Message-ID: 1@x\r\n" END, "Message-ID: <1@x>\r\n" END, B(ANGLE_BRACKETS) },
};

/* スキャン in each charset, 件名 in EUC-JP, ①㈱ in ISO-2022-JP. */
#define SJIS "\x83X\x83L\x83\x83\x83\x93"
#define EUC "\xa5\xb9\xa5\xad\xa5\xe3\xa5\xf3"
#define UTF8 "\xe3\x82\xb9\xe3\x82\xad\xe3\x83\xa3\xe3\x83\xb3"
#define JIS "\x1b$B%9%-%c%s\x1b(B"
#define WORD "=?UTF-8?B?44K544Kt44Oj44Oz?="
static const struct repair_case raw[] = {
	{ "UTF-8", B(RAW_HEADERS), "Subject: " UTF8 "\r\n" END, "Subject: " WORD "\r\n" END, B(RAW_HEADERS) },
	{ "Shift_JIS", B(RAW_HEADERS), "Subject: " SJIS "\r\n" END, "Subject: " WORD "\r\n" END, B(RAW_HEADERS) },
	{ "EUC-JP", B(RAW_HEADERS), "Subject: " EUC "\r\n" END, "Subject: " WORD "\r\n" END, B(RAW_HEADERS) },
	{ "ISO-2022-JP", B(RAW_HEADERS), "Subject: " JIS "\r\n" END, "Subject: " WORD "\r\n" END, B(RAW_HEADERS) },
	{ "ISO-2022-JP with NEC's characters", B(RAW_HEADERS), "Subject: \x1b$B-!-j\x1b(B\r\n" END, "Subject: =?UTF-8?B?4pGg44ix?=\r\n" END, B(RAW_HEADERS) },
	{ "half-width katakana of Shift_JIS", B(RAW_HEADERS), "Subject: \xbd\xb7\xac\xdd\r\n" END, "Subject: =?UTF-8?B?77297723772s776d?=\r\n" END,
	  B(RAW_HEADERS) },
	{ "Latin-1", B(RAW_HEADERS), "Subject: caf\xe9\r\n" END, "Subject: =?UTF-8?B?Y2Fmw6k=?=\r\n" END, B(RAW_HEADERS) },
	{ "a folded one", B(RAW_HEADERS), "Subject: " UTF8 "\r\n " UTF8 "\r\n" END,
	  "Subject: =?UTF-8?B?44K544Kt44Oj44OzIOOCueOCreODo+ODsw==?=\r\n" END, B(RAW_HEADERS) },
	{ "a long one is folded, no character cut", B(RAW_HEADERS), "Subject: " UTF8 UTF8 UTF8 UTF8 UTF8 "\r\n" END,
	  "Subject: =?UTF-8?B?44K544Kt44Oj44Oz44K544Kt44Oj44Oz44K544Kt44Oj44Oz44K5?=\r\n"
	  " =?UTF-8?B?44Kt44Oj44Oz44K544Kt44Oj44Oz?=\r\n" END, B(RAW_HEADERS) },
	{ "beside an encoded word", B(RAW_HEADERS), "Subject: =?ISO-2022-JP?B?GyRCJTkbKEI=?= " UTF8 "\r\n" END,
	  "Subject: =?UTF-8?B?44K5IOOCueOCreODo+ODsw==?=\r\n" END, B(RAW_HEADERS) },
	{ "in a name", B(RAW_HEADERS), "From: " SJIS " <u@x.example>\r\n" END, "From: " WORD " <u@x.example>\r\n" END, B(RAW_HEADERS) },
	{ "in a quoted name", B(RAW_HEADERS), "From: \"" JIS " 2F\" <u@x.example>\r\n" END,
	  "From: =?UTF-8?B?44K544Kt44Oj44OzIDJG?= <u@x.example>\r\n" END, B(RAW_HEADERS) },
	{ "in a comment", B(RAW_HEADERS), "From: u@x.example (" UTF8 ")\r\n" END, "From: " WORD " <u@x.example>\r\n" END, B(RAW_HEADERS) },
	{ "in one of several", B(RAW_HEADERS), "To: Bob <b@x.example>, " EUC " <u@x.example>\r\n" END,
	  "To: Bob <b@x.example>, " WORD " <u@x.example>\r\n" END, B(RAW_HEADERS) },
	{ "in a file's name", B(RAW_HEADERS), "Content-Disposition: attachment; filename=\"" SJIS ".pdf\"\r\n" END,
	  "Content-Disposition: attachment;\r\n filename*=UTF-8''%E3%82%B9%E3%82%AD%E3%83%A3%E3%83%B3.pdf\r\n" END, B(RAW_HEADERS) },
	{ "ASCII and encoded words stay", B(RAW_HEADERS), "Subject: " WORD "\r\n" FROM END, "Subject: " WORD "\r\n" FROM END, 0 },
	{ "the body is no header", B(RAW_HEADERS), FROM "\r\nSubject: " SJIS "\r\n", FROM "\r\nSubject: " SJIS "\r\n", 0 },
};

static const struct repair_case doubled[] = {
	{ "two subjects", B(DUPLICATE_FIELDS), "Subject: one\r\nSubject: two\r\n" END, "Subject: one\r\n" END, B(DUPLICATE_FIELDS) },
	{ "three dates", B(DUPLICATE_FIELDS), "Date: 1\r\n" FROM "Date: 2\r\nDATE: 3\r\n" END, "Date: 1\r\n" FROM END, B(DUPLICATE_FIELDS) },
	{ "two To", B(DUPLICATE_FIELDS), "To: a@x\r\n" FROM "To: b@x\r\n" END, "To: a@x,\r\n b@x\r\n" FROM END, B(DUPLICATE_FIELDS) },
	{ "the same From twice", B(DUPLICATE_FIELDS), FROM FROM END, FROM END, B(DUPLICATE_FIELDS) },
	{ "two senders are not chosen from", B(DUPLICATE_FIELDS), FROM "From: <d@x>\r\n" END, FROM "From: <d@x>\r\n" END, 0 },
	{ "others may stand often", B(DUPLICATE_FIELDS), "X-A: 1\r\nX-A: 1\r\nReceived: a\r\nReceived: a\r\n" END,
	  "X-A: 1\r\nX-A: 1\r\nReceived: a\r\nReceived: a\r\n" END, 0 },
};

static const struct repair_case lines[] = {
	{ "no empty line", B(BROKEN_LINES), "Subject: x\r\nthe text begins\r\nhere: too\r\n", "Subject: x\r\n\r\nthe text begins\r\nhere: too\r\n",
	  B(BROKEN_LINES) },
	{ "no header", B(BROKEN_LINES), "just text\r\n\r\nmore\r\n", "\r\njust text\r\n\r\nmore\r\n", B(BROKEN_LINES) },
	{ "a fold without a blank", B(BROKEN_LINES), "Subject: a long\r\nsubject\r\nTo: a@x\r\n" END, "Subject: a long\r\n subject\r\nTo: a@x\r\n" END,
	  B(BROKEN_LINES) },
	{ "a blank before the colon", B(BROKEN_LINES), "Subject : x\r\n y\r\n" END, "Subject: x\r\n y\r\n" END, B(BROKEN_LINES) },
	{ "a blank before the first field", B(BROKEN_LINES), " Subject: x\r\n" FROM END, "Subject: x\r\n" FROM END, B(BROKEN_LINES) },
	{ "a line of blanks", B(BROKEN_LINES), "Subject: x\r\n \t\r\n" FROM END, "Subject: x\r\n" FROM END, B(BROKEN_LINES) },
	{ "the line of a mailbox file", B(BROKEN_LINES), "From c@x Tue Nov 24 09:00:00 2026\r\n" FROM END,
	  "X-Mailbox-Line: From c@x Tue Nov 24 09:00:00 2026\r\n" FROM END, B(BROKEN_LINES) },
	{ "good lines stay", B(BROKEN_LINES), "X_odd/name:x\r\n y\r\n\tz\r\n" FROM END, "X_odd/name:x\r\n y\r\n\tz\r\n" FROM END, 0 },
	{ "the header alone", B(BROKEN_LINES), "Subject: x\r\n", "Subject: x\r\n", 0 },
};

static const struct repair_case bodies[] = {
	{ "Shift_JIS without a word", B(MISSING_CHARSET), FROM "\r\n" SJIS "\r\n",
	  FROM "Content-Type: text/plain; charset=Shift_JIS\r\nContent-Transfer-Encoding: 8bit\r\nMIME-Version: 1.0\r\n\r\n" SJIS "\r\n", B(MISSING_CHARSET) },
	{ "ISO-2022-JP without a word", B(MISSING_CHARSET), FROM "\r\n" JIS "\r\n",
	  FROM "Content-Type: text/plain; charset=ISO-2022-JP\r\nMIME-Version: 1.0\r\n\r\n" JIS "\r\n", B(MISSING_CHARSET) },
	{ "EUC-JP that is called ASCII", B(MISSING_CHARSET),
	  "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" EUC "\r\n",
	  "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=EUC-JP\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" EUC "\r\n", B(MISSING_CHARSET) },
	{ "UTF-8, other parameters stay", B(MISSING_CHARSET), "MIME-Version: 1.0\r\nContent-Type: text/plain; format=flowed\r\n\r\n" UTF8 "\r\n",
	  "MIME-Version: 1.0\r\nContent-Type: text/plain; format=flowed; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" UTF8 "\r\n",
	  B(MISSING_CHARSET) },
	{ "a charset is believed", B(MISSING_CHARSET), "Content-Type: text/plain; charset=iso-8859-1\r\n\r\n" UTF8 "\r\n",
	  "Content-Type: text/plain; charset=iso-8859-1\r\n\r\n" UTF8 "\r\n", 0 },
	{ "ASCII needs none", B(MISSING_CHARSET), FROM END, FROM END, 0 },
	{ "parts say their own", B(MISSING_CHARSET), "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" UTF8 "\r\n--b--\r\n",
	  "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" UTF8 "\r\n--b--\r\n", 0 },
};

#define SIGNED_BODY "\r\nSubject: " SJIS "\r\n"
static const struct repair_case untouched[] = {
	{ "no switch", 0, "Subject: " SJIS "\r\nSubject: 2\r\nstray\r\n\r\n" SJIS "\r\n", "Subject: " SJIS "\r\nSubject: 2\r\nstray\r\n\r\n" SJIS "\r\n", 0 },
	{ "S/MIME, clear", ALL, "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"\r\nSubject: " SJIS "\r\n" SIGNED_BODY,
	  "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"\r\nSubject: " SJIS "\r\n" SIGNED_BODY, B(NOT_SIGNED) },
	{ "S/MIME, opaque", ALL, "content-type:\r\n APPLICATION/pkcs7-mime; name=x\r\nDate: today\r\n" END,
	  "content-type:\r\n APPLICATION/pkcs7-mime; name=x\r\nDate: today\r\n" END, B(NOT_SIGNED) },
	{ "DKIM", ALL, "DKIM-Signature: v=1; d=x\r\nFrom: a@b <a@b>\r\n" END, "DKIM-Signature: v=1; d=x\r\nFrom: a@b <a@b>\r\n" END, B(NOT_SIGNED) },
	{ "PGP in the text", ALL, "From: a@b <a@b>\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA512\r\n\r\n" SJIS "\r\n",
	  "From: a@b <a@b>\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA512\r\n\r\n" SJIS "\r\n", B(NOT_SIGNED) },
};

static const struct repair_case whole[] = {
	{ "what an old copier sends", ALL, "From: scan@x.example <scan@x.example>\r\nTo: Tanaka t@x.example\r\nSubject: " SJIS "\r\n\r\n" SJIS "\r\n",
	  "From: \"scan@x.example\" <scan@x.example>\r\nTo: Tanaka <t@x.example>\r\nSubject: " WORD "\r\n"
	  "Date: Tue, 24 Nov 2026 00:00:30 +0000\r\nMessage-ID: <K7M2P9QRST@gate.example>\r\n"
	  "Content-Type: text/plain; charset=Shift_JIS\r\nContent-Transfer-Encoding: 8bit\r\nMIME-Version: 1.0\r\n\r\n" SJIS "\r\n",
	  B(QUOTED_AT) | B(ANGLE_BRACKETS) | B(RAW_HEADERS) | B(MISSING_CHARSET) | B(MISSING_DATE) | B(MISSING_MESSAGE_ID) },
	{ "what a good one sends", ALL,
	  FROM "Date: Tue, 24 Nov 2026 09:00:00 +0900\r\nMessage-ID: <1@x>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
	  "Content-Transfer-Encoding: 8bit\r\nX-Odd:  two  blanks \r\n\r\n" UTF8 "  \r\n.\r\n",
	  FROM "Date: Tue, 24 Nov 2026 09:00:00 +0900\r\nMessage-ID: <1@x>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
	  "Content-Transfer-Encoding: 8bit\r\nX-Odd:  two  blanks \r\n\r\n" UTF8 "  \r\n.\r\n", 0 },
};

/* A listener without repairs, an account with from-rewrite: shared@x.example. */
#define SHARED "From: <shared@x.example>\r\n"
static const struct repair_case rewritten[] = {
	{ "another From", 0, "From: <c@x.example>\r\n" END, SHARED "Reply-To: <c@x.example>\r\n" END, B(FROM_REWRITE) },
	{ "the name stays", 0, "From: \"Copier 2F\" <c@x.example>\r\nTo: d@x\r\n" END,
	  "From: \"Copier 2F\" <shared@x.example>\r\nTo: d@x\r\nReply-To: \"Copier 2F\" <c@x.example>\r\n" END, B(FROM_REWRITE) },
	{ "a raw name becomes words", 0, "From: " SJIS " <c@x.example>\r\n" END,
	  "From: " WORD " <shared@x.example>\r\nReply-To: " WORD " <c@x.example>\r\n" END, B(FROM_REWRITE) },
	{ "a Reply-To stays", 0, "From: <c@x.example>\r\nReply-To: <d@x>\r\n" END, SHARED "Reply-To: <d@x>\r\n" END, B(FROM_REWRITE) },
	{ "Sender goes", 0, "Sender: <s@x.example>\r\nFrom: <c@x.example>\r\n" END, SHARED "Reply-To: <c@x.example>\r\n" END, B(FROM_REWRITE) },
	{ "several senders become one", 0, "From: <a@x.example>, Bob <b@x.example>\r\n" END, SHARED "Reply-To: <a@x.example>, Bob <b@x.example>\r\n" END,
	  B(FROM_REWRITE) },
	{ "two From become one", 0, "From: <a@x.example>\r\nX: y\r\nFrom : <b@x.example>\r\n" END, SHARED "X: y\r\nReply-To: <a@x.example>\r\n" END,
	  B(FROM_REWRITE) },
	{ "none", 0, "Subject: x\r\n" END, "Subject: x\r\n" SHARED END, B(FROM_REWRITE) },
	{ "one that cannot be read", 0, "From: <a@x.example> <b@x.example>\r\n" END, SHARED END, B(FROM_REWRITE) },
	{ "the same already", 0, "From: Shared <SHARED@x.example>\r\nReply-To: <d@x>\r\n" END, "From: Shared <SHARED@x.example>\r\nReply-To: <d@x>\r\n" END, 0 },
	{ "a DKIM signature is kept under another name", 0, "DKIM-Signature: v=1;\r\n b=x\r\nFrom: <c@x.example>\r\nDate: today\r\n" END,
	  "X-Original-DKIM-Signature: v=1;\r\n b=x\r\n" SHARED "Date: today\r\nReply-To: <c@x.example>\r\n" END, B(FROM_REWRITE) },
	{ "S/MIME: the body stays", ALL, "Content-Type: multipart/signed; boundary=b\r\nFrom: <c@x.example>\r\n\r\n--b\r\n" SJIS "\r\n--b--\r\n",
	  "Content-Type: multipart/signed; boundary=b\r\n" SHARED "Reply-To: <c@x.example>\r\n\r\n--b\r\n" SJIS "\r\n--b--\r\n",
	  B(FROM_REWRITE) | B(NOT_SIGNED) },
};

#endif
