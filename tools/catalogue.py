#!/usr/bin/python3
"""Turn a .po file into a sorted C table: catalogue.py IN.po OUT.c

The table is looked up by the English sentence (base/say.c), so the program
needs no locale and no file at run time. Only what say.c uses is read: msgid
and msgstr; fuzzy and obsolete entries are left out, as msgfmt leaves them out.
"""
import ast
import re
import sys


def entries(path):
    field, found, fuzzy = None, {"msgid": "", "msgstr": ""}, False
    with open(path, encoding="utf-8") as lines:
        for line in [*lines, "\n"]:
            line = line.strip()
            if line.startswith("#,") and "fuzzy" in line:
                fuzzy = True
            elif line.startswith(("msgid ", "msgstr ")):
                field, text = line.split(" ", 1)
                if field == "msgid" and found["msgstr"]:
                    yield found["msgid"], found["msgstr"]
                    found = {"msgid": "", "msgstr": ""}
                found[field] = ast.literal_eval(text)
            elif line.startswith('"') and field:
                found[field] += ast.literal_eval(line)
            elif not line and found["msgid"]:
                if found["msgstr"] and not fuzzy:
                    yield found["msgid"], found["msgstr"]
                field, found, fuzzy = None, {"msgid": "", "msgstr": ""}, False
            elif not line:
                field, found, fuzzy = None, {"msgid": "", "msgstr": ""}, False


def conversions(text):
    """What printf would take: a translation that takes anything else would read what is not there."""
    found = re.findall(r"%(?:(\d+)\$)?[-+ #0]*(\*|\d+)?(\.(?:\*|\d+)?)?(hh|h|ll|l|z|j|t)?([a-zA-Z%])", text.replace("%%", ""))
    numbered = all(number for number, *_ in found)
    return [tuple(rest) for _, *rest in (sorted(found, key=lambda one: int(one[0])) if found and numbered else found)]


def c_string(text):
    out = []
    for byte in text.encode():
        if byte in (0x22, 0x5C):
            out.append("\\" + chr(byte))
        elif 0x20 <= byte < 0x7F:
            out.append(chr(byte))
        else:
            out.append("\\%03o" % byte)
    # A trigraph would be read as one character by a C compiler in ISO mode.
    return '"' + "".join(out).replace("??", '?""?') + '"'


def main():
    source, target = sys.argv[1:]
    # strcmp order over the bytes: what bsearch() in say.c relies on.
    rows = sorted(((k, v) for k, v in entries(source) if k), key=lambda row: row[0].encode())
    for english, japanese in rows:
        if conversions(english) != conversions(japanese):
            sys.exit(f"{source}: the conversions differ: {english!r}: {japanese!r}")
    with open(target, "w", encoding="utf-8") as out:
        out.write('#include "base/say.h"\n\n')
        out.write("const struct say_entry say_japanese[] = {\n")
        for english, japanese in rows:
            out.write("\t{ %s, %s },\n" % (c_string(english), c_string(japanese)))
        out.write("\t{ 0, 0 },\n};\n")
        out.write("const unsigned long say_japanese_count = %dul;\n" % len(rows))


main()
