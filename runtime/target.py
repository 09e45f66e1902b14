"""Target: the app that the command line is told to run."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from actors.app import App
from actors.errors import TargetError
from runtime.loading import load
from runtime.tracebacks import user_traceback
from runtime.worker.protocol import Source

OURS = ("actors", "runtime", "cli")
"""The top-level names that belong to Callsheet."""
_ROOT = Path(__file__).resolve().parents[1]


def load_app(target: str) -> App:
    """Return the app that `target` names: ``jobs.py``, ``package.module``, or either with ``:name`` for one app of several.

    Raises:
      TargetError: there is no such file or module, it holds no app, it fails to load, or it stands in the way of ours.
    """
    place, _, name = target.partition(":")
    module = _load(target, _source(target, place))
    return _named(target, module, name) if name else _only(target, module)


def _source(target: str, place: str) -> Source:
    if place.endswith(".py") or "/" in place:
        path = Path(place).resolve()
        if path.is_dir():
            raise TargetError(target, f"{path} is a folder; name a file in it, or use the module's name with dots")
        if not path.is_file():
            raise TargetError(target, f"there is no file {path}")
        _check_names(target, path.parent)
        _put_first(path.parent)
        taken = path.stem in sys.modules
        return Source(f"{path.stem}_" if taken else path.stem, str(path))
    _check_names(target, Path.cwd())
    _put_first(Path.cwd())
    if _is_found(target, place):
        return Source(place)
    hint = f"; did you mean {place}.py?" if Path(f"{place}.py").is_file() else ""
    raise TargetError(target, f"there is no module {place!r}, seen from {Path.cwd()}{hint}")


def _is_found(target: str, module: str) -> bool:
    """Return whether there is such a module; what its packages raise as they are imported is an error of its own."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError as exc:
        if exc.name is not None and (module == exc.name or module.startswith(f"{exc.name}.")):
            return False
        raise TargetError(target, f"it fails to load\n{user_traceback(exc)}") from exc
    except ValueError:
        return False
    except Exception as exc:
        raise TargetError(target, f"it fails to load\n{user_traceback(exc)}") from exc


def _check_names(target: str, folder: Path) -> None:
    """Refuse a folder in which a module of the user's has one of our names: the one of the two would hide the other."""
    if folder.resolve() == _ROOT:
        return
    for name in OURS:
        for shadow in (folder / f"{name}.py", folder / name / "__init__.py"):
            if shadow.exists() and _ROOT not in shadow.resolve().parents:
                raise TargetError(
                    target, f"{shadow} has the name of a module of Callsheet; rename it, to my_{name}.py for instance"
                )


def _put_first(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _load(target: str, source: Source) -> ModuleType:
    try:
        return load(source)
    except Exception as exc:
        raise TargetError(target, f"it fails to load\n{user_traceback(exc)}") from exc
    except SystemExit as exc:
        raise TargetError(target, f"it exits while it is loaded (status {exc.code})") from exc


def _named(target: str, module: ModuleType, name: str) -> App:
    app = getattr(module, name, None)
    if not isinstance(app, App):
        raise TargetError(target, f"{module.__name__} has no app called {name!r}; {_apps_in_words(target, module)}")
    return app


def _only(target: str, module: ModuleType) -> App:
    apps = {id(app): app for app in vars(module).values() if isinstance(app, App)}
    if len(apps) == 1:
        return next(iter(apps.values()))
    if isinstance(app := getattr(module, "app", None), App):
        return app
    raise TargetError(target, _apps_in_words(target, module) if apps else "it has no App: write  app = App()  at its top level")


def _apps_in_words(target: str, module: ModuleType) -> str:
    names = [name for name, value in vars(module).items() if isinstance(value, App)]
    if not names:
        return "it has no App at all"
    return f"its apps are {', '.join(names)}: name one, as in {target.partition(':')[0]}:{names[0]}"
