"""Which warnings make a ready emergency template stand prepared on the red page. Nothing here ever speaks.

Kept as settings: `cap.rules` [{…Rule}] and `cap.codes` [codes of the commune in others' systems].
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broker.hub.announcing.checks import visible
from broker.hub.cap.message import Info
from broker.hub.cap.said import CERTAINTIES, SEVERITIES, URGENCIES
from broker.hub.declined import Declined
from broker.hub.records import Account, EmergencyTemplate, put_setting, setting, write_audit
from broker.hub.roles import require_role
from broker.link.config import PlaceOf

RULES: Final = "cap.rules"
CODES: Final = "cap.codes"
KEEPERS: Final = ("approver", "admin")
"""Who may change rules, codes and sources: what they let in is put before whoever signs emergencies."""
MOST_RULES: Final = 50
MOST_CODES: Final = 50
LONGEST: Final = 100


class Rule(msgspec.Struct, kw_only=True, frozen=True):
    """Prepare `template` for a warning that is at least so grave, so near and so sure."""

    id: str
    event: str = ""
    """Stands in its event, headline or event code; empty: any."""
    severity: str = "Severe"
    urgency: str = "Expected"
    certainty: str = "Likely"
    template: str
    """Code of an emergency template."""

    def fits(self, info: Info) -> bool:
        """Whether a warning's words and codes are such."""
        words = " ".join((info.event, info.headline, *info.event_codes)).casefold()
        return (
            self.event.casefold() in words
            and _is_least(info.severity, self.severity, SEVERITIES)
            and _is_least(info.urgency, self.urgency, URGENCIES)
            and _is_least(info.certainty, self.certainty, CERTAINTIES)
            and "AllClear" not in info.responses
        )


def rules_of(db: Session) -> list[Rule]:
    """The rules, oldest first."""
    return msgspec.convert(setting(db, RULES, []), list[Rule])


def template_for(db: Session, infos: Sequence[Info]) -> str:
    """Code of the template that the first fitting rule names; empty when none fits."""
    return next((rule.template for rule in rules_of(db) if any(map(rule.fits, infos))), "")


def add_rule(db: Session, account: Account, form: Rule, now: datetime) -> Rule:
    """Put a rule on the list; its id is made here. Raises Declined for words the standard does not have, a template
    nobody signed, and too many rules."""
    require_role(db, account, now, *KEEPERS)
    for said, known in (
        (form.severity, SEVERITIES),
        (form.urgency, URGENCIES),
        (form.certainty, CERTAINTIES),
    ):
        if said not in known:
            raise Declined("cap-rule-form", "Xin chọn mức độ trong danh sách.")
    event = " ".join(visible(form.event).split())
    if len(event) > LONGEST:
        raise Declined("cap-rule-form", f"Từ cần tìm dài quá, xin viết nhiều nhất {LONGEST} chữ cái.")
    title = title_of(db, form.template)
    if not title:
        raise Declined("cap-rule-form", "Xin chọn một mẫu khẩn cấp đã được ký.")
    every = rules_of(db)
    if len(every) >= MOST_RULES:
        raise Declined("cap-rule-form", f"Đã có {MOST_RULES} quy tắc, xin bỏ bớt quy tắc không dùng.")
    made = msgspec.structs.replace(form, id=secrets.token_hex(4), event=event)
    put_setting(db, RULES, msgspec.to_builtins([*every, made]), now)
    write_audit(db, now, account.username, "cap.rule-added", made.id, _told(made, title))
    return made


def remove_rule(db: Session, account: Account, name: str, now: datetime) -> None:
    """Take a rule off the list. Raises Declined when it is gone."""
    require_role(db, account, now, *KEEPERS)
    every = rules_of(db)
    gone = next((one for one in every if one.id == name), None)
    if gone is None:
        raise Declined("cap-no-rule", "Quy tắc này đã được bỏ rồi.")
    put_setting(db, RULES, msgspec.to_builtins([one for one in every if one is not gone]), now)
    write_audit(db, now, account.username, "cap.rule-removed", name, _told(gone, title_of(db, gone.template)))


def codes_of(db: Session, place: PlaceOf) -> list[str]:
    """Codes by which a warning may name this commune: its own, and those people have entered."""
    return [place.commune, *setting(db, CODES, [])]


def put_codes(db: Session, account: Account, text: str, now: datetime) -> list[str]:
    """Keep the codes of a form, one a line or by comma. Raises Declined for too many or too long."""
    require_role(db, account, now, *KEEPERS)
    lines = (" ".join(visible(each).split()) for each in text.replace(",", "\n").splitlines())
    codes = list(dict.fromkeys(each for each in lines if each))
    if len(codes) > MOST_CODES or any(len(each) > LONGEST for each in codes):
        raise Declined("cap-codes", f"Xin ghi nhiều nhất {MOST_CODES} mã, mỗi mã một dòng ngắn.")
    put_setting(db, CODES, codes, now)
    write_audit(db, now, account.username, "cap.codes-set", "codes", {"codes": ", ".join(codes)})
    return codes


def title_of(db: Session, template: str) -> str:
    """What people call a template that was signed once; empty when there is none of that code."""
    query = (
        select(EmergencyTemplate.title)
        .where(EmergencyTemplate.code == template, EmergencyTemplate.state == "ready")
        .order_by(EmergencyTemplate.number.desc())
    )
    return db.scalar(query.limit(1)) or ""


def _is_least(said: str, wanted: str, order: Mapping[str, str]) -> bool:
    """Whether `said` stands at or before `wanted` in the standard's own order."""
    ranks = list(order)
    return said in ranks and ranks.index(said) <= ranks.index(wanted)


def _told(rule: Rule, title: str) -> dict[str, str]:
    return {"template": title or rule.template, "event": rule.event, "severity": rule.severity}
