"""Records are named tuples: whatever `typing.NamedTuple` does, they do."""

from __future__ import annotations

import copy
import pickle
import typing

import pytest

from headgate import records


class Point(records.NamedTuple):
    """A place."""

    x: int
    y: int = 2
    name: str = "here"

    @property
    def total(self) -> int:
        return self.x + self.y

    @classmethod
    def at_zero(cls) -> Point:
        return cls(0, 0)


class Standard(typing.NamedTuple):
    """A place."""

    x: int
    y: int = 2
    name: str = "here"


class One(records.NamedTuple):
    value: object


class Nothing(records.NamedTuple):
    pass


class Farther(Point):
    """A subclass with nothing of its own."""

    @property
    def twice(self) -> int:
        return 2 * self.total


@pytest.mark.parametrize("values", [(1,), (1, 3), (1, 3, "there")])
def test_a_record_is_what_a_named_tuple_is(values: tuple[object, ...]) -> None:
    mine, theirs = Point(*values), Standard(*values)
    assert tuple(mine) == tuple(theirs)
    assert mine == theirs
    assert hash(mine) == hash(theirs)
    assert repr(mine) == repr(theirs).replace("Standard", "Point")
    assert mine._asdict() == theirs._asdict()
    assert mine._replace(y=9) == theirs._replace(y=9)
    assert (mine._fields, mine._field_defaults) == (theirs._fields, theirs._field_defaults)
    assert Point.__match_args__ == Standard.__match_args__
    assert (mine.x, mine.y, mine.name) == (theirs.x, theirs.y, theirs.name)
    assert Point.__doc__ == Standard.__doc__
    assert typing.get_type_hints(Point) == typing.get_type_hints(Standard)


def test_it_is_copied_pickled_and_matched() -> None:
    point = Point(1)
    assert pickle.loads(pickle.dumps(point)) == copy.deepcopy(point) == copy.copy(point) == point
    assert type(pickle.loads(pickle.dumps(point))) is Point
    match point:
        case Point(1, second, name="here"):
            assert second == 2
        case _:
            pytest.fail("no match")
    assert Point._make([3, 4, "there"]) == Point(3, 4, "there") == Point(name="there", y=4, x=3)


def test_properties_class_methods_and_subclasses_work() -> None:
    assert Point.at_zero() == Point(0, 0)
    assert Point(1).total == 3
    farther = Farther(1, y=5)
    assert (type(farther), farther.twice, farther._replace(x=2).twice) == (Farther, 12, 14)
    assert isinstance(farther, Point)
    assert (One(None), Nothing()) == ((None,), ())


def test_wrong_arguments_are_told_as_such() -> None:
    for make in (Point, Standard):
        with pytest.raises(TypeError, match="x"):
            make()
        with pytest.raises(TypeError, match="z"):
            make(1, z=2)
        with pytest.raises(TypeError):
            make._make([1])
        with pytest.raises(ValueError, match="z"):
            make(1)._replace(z=2)
        with pytest.raises(AttributeError):
            make(1).x = 2


def test_a_field_without_a_default_does_not_follow_one_with_a_default() -> None:
    with pytest.raises(TypeError, match="default"):
        type(records.NamedTuple)(
            "Wrong", (records.NamedTuple,), {"__annotations__": {"x": int, "y": int}, "__module__": __name__, "x": 1}
        )
