"""What the request at hand says about its visitor: letter size, language, and the page they came from."""

from __future__ import annotations

import re

from flask import current_app, request

from broker.look.words import words_of

SIZE_COOKIE, LANGUAGE_COOKIE, THEME_COOKIE = "chu", "tieng", "mau"
REACH_COOKIE, TYPING_COOKIE = "tam", "go"
CHOICES = {
    SIZE_COOKIE: ("vua", "to"),
    LANGUAGE_COOKIE: ("vi", "en"),
    THEME_COOKIE: ("light", "warm", "contrast"),
    REACH_COOKIE: ("thuong", "thap"),
    TYPING_COOKIE: ("telex", "vni", "plain"),
}
"""What may be chosen; kept in cookies until the visitor leaves."""

_OUR_PATH = re.compile(r"/[A-Za-z0-9._-][A-Za-z0-9./_-]{0,160}(\?trang=[0-9]{1,2})?", re.ASCII)


def is_large() -> bool:
    """Whether this visitor reads in large letters. The notice board has letters for all."""
    return request.path != "/" and request.cookies.get(SIZE_COOKIE) == "to"


def is_low() -> bool:
    """Whether everything to press lies low, for someone who sits. The notice board can be pressed anywhere."""
    return request.path != "/" and request.cookies.get(REACH_COOKIE) == "thap"


def way_of_typing() -> str:
    """How a USB keyboard writes Vietnamese letters.

    Telex unless chosen otherwise: it is what phones and offices write with, and it changes nothing for whoever
    types without marks, for no Vietnamese word doubles a letter it doubles or ends in s, f, r, x, j, w or z.
    """
    chosen = request.cookies.get(TYPING_COOKIE, "telex")
    return chosen if chosen in CHOICES[TYPING_COOKIE] else "telex"


def asked_language() -> str:
    """The language chosen, which may be none we have. The notice board speaks to everyone: Vietnamese."""
    if request.path == "/":
        return "vi"
    return request.cookies.get(LANGUAGE_COOKIE, "vi")


def language() -> str:
    """The language this visitor reads."""
    return words_of(current_app).language()


def theme(otherwise: str) -> str:
    """The colours chosen; the notice board keeps its own."""
    chosen = otherwise if request.path == "/" else request.cookies.get(THEME_COOKIE, otherwise)
    return chosen if chosen in CHOICES[THEME_COOKIE] else otherwise


def our_path(text: str, otherwise: str = "/nha") -> str:
    """`text` when it is a path of this screen, else `otherwise`: links never lead out of the house."""
    return text if _OUR_PATH.fullmatch(text) else otherwise


def came_from() -> str:
    """Where Quay lại leads: the page that linked here, home when it does not say."""
    return our_path(request.args.get("tu", ""))
