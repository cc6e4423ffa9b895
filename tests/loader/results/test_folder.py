"""The files of a results folder."""

from pathlib import Path

from loader.results.folder import ResultFolder


def test_what_is_not_ours_drives_no_terminal(tmp_path: Path) -> None:
    ResultFolder(tmp_path).write_lines("summary.txt", ["list \x1b[31mA\nB", "two"])
    assert (tmp_path / "summary.txt").read_text() == "list ⟨U+001B⟩[31mA⟨U+000A⟩B\ntwo\n"
