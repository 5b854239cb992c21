"""Can this machine speak Vietnamese, and with the voice its settings name?"""

from __future__ import annotations

from broker.link.config import SpeechOf
from broker.speech.voice import Engine, EngineError, choose
from deploy.doctor.finding import Finding, Patient

WORDS = "Xin chào bà con."
_PIPER_TODO = "correct speech.piper_… in the settings (docs/INSTALL.md, “A voice of your own”)"


def look(patient: Patient) -> Finding:
    """Let each engine of this machine say three words; nothing leaves the machine. Loading Piper takes seconds."""
    speech = patient.settings.speech if patient.settings is not None else SpeechOf()
    try:
        engines = choose(speech, may_ask_outside=False)
    except EngineError as why:
        return Finding("voice", "error", str(why), "apt-get install espeak-ng")
    said: list[str] = []
    for engine in engines:
        try:
            said.append(_tried(engine, speech.piper_speaks if engine.id == "piper" else "vi"))
        except EngineError as why:
            if engine is engines[-1]:
                return Finding("voice", "error", str(why), "apt-get install espeak-ng")
            return Finding("voice", "warning", f"{why}; {engines[-1].id} speaks instead", _PIPER_TODO)
    asked = "; gTTS is asked too, which was not tried here" if speech.online else ""
    return Finding("voice", "ok", "; ".join(said) + asked)


def _tried(engine: Engine, voice: str) -> str:
    pcm = engine.synthesise(WORDS, voice)
    return f"{engine.id} {engine.version} ({voice}), {pcm.duration_ms / 1000:.1f} s for “{WORDS}”"
