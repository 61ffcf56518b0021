"""Rules about how a file is built: size, names, docstrings, forbidden calls."""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterable, Iterator

from tests.architecture.tree import SourceFile

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
PARAMETERS_MAX = 6

BANNED_FILE_WORDS = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"})
BANNED_FUNCTION_NAMES = frozenset({"update", "process", "handle", "manage", "sync"})

BANNED_CALLS = {
    "datetime.now": "clock.now()",
    "datetime.utcnow": "clock.now()",
    "datetime.today": "clock.now()",
    "date.today": "clock.now()",
    "time.time": "clock.now()",
    "time.sleep": "clock.sleep()",
    "asyncio.sleep": "clock.sleep()",
}
"""What reads the machine's clock or waits on it, with what takes its place."""

CLOCK_FILE = "syncd/clock.py"

SLEEPS_ITSELF = {
    "syncd/testkit/*": "waits for servers and lets tasks run; its clock is the one under test",
    "connectors/*/sandbox*.py": "answers late on demand, as the real server does: in real time",
}
"""Places that may call asyncio.sleep, each with the reason."""

SUPERVISOR = "syncd/supervision.py"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def empty_inits(files: Iterable[SourceFile]) -> list[str]:
    """`__init__.py` holds nothing, so that importing one file loads one file."""
    return [
        file.at(1, "is not empty; put the code in a file named after what it owns")
        for file in files
        if file.path.name == "__init__.py" and file.text.strip()
    ]


def module_docstrings(files: Iterable[SourceFile]) -> list[str]:
    """Every file says in its first sentence what it owns."""
    return [
        file.at(1, "has no docstring; begin the file with one sentence that says what it owns")
        for file in files
        if file.path.name != "__init__.py" and not (ast.get_docstring(file.tree) or "").strip()
    ]


def file_sizes(files: Iterable[SourceFile]) -> list[str]:
    """No file is longer than a person reads at once. A migration is a list of tables and is read as one."""
    return [
        file.at(FILE_LINES_MAX + 1, f"has {lines} lines, {FILE_LINES_MAX} at most: divide it by what it owns")
        for file in files
        if "versions" not in file.parts
        if (lines := len(file.text.splitlines())) > FILE_LINES_MAX
    ]


def function_sizes(files: Iterable[SourceFile]) -> list[str]:
    """No function is longer than a screen. A migration is a list of tables and is read as one."""
    return [
        file.at(node.lineno, f"{node.name} has {lines} lines, {FUNCTION_LINES_MAX} at most: take a step out of it")
        for file in files
        if "versions" not in file.parts
        for node in _functions(file)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]


def parameter_counts(files: Iterable[SourceFile]) -> list[str]:
    """A function is told what it needs in at most six parameters; more is a value that has no name yet."""
    findings: list[str] = []
    for file in files:
        for node in _functions(file):
            names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            count = len(names) - (names[:1] in (["self"], ["cls"]))
            if count > PARAMETERS_MAX:
                sentence = f"{node.name} has {count} parameters, {PARAMETERS_MAX} at most: give some of them a type"
                findings.append(file.at(node.lineno, sentence))
    return findings


def file_names(files: Iterable[SourceFile]) -> list[str]:
    """Files are named after what they own; these names own nothing."""
    return [
        file.at(1, f"is called {file.path.name}; name it after what it owns")
        for file in files
        if not BANNED_FILE_WORDS.isdisjoint(word for part in file.parts for word in part.removesuffix(".py").split("_"))
    ]


def function_names(files: Iterable[SourceFile]) -> list[str]:
    """Functions say what they do; these verbs say nothing (design §3)."""
    return [
        file.at(node.lineno, f"a function called {node.name}; use a verb of the glossary")
        for file in files
        for node in _functions(file)
        if node.name.strip("_") in BANNED_FUNCTION_NAMES
    ]


def machine_clock(files: Iterable[SourceFile]) -> list[str]:
    """Only clock.py reads the machine's clock or sleeps; everything else is handed a clock or a `now`."""
    findings: list[str] = []
    for file in files:
        path = str(file.path)
        if path == CLOCK_FILE or file.parts[0] == "tests":
            continue
        for node in ast.walk(file.tree):
            name = _dotted(node.func) if isinstance(node, ast.Call) else ""
            called = ".".join(name.split(".")[-2:])
            if called in BANNED_CALLS and not (called == "asyncio.sleep" and _sleeps_itself(file)):
                findings.append(
                    file.at(node.lineno, f"calls {called}; use {BANNED_CALLS[called]} of the clock handed in")
                )
        for found in file.imports:
            if found.module in ("time.time", "time.sleep", "asyncio.sleep"):
                findings.append(file.at(found.line, f"imports {found.module}; use the clock handed in"))
    return findings


def broad_excepts(files: Iterable[SourceFile]) -> list[str]:
    """Nobody catches everything but the supervisor; tests say exactly what they expect as well."""
    findings: list[str] = []
    for file in files:
        if str(file.path) == SUPERVISOR:
            continue
        for node in ast.walk(file.tree):
            if isinstance(node, ast.ExceptHandler) and not _broad(node.type).isdisjoint({"Exception", "BaseException"}):
                sentence = "catches every exception; name the faults you expect (only supervision.py may)"
                findings.append(file.at(node.lineno, sentence))
    return findings


def test_docstrings(files: Iterable[SourceFile]) -> list[str]:
    """Every test says in one sentence which behaviour it proves."""
    return [
        file.at(node.lineno, f"{node.name} has no docstring; say in one sentence which behaviour it proves")
        for file in files
        if file.parts[0] == "tests" and file.path.name.startswith("test_")
        for node in _functions(file)
        if node.name.startswith("test") and not ast.get_docstring(node)
    ]


def _functions(file: SourceFile) -> Iterator[Function]:
    return (node for node in ast.walk(file.tree) if isinstance(node, Function))


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _sleeps_itself(file: SourceFile) -> bool:
    return any(fnmatch.fnmatch(str(file.path), pattern) for pattern in SLEEPS_ITSELF)


def _broad(caught: ast.expr | None) -> set[str]:
    if caught is None:
        return {"BaseException"}
    parts = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return {_dotted(part).rpartition(".")[2] for part in parts}
