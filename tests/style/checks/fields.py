"""Every field of the configuration has a test that shows its effect, named in tests/README.md."""

import json
import re

SCHEMA = "proto/config.schema.json"
PAGE = "tests/README.md"
SECTION = "Which test shows what a field does"

_ROW = re.compile(r"^\| `(?P<field>[^`]+)` \| (?P<suite>\w+) \| (?P<test>.*\S) \|$", re.M)
_TEXT = r'"((?:\\.|[^"\\\n])*)"'
_TEST = re.compile(rf"\bTEST_CASE\(\s*((?:{_TEXT}\s*)+)")


def leaves(schema, path=""):
    """The paths of what has no members of its own: `a.b`, `list[].c`, `map.*`."""
    items = schema.get("items", {})
    if "properties" in schema:
        for name, member in schema["properties"].items():
            yield from leaves(member, f"{path}.{name}" if path else name)
    elif "properties" in items:
        yield from leaves(items, path + "[]")
    elif isinstance(schema.get("additionalProperties"), dict):
        yield path + ".*"
    else:
        yield path


def test_names(tree, suite):
    """The names of a suite's test cases, however their texts are cut and escaped."""
    return {re.sub(r"\\(.)", r"\1", "".join(re.findall(_TEXT, texts.group(1))))
            for name in tree.cpp(f"tests/{suite}/") for texts in _TEST.finditer(tree.text(name))}


def shown(tree):
    for name in (SCHEMA, PAGE):
        if name not in tree.files():
            return [f"{name}: it is not there"]
    section = re.search(rf"^## {SECTION}$(.*?)(?=^## |\Z)", tree.text(PAGE), re.M | re.S)
    if not section:
        return [f"{PAGE}: it has no section '{SECTION}'"]
    fields = list(leaves(json.loads(tree.text(SCHEMA))))
    rows = list(_ROW.finditer(section.group(1)))
    named = {row["field"] for row in rows}
    problems = [f"{PAGE}: no test shows what '{field}' does" for field in fields
                if field not in named]
    for row in rows:
        if row["field"] not in fields:
            problems.append(f"{PAGE}: there is no field '{row['field']}'")
        if row["test"] not in test_names(tree, row["suite"]):
            problems.append(f"{PAGE}: no test of {row['suite']} is named '{row['test']}'")
    # A line of the table that is no row would say nothing to this check.
    lines = re.findall(r"^\|.*", section.group(1), re.M)
    if len(lines) != len(rows) + 2:
        problems.append(f"{PAGE}: {len(lines)} lines of the table, but {len(rows)} rows and a head")
    return problems


CHECKS = [("every field of the configuration has a test that shows what it does", shown)]
