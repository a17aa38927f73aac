"""The workflows that `call` steps name: of the same file, of the other files of the workspace, of the lock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from headgate.compiler import graph as graphs
from headgate.compiler.encoding import encode, encode_schema
from headgate.compiler.graph import Graph
from headgate.compiler.schemas import named, schema_of
from headgate.compiler.types import ANY, Type
from headgate.compiler.written import of_block
from headgate.grammar import ast
from headgate.plan import JsonObject
from headgate.records import NamedTuple


class Beside(NamedTuple):
    """Another file of the workspace: where it stands, and what it says."""

    path: str
    file: ast.File


Elsewhere: TypeAlias = Callable[[str], "Beside | None"]


class Callee(NamedTuple):
    """A workflow that is called, and those of its file, where the names that it calls are looked up first."""

    graph: Graph
    siblings: Mapping[str, Graph]

    @property
    def name(self) -> str:
        return self.graph.workflow.name.text


def nowhere(name: str) -> Beside | None:
    """There are no other files."""
    del name
    return None


class Callees:
    """Finds workflows. `here` are those of the file at `path`, `elsewhere` finds the file of another one by its name.

    A file of the workspace is read once, and so are the types of what its workflows give.
    """

    def __init__(
        self, here: Mapping[str, Graph] = MappingProxyType({}), path: str = "", elsewhere: Elsewhere = nowhere
    ) -> None:
        self.here = here
        self._path = path
        self._elsewhere = elsewhere
        self._files: dict[str, Mapping[str, Graph]] = {}
        self._outputs: dict[int, Type] = {}

    def find(self, name: str, siblings: Mapping[str, Graph] | None = None) -> Callee | None:
        """The workflow that `call NAME` means where these are the siblings, those of the file without any."""
        near = self.here if siblings is None else siblings
        if name in near:
            return Callee(near[name], near)
        beside = self._elsewhere(name)
        if beside is None:
            return None
        if self._path and f"/{beside.path}".endswith(f"/{self._path}"):
            found = self.here
        else:
            if beside.path not in self._files:
                self._files[beside.path] = _graphs(beside.file)
            found = self._files[beside.path]
        return Callee(found[name], found) if name in found else None

    def output(self, callee: Callee, infer: Callable[[], Type]) -> Type:
        """The type of what a callee gives, inferred once; `ANY` while that is under way, in a ring of calls."""
        key = id(callee.graph)
        if key not in self._outputs:
            self._outputs[key] = ANY
            self._outputs[key] = infer()
        return self._outputs[key]


def _graphs(file: ast.File) -> Mapping[str, Graph]:
    return {one.name.text: graphs.build(one)[0] for one in reversed(file.workflows)}


def inputs_schema(workflow: ast.Workflow) -> JsonObject:
    """The JSON Schema of a run's inputs. What is wrong with an input must have been said: it is asserted."""
    properties: JsonObject = {}
    for one in workflow.inputs:
        if one.name.text not in properties:
            properties[one.name.text] = _input(one)
    return _closed(workflow, properties)


def known_inputs(workflow: ast.Workflow) -> JsonObject:
    """As `inputs_schema`; an input that something is wrong with takes everything."""
    properties: JsonObject = {}
    for one in workflow.inputs:
        if one.name.text not in properties:
            properties[one.name.text] = input_schema(one)
    return _closed(workflow, properties)


def input_schema(one: ast.Input) -> JsonObject:
    """The schema of one input; `{}`, which takes everything, when something is wrong with it."""
    try:
        return _input(one)
    except (AssertionError, ValueError, KeyError, RecursionError):
        return {}


def _closed(workflow: ast.Workflow, properties: JsonObject) -> JsonObject:
    first = {one.name.text: one for one in reversed(workflow.inputs)}
    required = sorted(name for name, one in first.items() if one.default is None)
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


def _input(one: ast.Input) -> JsonObject:
    schema = schema_of(one.type)
    written = of_block("input", one.attributes)
    more = written.get("schema")
    if more is not None:
        schema |= named(encode_schema(more), f"input:{one.name.text}")
    for attribute, said in written.attributes.items():
        if attribute != "schema":
            schema[attribute] = encode(said.value)
    if schema.get("secret") is False:
        del schema["secret"]
    if one.default is not None:
        schema["default"] = encode(one.default)
    return schema
