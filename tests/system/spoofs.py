"""Two hundred ways to pretend to be somebody else, and what has to be let through: data for test_spoof.py.

The account is SENDER; it may also send as ALIAS and as any address of @SUB. To add a spoof: a row.
"""

import base64

from message import SENDER

ALIAS = "alias@contoso.example"
SUB = "sub.contoso.example"
EVIL = "ceo@contoso.example"
OTHER = "copier@evil.example"
OK = SENDER.encode()
E = EVIL.encode()
O = OTHER.encode()
CRLF = b"\r\n"


def _word(text, encoding="b"):
    if encoding == "b":
        return b"=?utf-8?b?" + base64.b64encode(text) + b"?="
    return b"=?utf-8?q?" + b"".join(b"=%02X" % byte for byte in text) + b"?="


# --- MAIL FROM: the whole command's argument ---

ENVELOPE_SPOOFS = [
    f"<{EVIL}>", f"<{OTHER}>", f"<CEO@CONTOSO.EXAMPLE>", EVIL, f" <{EVIL}>", f"<{EVIL}> BODY=8BITMIME", f"<{EVIL}> AUTH=<{SENDER}>",
    f"<{EVIL}> SIZE=100", f"<@contoso.example:{EVIL}>", f"<@a.example,@b.example:{OTHER}>", f"<@{SENDER}:{EVIL}>",
    "<copier%contoso.example@evil.example>", "<ceo%contoso.example@contoso.example>", "<contoso.example!copier@evil.example>",
    "<evil.example!copier>", "<contoso.example!ceo@contoso.example>", '<"copier@contoso.example"@evil.example>',
    '<"copier"@contoso.example>', '<"cop ier"@contoso.example>', '<"\\c\\opier"@contoso.example>', '<"ceo"@contoso.example>',
    "<copier@contoso.example.>", "<copier@contoso.example.evil.example>", "<copier@evil.example@contoso.example>",
    "<copier@contoso.example@evil.example>", "<copier+ceo@contoso.example>", "<copier.@contoso.example>", "<.copier@contoso.example>",
    "<copier@contoso..example>", "<copier@[127.0.0.1]>", "<copier@[IPv6:::1]>", "<copier@localhost>", "<copier@contoso>", "<copier>",
    "<postmaster>", "<>", "<@contoso.example>", "<copier@>", "<сopier@contoso.example> SMTPUTF8", "<copier@соntoso.example> SMTPUTF8",
    "<copier@ｃontoso.example> SMTPUTF8", "<copier@contoso。example> SMTPUTF8", "<copier@xn--ntoso-w5a.example>", "<copıer@contoso.example> SMTPUTF8",
    "<copier@contoso.example\x00.evil.example>", "<copier\x00@contoso.example>", f"<{SENDER}\x00{EVIL}>", f"<{SENDER}> <{EVIL}>", f"<{EVIL}> <{SENDER}>",
    f"<{SENDER},{EVIL}>", f"<{SENDER}>,<{EVIL}>", f"<{SENDER} {EVIL}>", "<copier(ceo)@contoso.example>", f"<{EVIL}(x)>",
    f"Copier <{EVIL}>", f'"{SENDER}" <{EVIL}>', f"<<{EVIL}>>", f"<{EVIL}", f"{EVIL}>", "<copier@SUB.contoso.example.evil.example>",
    "<copier@xsub.contoso.example>", "<copier@a.sub.contoso.example>", "<alias@evil.example>", "<aliases@contoso.example>",
    "<lias@contoso.example>", "<alias@contoso.example copier@contoso.example>", "<@sub.contoso.example>", "< alias@contoso.example >",
]

ENVELOPE_GOOD = [
    f"<{SENDER}>", f"<{SENDER.upper()}>", SENDER, f" <{SENDER}>", f"<copier@CONTOSO.Example>", f"<{ALIAS}>", "<ALIAS@contoso.example>",
    f"<any@{SUB}>", f"<other.one@{SUB.upper()}>", f"<@relay.example:{SENDER}>", f"<@a.example,@b.example:{SENDER}>",
    f"<{SENDER}> BODY=8BITMIME SIZE=100", f"<{SENDER}> AUTH=<>",
]

# --- header sections: refused, or what arrives names nobody else, whoever reads it ---

HEADER_SPOOFS = {
    # The plain ones, in each notation.
    "bare": b"From: " + E, "angle": b"From: <" + E + b">", "named": b"From: Boss <" + E + b">", "quoted": b'From: "Boss" <' + E + b">",
    "other domain": b"From: <" + O + b">", "upper case": b"From: <" + E.upper() + b">", "no blank": b"From:<" + E + b">",
    "tab": b"From:\t<" + E + b">", "many blanks": b"From:     <" + E + b">   ", "blanks inside": b"From: < " + E + b" >",
    "comment before": b"From: (x) <" + E + b">", "comment behind": b"From: <" + E + b"> (" + OK + b")", "comment with ours": b"From: " + E + b" (" + OK + b")",
    "nested comment": b"From: (a (" + OK + b") b) " + E, "comment in the address": b"From: ceo(copier)@contoso.example",
    "comment around the at": b"From: ceo (a) @ (b) contoso.example", "blanks around the at": b"From: ceo @ contoso . example",
    "ours as name": b"From: " + OK + b" <" + E + b">", "ours as quoted name": b'From: "' + OK + b'" <' + E + b">",
    "ours in brackets as quoted name": b'From: "<' + OK + b'>" <' + E + b">", "evil as name": b"From: " + E + b" <" + OK + b">",
    "evil in parts as name": b"From: ceo @ contoso.example <" + OK + b">", "evil quoted in parts as name": b'From: "ceo"@contoso.example <' + OK + b">",
    "evil and a comment as name": b"From: ceo (x) @contoso.example <" + OK + b">",
    "evil among the words of a name": b"From: The " + E + b" here <" + OK + b">", "encoded name of ours": b"From: " + _word(OK) + b" <" + E + b">",
    "encoded whole": b"From: " + _word(b"<" + E + b">"), "encoded whole, quoted": b"From: " + _word(b"<" + E + b">", "q"),
    "encoded local part": b"From: " + _word(b"copier") + b"@contoso.example", "encoded with an at": b"From: =?utf-8?q?copier=40contoso.example?=",
    "encoded before evil's domain": b"From: " + _word(OK, "q") + b"@evil.example", "charset tricks": b"From: =?utf-7?q?+AGM-eo=40contoso.example?=",
    # Several.
    "ours, evil": b"From: " + OK + b", " + E, "evil, ours": b"From: " + E + b", " + OK, "ours,evil without blank": b"From: <" + OK + b">,<" + E + b">",
    "without comma": b"From: <" + OK + b"> <" + E + b">", "without anything": b"From: <" + OK + b"><" + E + b">", "semicolon": b"From: " + OK + b"; " + E,
    "words": b"From: " + OK + b" " + E, "evil's words": b"From: " + E + b" " + OK, "holes": b"From: ,," + OK + b",,," + E + b",,",
    "sixty of ours, then evil": b"From: " + b", ".join([OK] * 60 + [E]), "a hundred of ours, then evil": b"From: " + b",\r\n ".join([OK] * 100 + [E]),
    "behind 8 KiB": b"From: " + OK + b" (" + b"x" * 8200 + b"), " + E, "behind 8 KiB of folds": b"From: " + OK + b",\r\n " + b" \t" * 4200 + b"\r\n " + E,
    "behind 1 MiB": b"From: " + OK + b" (" + b"x" * 1_000_000 + b"), " + E,
    # Groups and routes.
    "group": b"From: Team: " + E + b";", "group of both": b"From: Team: " + OK + b", " + E + b";", "group, then evil": b"From: Team: " + OK + b";, " + E,
    "group behind ours": b"From: " + OK + b", Team: " + E + b";", "empty group": b"From: Team:;", "undisclosed": b"From: undisclosed-senders:;",
    "group that is not closed": b"From: Team: " + E, "group named as evil": b"From: " + E + b": " + OK + b";", "group in brackets": b"From: <Team: " + E + b";>",
    "route": b"From: <@contoso.example:" + E + b">", "route of two": b"From: <@a.example,@b.example:" + O + b">", "route of ours": b"From: <@" + OK + b":" + E + b">",
    "percent": b"From: <copier%contoso.example@evil.example>", "percent at home": b"From: <ceo%contoso.example@contoso.example>",
    "bang": b"From: <contoso.example!copier@evil.example>", "two ats": b"From: <copier@contoso.example@evil.example>",
    "two ats the other way": b"From: <copier@evil.example@contoso.example>", "mailto": b"From: <mailto:" + E + b">", "bare mailto": b"From: mailto:" + E,
    # Quoting.
    "quoted local part": b'From: "ceo"@contoso.example', "quoted ours": b'From: "copier"@contoso.example', "quoted whole": b'From: "' + E + b'"',
    "quoted whole with brackets": b'From: "<' + E + b'>"', "ours quoted as local part": b'From: "' + OK + b'"@evil.example',
    "escapes": b'From: "\\c\\e\\o"@contoso.example', "quote not closed": b'From: "Boss <' + E + b">", "quote not closed, ours behind": b'From: "' + E + b" <" + OK + b">",
    "escaped end of quote": b'From: "Boss\\" <' + E + b'>', "comment not closed": b"From: " + E + b" (", "comment not closed before ours": b"From: (<" + E + b"> " + OK,
    "bracket not closed": b"From: <" + E, "bracket not opened": b"From: " + E + b">", "brackets twice": b"From: <<" + E + b">>", "square": b"From: [" + E + b"]",
    "backslash": b"From: \\<" + E + b">", "single quotes": b"From: '" + E + b"'", "literal": b"From: ceo@[127.0.0.1]", "literal in ours": b"From: <copier@[contoso.example]>",
    # Names that look like ours.
    "trailing dot": b"From: <copier@contoso.example.>", "longer domain": b"From: <copier@contoso.example.evil.example>", "shorter": b"From: <copier@contoso>",
    "plus": b"From: <copier+x@contoso.example>", "dot": b"From: <cop.ier@contoso.example>", "cyrillic local part": "From: <сopier@contoso.example>".encode(),
    "cyrillic domain": "From: <copier@соntoso.example>".encode(), "full width": "From: <copier@ｃｏｎｔｏｓｏ.example>".encode(),
    "full width at": "From: <copier＠contoso.example>".encode(), "full width at, evil": "From: <ceo＠contoso.example>".encode(),
    "ideographic dot": "From: <copier@contoso。example>".encode(), "dotless i": "From: <copıer@contoso.example>".encode(),
    "combining": "From: <copier@contoso\u0301.example>".encode(), "zero width": "From: <copier\u200b@contoso.example>".encode(),
    "right to left": "From: <\u202eelpmaxe.osotnoc@oec>".encode(), "punycode": b"From: <copier@xn--ntoso-w5a.example>", "latin-1": b"From: <c\xf6pier@contoso.example>",
    "shift_jis name": b"From: \x83X\x83L <" + E + b">", "iso-2022-jp name": b"From: \x1b$B%9%-\x1b(B <" + E + b">",
    "iso-2022-jp that hides it": b"From: \x1b$B<" + E + b">!\x1b(B <" + OK + b">", "escape without end": b"From: \x1b$B%9 <" + E + b">, " + OK,
    # Controls.
    "nul before": b"From: \0" + E, "nul in": b"From: ce\0o@contoso.example", "nul behind ours": b"From: " + OK + b"\0, " + E, "nul behind brackets": b"From: <" + OK + b">\0 <" + E + b">",
    "nul in the name": b"Fr\0om: " + E, "nul behind the name": b"From\0: " + E, "nul before the name": b"\0From: " + E, "bare cr": b"From: " + OK + b"\rFrom: " + E,
    "bare lf": b"From: " + OK + b"\nFrom: " + E, "cr cr lf": b"From: " + OK + b"\r\r\nFrom: " + E, "vertical tab": b"From: " + OK + b"\x0b, " + E,
    "form feed": b"From: " + OK + b"\x0c" + E, "bell": b"From: \x07" + E, "del": b"From: <ceo\x7f@contoso.example>", "escape in the name": b"\x1bFrom: " + E,
    # The field's name.
    "any case": b"fRoM: " + E, "upper": b"FROM: " + E, "blank before the colon": b"From : " + E, "tab before the colon": b"From\t: " + E,
    "blanks before the colon": b"From   \t : " + E, "bom before": b"\xef\xbb\xbfFrom: " + E, "no-break space behind": b"From\xc2\xa0: " + E, "colon twice": b"From:: " + E,
    "blank first": b" From: " + E, "tab first": b"\tFrom: " + E, "blank line of blanks first": b" \r\nFrom: " + E, "blanks alone first": b"   \r\n\t\r\nFrom: " + E,
    "folded name": b"From\r\n : " + E, "folded value": b"From:\r\n " + E, "folded twice": b"From:\r\n \r\n\t" + E, "folded in the address": b"From: ceo\r\n @contoso.example",
    "folded in the name": b"From: " + OK + b"\r\n <" + E + b">", "folded behind ours": b"From: " + OK + b"\r\n , " + E,
    # Several fields.
    "two": b"From: " + OK + CRLF + b"From: " + E, "two, evil first": b"From: " + E + CRLF + b"From: " + OK, "two, spelt differently": b"From: " + OK + CRLF + b"FROM : " + E,
    "two, the second empty": b"From: " + OK + CRLF + b"From:", "two of ours": b"From: " + OK + CRLF + b"From: " + OK, "three": b"From: " + OK + CRLF + b"X: y\r\nFrom: " + OK + CRLF + b"From: " + E,
    "evil last of many": b"From: " + OK + CRLF + b"X-Fill: y\r\n" * 2000 + b"From: " + E, "evil behind 1 MiB": b"From: " + OK + CRLF + b"X-Fill: " + b"y" * 1_000_000 + CRLF + b"From: " + E,
    "only evil behind 1 MiB": b"X-Fill: " + b"y" * 1_000_000 + CRLF + b"From: " + E, "behind a stray line": b"From: " + OK + CRLF + b"stray\r\nFrom: " + E,
    "only behind a stray line": b"stray\r\nFrom: " + E, "behind a line of blanks": b"From: " + OK + CRLF + b" \r\nFrom: " + E, "only behind a line of blanks": b"X: y\r\n \t\r\nFrom: " + E,
    "behind a mailbox file's line": b"From x Tue Nov 24\r\nFrom: " + E, "behind an encoded word": b"Subject: =?utf-8?q?a=0D=0A?=\r\nFrom: " + E,
    # Sender and its kin.
    "sender": b"From: " + OK + CRLF + b"Sender: " + E, "sender alone": b"Sender: " + E, "sender in any case": b"From: " + OK + CRLF + b"sEnDeR : <" + E + b">",
    "sender first": b"Sender: <" + E + b">\r\nFrom: " + OK, "two senders": b"From: " + OK + CRLF + b"Sender: " + OK + CRLF + b"Sender: " + E,
    "sender folded": b"From: " + OK + CRLF + b"Sender:\r\n " + E, "sender with a list": b"From: " + OK + CRLF + b"Sender: " + OK + b", " + E,
    "sender as name": b"From: " + OK + CRLF + b"Sender: " + E + b" <" + OK + b">", "sender in a group": b"From: " + OK + CRLF + b"Sender: Team: " + E + b";",
    "sender, nul": b"From: " + OK + CRLF + b"Sen\0der: " + E, "sender, first line's blank": b" Sender: " + E + CRLF + b"From: " + OK,
    "sender of another domain": b"From: " + OK + CRLF + b"Sender: <" + O + b">", "sender cannot be read": b"From: " + OK + CRLF + b"Sender: Boss",
    "resent-from": b"From: " + OK + CRLF + b"Resent-From: " + E, "resent-sender": b"From: " + OK + CRLF + b"Resent-Sender: <" + E + b">",
    "resent-from twice": b"From: " + OK + CRLF + b"Resent-From: " + OK + CRLF + b"Resent-From: " + E, "resent-from first": b"RESENT-FROM : " + E + CRLF + b"From: " + OK,
    # No address at all.
    "words alone": b"From: Boss", "empty brackets": b"From: <>", "mailer-daemon": b"From: MAILER-DAEMON", "local part alone": b"From: <ceo>", "at alone": b"From: @",
    "domain alone": b"From: @contoso.example", "comment alone": b"From: (" + E + b")", "comma alone": b"From: ,",
}

# Accepted, since nobody else is named.
HEADER_GOOD = {
    "bare": b"From: " + OK, "angle": b"From: <" + OK + b">", "named": b"From: Copier 2F <" + OK + b">", "case": b"fROM: <COPIER@Contoso.EXAMPLE>",
    "alias": b"From: <" + ALIAS.encode() + b">", "sub": b"From: <any.one@" + SUB.encode() + b">", "both of ours": b"From: " + OK + b", <" + ALIAS.encode() + b">",
    "folded": b"From: Copier\r\n <" + OK + b">", "group of ours": b"From: Team: " + OK + b", " + ALIAS.encode() + b";", "sender of ours": b"From: " + OK + CRLF + b"Sender: <" + ALIAS.encode() + b">",
    "quoted comma": b'From: "Tanaka, Taro" <' + OK + b">", "comment": b"From: " + OK + b" (Copier)", "our own as name": b"From: " + OK + b" <" + OK + b">",
    "encoded name": b"From: " + _word("複合機".encode()) + b" <" + OK + b">", "shift_jis name": b"From: " + "複合機".encode("cp932") + b" <" + OK + b">",
    "iso-2022-jp name": b"From: " + "複合機".encode("iso-2022-jp") + b" <" + OK + b">", "utf-8 name": b'From: "' + "複合機".encode() + b'" <' + OK + b">",
    "an at that is no address": b"From: Scan @ 2F <" + OK + b">", "no from": b"Subject: x", "reply-to is free": b"From: " + OK + CRLF + b"Reply-To: " + E,
    "to is free": b"From: " + OK + CRLF + b"To: " + E, "in the body it is text": b"From: " + OK + CRLF + CRLF + b"From: " + E, "x-from": b"From: " + OK + CRLF + b"X-From: " + E,
    "route of nobody": b"From: <@relay.example:" + OK + b">", "blank before the colon": b"From : " + OK, "resent-from ours": b"From: " + OK + CRLF + b"Resent-From: " + OK,
}
