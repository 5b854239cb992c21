"""Can the screens show every Vietnamese letter?"""

from __future__ import annotations

from deploy.doctor.finding import Finding, Patient

FOLDER = ("broker", "look", "static", "fonts")


def look(patient: Patient) -> Finding:
    """The fonts the pages bring themselves are in the release."""
    folder = patient.root.joinpath(*FOLDER)
    fonts = sorted(folder.rglob("*.woff2")) or sorted(folder.parent.rglob("*.woff2"))
    if not fonts:
        return Finding("fonts", "error", f"no font in {folder}", "install the release again")
    empty = [each.name for each in fonts if each.stat().st_size < 1000]
    if empty:
        return Finding("fonts", "error", f"damaged: {', '.join(empty)}", "install the release again")
    return Finding("fonts", "ok", ", ".join(each.stem for each in fonts))
