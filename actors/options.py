"""Options: named, checked settings of a task or of an app's config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, overload

from actors.errors import CallsheetError, InvalidOption, UnknownOption, nearest

if TYPE_CHECKING:
    from actors.conds.base import Condition

Given = TypeVar("Given")
Kept = TypeVar("Kept")


class Option(Generic[Given, Kept]):
    """One setting: what may be given, what is kept, and its default.

    Assigning checks the value at once and tells the holder, so that a running app follows.

    Args:
      check: turns what was given into what is kept; raises ``ValueError`` that says what is expected.
      default: what counts where nothing is given, as it would be given.
    """

    def __init__(self, check: Callable[[Given], Kept], default: Given) -> None:
        self.check, self.default = check, default
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, holder: None, owner: type) -> Option[Given, Kept]: ...
    @overload
    def __get__(self, holder: Optioned, owner: type) -> Kept: ...
    def __get__(self, holder: Optioned | None, owner: type) -> Option[Given, Kept] | Kept:
        return self if holder is None else holder._current(self.name)

    def __set__(self, holder: Optioned, value: Given) -> None:
        kept = self.checked(holder, value)
        if holder._changed_elsewhere(self.name, value):
            return
        holder._check_change(self.name, kept)
        holder._kept[self.name] = kept
        holder._option_changed(self.name)

    def converted(self, holder: Optioned, value: Given) -> Kept:
        """Return `value` as it is kept, for that holder."""
        return self.check(value)

    def checked(self, holder: Optioned, value: Given) -> Kept:
        """Return `value` as it is kept.

        Raises:
          InvalidOption: it is not a possible value; names the holder, the option and what is expected.
        """
        try:
            return self.converted(holder, value)
        except (ValueError, TypeError) as exc:
            if isinstance(exc, CallsheetError) and not isinstance(exc, ValueError):
                raise
            raise InvalidOption(holder._label(), self.name, repr(value), str(exc)) from exc


class Inherited(Option[Given | None, Kept]):
    """A task's setting that falls back to the app's config of the same name when it is None."""

    def __init__(self, check: Callable[[Given], Kept]) -> None:
        super().__init__(check, None)  # type: ignore[arg-type]  # it is never asked about None

    def checked(self, holder: Optioned, value: Given | None) -> Kept:
        """Return `value` as it is kept: None as "ask the config", which is never handed out."""
        return None if value is None else super().checked(holder, value)  # type: ignore[return-value]  # as it says

    @overload
    def __get__(self, holder: None, owner: type) -> Option[Given | None, Kept]: ...
    @overload
    def __get__(self, holder: Optioned, owner: type) -> Kept: ...
    def __get__(self, holder: Optioned | None, owner: type) -> Option[Given | None, Kept] | Kept:
        if holder is None:
            return self
        own: Kept | None = holder._current(self.name)
        return own if own is not None else holder._inherited(self.name)


class Optioned:
    """Something that has options: unknown names and impossible values are errors at once."""

    _options: ClassVar[dict[str, Option[Any, Any]]]
    _kept: dict[str, Any]
    _fixed: ClassVar[frozenset[str]] = frozenset()
    """Attributes that cannot be assigned to later."""

    def __init_subclass__(cls, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        members = (member for base in reversed(cls.__mro__) for member in vars(base).items())
        cls._options = {name: value for name, value in members if isinstance(value, Option)}

    def __init__(self, given: Mapping[str, Any]) -> None:
        for name in given:
            if name not in self._options:
                raise UnknownOption(self._label(), name, self.option_names())
        self._kept = {}
        for name, option in self._options.items():
            self._kept[name] = option.checked(self, given.get(name, option.default))

    @classmethod
    def option_names(cls) -> list[str]:
        """Return the names of all options, in the order of their definition."""
        return list(cls._options)

    def __setattr__(self, name: str, value: object) -> None:
        if "_sealed" in self.__dict__:
            if not name.startswith("_") and not hasattr(type(self), name) and name not in self.__dict__:
                raise UnknownOption(self._label(), name, self.option_names())
            if name in self._fixed:
                raise InvalidOption(self._label(), name, repr(value), "it is fixed when the task is made")
        super().__setattr__(name, value)

    def condition(self, given: Any) -> Condition:
        """Return `given` as a condition, by the names that are known here."""
        raise NotImplementedError

    def _label(self) -> str:
        raise NotImplementedError

    def _inherited(self, name: str) -> Any:
        raise NotImplementedError

    def _current(self, name: str) -> Any:
        """Return the value of an option as it is kept, here or elsewhere."""
        return self._kept[name]

    def _changed_elsewhere(self, name: str, value: Any) -> bool:
        """Have an option changed where the app runs, if that is not here; return whether it was."""
        return False

    def _check_change(self, name: str, kept: Any) -> None:
        """Called before an option gets a new value; raises where it must not."""

    def _option_changed(self, name: str) -> None:
        """Called after an option got a new value."""


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a check that accepts exactly `choices`."""

    def check(value: str) -> str:
        if value not in choices:
            raise ValueError(f"it must be one of {', '.join(map(repr, choices))}.{nearest(str(value), choices)}")
        return value

    return check


def instance_of(kind: type[Kept], expected: str) -> Callable[[Kept], Kept]:
    """Return a check that accepts instances of `kind` and says `expected` otherwise."""

    def check(value: Kept) -> Kept:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(f"{expected} is expected")
        return value

    return check
