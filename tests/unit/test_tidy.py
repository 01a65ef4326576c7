"""tools/tidy finds each fault that is planted here, at its line, and nothing in a good tree."""
import pathlib
import re
import subprocess
import sys

import pytest

TIDY = pathlib.Path(__file__).resolve().parents[2] / "tools" / "tidy"

GOOD = {
    "src/base/str.h": "/* str: bytes. */\n#include <stddef.h>\n",
    "src/wire/line.h": '/*\n * line: lines.\n */\n#include "base/str.h"\n',
    "src/wire/line.c": '#include "wire/line.h"\n\n#include <arpa/inet.h>\n\n'
                       '/* strcpy( is only spoken of, as is log_event( */\nconst char *text = "time(";\n',
    "src/gate/session.c": '#include "wire/line.h"\n#include "domain/x.h"\n\nvoid f(void)\n{\n\tlog_event(1);\n}\n',
    "src/main.c": '#include "gate/session.h"\n',
    "tests/unit/test_x.c": '#include "check.h"\n',
}

# What is planted: the file, its text, the line, and words of the finding.
PLANTED = [
    ("src/wire/a.c", '#include "base/str.h"\n#include "domain/x.h"\n', 2, "wire (floor 1) includes domain"),
    ("src/domain/a.c", '#include "wire/line.h"\n', 1, "domain (floor 1) includes wire"),
    ("src/sys/a.c", '#include "keep/spool.h"\n', 1, "sys (floor 1) includes keep"),
    ("src/gate/a.c", '#include "keeper/admit.h"\n', 1, "gate (floor 4) includes keeper"),
    ("src/gate/a.c", '#include "session.h"\n', 1, "without its folder"),
    ("src/gate/a.c", '#include "gone/x.h"\n', 1, "there is no folder src/gone"),
    ("src/new/a.c", "int a;\n", 1, "is on no floor"),
    ("src/wire/a.c", "#include <sys/socket.h>\n", 1, "includes no socket"),
    ("src/domain/a.c", "\n\nlong now(void)\n{\n\treturn time(0);\n}\n", 5, "reads no clock"),
    ("src/keep/a.c", "void f(void)\n{\n\tlog_event(1);\n}\n", 3, "never logs"),
    ("src/base/a.c", "void f(void)\n{\n\tstrcpy(a, b);\n}\n", 3, "strcpy() is banned"),
    ("tests/unit/test_a.c", "void f(void)\n{\n\tsscanf(a, b);\n}\n", 3, "sscanf() is banned"),
    ("src/base/a.c", "int f(void)\n{\n" + "\ta();\n" * 71 + "}\n", 2, "a function of 71 lines"),
    ("src/base/a.c", "int a;\n" * 501, 501, "501 lines, more than 500"),
    ("tools/a.py", "def f():\n" + "    pass\n" * 71, 1, "f: 71 lines"),
    ("dev", "#!/bin/sh\n" + ":\n" * 300, 301, "more than 300"),
    ("src/base/a.h", "#include <stddef.h>\n", 1, "opens with its purpose"),
    ("src/base/a.h", "/* b: the wrong name. */\n", 1, "opens with its purpose"),
    ("src/base/a.c", "int a; \n", 1, "blanks at the end"),
    ("docs/a.md", "line\t\n", 1, "blanks at the end"),
    ("src/base/a.c", "int a;", 1, "no end of line"),
    ("src/base/a.c", "/* TO" "DO: later */\n", 1, "unfinished"),
    ("README.md", "see /ho" "me/me/notes\n", 1, "a path of one machine"),
]


def tidy(root, files):
    for name, text in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return subprocess.run([sys.executable, TIDY, root], capture_output=True, text=True, check=False)


def test_nothing_in_a_good_tree(tmp_path):
    done = tidy(tmp_path, GOOD)
    assert (done.returncode, done.stdout) == (0, "tidy: nothing found\n")


@pytest.mark.parametrize("name,text,line,words", PLANTED, ids=[words for *_, words in PLANTED])
def test_finds(tmp_path, name, text, line, words):
    done = tidy(tmp_path, {**GOOD, name: text})
    assert done.returncode == 1
    found = [one for one in done.stdout.splitlines() if re.match(re.escape(f"{name}:{line}: "), one) and words in one]
    assert len(found) == 1, done.stdout


def test_generated_and_foreign_files_are_left_alone(tmp_path):
    done = tidy(tmp_path, {**GOOD, "tests/system/node_modules/x/a.c": "strcpy(a, b); \n", "build/a.c": "x \n"})
    assert done.returncode == 0, done.stdout
