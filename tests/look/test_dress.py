"""The shared look: files, headers, icons, words."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from flask import Flask, render_template_string, request

from broker.look import dress, say
from broker.look.icons import icon, symbols
from broker.look.qr import qr


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    static = tmp_path / "static"
    static.mkdir()
    (static / "own.css").write_text("a{}")
    (tmp_path / "en.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Nhà"\nmsgstr "Home"\n\n'
        'msgid "Còn %(n)s giây"\nmsgstr "%(n)s seconds left"\n',
        encoding="utf-8",
    )
    made = Flask(__name__, static_folder=None)
    dress(made, static=static, catalogues=[tmp_path], language=lambda: request.args.get("lang", "vi"))

    @made.get("/page")
    def page() -> str:
        return render_template_string(
            '<a href="{{ static("own.css") }}">{{ icon("home") }}{{ _("Nhà") }}</a>{{ sprite("stop") }}'
        )

    @made.get("/said")
    def said() -> str:
        return say("Còn %(n)s giây", n=12)

    return made


def test_page_carries_only_the_symbols_it_uses(app: Flask) -> None:
    page = app.test_client().get("/page").text
    assert re.findall(r'<symbol id="i-([a-z]+)"', page) == ["home", "stop"]
    assert "<!--sprite" not in page


def test_words_follow_the_reader(app: Flask) -> None:
    client = app.test_client()
    assert "Nhà" in client.get("/page").text
    assert "Home" in client.get("/page?lang=en").text
    assert "Nhà" in client.get("/page?lang=xx").text
    assert client.get("/said?lang=en").text == "12 seconds left"


def test_every_answer_is_under_the_strict_policy(app: Flask) -> None:
    for path in ("/page", "/nowhere"):
        answer = app.test_client().get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


def test_files_are_kept_forever_under_their_hash_and_fonts_are_reached_from_the_style(app: Flask) -> None:
    client = app.test_client()
    with app.test_request_context():
        tokens = render_template_string('{{ look("tokens.css") }}')
    answer = client.get(tokens)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    for font in re.findall(r'url\("(.*?)"\)', answer.text):
        got = client.get(tokens.rsplit("/", 1)[0] + "/" + font)
        assert got.status_code == 200
        assert got.data[:4] == b"wOF2"


def test_text_files_travel_compressed_to_those_who_can_read_them(app: Flask) -> None:
    client = app.test_client()
    with app.test_request_context():
        tokens = render_template_string('{{ look("tokens.css") }}')
    plain, packed = client.get(tokens), client.get(tokens, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.mimetype == plain.mimetype == "text/css"
    assert "Accept-Encoding" in packed.headers["Vary"]


def test_file_under_an_old_hash_is_served_but_not_kept(app: Flask) -> None:
    answer = app.test_client().get("/static/000000000000/own.css")
    assert answer.status_code == 200
    assert "immutable" not in answer.headers["Cache-Control"]


def test_nothing_outside_the_folder_is_served(app: Flask) -> None:
    assert app.test_client().get("/static/x/../../en.po").status_code == 404


def test_unknown_icon_says_which_exist() -> None:
    with pytest.raises(KeyError, match="drawn are"):
        icon("unicorn")
    assert len(symbols()) > 70


def test_qr_has_no_inline_style_and_a_name() -> None:
    code = str(qr("https://dichvucong.gov.vn/", "Mở trên điện thoại"))
    assert "style" not in code
    assert 'aria-label="Mở trên điện thoại"' in code
    assert code.count("<svg") == 1


def test_a_script_travels_with_all_that_it_imports_in_one_file(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "static" / "one.js").write_text('import { two } from "./two.js";\ntwo();\n')
    (tmp_path / "static" / "two.js").write_text("export function two() {}\n")
    made = Flask("again", static_folder=None)
    dress(made, static=tmp_path / "static")
    client = made.test_client()
    with made.test_request_context():
        address = render_template_string('{{ static("one.js", whole=True) }}')
    packed = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert b"function two" in gzip.decompress(packed.data)
    assert "immutable" in packed.headers["Cache-Control"]
    assert b"import" in client.get(address).data  # who takes no gzip asks for each
    single = client.get(address.replace("one.js", "two.js"), headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(single.data) == b"export function two() {}\n"
