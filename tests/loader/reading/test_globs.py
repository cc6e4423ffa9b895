"""Files that are named by patterns."""

from pathlib import Path

import pytest

from loader.errors import NoSuchFileError
from loader.reading.globs import expand_globs


def test_names_and_patterns_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.csv", "a.csv", "sub/c.csv", "odd[1].csv"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    assert expand_globs(["b.csv", "*.csv", "-"]) == ["b.csv", "a.csv", "odd[1].csv", "-"]
    assert expand_globs(["odd[1].csv", "sub/*"]) == ["odd[1].csv", "sub/c.csv"]
    assert expand_globs(["**/c.csv"]) == ["sub/c.csv"]
    assert expand_globs([str(tmp_path / "?.csv")]) == [
        str(tmp_path / "a.csv"),
        str(tmp_path / "b.csv"),
    ]
    for pattern in ("none.csv", "*.txt", "su?"):
        with pytest.raises(NoSuchFileError, match="there is no such file"):
            expand_globs(["a.csv", pattern])
