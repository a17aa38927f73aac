"""The child that runs scripts: real Lua, a hand-picked environment, hard limits. Started by path; imports none of ours.

Frames on both pipes are a length of four bytes and JSON. It is killed for any reason by its parent, and by the kernel
when it passes its limits; nothing in it is trusted once a script has started, so every script gets a fresh Lua state.
"""

from __future__ import annotations

import json
import math
import resource
import struct
import sys
from typing import Any, BinaryIO

LUA_MEMORY = 64 << 20
ADDRESS_SPACE = 768 << 20
TOO_MUCH = f"the script used more than {LUA_MEMORY >> 20} MiB of memory"
RESULT_LIMIT = 8 << 20
NODE_LIMIT = 1_000_000
DEPTH_LIMIT = 100
LARGEST = (1 << 63) - 1
MISSING = ("os", "io", "debug", "package", "require", "load", "loadfile", "dofile", "loadstring", "coroutine", "python")

# The picked names are copied out of the standard tables, so that a script can spoil only its own state. `string.dump`
# goes from the table itself, which every text reaches through its metatable.
PRELUDE = """
local load, xpcall, rawset, getinfo, concat = load, xpcall, rawset, debug.getinfo, table.concat
local setmetatable, select, next, type, tostring, number_type = setmetatable, select, next, type, tostring, math.type
local error, rawget = error, rawget
local lists, nulls = setmetatable({}, {__mode = "k"}), setmetatable({}, {__mode = "k"})
local printed, size = {}, 0

string.dump = nil
getmetatable("").__metatable = false

local function copy(from)
  local to = {}
  for name, value in next, from do to[name] = value end
  return to
end

local env = {
  assert = assert, error = error, getmetatable = getmetatable, ipairs = ipairs, next = next, pairs = pairs,
  pcall = pcall, rawequal = rawequal, rawget = rawget, rawlen = rawlen, rawset = rawset, select = select,
  setmetatable = setmetatable, tonumber = tonumber, tostring = tostring, type = type, xpcall = xpcall,
  math = copy(math), string = copy(string), table = copy(table), utf8 = copy(utf8), _VERSION = _VERSION,
}
env._G = env
-- A finalizer would run after its script has ended, in the time of the next one.
function env.setmetatable(t, mt)
  if type(mt) == "table" and rawget(mt, "__gc") ~= nil then error("a script has no finalizers (__gc)", 2) end
  return setmetatable(t, mt)
end
function env.print(...)
  local parts = {}
  for i = 1, select("#", ...) do parts[i] = tostring((select(i, ...))) end
  local line = concat(parts, "\\t")
  size = size + #line
  if size <= 8192 then printed[#printed + 1] = line end
end

local globals = _G
for name in next, copy(globals) do globals[name] = nil end

local function list(t, n)
  lists[t] = n
  if n == 0 then return end
  setmetatable(t, {
    __metatable = false,
    __len = function(self) return lists[self] end,
    __newindex = function(self, k, v)
      rawset(self, k, v)
      if number_type(k) == "integer" and k > lists[self] then lists[self] = k end
    end,
  })
end

local function note(t, key)
  local keys = nulls[t]
  if not keys then keys = {}; nulls[t] = keys end
  keys[key] = true
end

local function place(e)
  for level = 2, 200 do
    local info = getinfo(level, "Sl")
    if not info then break end
    if info.source == "=script" and info.currentline > 0 then return {e, info.currentline} end
  end
  return {e}
end

local function run(source)
  local chunk, fault = load(source, "=script", "t", env)
  if not chunk then return "syntax", fault end
  local ok, value = xpcall(chunk, place)
  if ok then return "ok", value end
  if type(value) == "table" then return "error", value[1], value[2] end
  return "error", value
end

return {
  env = env, list = list, note = note, run = run,
  length = function(t) return lists[t] end, absent = function(t) return nulls[t] end,
  printed = function() return concat(printed, "\\n") end,
}
"""


class Refused(Exception):  # noqa: N818 - a value is, not the program
    """What cannot go in or out, and where."""


class Into:
    """JSON to Lua tables."""

    def __init__(self, lua: Any, kit: Any) -> None:
        self.lua = lua
        self.kit = kit

    def value(self, value: Any, place: str) -> Any:
        match value:
            case dict():
                return self._map(value, place)
            case list():
                return self._list(value, place)
            case bool():
                return value
            case int() if not -LARGEST - 1 <= value <= LARGEST:
                message = f"`{place}` is a number of more than 64 bits, which Lua cannot hold exactly; pass it as text"
                raise Refused(message)
            case _:
                return value

    def _map(self, value: dict[str, Any], place: str) -> Any:
        table = self.lua.table()
        for key, item in value.items():
            if item is None:
                self.kit.note(table, key)
            else:
                table[key] = self.value(item, f"{place}.{key}")
        return table

    def _list(self, value: list[Any], place: str) -> Any:
        table = self.lua.table()
        for index, item in enumerate(value, 1):
            if item is not None:
                table[index] = self.value(item, f"{place}[{index}]")
        if not value or None in value:
            self.kit.list(table, len(value))
        return table


class Out:
    """Lua tables to JSON, led by the declared schema where a table alone does not say whether it is a list."""

    def __init__(self, lua_type: Any, kit: Any, schema: Any) -> None:
        self.lua_type = lua_type
        self.kit = kit
        self.schema = schema
        self.nodes = 0
        self.open: list[Any] = []

    def value(self, value: Any, schema: Any, place: str) -> Any:
        self.nodes += 1
        if self.nodes > NODE_LIMIT:
            raise Refused(f"the result holds more than {NODE_LIMIT} values")
        kind = self.lua_type(value)
        if kind == "table":
            return self._table(value, schema, place)
        if kind is not None:
            raise Refused(f"`{place}` is a {kind}; a result holds tables, texts, numbers, booleans and nil")
        if isinstance(value, float) and not math.isfinite(value):
            raise Refused(f"`{place}` is {value}, which is no JSON number")
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise Refused(f"`{place}` is no value of Lua's")

    def _table(self, table: Any, schema: Any, place: str) -> Any:
        if len(self.open) >= DEPTH_LIMIT:
            raise Refused(f"`{place[:40]}` nests deeper than {DEPTH_LIMIT} tables, or holds itself")
        self.open.append(table)
        try:
            items = list(table.items())
        except UnicodeDecodeError:
            raise Refused(f"a text in `{place}` is not UTF-8") from None
        wanted = wanted_type(self.schema, schema)
        length = self.kit.length(table)
        size = self._list_size(items, length, wanted)
        out = self._map(table, items, schema, place) if size is None else self._list(items, size, schema, place)
        self.open.pop()
        return out

    def _list_size(self, items: list[tuple[Any, Any]], length: int | None, wanted: str | None) -> int | None:
        """How long a list the table is; None when it is a map."""
        if wanted == "object":
            return None
        if not items:
            return length or 0 if wanted == "array" or length is not None else None
        if not all(type(key) is int and key >= 1 for key, _ in items):
            return None
        longest = max(*(key for key, _ in items), length or 0)
        gaps_allowed = 2 * len(items) if wanted is None and length is None else 10 * len(items) + 1000
        return longest if longest <= max(gaps_allowed, length or 0) else None

    def _list(self, items: list[tuple[Any, Any]], size: int, schema: Any, place: str) -> list[Any]:
        out: list[Any] = [None] * size
        inner = below(self.schema, schema, None)
        for key, item in items:
            out[key - 1] = self.value(item, inner, f"{place}[{key}]")
        return out

    def _map(self, table: Any, items: list[tuple[Any, Any]], schema: Any, place: str) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, item in sorted(items, key=_as_text):
            if isinstance(key, bool) or not isinstance(key, str | int):
                kind = self.lua_type(key) or ("boolean" if isinstance(key, bool) else "number")
                raise Refused(f"`{place}` has a key that is a {kind}; the keys of a map are texts or whole numbers")
            name = str(key)
            if name in out:
                raise Refused(f"`{place}` has the key `{name}` both as a text and as a number")
            out[name] = self.value(item, below(self.schema, schema, name), f"{place}.{name}")
        absent = self.kit.absent(table)
        if absent is not None:
            for key in absent.keys():  # noqa: SIM118 - a Lua table iterates over nothing else
                out.setdefault(key, None)
        return out


def _as_text(item: tuple[Any, Any]) -> str:
    return str(item[0])


def resolved(root: Any, schema: Any) -> Any:
    """The schema behind local references; None when there is none."""
    for _ in range(20):
        if not isinstance(schema, dict):
            return None
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        schema = root
        for part in reference.removeprefix("#").strip("/").split("/"):
            schema = schema.get(part) if part and isinstance(schema, dict) else schema
    return None


def wanted_type(root: Any, schema: Any) -> str | None:
    """`array` or `object` when the schema allows only that one of the two, else None."""
    schema = resolved(root, schema)
    if schema is None:
        return None
    types = schema.get("type")
    if types is None:
        inner = [wanted_type(root, one) for key in ("anyOf", "oneOf", "allOf") for one in schema.get(key, ())]
        found = {one for one in inner if one is not None}
        if len(found) == 1:
            return found.pop()
        return "array" if "items" in schema else "object" if "properties" in schema else None
    names = {types} if isinstance(types, str) else set(types)
    if "array" in names:
        return None if "object" in names else "array"
    return "object" if "object" in names else None


def below(root: Any, schema: Any, name: str | None) -> Any:
    """The schema of a map's item, or of a list's when `name` is None."""
    schema = resolved(root, schema)
    if schema is None:
        return None
    for key in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(key, ()):
            inner = below(root, one, name)
            if inner is not None:
                return inner
    if name is None:
        return schema.get("items")
    return schema.get("properties", {}).get(name, schema.get("additionalProperties"))


def execute(request: dict[str, Any], engine: Any) -> dict[str, Any]:
    """`{"ok": value, "printed": text}`, or `{"error": message, "line": n, "printed": text, "value": table}`."""

    def deny(_object: object, name: object, _setting: object) -> object:
        raise AttributeError(name)

    lua = engine.LuaRuntime(
        register_eval=False, register_builtins=False, attribute_filter=deny, encoding="utf-8", max_memory=LUA_MEMORY
    )
    kit = lua.execute(PRELUDE)
    try:
        into = Into(lua, kit)
        for name, value in request["names"].items():
            kit.env[name] = into.value(value, name)
        ended, value, *rest = (*_many(kit.run(request["script"])), None)
        out = Out(engine.lua_type, kit, request["result"])
        if ended == "ok":
            return {"ok": out.value(value, request["result"], "result"), "printed": kit.printed()}
        return _failed(value, rest[0], out, kit.printed())
    except Refused as refused:
        return {"error": str(refused)}
    except UnicodeDecodeError:
        return {"error": "the script ended with a text that is not UTF-8"}
    except UnicodeEncodeError:
        return {"error": "a text that the script is given holds half a character, which Lua cannot take"}
    except RecursionError:
        return {"error": "a value that the script is given nests too deep"}
    except (engine.LuaMemoryError, MemoryError):
        return {"error": TOO_MUCH}
    except engine.LuaError as error:
        return {"error": str(error).partition("\n")[0]}


def _many(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _failed(value: Any, line: int | None, out: Out, printed: str) -> dict[str, Any]:
    """What `error` was called with: its text without the place, or its table."""
    answer: dict[str, Any] = {"line": line, "printed": printed}
    if value is None:
        return answer | {"error": "the script called `error` without a message"}
    if isinstance(value, str):
        head, colon, tail = value.partition(": ")
        chunk, _, number = head.rpartition(":")
        if colon and chunk == "script" and number.isdecimal():
            return answer | {"error": tail + _hint(tail), "line": int(number)}
        return answer | {"error": TOO_MUCH if value.endswith("not enough memory") else value}
    try:
        plain = out.value(value, None, "error")
    except Refused:
        return answer | {"error": "the script called `error` with a value that is no JSON"}
    text = plain.get("message") if isinstance(plain, dict) else None
    message = text if isinstance(text, str) else json.dumps(plain, ensure_ascii=False)
    return answer | {"error": message, "value": plain}


def _hint(message: str) -> str:
    for name in MISSING:
        if f"(global '{name}')" in message:
            return f": a script has no `{name}`, only math, string, table, utf8 and the basic functions"
    return ""


def _encoded(answer: dict[str, Any]) -> bytes:
    body = json.dumps(answer, ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass")
    if len(body) > RESULT_LIMIT:
        body = json.dumps({"error": f"the result is larger than {RESULT_LIMIT >> 20} MiB"}).encode()
    return body


def _limit_seconds(seconds: int) -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    spent = math.ceil(usage.ru_utime + usage.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds + 1, resource.RLIM_INFINITY))


def serve(source: BinaryIO, sink: BinaryIO, engine: Any) -> None:
    """Answers one request after the other until its parent goes away."""
    for kind, limit in (
        (resource.RLIMIT_AS, ADDRESS_SPACE),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 16),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(kind, (limit, limit))
    while len(head := source.read(4)) == 4:
        request = json.loads(source.read(struct.unpack(">I", head)[0]))
        _limit_seconds(request["seconds"])
        try:
            body = _encoded(execute(request, engine))
        except MemoryError:
            body = _encoded({"error": TOO_MUCH})
        sink.write(struct.pack(">I", len(body)) + body)
        sink.flush()


if __name__ == "__main__":
    sys.path.append(sys.argv[1])
    from lupa import lua54

    serve(sys.stdin.buffer, sys.stdout.buffer, lua54)
