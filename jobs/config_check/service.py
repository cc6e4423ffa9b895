"""What is wrong with the settings of serve and of a target, as far as this machine can say."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pydantic import BaseModel

from jobs.settings.listening import certificate_problem, refuse_open_address, server_tls
from jobs.settings.serve import NOT_FOR_CALLS, ServeSettings, options_of_files
from jobs.settings.settings import Settings
from jobs.settings.target import TargetSettings
from loader.database.connection import Database
from loader.errors import LoaderError, SettingError, UsageError, missing_extra_error
from loader.ledger.keys import KeyStore
from loader.remote.target import Target

Problems = Iterator[tuple[tuple[Any, ...], str]]
"""Places of settings and their problems."""

SOON = timedelta(days=14)
"""Before its end a key, or a certificate, is worth a remark."""

NO_KEY = (
    "there is no good key, so that nobody can call the archive API of serve; "
    "`leadloader keys make` makes one"
)


class TargetReport(BaseModel):
    """What a target answers."""

    name: str
    """Its address."""
    problem: str
    """Why nothing can be sent there; "": it answers."""


def service_problems(settings: Settings) -> Problems:
    """Find what keeps serve from its start."""
    serve = settings.serve
    if "serve" in settings.model_fields_set:
        yield from (((name,), NOT_FOR_CALLS) for name in options_of_files(settings.options))
    yield from _problem_of(partial(refuse_open_address, serve))
    yield from _problem_of(partial(server_tls, serve))
    if problem := _certificate_problem(serve):
        yield ("serve", "tls_cert"), problem


def target_problems(target: TargetSettings) -> Problems:
    """Find files of a target that cannot be used."""
    for name in ("password", "key"):
        yield from _problem_of(partial(target.secret, name))
    if target.ca_file:
        yield from _problem_of(Target(url=target.url, ca_file=target.ca_file).tls)


def _problem_of(action: Callable[[], object]) -> Problems:
    try:
        action()
    except SettingError as error:
        yield error.place, error.problem


def _certificate_problem(serve: ServeSettings, ahead: timedelta = timedelta()) -> str:
    """See `certificate_problem`; "" where a file cannot be used, or the extra is not there."""
    with suppress(ImportError, OSError, ValueError):
        return certificate_problem(serve, ahead)
    return ""


def service_remarks(settings: Settings, database: Database) -> list[str]:
    """Say what of serve is over soon, and whether any key is good."""
    problem = _certificate_problem(settings.serve, SOON)
    return [*([f"serve: {problem}"] if problem else []), *key_remarks(settings, database)]


def key_remarks(settings: Settings, database: Database) -> list[str]:
    """Say whether any key is good, and which ones are over soon."""
    try:
        found = KeyStore.to_read(database, settings.ledger_folder).all()
    except UsageError:
        found = []  # no ledger, no keys
    except LoaderError as error:
        return [f"the keys of serve cannot be read: {error}"]
    now = datetime.now(UTC)
    good = [key for key in found if key.state(now) == "valid"]
    if not good:
        return [NO_KEY]
    return [
        f"key {key.name} ends on {key.ends:%Y-%m-%d}: make another one in time"
        for key in good
        if key.ends and key.ends - now < SOON
    ]


def check_target(settings: Settings) -> TargetReport:
    """Ask a target for its version: that needs no user, and counts as no wrong password.

    Raises:
        LoaderError: its settings cannot be used; or what is needed to call is not installed.
    """
    try:
        from loader.remote.calls import Caller, NotNowError  # noqa: PLC0415 - an extra
    except ImportError:
        raise missing_extra_error("target", "remote", "httpx2") from None
    target, problem = settings.target.as_target(), ""
    with closing(Caller(target)) as caller:
        try:
            caller.post(target.lead_page, data={"function": "version"})
        except (NotNowError, LoaderError) as error:
            problem = str(error).removeprefix(f"{target.name}: ")
    return TargetReport(name=target.name, problem=problem)
