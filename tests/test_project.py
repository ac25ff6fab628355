"""What the project says about itself is true: its README, its Makefile, its requirements, its tracked files."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    path
    for name in ("README.md", "CONTRIBUTING.md", "docs/**/*.md", "weblogs_platform/**/README.md")
    for path in sorted(ROOT.glob(name))
]
TEXT_SUFFIXES = {
    ".py",
    ".md",
    ".toml",
    ".yaml",
    ".yml",
    ".sql",
    ".json",
    ".txt",
    ".sh",
    ".html",
    ".js",
    ".css",
    "",
}


@cache
def _make_targets() -> frozenset[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z][a-z-]*):.*## ", text, flags=re.MULTILINE))


@cache
def _tracked_files() -> tuple[Path, ...]:
    if not (ROOT / ".git").exists():
        return ()  # an unpacked archive: what is tracked is not known
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)
    return tuple(ROOT / name for name in listing.stdout.decode().split("\0") if name)


def _code_of(markdown: str) -> list[str]:
    """The fenced blocks and the inline code of a page: where a command is a promise and not a word."""
    fenced = re.findall(r"^```[^\n]*\n(.*?)^```", markdown, flags=re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", markdown, flags=re.MULTILINE | re.DOTALL))
    return fenced + inline


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=_named)
def test_make_commands_in_documents_exist(document: Path) -> None:
    """A target that is renamed would leave a reader with a first command that fails."""
    code = "\n".join(_code_of(document.read_text(encoding="utf-8")))
    mentioned = set(re.findall(r"(?:^|[\s;&(])make ((?!-)[a-z][a-z-]*)\b(?!=)", code, flags=re.MULTILINE))
    assert mentioned <= _make_targets()


@pytest.mark.parametrize("document", DOCUMENTS, ids=_named)
def test_relative_links_in_documents_lead_somewhere(document: Path) -> None:
    """A file that moves would leave pages, and the pictures of the README, pointing at nothing."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)", text) + re.findall(
        r"(?:src|href)=\"([^\"]+)\"", text
    )
    local = [target.split("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]
    assert [target for target in local if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=_named)
def test_project_paths_named_in_documents_exist(document: Path) -> None:
    """A code map that names files which are gone is worse than none."""
    top_level = {path.name for path in ROOT.iterdir()} | {
        "assets", "benchmarks", "deploy", "docs", "jsonpaths", "resources", "sql", "tests", "weblogs_platform",
    }  # fmt: skip
    words = {word for code in _code_of(document.read_text(encoding="utf-8")) for word in code.split()}
    paths = {
        word.rstrip("/.,:;")
        for word in words
        if "/" in word and word.split("/")[0] in top_level and re.fullmatch(r"[\w./-]+", word)
    }
    relative_to = (ROOT, document.parent)
    assert [path for path in sorted(paths) if not any((base / path).exists() for base in relative_to)] == []


def test_every_make_target_explains_itself() -> None:
    """`make help` is the table of contents: a target that it does not list is not found."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, flags=re.MULTILINE)
    assert phony is not None
    assert set(phony.group(1).split()) == _make_targets()


@pytest.mark.parametrize("name", ["runtime.txt", "deployment.txt", "dev.txt"])
def test_requirements_are_pinned_hashed_and_name_no_index(name: str) -> None:
    """An index, a mirror or a local folder in the file would bind every installation to one machine."""
    lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
    wrong = [
        line
        for line in lines
        if not re.match(r"#|[a-z0-9][\w.-]*(\[[\w, -]+\])?==\S+ .*\\$|    --hash=sha256:[0-9a-f]{64}", line)
    ]
    assert wrong == []


def test_development_installs_what_production_installs() -> None:
    """Tests that ran against other versions than those deployed would prove nothing about them."""

    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        return {
            re.sub(r"\[.*?\]", "", pin)
            for pin in re.findall(r"^[a-z0-9][\w.-]*(?:\[.*?\])?==\S+", text, flags=re.MULTILINE)
        }

    assert pins("runtime.txt") <= pins("deployment.txt") <= pins("dev.txt")


def test_tracked_files_name_no_machine_and_no_registry() -> None:
    """A path of the machine it was written on, or a package index, works nowhere else."""
    home_or_host = re.compile(
        r"(?<![\w.<])/(?:root|work|home/\w+|Users/\w+)/|files\.pythonhosted\.org|pypi\.org/simple|registry\.npmjs\.org"
    )
    found = []
    for path in _tracked_files():
        if path == Path(__file__) or path.suffix not in TEXT_SUFFIXES or not path.is_file():
            continue
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
        ):
            if home_or_host.search(line):
                found.append(f"{_named(path)}:{number}: {line.strip()[:100]}")
    assert found == []


def test_core_imports_the_standard_library_only() -> None:
    """A library in the core would be one that every reader of its rules has to install and trust."""
    foreign = []
    for path in sorted((ROOT / "weblogs_platform" / "core").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            else:
                continue
            foreign += [f"{_named(path)}:{node.lineno}: {name}" for name in names if not _is_pure(name)]
    assert foreign == []


def _is_pure(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] in sys.stdlib_module_names or f"{module}.".startswith(
        "weblogs_platform.core."
    )


def test_tests_have_the_same_names_in_every_process(request: pytest.FixtureRequest) -> None:
    """pytest-xdist gives up where two workers collect differently: a name must hold no time and no set's order."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "--quiet",
        "--no-header",
        *request.config.args,
    ]
    environment = {**os.environ, "PYTHONHASHSEED": "11", "TZ": "Asia/Tokyo"}
    there = subprocess.run(
        command, cwd=request.config.invocation_params.dir, env=environment, check=True, capture_output=True
    )
    names = set(there.stdout.decode().splitlines())
    missing = [item.nodeid for item in request.session.items if item.nodeid not in names]
    assert missing == []
