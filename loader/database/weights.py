"""Collation weights of characters, as the server has them."""

from sqlalchemy import Connection

from loader.frames.collation import CharacterFold, WeightFold


def server_fold(connection: Connection, collation: str) -> CharacterFold | None:
    """Read how a collation weighs each character; None: it compares exactly."""
    if collation.endswith(("_bin", "_cs")):
        return None
    version = str(connection.exec_driver_sql("SELECT VERSION()").scalar_one())
    if (version, collation) not in _FOLDS:
        _FOLDS[version, collation] = _ask_weights(connection, collation)
    return _FOLDS[version, collation]


_FOLDS: dict[tuple[str, str], CharacterFold] = {}


def _ask_weights(connection: Connection, collation: str) -> CharacterFold:
    """Read the weight of every character of the basic plane, by one statement.

    Characters that the collation's character set does not have weigh as "?", which is how they
    are stored.
    """
    digits = " UNION ALL ".join(f"SELECT {number} AS d" for number in range(16))
    place = " CROSS JOIN ".join(f"({digits}) AS p{power}" for power in range(4))
    code = " + ".join(f"p{power}.d * {16**power}" for power in range(4))
    statement = (
        "SELECT code, HEX(WEIGHT_STRING(CONVERT(CHAR(code USING ucs2) "  # noqa: S608 - numbers
        f"USING {collation.partition('_')[0]}) COLLATE {collation})) "
        f"FROM (SELECT {code} AS code FROM {place}) AS codes "
        "WHERE NOT code BETWEEN 55296 AND 57343"
    )
    weights = {chr(row[0]): str(row[1]) for row in connection.exec_driver_sql(statement)}
    width = len(weights["A"])
    # ASCII is folded to its capitals without asking; the others' weights have to meet it there.
    letters = {weights[chr(number)]: chr(number).upper() for number in range(127, 31, -1)}

    return WeightFold(weights, letters, width)
