"""Certificates of a private authority, made by openssl."""

import subprocess
from pathlib import Path

NAMES = "subjectAltName=IP:127.0.0.1,DNS:dialer.example"
"""Of the server's certificate."""

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
"""A key that is made at once; one of RSA takes a second or more."""


def make_authority(folder: Path, name: str) -> Path:
    """Make an authority; give its certificate, beside which is its key."""
    certificate = folder / f"{name}.pem"
    _openssl(
        "req", "-x509", *KEY, "-nodes", "-days", "2", "-subj", f"/CN={name}",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        "-keyout", str(certificate.with_suffix(".key")), "-out", str(certificate),
    )  # fmt: skip
    return certificate


def make_certificate(authority: Path, name: str, extension: str = NAMES, days: int = 20) -> Path:
    """Make a certificate that an authority vouches for, beside which is its key.

    It is good for so many days; negative: it is over since.
    """
    certificate = authority.with_name(f"{name}.pem")
    request, names = certificate.with_suffix(".csr"), certificate.with_suffix(".txt")
    names.write_text(extension)
    _openssl(
        "req", *KEY, "-nodes", "-subj", f"/CN={name}",
        "-keyout", str(certificate.with_suffix(".key")), "-out", str(request),
    )  # fmt: skip
    _openssl(
        "x509", "-req", "-in", str(request), "-CA", str(authority), "-days", str(days),
        "-CAkey", str(authority.with_suffix(".key")), "-CAcreateserial",
        "-extfile", str(names), "-out", str(certificate),
    )  # fmt: skip
    return certificate


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
