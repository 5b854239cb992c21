"""Can this machine name what moves before its cameras? Only where its settings name a network for it."""

from __future__ import annotations

from deploy.doctor.finding import Finding, Patient

_TODO = {
    "missing": "correct camera.model in the settings, or make the file: `langso weights FROM --to F.onnx`",
    "runtime": "install langso[detect] into the environment of this machine, or empty camera.model",
    "late": "empty camera.model: this machine is too slow for it",
}
_MAKE_ANEW = "make the file anew: `langso weights FROM --to F.onnx` (docs/INSTALL.md), or empty camera.model"
SLOW_MS = 3000.0


def look(patient: Patient) -> Finding:
    """Let the network compute two grey pictures in a process of its own."""
    camera = patient.settings.camera if patient.settings is not None else None
    if camera is None or not camera.model:
        return Finding("labels", "ok", "no network is named: movement is told without who or what it was")
    from pathlib import Path

    from edge.camera.model_process import ModelFailed, examine

    try:
        form, took_ms = examine(Path(camera.model), camera.model_threads)
    except ModelFailed as why:
        found = f"{why}; alerts come all the same, without who or what it was"
        return Finding("labels", "warning", found, _TODO.get(why.why, _MAKE_ANEW))
    found = f"{camera.model}: {form.side_px} x {form.side_px} px, {took_ms:.0f} ms a picture"
    if took_ms > SLOW_MS:
        return Finding("labels", "warning", found, _TODO["late"])
    return Finding("labels", "ok", found)
