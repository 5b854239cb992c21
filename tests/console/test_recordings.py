"""Recordings in the console: they come in by form, are checked, ordered, heard, and seen by who approves."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from broker.hub import unused
from broker.hub.announcing.render import media_store
from broker.hub.console.tracks import LASTS
from broker.hub.recordings import LARGEST, MOST_TRACKS, TEXT, Track, tracks_of
from broker.hub.records import AuditRow, Revision, Village, put_setting, setting
from tests.console.stage import Stage
from tests.console.test_pages import FORM
from tests.fakes.voiced import silence_wav, voice_wav

NEW = "/announcements/new"
TRACKS = "/announcements/tracks"
PART = {"X-Part": "1"}


@pytest.fixture
def spoken(stage: Stage) -> Stage:
    """Tày is spoken in Đông and Bến, Nùng in Bến."""
    with stage.database.session() as db:
        db.get_one(Village, "dong").languages = ["tyz"]
        db.get_one(Village, "ben").languages = ["tyz", "nut"]
    return stage


def send(
    stage: Stage, client: FlaskClient, path: str, data: bytes, name: str = "ghi-am.wav", **form: object
) -> TestResponse:
    """A recording with the form as the browser sends it."""
    fields = {**FORM, "act": "track-record", "track-language": "tyz", **form}
    return stage.post(
        client, path, {**fields, "track-file": (io.BytesIO(data), name)}, page=NEW, headers=PART
    )


def tokens(html: str) -> list[str]:
    return [unescape(one) for one in re.findall(r'name="track" value="([^"]+)"', html)]


def addresses(html: str) -> list[str]:
    return re.findall(r'src="(/recordings/[^"]+)"', html)


def press(stage: Stage, client: FlaskClient, act: str, tracks: Sequence[str], **form: object) -> list[str]:
    """The tokens after a button of the list."""
    fields = {**FORM, **form, "act": act, "track": list(tracks)}
    answer = stage.post(client, TRACKS, fields, page=NEW, headers=PART)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return tokens(answer.json["html"]["tracks"])


def kept(stage: Stage) -> list[Track]:
    with stage.database.reading() as db:
        return tracks_of(db.scalars(select(Revision).order_by(Revision.id.desc())).first().tracks)  # type: ignore[union-attr]


def test_a_recording_becomes_a_track_can_be_heard_and_travels_with_the_draft(spoken: Stage) -> None:
    client, sound = spoken.client("hanh"), voice_wav(2.0)
    answer = send(spoken, client, TRACKS, sound)
    html = answer.json["html"]
    assert "Tiếng Tày" in html["tracks"]
    assert "bản ghi, 2\N{NO-BREAK SPACE}giây" in html["tracks"]
    assert html["tracks-info"] == "tiếng Việt (máy đọc), tiếng Tày (bản ghi)"
    heard = client.get(addresses(html["tracks"])[0], headers={"Range": "bytes=0-99"})
    assert (heard.status_code, heard.mimetype, heard.data) == (206, "audio/wav", sound[:100])
    form = {**FORM, "act": "submit", "track": tokens(html["tracks"])}
    assert spoken.post(client, NEW, form, page=NEW).status_code == 302
    assert [track.language for track in kept(spoken)] == ["vi", "tyz"]
    assert kept(spoken)[1].recording.duration_ms == 2000  # type: ignore[union-attr]


def test_the_page_counts_villages_whose_language_is_not_recorded(spoken: Stage) -> None:
    client = spoken.client("hanh")
    answer = spoken.post(client, "/announcements/preview", FORM, page=NEW, headers=PART)
    said = answer.json["html"]["missing"]
    assert "Chưa có bản đọc tiếng Tày: thôn Đông, thôn Bến cần ghi âm." in said
    assert "Chưa có bản đọc tiếng Nùng: thôn Bến cần ghi âm." in said
    after = send(spoken, client, TRACKS, voice_wav()).json
    assert "tiếng Tày" not in after["html"]["missing"]
    assert "tiếng Nùng" in after["html"]["missing"]
    assert after["ready"] is True, "a missing language keeps nobody from sending"


def test_tracks_are_moved_and_taken_out_by_buttons(spoken: Stage) -> None:
    client = spoken.client("hanh")
    text, tay = tokens(send(spoken, client, TRACKS, voice_wav()).json["html"]["tracks"])
    nung = tokens(
        send(spoken, client, TRACKS, voice_wav(3.0), **{"track-language": "nut"}).json["html"]["tracks"]
    )[1]
    whole = [text, tay, nung]
    assert press(spoken, client, "track-down-1", whole) == [tay, text, nung]
    assert press(spoken, client, "track-up-3", whole) == [text, nung, tay]
    assert press(spoken, client, "track-up-1", whole) == whole
    assert press(spoken, client, "track-down-3", whole) == whole
    assert press(spoken, client, "track-remove-2", whole) == [text, nung]
    assert press(spoken, client, "track-remove-1", whole) == whole, "the words stay"
    assert press(spoken, client, "track-remove-99", whole) == whole
    assert press(spoken, client, "track-text", [tay]) == [text, tay]


def test_words_said_by_a_person_replace_the_machine_and_it_can_be_had_back(spoken: Stage) -> None:
    client = spoken.client("hanh")
    html = send(spoken, client, TRACKS, voice_wav(), **{"track-language": "vi"}).json["html"]
    assert "bản ghi thay cho máy đọc" in html["tracks"]
    assert "Thêm cả lời máy đọc" in html["tracks"]
    (person,) = tokens(html["tracks"])
    both = press(spoken, client, "track-text", [person])
    assert both[1] == person
    assert press(spoken, client, "track-remove-1", both) == [person]
    assert press(spoken, client, "track-remove-1", [person]) == both[:1]


@pytest.mark.parametrize(
    ("data", "form", "said"),
    [
        (silence_wav(), {}, "Bản ghi không có tiếng."),
        (voice_wav(), {"track-language": ""}, "chọn tiếng"),
        (voice_wav(), {"track-language": "xx"}, "chọn tiếng"),
        (b"", {}, "trống"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(
    spoken: Stage, data: bytes, form: dict[str, str], said: str
) -> None:
    client = spoken.client("hanh")
    answer = send(spoken, client, TRACKS, data, **form)
    assert answer.status_code == 409
    assert said in answer.get_data(as_text=True)
    page = send(spoken, client, NEW, data, **form)
    assert page.status_code == 409
    assert said in page.get_data(as_text=True)
    assert FORM["text"] in page.get_data(as_text=True), "nothing that was written is lost"


def test_without_a_script_the_page_comes_back_with_the_recording_and_all_that_was_written(
    spoken: Stage,
) -> None:
    client = spoken.client("hanh")
    page = send(spoken, client, NEW, voice_wav()).get_data(as_text=True)
    assert FORM["text"] in page
    assert 'value="17:30"' in page
    assert len(tokens(page)) == 2
    down = {**FORM, "act": "track-down-1", "track": tokens(page)}
    assert tokens(spoken.post(client, NEW, down, page=NEW).get_data(as_text=True)) == tokens(page)[::-1]


def test_a_track_that_this_hub_did_not_check_is_left_out(spoken: Stage) -> None:
    client = spoken.client("hanh")
    text, tay = tokens(send(spoken, client, TRACKS, voice_wav()).json["html"]["tracks"])
    forged = (
        tay[:-5] + ("A" if tay[-5] != "A" else "B") + tay[-4:]
    )  # the last letter has bits that say nothing
    assert press(spoken, client, "track-text", [text, forged, "nonsense"]) == [text]
    assert client.get(f"/recordings/{forged}").status_code == 404
    assert client.get(f"/recordings/{text}").status_code == 404
    assert client.get(f"/recordings/{tay}").status_code == 200


def test_a_token_is_good_for_who_got_it_and_for_some_days(spoken: Stage) -> None:
    hanh, thon = spoken.client("hanh"), spoken.client("thon")
    text, tay = tokens(send(spoken, hanh, TRACKS, voice_wav()).json["html"]["tracks"])
    assert len(press(spoken, thon, "track-text", [text, tay])) == 1
    assert thon.get(f"/recordings/{tay}").status_code == 404
    form = {**FORM, "act": "save", "track": [text, tay]}
    assert spoken.post(hanh, NEW, form, page=NEW).status_code == 302
    with spoken.database.reading() as db:
        key = db.scalars(select(Revision.announcement_id)).one()
    spoken.clock.step(LASTS.total_seconds() + 60)
    hanh = spoken.client("hanh")
    assert len(press(spoken, hanh, "track-text", [text, tay])) == 1, "somewhere else it is too old"
    spoken.post(hanh, f"/announcements/{key}/edit", {**form, "title": "Mới"}, page=NEW)
    assert [track.language for track in kept(spoken)] == ["vi", "tyz"], "the draft keeps what it has"


def test_a_trial_is_no_longer_than_an_announcement(spoken: Stage) -> None:
    client = spoken.client("hanh")
    whole = tokens(send(spoken, client, TRACKS, voice_wav()).json["html"]["tracks"])
    form = {**FORM, "track": [*whole, *whole[1:] * MOST_TRACKS]}
    answer = spoken.post(client, "/announcements/listen", form, page=NEW, headers=PART)
    assert f"nhiều nhất {MOST_TRACKS} phần" in answer.get_data(as_text=True)
    assert "<audio" not in answer.get_data(as_text=True)


def test_a_recording_over_the_limit_is_refused_and_other_forms_stay_small(spoken: Stage) -> None:
    client = spoken.client("hanh")
    said = {"CONTENT_LENGTH": str(LARGEST + 600_000)}
    kind = "multipart/form-data; boundary=x"
    answer = client.post(TRACKS, data=b"--x--", content_type=kind, environ_overrides=said)
    assert answer.status_code == 409
    assert "Tệp lớn quá 40 MB." in answer.get_data(as_text=True)
    assert client.post(TRACKS, data=_large()).status_code == 403, "read, and found to have no form token"
    assert client.post("/announcements/preview", data=_large()).status_code == 413
    assert spoken.client().post(TRACKS, data=_large(), headers=PART).status_code == 401, "strangers send none"


def _large() -> dict[str, object]:
    return {"csrf_token": "x", "file": (io.BytesIO(bytes(600_000)), "a.wav")}


def test_who_approves_sees_each_track_hears_it_and_is_told_what_a_machine_cannot_know(spoken: Stage) -> None:
    hanh = spoken.client("hanh")
    whole = tokens(
        send(spoken, hanh, TRACKS, voice_wav(), **{"track-language": "nut"}).json["html"]["tracks"]
    )
    spoken.post(hanh, NEW, {**FORM, "act": "submit", "track": whole}, page=NEW)
    with spoken.database.reading() as db:
        key = db.scalars(select(Revision.announcement_id).where(Revision.state == "submitted")).one()
    binh = spoken.client("binh")
    page = binh.get(f"/announcements/{key}/approve").get_data(as_text=True)
    assert "Tiếng Nùng" in page
    assert "nhờ người biết tiếng nghe giúp" in page
    assert "Chưa có bản đọc tiếng Tày: thôn Đông, thôn Bến cần ghi âm." in page
    assert binh.get(addresses(page)[0]).status_code == 200
    said = binh.get(f"/announcements/{key}").get_data(as_text=True)
    assert "tiếng Việt (máy đọc), tiếng Nùng (bản ghi)" in said


def test_an_announcement_without_recordings_speaks_of_none(stage: Stage) -> None:
    key = stage.submitted().announcement_id
    page = stage.client("binh").get(f"/announcements/{key}/approve").get_data(as_text=True)
    assert "Tiếng sẽ phát" not in page
    assert "tiếng dân tộc" not in page
    assert "<dt>Tiếng</dt>" not in stage.client("binh").get(f"/announcements/{key}").get_data(as_text=True)


def test_the_trial_lets_the_editor_hear_all_tracks(spoken: Stage) -> None:
    client = spoken.client("hanh")
    whole = tokens(
        send(spoken, client, TRACKS, voice_wav(4.0), **{"track-language": "vi"}).json["html"]["tracks"]
    )
    answer = spoken.post(client, "/announcements/listen", {**FORM, "track": whole}, page=NEW, headers=PART)
    address = re.search(r'src="([^"]+)"', answer.get_data(as_text=True))
    assert address is not None
    heard = client.get(address[1])
    assert heard.data[:4] == b"OggS"
    with spoken.database.reading() as db:
        assert db.scalars(select(AuditRow).where(AuditRow.action.like("phrase.%"))).all() == []


def test_a_recording_that_is_gone_from_the_disk_is_said_so(spoken: Stage) -> None:
    client = spoken.client("hanh")
    html = send(spoken, client, TRACKS, voice_wav()).json["html"]["tracks"]
    store = media_store(spoken.settings)
    for path in [path for path in store.root.rglob("*") if path.is_file()]:
        path.unlink()
    form = {**FORM, "track": tokens(html)[1:]}
    answer = spoken.post(client, "/announcements/listen", form, page=NEW, headers=PART)
    assert "Có bản ghi trong bản tin bị hỏng" in answer.get_data(as_text=True)
    assert client.get(addresses(html)[0]).status_code == 404


def test_the_admin_notes_the_languages_of_the_villages(stage: Stage) -> None:
    client = stage.client("quan")
    form = {"language": "tyz", "villages": ["dong", "ha"]}
    assert stage.post(client, "/villages/languages", form, page="/villages").status_code == 302
    page = client.get("/villages").get_data(as_text=True)
    assert "<h3>Tiếng Tày</h3>" in page
    with stage.database.reading() as db:
        assert [db.get_one(Village, code).languages for code in ("dong", "ha", "ben")] == [
            ["tyz"],
            ["tyz"],
            [],
        ]
    assert stage.post(client, "/villages/languages", {"language": "xx"}, page="/villages").status_code == 409
    log = stage.client("soat").get("/audit").get_data(as_text=True)
    assert "ghi tiếng Tày được nói ở: Đông, Hạ" in log


def test_the_text_alone_is_kept_as_nothing(stage: Stage) -> None:
    client = stage.client("hanh")
    page = client.get(NEW).get_data(as_text=True)
    stage.post(client, NEW, {**FORM, "act": "save", "track": tokens(page)}, page=NEW)
    assert kept(stage) == [TEXT]


def test_what_came_in_is_counted_for_who_brought_it_until_it_is_used(spoken: Stage) -> None:
    sound = voice_wav(2.0)
    send(spoken, spoken.client("hanh"), TRACKS, sound)
    send(spoken, spoken.client("thon"), TRACKS, sound)
    with spoken.database.session() as db:
        (one,) = setting(db, unused.SETTING, {}).values()
        assert (one["by"], one["size"]) == (spoken.people["hanh"].id, len(sound))
        put_setting(db, unused.SETTING, {"ab" * 32: {**one, "size": unused.MOST_A_DAY}}, spoken.now())
    answer = send(spoken, spoken.client("hanh"), TRACKS, voice_wav(3.0))
    assert answer.status_code == 409
    assert "đã gửi nhiều bản ghi mà chưa dùng" in answer.get_data(as_text=True)
