"""Rules about the code that no linter knows."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app import config, errors
from app.domain.audit import AuditAction
from app.queries.audit import ACTION_LABELS

ROOT = Path(__file__).parent.parent.parent


def test_the_layers_hold():
    program = Path(sys.executable).with_name("lint-imports")
    found = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_only_the_edge_of_the_database_commits():
    # schema.py commits for the migrations; readiness.py takes back the lock that it tried.
    allowed = {ROOT / "app/db.py", ROOT / "app/schema.py", ROOT / "app/readiness.py"}
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in (ROOT / "app").rglob("*.py")
        if path not in allowed
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\.(commit|rollback)\(", line)
    ]
    assert found == []


_READS = re.compile(r"\bselect\(|\b(session|database|get_session\(\))\.(get|get_one|scalars?|execute)\(")


def test_pages_and_api_read_the_database_by_queries_only():
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in ("web", "api")
        for path in sorted((ROOT / "app" / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if _READS.search(line)
    ]
    assert found == []


def test_every_error_has_its_status():
    children = set(errors.AppError.__subclasses__())
    assert children == set(errors.STATUS)
    assert all(400 <= status < 600 for status in errors.STATUS.values())


def test_every_act_has_words_for_the_log():
    assert set(ACTION_LABELS) == set(AuditAction)


def test_every_setting_is_documented_and_no_other():
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE)
    assert sorted(documented) == sorted(config.ENVIRONMENT)


def test_every_setting_that_is_read_is_named():
    source = (ROOT / "app/config.py").read_text(encoding="utf-8")
    read = set(re.findall(r'(?:env\.get\(|\(env, )"([A-Z_]+)"', source))
    assert read == set(config.ENVIRONMENT)


def test_the_defaults_and_limits_of_the_settings_are_those_of_the_document(tmp_path):
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z_]+)` \| `([^`]+)` \| (.*) \|$", text, re.MULTILINE)
    bare = {"DATA_DIR": str(tmp_path)}
    standing = config.load(bare)
    for name, default, words in rows:
        if name not in {"DATA_DIR", "PUBLIC_URL"}:
            assert (name, config.load({**bare, name: default})) == (name, standing)
        for low, high in re.findall(r"\((\d+) to (\d+)[;)]", words):
            config.load({**bare, name: low})
            config.load({**bare, name: high})
            for past in (int(low) - 1, int(high) + 1):
                with pytest.raises(config.BadSetting, match=name):
                    config.load({**bare, name: str(past)})
    assert len(rows) > 25


def test_each_link_of_the_documents_leads_somewhere():
    followed = 0
    for document in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")):
        for name, heading in re.findall(
            r"\]\((?!\w+:)([^)#]*)#?([^)]*)\)", document.read_text(encoding="utf-8")
        ):
            target = document.parent / name if name else document
            assert target.exists(), (document.name, name)
            if heading:
                titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
                slugs = [re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles]
                assert heading in slugs, (document.name, name, heading)
            followed += 1
    assert followed > 30


def vendored():
    lines = (ROOT / "static/vendor/VERSIONS").read_text(encoding="utf-8").splitlines()
    return [line.split()[:4] for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize(("name", "version", "file", "sha256"), vendored())
def test_a_vendored_file_is_the_one_that_is_named(name, version, file, sha256):
    assert hashlib.sha256((ROOT / "static" / file).read_bytes()).hexdigest() == sha256


def test_every_vendored_file_is_named():
    files = {f"vendor/{path.name}" for path in (ROOT / "static/vendor").iterdir()} - {"vendor/VERSIONS"}
    assert files <= {file for _name, _version, file, _sha256 in vendored()}


@pytest.mark.skipif(
    shutil.which("git") is None or not (ROOT / ".git").exists(), reason="not a checkout: nothing is tracked"
)
def test_no_tracked_file_names_a_place_on_one_machine():
    forbidden = re.compile(r"(?<![\w.<>-])/(?:work|root|home|Users)/|\.\./shared")
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    found = []
    for name in filter(None, names):
        path = ROOT / name
        if path == Path(__file__) or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{name}: {hit[0]}" for hit in forbidden.finditer(text)]
    assert found == []
