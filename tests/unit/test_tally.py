"""tools/tally adds up what ran, and forgets no failure."""
import pathlib
import subprocess
import sys

TALLY = pathlib.Path(__file__).resolve().parents[2] / "tools" / "tally"
REPORT = """<testsuites><testsuite>
<testcase name="a"/><testcase name="b"><failure/></testcase><testcase name="c"><skipped/></testcase>
<testcase name="d"><error/></testcase><testcase name="e"><system-out>%s</system-out></testcase>
</testsuite></testsuites>"""


def tally(folder, **files):
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    done = subprocess.run([sys.executable, TALLY, folder], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()


def test_all_good(tmp_path):
    assert tally(tmp_path, build__result="0\n", unit__result="0\n", unit__xml='<t><testcase name="a"/></t>') == (
        0, ["2 passed, 0 failed, 0 skipped"])


def test_cases_are_counted(tmp_path):
    code, lines = tally(tmp_path, unit__result="1\n", unit__xml=REPORT % "")
    assert (code, lines) == (1, ["failed: unit: b", "failed: unit: d", "2 passed, 2 failed, 1 skipped"])


def test_control_characters_do_not_hide_a_report(tmp_path):
    code, lines = tally(tmp_path, unit__result="1\n", unit__xml=REPORT % "\x01\x1b[2J")
    assert (code, lines[-1]) == (1, "2 passed, 2 failed, 1 skipped")


def test_a_stage_that_failed_without_a_failing_case(tmp_path):
    code, lines = tally(tmp_path, unit__result="137\n", unit__xml='<t><testcase name="a"/></t>')
    assert (code, lines[-1]) == (1, "1 passed, 1 failed, 0 skipped")


def test_a_stage_without_a_report(tmp_path):
    assert tally(tmp_path, build__result="2\n") == (1, ["failed: build", "0 passed, 1 failed, 0 skipped"])


def test_a_report_cut_short(tmp_path):
    code, lines = tally(tmp_path, unit__result="0\n", unit__xml="<t><testcase")
    assert code == 1 and lines[-1] == "0 passed, 1 failed, 0 skipped"


def test_each_fuzz_target_counts_once(tmp_path):
    code, lines = tally(tmp_path, fuzz__result="1\n", **{"fuzz-a__result": "0\n", "fuzz-b__result": "77\n"})
    assert (code, lines) == (1, ["failed: fuzz-b", "1 passed, 1 failed, 0 skipped"])


def test_nothing_ran(tmp_path):
    assert tally(tmp_path) == (1, ["0 passed, 0 failed, 0 skipped"])
