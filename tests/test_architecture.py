"""The rules of the house, each checked over the whole tree; tests/architecture holds the rules themselves."""

from __future__ import annotations

import pytest

from tests.architecture import imports, shape, text
from tests.architecture.tree import python_files, text_files

PYTHON = python_files()
PRODUCT = [file for file in PYTHON if file.parts[0] != "tests"]
TEXT = text_files()


def _hold(findings: list[str]) -> None:
    if findings:
        pytest.fail("\n".join(findings), pytrace=False)


def test_the_tree_is_read() -> None:
    """The rules look at the files they are meant for; an empty tree would keep every rule."""
    paths = {str(file.path) for file in TEXT}
    assert {
        "syncd/errors.py",
        "syncd/channel/port.py",
        "pyproject.toml",
        "constraints.txt",
        "Makefile",
    } <= paths
    assert len(PRODUCT) > 20


def test_files_of_a_room_are_pure() -> None:
    """Decisions hold no waiting, no input, no chance and no clock; only port, store and service may."""
    _hold(imports.pure_files(PRODUCT))


def test_rooms_depend_one_way() -> None:
    """A room imports only what comes before it in the order of design §8."""
    _hold(imports.one_way_rooms(PRODUCT))


def test_connectors_see_only_the_ports() -> None:
    """A connector imports the ports, identity, errors and clock, and libraries only at its edge."""
    _hold(imports.connectors_apart(PRODUCT))


def test_syncd_names_no_connector() -> None:
    """No file of syncd imports a connector."""
    _hold(imports.no_connector_by_name(PRODUCT))


def test_vendor_libraries_have_one_importer() -> None:
    """Each vendor library is known in one place."""
    _hold(imports.sole_importers(PRODUCT))


def test_inits_are_empty() -> None:
    """`__init__.py` files hold nothing."""
    _hold(shape.empty_inits(PYTHON))


def test_files_say_what_they_own() -> None:
    """Every Python file begins with a docstring."""
    _hold(shape.module_docstrings(PYTHON))


def test_files_are_short() -> None:
    """No file passes the hard limit of lines."""
    _hold(shape.file_sizes(PYTHON))


def test_functions_are_short() -> None:
    """No function passes the hard limit of lines."""
    _hold(shape.function_sizes(PYTHON))


def test_functions_have_few_parameters() -> None:
    """No function takes more than six parameters."""
    _hold(shape.parameter_counts(PYTHON))


def test_files_have_names_that_mean_something() -> None:
    """No file is a drawer for odds and ends."""
    _hold(shape.file_names(PYTHON))


def test_functions_have_names_that_mean_something() -> None:
    """No function of the product has a name that says nothing."""
    _hold(shape.function_names(PRODUCT))


def test_time_comes_from_the_clock() -> None:
    """Only clock.py reads the machine's clock or sleeps."""
    _hold(shape.machine_clock(PRODUCT))


def test_nobody_catches_everything() -> None:
    """Only the supervisor catches every exception."""
    _hold(shape.broad_excepts(PYTHON))


def test_tests_say_what_they_prove() -> None:
    """Every test has a docstring."""
    _hold(shape.test_docstrings(PYTHON))


def test_nothing_is_left_unfinished() -> None:
    """No file carries a mark of unfinished work."""
    _hold(text.unfinished(TEXT))


def test_no_file_knows_a_package_registry() -> None:
    """Where packages come from is set on the machine, never in the project."""
    _hold(text.registry_hosts(TEXT))


def test_no_file_knows_a_machine() -> None:
    """No path of one machine is written down."""
    _hold(text.machine_paths(TEXT))


def test_dependencies_have_reasons() -> None:
    """Every dependency says what it is for."""
    _hold(text.dependency_reasons(TEXT))


def test_dependencies_are_pinned() -> None:
    """Every dependency has its exact release in constraints.txt."""
    _hold(text.dependency_pins(TEXT))


def test_the_order_of_rooms_is_complete() -> None:
    """Every room that exists has its place in the order, once."""
    rooms = {file.parts[1].removesuffix(".py") for file in PRODUCT if file.parts[0] == "syncd"} - {"__init__"}
    assert rooms <= set(imports.ROOM_ORDER)
    assert len(imports.ROOM_ORDER) == len(set(imports.ROOM_ORDER))


def test_reasons_for_exceptions_are_current() -> None:
    """An exception to a rule is taken out of the list when the place it was for is gone."""
    rooms = {file.parts[1] for file in PRODUCT if file.parts[0] == "syncd"}
    assert set(imports.EDGE_ROOMS) <= rooms
