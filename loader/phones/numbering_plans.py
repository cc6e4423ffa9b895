"""phonenumbers' metadata as patterns for Arrow's string kernels.

The C++ edition of libphonenumber runs the same patterns on RE2, which is Arrow's engine, too.
Numbers are arrays of ASCII digits. Functions named in `backticks` are those of
phonenumbers.phonenumberutil.
"""

import re
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

from loader.frames.arrow import Mask

Codes = npt.NDArray[np.int8]

LONGEST_TEXT = 250
"""Longest text that `parse` accepts, in characters; also the most digits in the tables here."""

POSSIBLE = ("IS_POSSIBLE", "IS_POSSIBLE_LOCAL_ONLY", "TOO_SHORT", "TOO_LONG", "INVALID_LENGTH")
_IS_POSSIBLE, _LOCAL_ONLY, _TOO_SHORT, TOO_LONG, _INVALID_LENGTH = range(5)

# If several descriptions fit a number, the last one counts: `_number_type_helper` tries them in
# reverse order. FIXED_LINE_OR_MOBILE has no description; it means that both fit.
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
    """A description of numbers in the metadata: their pattern and, by length, whether it is one."""

    pattern: str
    lengths: Mask

    def fits(self, digits: pa.Array) -> Mask:
        """Return which numbers match pattern and length (`_is_number_matching_desc`)."""
        return matches(digits, self.pattern) & self.lengths[length(digits)]


@dataclass(frozen=True, slots=True)
class Rewriting:
    """How numbers are rewritten in which a group of the national prefix is found.

    An area code goes before local numbers, as on islands, or a carrier's code goes off (BR).
    """

    prefix: str
    group: str
    """The group, as a replacement: the last one of the prefix."""
    rule: str
    """What goes in the place of prefix and group."""

    def rewrite(self, before: pa.Array, stripped: pa.Array) -> pa.Array:
        """Give numbers anew that begin with the prefix; without the group, as they are stripped."""
        has_group = pc.not_equal(replace_start(before, self.prefix, self.group), stripped)
        return pc.if_else(has_group, replace_start(before, self.prefix, self.rule), stripped)


@dataclass(frozen=True, slots=True)
class Plan:
    """The numbering plan of a region, or of a country code that belongs to no region.

    `possible` has a position in `POSSIBLE` for each length of a number; `kinds` are positions in
    `NUMBER_TYPES` with their descriptions, of which the last that fits counts.
    """

    country_code: str
    idd: str | None
    national_prefix: str | None
    rewriting: Rewriting | None
    leading_digits: str | None
    general: Kind
    kinds: tuple[tuple[int, Kind], ...]
    possible: Codes

    def without_national_prefix(self, digits: pa.Array) -> pa.Array:
        """Strip the national prefix as `_maybe_strip_national_prefix_carrier_code` does."""
        if self.national_prefix is None:
            return digits
        prefixed = matches(digits, self.national_prefix)
        if not prefixed.any():
            return digits
        before = digits.filter(pa.array(prefixed))
        after = replace_start(before, self.national_prefix, "")
        if self.rewriting is not None:
            after = self.rewriting.rewrite(before, after)
        pattern = self.general.pattern
        must_keep = matches(before, pattern) & ~matches(after, pattern)
        prefixed[prefixed] = ~must_keep
        return pc.replace_with_mask(digits, pa.array(prefixed), after.filter(pa.array(~must_keep)))

    def is_full_number(self, digits: pa.Array) -> Mask:
        """Return which stripped numbers `parse` accepts in place of the unstripped ones."""
        not_full = [_LOCAL_ONLY, _TOO_SHORT, _INVALID_LENGTH]
        return ~np.isin(self.possible[length(digits)], not_full)

    def number_types(self, digits: pa.Array) -> Codes:
        """Return positions in `NUMBER_TYPES` (`_number_type_helper`)."""
        types = np.full(len(digits), _UNKNOWN, dtype=np.int8)
        for code, kind in self.kinds:
            fits = kind.fits(digits)
            both = fits & (types == _MOBILE) if code == _FIXED_LINE else False
            types[fits] = code
            types[both] = _FIXED_LINE_OR_MOBILE
        types[~self.general.fits(digits)] = _UNKNOWN
        return types


def matches(digits: pa.Array, pattern: str) -> Mask:
    """Return which strings contain a match of the pattern."""
    found: Mask = pc.match_substring_regex(digits, pattern).to_numpy(zero_copy_only=False)
    return found


def replace_start(digits: pa.Array, pattern: str, replacement: str) -> pa.Array:
    """Replace the match of a pattern that matches at the start of strings alone."""
    # Not with max_replacements, which matches what it has found once more, without what follows:
    # a $ in the pattern would match there.
    return pc.replace_substring_regex(digits, pattern, replacement)


def length(digits: pa.Array) -> npt.NDArray[np.int64]:
    """Return the number of digits of each number."""
    lengths: npt.NDArray[np.int64] = pc.binary_length(digits).to_numpy()
    return lengths


def plan_name(country_code: int) -> str:
    """Name the plan of a country code: its main region, or the code itself if it has none."""
    main = COUNTRY_CODE_TO_REGION_CODE[country_code][0]
    return str(country_code) if main == REGION_CODE_FOR_NON_GEO_ENTITY else main


@cache
def plan_of(name: str) -> Plan | None:
    """Return the plan of that name; None if there is none, or RE2 cannot run its patterns."""
    metadata = (
        PhoneMetadata.metadata_for_nongeo_region(int(name))
        if name.isdecimal()
        else PhoneMetadata.metadata_for_region(name)
    )
    if metadata is None or metadata.general_desc is None:
        return None
    plan = Plan(
        country_code=str(metadata.country_code),
        idd=_at_start(metadata.international_prefix),
        national_prefix=_at_start(metadata.national_prefix_for_parsing),
        rewriting=_rewriting(metadata),
        leading_digits=_at_start(metadata.leading_digits),
        general=_kind(metadata.general_desc),
        kinds=tuple(_kinds(metadata)),
        possible=_possible_by_length(metadata.general_desc),
    )
    patterns = [plan.idd, plan.national_prefix, plan.leading_digits, plan.general.pattern]
    patterns += [kind.pattern for _, kind in plan.kinds]
    return plan if all(runs_on_re2(pattern) for pattern in patterns if pattern) else None


def runs_on_re2(pattern: str) -> bool:
    """Return whether Arrow's kernels accept the pattern."""
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid:
        return False
    return True


def _at_start(pattern: str | None) -> str | None:
    return f"^(?:{pattern})" if pattern else None


def _rewriting(metadata: PhoneMetadata) -> Rewriting | None:
    prefix, rule = metadata.national_prefix_for_parsing, metadata.national_prefix_transform_rule
    if not prefix or not rule:
        return None
    return Rewriting(f"^(?:{prefix})", f"\\{re.compile(prefix).groups}", rule)


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
    """Return the result of `_test_number_length` for all lengths."""
    every = np.arange(LONGEST_TEXT + 1)
    possible = np.full(len(every), _INVALID_LENGTH, dtype=np.int8)
    possible[np.isin(every, desc.possible_length)] = _IS_POSSIBLE
    possible[every < desc.possible_length[0]] = _TOO_SHORT
    possible[every > desc.possible_length[-1]] = TOO_LONG
    possible[np.isin(every, desc.possible_length_local_only)] = _LOCAL_ONLY
    return possible


@dataclass(frozen=True, slots=True)
class Description:
    """Properties of the numbers of one country code, one entry for each number.

    `possible` has positions in `POSSIBLE`, `number_type` in `NUMBER_TYPES`, `region` in `regions`,
    whose last name is empty: no region.
    """

    possible: Codes
    number_type: Codes
    region: Codes
    regions: tuple[str, ...]


def describe(country_code: int, digits: pa.Array) -> Description | None:
    """Describe national significant numbers; None if RE2 cannot run one of the plans.

    The main region's plan says what is possible; the region is found as by
    `_region_code_for_number_from_list`, and its plan gives the type.
    """
    regions = COUNTRY_CODE_TO_REGION_CODE[country_code]
    plans = [plan_of(plan_name(country_code)), *map(plan_of, regions[1:])]
    if any(plan is None for plan in plans):
        return None
    known = [plan for plan in plans if plan is not None]
    types = np.full(len(digits), _UNKNOWN, dtype=np.int8)
    plan_positions = np.full(len(digits), len(regions) if len(regions) > 1 else 0, dtype=np.int8)
    if len(known) == 1:
        types = known[0].number_types(digits)
    else:
        _find_plans(known, digits, types, plan_positions)
    possible = known[0].possible[length(digits)]
    return Description(possible, types, plan_positions, (*regions, ""))


def _find_plans(plans: list[Plan], digits: pa.Array, types: Codes, plan_positions: Codes) -> None:
    """Fill in the first plan that matches each number, and the number's type by that plan.

    A plan with leading digits matches by them alone, any other one if the number has a type in it.
    Few numbers have any leading digits of a plan, so one pattern finds those first.
    """
    heads = [plan.leading_digits for plan in plans if plan.leading_digits]
    has_leading_digits = (
        matches(digits, "|".join(heads)) if heads else np.zeros(len(digits), dtype=bool)
    )
    pending = np.ones(len(digits), dtype=bool)
    for position, plan in enumerate(plans):
        rows = np.flatnonzero(pending & has_leading_digits if plan.leading_digits else pending)
        if not len(rows):
            continue
        candidates = digits.take(pa.array(rows))
        if plan.leading_digits:
            matching = matches(candidates, plan.leading_digits)
            rows, candidates = rows[matching], candidates.filter(pa.array(matching))
            found = plan.number_types(candidates)
        else:
            found = plan.number_types(candidates)
            rows, found = rows[found != _UNKNOWN], found[found != _UNKNOWN]
        types[rows], plan_positions[rows] = found, position
        pending[rows] = False
