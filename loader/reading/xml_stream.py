"""XML read piece by piece: the parts of a spreadsheet, which may be larger than memory."""

from collections.abc import Iterator
from typing import IO, Protocol
from xml.parsers import expat

PIECE = 1 << 16
"""Bytes parsed at once."""

LONGEST_TAG = 1 << 22
"""In bytes, with its attributes, which are kept in memory."""

MOST_ELEMENTS = 250_000
"""Of a part that is kept in memory; 65,490 formats of cells are the most that Excel allows."""

MOST_ATTRIBUTES = 1 << 25
"""Characters in the attributes of such a part, each with its name and 16 more for itself."""

DEEPEST = 1000
"""Elements inside one another, each of which takes memory; spreadsheets have about ten."""


class Listener(Protocol):
    """What is called for each element and text.

    Names are without their prefix where the first element has one; else no element may have one.
    """

    @property
    def depth(self) -> int:
        """How many elements are open."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the start of an element."""

    def end(self, name: str) -> None:
        """Take the end of an element."""

    def text(self, text: str) -> None:
        """Take a piece of text."""


def parse_xml(stream: IO[bytes], listener: Listener) -> Iterator[None]:
    """Parse a part; control comes back after each piece, so that what was heard can be used.

    expat.ExpatError: it is no XML, or declares entities, which no spreadsheet does.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    start, end = listener.start, listener.end

    def local_start(name: str, attributes: dict[str, str]) -> None:
        start(name.rpartition(":")[2], attributes)

    def local_end(name: str) -> None:
        end(name.rpartition(":")[2])

    def first_start(name: str, attributes: dict[str, str]) -> None:
        # Excel's own parts have no prefixes, and there are millions of elements.
        is_local = ":" not in name
        parser.StartElementHandler = start if is_local else local_start
        parser.EndElementHandler = end if is_local else local_end
        local_start(name, attributes)

    parser.StartElementHandler = first_start
    parser.CharacterDataHandler = listener.text
    parser.EntityDeclHandler = _refuse_entities
    parsed = at = 0
    while piece := stream.read(PIECE):
        parser.Parse(piece, False)
        parsed += len(piece)
        # While a newer expat waits for more of a tag, it does not know where it is.
        at = max(at, parser.CurrentByteIndex)
        if parsed - at > LONGEST_TAG:
            raise ValueError(f"it has a tag of more than {LONGEST_TAG:,} bytes")
        if listener.depth > DEEPEST:
            raise ValueError(f"it has more than {DEEPEST:,} elements inside one another")
        yield
    parser.Parse(b"", True)
    yield


def read_xml(stream: IO[bytes], listener: Listener) -> None:
    """Parse a part to its end."""
    for _ in parse_xml(stream, listener):
        pass


class Elements:
    """A listener that keeps the elements of a small part: their names and attributes, in order."""

    def __init__(self) -> None:
        """Begin without elements."""
        self.found: list[tuple[str, dict[str, str]]] = []
        """Local attribute names, too: `id` for `r:id`."""
        self.parents: list[str] = []
        """The name of the parent of each."""
        self._open, self._size = [""], 0

    @property
    def depth(self) -> int:
        """How many elements are open."""
        return len(self._open)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Keep an element."""
        if len(self.found) >= MOST_ELEMENTS:
            raise ValueError(f"a part has more than {MOST_ELEMENTS:,} elements")
        self._size += sum(len(key) + len(value) + 16 for key, value in attributes.items())
        if self._size > MOST_ATTRIBUTES:
            raise ValueError(f"the attributes of a part are larger than {MOST_ATTRIBUTES:,}")
        local = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        self.found.append((name, local))
        self.parents.append(self._open[-1])
        self._open.append(name)

    def end(self, _name: str) -> None:
        """Go back to the parent."""
        self._open.pop()

    def text(self, text: str) -> None:
        """Take no text."""


def read_elements(stream: IO[bytes]) -> Elements:
    """Read the elements of a small part."""
    elements = Elements()
    read_xml(stream, elements)
    return elements


def _refuse_entities(*_declaration: object) -> None:
    raise expat.ExpatError("it declares entities")
