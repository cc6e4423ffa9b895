"""The files of TLS: which of them cannot be used, and why."""

import ssl
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.settings.listening import certificate_problem, server_tls
from jobs.settings.serve import ServeSettings
from loader.errors import SettingError
from tests.support.certificates import make_authority, make_certificate


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two certificates and their keys, one of which has a passphrase, too."""
    folder = tmp_path_factory.mktemp("tls")
    authority = make_authority(folder, "authority")
    for name in ("leads", "other"):
        make_certificate(authority, name)
    locked = [
        "openssl", "pkey", "-aes256", "-passout", "pass:open sesame",
        "-in", "leads.key", "-out", "locked.key",
    ]  # fmt: skip
    subprocess.run(locked, cwd=folder, check=True, capture_output=True)
    texts = {"right": "open sesame\n", "wrong": "x\n", "empty": "", "long": "x" * 2000}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


def tls(folder: Path, cert: str, key: str, passphrase: str = "") -> ssl.SSLContext | None:
    file = folder / passphrase if passphrase else None
    given = ServeSettings(tls_cert=folder / cert, tls_key=folder / key, tls_passphrase_file=file)
    return server_tls(given)


def test_files_that_fit(files: Path) -> None:
    assert server_tls(ServeSettings()) is None
    assert tls(files, "leads.pem", "leads.key")
    assert tls(files, "leads.pem", "locked.key", "right")
    assert tls(files, "leads.pem", "leads.key", "missing")  # it is not needed


@pytest.mark.parametrize(
    ("given", "setting", "words"),
    [
        (("leads.pem", "locked.key"), "tls_key", "it has a passphrase"),
        (("leads.pem", "locked.key", "wrong"), "tls_passphrase_file", "not the passphrase of"),
        (("leads.pem", "locked.key", "long"), "tls_passphrase_file", "not the passphrase of"),
        (("leads.pem", "locked.key", "empty"), "tls_passphrase_file", "it is empty"),
        (("leads.pem", "locked.key", "missing"), "tls_passphrase_file", "No such file"),
        (("leads.pem", "other.key"), "tls_key", "it is not the key of tls_cert"),
        (("right", "leads.key"), "tls_cert", "it is no certificate in PEM format"),
        (("leads.pem", "leads.pem"), "tls_key", "it is no private key in PEM format"),
        (("missing", "leads.key"), "tls_cert", "No such file"),
        (("leads.pem", "missing"), "tls_key", "No such file"),
    ],
)
def test_files_that_do_not(files: Path, given: tuple[str, ...], setting: str, words: str) -> None:
    with pytest.raises(SettingError) as caught:
        tls(files, *given)
    assert caught.value.place == ("serve", setting)
    assert words in caught.value.problem
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("days", "ahead", "words"),
    [(20, 0, ""), (20, 14, ""), (5, 0, ""), (5, 14, "get another one in time"),
     (-1, 0, "clients refuse it"), (-1, 14, "clients refuse it")],
)  # fmt: skip
def test_a_certificate_that_is_over_or_will_be_soon(
    files: Path, days: int, ahead: int, words: str
) -> None:
    name = f"for-{days}"
    cert = make_certificate(files / "authority.pem", name, days=days)
    serve = ServeSettings(tls_cert=cert, tls_key=cert.with_suffix(".key"))
    problem = certificate_problem(serve, timedelta(days=ahead))
    assert bool(problem) == bool(words)
    assert problem == "" or (problem.startswith(f"{cert} end") and words in problem)
    assert certificate_problem(ServeSettings()) == ""
