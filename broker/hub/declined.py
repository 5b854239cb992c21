"""What a person asked cannot be done, said to that person."""

from __future__ import annotations


class Declined(Exception):
    """`str()` is one plain Vietnamese sentence: why not, and what to do. `code` is for programs and tests."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
