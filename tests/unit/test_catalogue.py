"""tools/catalogue.py takes good entries and refuses a translation whose conversions would read what is not there."""
import pathlib
import subprocess
import sys

import pytest

CATALOGUE = pathlib.Path(__file__).resolve().parents[2] / "tools" / "catalogue.py"


def table(tmp_path, english, japanese):
    source, target = tmp_path / "in.po", tmp_path / "out.c"
    source.write_text(f'msgid "{english}"\nmsgstr "{japanese}"\n', encoding="utf-8")
    done = subprocess.run([sys.executable, CATALOGUE, source, target], capture_output=True, text=True, check=False)
    return done, target.read_text(encoding="utf-8") if target.exists() else ""


@pytest.mark.parametrize("english,japanese", [
    ("cannot %s %s", "%2$s を %1$s できません"),
    ("%d of %zu", "%2$zu のうち %1$d"),
    ("100 %% of %.*s", "%.*s の 100 %%"),
    ("plain", "そのまま"),
])
def test_takes(tmp_path, english, japanese):
    done, text = table(tmp_path, english, japanese)
    assert done.returncode == 0, done.stderr
    assert f'"{english}"' in text and "say_japanese_count = 1ul" in text


@pytest.mark.parametrize("english,japanese", [
    ("%s", "%d"), ("%s", "%s %s"), ("%s %d", "%d %s"), ("%u", "%llu"), ("%s", "なし"), ("%.*s", "%s"),
    ("cannot %s %d", "%2$s を %1$d"),
])
def test_refuses(tmp_path, english, japanese):
    done, text = table(tmp_path, english, japanese)
    assert done.returncode != 0 and "conversions differ" in done.stderr and not text
