"""phonenumbers' metadata as patterns for Arrow's string kernels.

libphonenumber's C++ edition runs the same patterns on RE2, which is Arrow's engine too. Numbers
are arrays of ASCII digits. Names in `code` style are functions of phonenumbers.phonenumberutil.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    REGION_CODE_FOR_NON_GEO_ENTITY,
    PhoneMetadata,
    PhoneNumberDesc,
)

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]

LONGEST_TEXT = 250
"""Characters of a text that `parse` looks at; also the most digits that the tables here know."""

POSSIBLE = ("IS_POSSIBLE", "IS_POSSIBLE_LOCAL_ONLY", "TOO_SHORT", "TOO_LONG", "INVALID_LENGTH")
_IS_POSSIBLE, _LOCAL_ONLY, _TOO_SHORT, TOO_LONG, _INVALID_LENGTH = range(5)

# What a number is if several descriptions fit: the last of them. `_number_type_helper` tries
# them from the other end; fixed_line_or_mobile is no description but what both together mean.
NUMBER_TYPES = (
    "UNKNOWN",
    "MOBILE",
    "FIXED_LINE",
    "FIXED_LINE_OR_MOBILE",
    "VOICEMAIL",
    "UAN",
    "PAGER",
    "PERSONAL_NUMBER",
    "VOIP",
    "SHARED_COST",
    "TOLL_FREE",
    "PREMIUM_RATE",
)
_UNKNOWN, _MOBILE, _FIXED_LINE, _FIXED_LINE_OR_MOBILE = range(4)


@dataclass(frozen=True, slots=True)
class Kind:
    """A description of numbers in the metadata: their pattern, and which lengths they have."""

    pattern: str
    lengths: Mask

    def fits(self, digits: pa.Array) -> Mask:
        """Tell which numbers match with pattern and length (`_is_number_matching_desc`)."""
        return matches(digits, self.pattern) & self.lengths[length(digits)]


@dataclass(frozen=True, slots=True)
class Plan:
    """The numbering plan of a region, or of a country code that belongs to no region.

    `possible` holds positions in `POSSIBLE` by the number's length, `kinds` positions in
    `NUMBER_TYPES` with their descriptions, the weakest first.
    """

    country_code: str
    idd: str | None
    national_prefix: str | None
    prefix_is_rewritten: bool
    leading_digits: str | None
    general: Kind
    kinds: tuple[tuple[int, Kind], ...]
    possible: Codes

    def without_national_prefix(self, digits: pa.Array) -> tuple[pa.Array, Mask]:
        """Strip as `_maybe_strip_national_prefix_carrier_code` does.

        Returns:
            The numbers, and which of them have a prefix whose stripping may rewrite the number;
            those are left as they are, for phonenumbers itself.
        """
        nobody = np.zeros(len(digits), dtype=bool)
        if self.national_prefix is None:
            return digits, nobody
        prefixed = matches(digits, self.national_prefix)
        if not prefixed.any():
            return digits, nobody
        before = digits.filter(pa.array(prefixed))
        after = pc.replace_substring_regex(before, self.national_prefix, "", max_replacements=1)
        changed = pc.not_equal(before, after).to_numpy(zero_copy_only=False)
        if self.prefix_is_rewritten:
            prefixed[prefixed] = changed
            return digits, prefixed
        pattern = self.general.pattern
        kept = matches(before, pattern) & ~matches(after, pattern)
        prefixed[prefixed] = ~kept
        return pc.replace_with_mask(
            digits, pa.array(prefixed), after.filter(pa.array(~kept))
        ), nobody

    def is_full_number(self, digits: pa.Array) -> Mask:
        """Tell which stripped numbers `parse` accepts in place of the number before."""
        refused = [_LOCAL_ONLY, _TOO_SHORT, _INVALID_LENGTH]
        return ~np.isin(self.possible[length(digits)], refused)

    def number_types(self, digits: pa.Array) -> Codes:
        """Give positions in `NUMBER_TYPES` (`_number_type_helper`)."""
        types = np.full(len(digits), _UNKNOWN, dtype=np.int8)
        for code, kind in self.kinds:
            fits = kind.fits(digits)
            both = fits & (types == _MOBILE) if code == _FIXED_LINE else False
            types[fits] = code
            types[both] = _FIXED_LINE_OR_MOBILE
        types[~self.general.fits(digits)] = _UNKNOWN
        return types


def matches(digits: pa.Array, pattern: str) -> Mask:
    """Tell which strings match the pattern; it brings its own anchors."""
    found: Mask = pc.match_substring_regex(digits, pattern).to_numpy(zero_copy_only=False)
    return found


def length(digits: pa.Array) -> npt.NDArray[np.int64]:
    """Give the number of digits."""
    lengths: npt.NDArray[np.int64] = pc.binary_length(digits).to_numpy()
    return lengths


def place_of_country_code(country_code: int) -> str:
    """Name the plan of a country code: its main region, or the code itself without regions."""
    main = COUNTRY_CODE_TO_REGION_CODE[country_code][0]
    return str(country_code) if main == REGION_CODE_FOR_NON_GEO_ENTITY else main


@cache
def plan_of(place: str) -> Plan | None:
    """Give the plan of a region or a code without regions; None if unknown or not for RE2."""
    metadata = (
        PhoneMetadata.metadata_for_nongeo_region(int(place))
        if place.isdecimal()
        else PhoneMetadata.metadata_for_region(place)
    )
    if metadata is None or metadata.general_desc is None:
        return None
    plan = Plan(
        country_code=str(metadata.country_code),
        idd=_at_start(metadata.international_prefix),
        national_prefix=_at_start(metadata.national_prefix_for_parsing),
        prefix_is_rewritten=bool(metadata.national_prefix_transform_rule),
        leading_digits=_at_start(metadata.leading_digits),
        general=_kind(metadata.general_desc),
        kinds=tuple(_kinds(metadata)),
        possible=_possible_by_length(metadata.general_desc),
    )
    patterns = [plan.idd, plan.national_prefix, plan.leading_digits, plan.general.pattern]
    patterns += [kind.pattern for _, kind in plan.kinds]
    return plan if all(runs_on_re2(pattern) for pattern in patterns if pattern) else None


def runs_on_re2(pattern: str) -> bool:
    """Tell whether Arrow's kernels accept the pattern."""
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid:
        return False
    return True


def _at_start(pattern: str | None) -> str | None:
    return f"^(?:{pattern})" if pattern else None


def _kind(desc: PhoneNumberDesc) -> Kind:
    every = np.arange(LONGEST_TEXT + 1)
    return Kind(
        pattern=f"^(?:{desc.national_number_pattern})$",
        lengths=np.isin(every, desc.possible_length or every),
    )


def _kinds(metadata: PhoneMetadata) -> Iterator[tuple[int, Kind]]:
    same = metadata.same_mobile_and_fixed_line_pattern
    for code, name in enumerate(NUMBER_TYPES):
        desc = getattr(metadata, name.lower(), None)
        if desc is None or not desc.national_number_pattern or (same and code == _MOBILE):
            continue
        yield _FIXED_LINE_OR_MOBILE if same and code == _FIXED_LINE else code, _kind(desc)


def _possible_by_length(desc: PhoneNumberDesc) -> Codes:
    """Answer `_test_number_length` for all lengths; the listed lengths ascend."""
    every = np.arange(LONGEST_TEXT + 1)
    possible = np.full(len(every), _INVALID_LENGTH, dtype=np.int8)
    possible[np.isin(every, desc.possible_length)] = _IS_POSSIBLE
    possible[every < desc.possible_length[0]] = _TOO_SHORT
    possible[every > desc.possible_length[-1]] = TOO_LONG
    possible[np.isin(every, desc.possible_length_local_only)] = _LOCAL_ONLY
    return possible


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of the numbers of one country code: codes into the tuples named here.

    `possible` into `POSSIBLE`, `number_type` into `NUMBER_TYPES`, `region` into `regions`, whose
    last name is empty: no region.
    """

    possible: Codes
    number_type: Codes
    region: Codes
    regions: tuple[str, ...]


def describe(country_code: int, digits: pa.Array) -> Description | None:
    """Describe national significant numbers; None if a plan cannot be had for RE2.

    The main region's plan says what is possible; which region it is follows
    `_region_code_for_number_from_list`, and that region's plan gives the type.
    """
    regions = COUNTRY_CODE_TO_REGION_CODE[country_code]
    plans = [plan_of(place_of_country_code(country_code)), *map(plan_of, regions[1:])]
    if any(plan is None for plan in plans):
        return None
    known = [plan for plan in plans if plan is not None]
    types = np.full(len(digits), _UNKNOWN, dtype=np.int8)
    owners = np.full(len(digits), len(regions) if len(regions) > 1 else 0, dtype=np.int8)
    if len(known) == 1:
        types = known[0].number_types(digits)
    else:
        _find_owners(known, digits, types, owners)
    possible = known[0].possible[length(digits)]
    return Description(possible, types, owners, (*regions, ""))


def _find_owners(plans: list[Plan], digits: pa.Array, types: Codes, owners: Codes) -> None:
    """Fill in the first plan that claims each number, and the number's type there.

    A plan with leading digits claims by them alone, the others what has a type with them. Few
    numbers have any such leading digits, so they are singled out in one go.
    """
    heads = [plan.leading_digits for plan in plans if plan.leading_digits]
    claimed = matches(digits, "|".join(heads)) if heads else np.zeros(len(digits), dtype=bool)
    pending = np.ones(len(digits), dtype=bool)
    for position, plan in enumerate(plans):
        looked_at = np.flatnonzero(pending & claimed if plan.leading_digits else pending)
        if not len(looked_at):
            continue
        candidates = digits.take(pa.array(looked_at))
        if plan.leading_digits:
            mine = matches(candidates, plan.leading_digits)
            looked_at, candidates = looked_at[mine], candidates.filter(pa.array(mine))
            found = plan.number_types(candidates)
        else:
            found = plan.number_types(candidates)
            looked_at, found = looked_at[found != _UNKNOWN], found[found != _UNKNOWN]
        types[looked_at], owners[looked_at] = found, position
        pending[looked_at] = False
