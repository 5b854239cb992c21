"""Can this machine speak Vietnamese?"""

from __future__ import annotations

from broker.speech.voice import EngineError, choose
from deploy.doctor.finding import Finding, Patient


def look(patient: Patient) -> Finding:
    """Synthesise one word; nothing leaves the machine."""
    del patient
    try:
        engine = choose()[0]
        pcm = engine.synthesise("xin chào", "vi")
    except EngineError as why:
        return Finding("voice", "error", str(why), "apt-get install espeak-ng")
    return Finding(
        "voice", "ok", f"{engine.id} {engine.version}, {len(pcm.samples) / pcm.rate_hz:.1f} s for a word"
    )
