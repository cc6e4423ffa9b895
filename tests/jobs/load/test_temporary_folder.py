"""Temporary files may lie in any folder."""

from pathlib import Path

import pytest

from loader.options.load import LoadOptions
from tests.support.nights import Site, rows


@pytest.mark.engines("innodb")
@pytest.mark.parametrize("name", ["it's", "back\\slash", "per%cent", 'double"quote'])
def test_a_temporary_folder_of_any_name(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    site = Site(tmp_path, database_url)
    count = LoadOptions().batch_size
    site.put("a.csv", rows(*range(1, count + 1)))
    assert site.night().code == 0
    assert len(site.phones()) == count
    assert list(folder.iterdir()) == []
