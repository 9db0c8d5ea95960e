"""Pages of lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.domain.texts import N_, Text
from app.errors import Invalid

MAX_OFFSET = 10_000

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class PageRequest:
    """Which part of a list is asked for: `offset` rows passed over, then `count` rows."""

    offset: int = 0
    count: int = 25

    def __post_init__(self) -> None:
        if not 0 <= self.offset <= MAX_OFFSET:
            raise Invalid(
                {
                    "offset": [
                        Text.of(
                            N_("Give an offset from 0 to %(max_offset)s, or narrow the search."),
                            max_offset=MAX_OFFSET,
                        )
                    ]
                }
            )
        if not 1 <= self.count <= 500:
            raise Invalid({"count": [N_("Give a count from 1 to 500.")]})


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """One part of a list.

    `total` is exact unless `total_capped`; then there are at least that many.
    """

    items: Sequence[T]
    offset: int
    requested: int
    total: int
    total_capped: bool = False

    @property
    def limit(self) -> int:
        """The number of items that were asked for."""
        return self.requested

    @property
    def count(self) -> int:
        """The number of items on this page."""
        return len(self.items)

    @property
    def has_previous(self) -> bool:
        """True when there is a page before this one."""
        return self.offset > 0

    @property
    def has_next(self) -> bool:
        """True when there is a page after this one that may be asked for."""
        if self.offset + self.requested > MAX_OFFSET:
            return False
        return self.total_capped or self.offset + self.count < self.total

    @property
    def next_offset(self) -> int:
        """The offset of the page after this one."""
        return self.offset + self.requested

    @property
    def previous_offset(self) -> int:
        """The offset of the page before this one."""
        return max(0, self.offset - self.requested)
