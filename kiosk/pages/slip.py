"""In ra giấy: one procedure, with what the villager ticked, on the house's receipt printer."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request

from broker.contract.content import Procedure
from broker.look.procedure import Code, codes_of, list_text, parts_of, standing
from kiosk.house import House
from kiosk.printing import Paper, Slip, Unprinted
from kiosk.visitor import came_from


def slip_of(procedure: Procedure, house: House, ticked: set[int]) -> Slip:
    """What is printed: the papers, then how long, how much and where, the code, and who vouches for it."""
    code = next((each for each in codes_of(procedure, house.domain) if each.host), None)
    day, parts = f"{procedure.checked_on:%d/%m/%Y}", parts_of(procedure, house.today())
    foot = f"Kiểm tra ngày {day}" if procedure.approved else f"Chưa được xã duyệt. Đối chiếu ngày {day}"
    if standing(procedure, house.today()) == "due":
        foot = f"Kiểm tra đã lâu, ngày {day}. Bác hỏi lại cho chắc."
    return Slip(
        title=procedure.title,
        papers=[Paper(each.name, each.detail, n in ticked) for n, each in enumerate(procedure.documents)],
        doubts=parts[0].lines,
        blocks=[(part.title, part.lines) for part in parts[1:]],
        link=code.text if code else "",
        link_words=f"{code.host} (chỉ tin đuôi .gov.vn)" if code else "",
        foot=foot,
    )


def pages(house: House) -> Blueprint:
    """The blueprint of printing; a house without a printer has no such page."""
    job = Blueprint("slip", __name__)

    @job.post("/tt/<code>/in")
    def put_out(code: str) -> str:
        found = house.content().procedures.get(code)
        if house.print is None or found is None or standing(found, house.today()) not in ("fresh", "due"):
            abort(404)
        ticked = {n for n, _ in enumerate(found.documents) if str(n) in request.form.getlist("co")}
        trouble = ""
        try:
            house.print(slip_of(found, house, ticked))
        except Unprinted as why:
            trouble = str(why)
        back = f"/tt/{code}?tu={came_from()}"
        missing = [each for n, each in enumerate(found.documents) if n not in ticked] or found.documents
        return render_template(
            "printed.html",
            procedure=found,
            trouble=trouble,
            code=Code(list_text(found, missing) or found.title),
            up=back,
            here=back,  # printing is not done again for larger letters
        )

    return job
