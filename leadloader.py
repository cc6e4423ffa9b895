"""The command `leadloader`, which runs the packages beside this file and no others.

They are called `loader` and `jobs`, as any folder on PYTHONPATH may be.
"""

import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = ("loader", "jobs", "sample_data")


def main() -> None:
    """Run the command and exit with its code, see docs/exit-codes.md."""
    for name in PACKAGES:
        _import_own(name)
    from jobs.cli.main import main as run  # noqa: PLC0415 - not before the packages are found

    run()


def _import_own(name: str) -> None:
    """Import a package from beside this file, wherever else Python would find one."""
    folder = HERE / name
    imported = sys.modules.get(name)
    if imported is not None and [*imported.__path__] == [str(folder)]:
        return
    other = _place_of(name)
    if other not in {None, folder}:
        sys.stderr.write(
            f"leadloader: {other} is another package called {name}, and is not used; see "
            "PYTHONPATH\n"
        )
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is missing; install leadloader again")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def _place_of(name: str) -> Path | None:
    """Give the folder or file that Python would import; None: there is none."""
    spec = PathFinder.find_spec(name)
    places = [*(spec.submodule_search_locations or ()), spec.origin] if spec else []
    return Path(places[0]).resolve() if places and places[0] else None


if __name__ == "__main__":
    main()
