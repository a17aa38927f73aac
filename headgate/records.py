"""Named tuples that cost next to nothing to declare.

`typing.NamedTuple` compiles a constructor for each class when the class is made. A check loads some two hundred of
them, so that declaring them was a third of its time. Here the constructor is compiled when it is first called; all else
is as it is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from _collections import _tuplegetter

    _new = tuple.__new__

    class _Declaring(type):
        """Makes a tuple class of what is declared below `NamedTuple`."""

        def __new__(cls, name: str, bases: tuple[type, ...], members: dict[str, Any]) -> type:
            if not bases:
                return type.__new__(cls, name, bases, members)
            fields = tuple(members.get("__annotations__", ()))
            defaults = {field: members.pop(field) for field in fields if field in members}
            late = list(fields)[len(fields) - len(defaults) :]
            if list(defaults) != late:
                raise TypeError(f"{name}: a field without a default follows one with a default")
            for number, field in enumerate(fields):
                members[field] = _tuplegetter(number, "")
            made = {
                **_MEMBERS,
                "__match_args__": fields,
                "_fields": fields,
                "_field_defaults": defaults,
                "__new__": _constructor_of(fields, defaults),
                **members,
                "__slots__": (),
            }
            return type.__new__(type, name, (tuple,), made)

    def _constructor_of(fields: tuple[str, ...], defaults: dict[str, Any]) -> Any:
        """The constructor that puts the compiled one in its own place."""

        def __new__(cls: type, /, *values: Any, **named: Any) -> Any:  # noqa: N807 - it is one
            owner = next(each for each in cls.__mro__ if "_fields" in vars(each))
            whole = "".join(f"{field}, " for field in fields)
            compiled = eval(f"lambda _cls, {whole}: _new(_cls, ({whole}))", {"_new": _new})  # noqa: S307 - names only
            compiled.__name__, compiled.__qualname__ = "__new__", f"{owner.__qualname__}.__new__"
            compiled.__defaults__ = tuple(defaults.values()) or None
            owner.__new__ = staticmethod(compiled)
            return compiled(cls, *values, **named)

        return __new__

    def _make(cls: type, values: Any) -> Any:
        """A new one of a sequence of values."""
        made = _new(cls, values)
        if len(made) != len(cls._fields):
            raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
        return made

    def _replace(self: Any, /, **named: Any) -> Any:
        """A new one with some fields replaced."""
        made = _new(type(self), map(named.pop, self._fields, self))
        if named:
            raise ValueError(f"Got unexpected field names: {list(named)!r}")
        return made

    def _asdict(self: Any) -> dict[str, Any]:
        """The fields and their values."""
        return dict(zip(self._fields, self, strict=True))

    def _repr(self: Any) -> str:
        inside = ", ".join(f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True))
        return f"{type(self).__name__}({inside})"

    _MEMBERS = {
        "_make": classmethod(_make),
        "_replace": _replace,
        "_asdict": _asdict,
        "__repr__": _repr,
        "__getnewargs__": lambda self: tuple(self),  # noqa: PLW0108 - a class takes no descriptor of another
    }

    class NamedTuple(metaclass=_Declaring):
        """The base of every record."""


__all__ = ["NamedTuple"]
