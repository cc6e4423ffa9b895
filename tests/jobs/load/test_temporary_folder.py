"""Temporary files may lie in any folder."""

from pathlib import Path

import pytest

from tests.support.nights import Site, rows


@pytest.mark.sample(1)
@pytest.mark.engines("innodb")
@pytest.mark.parametrize("name", ["it's", "back\\slash", "per%cent", 'double"quote'])
def test_a_temporary_folder_of_any_name(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    site = Site(tmp_path, database_url)
    site.settings(top="chunk_size = 100")
    site.put("a.csv", rows(*range(1, 301)))
    assert site.night().code == 0
    assert len(site.phones()) == 300
    assert list(folder.iterdir()) == []
