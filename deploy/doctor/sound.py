"""Is there a sound card, and do the devices that the settings name open?"""

from __future__ import annotations

from pathlib import Path

from broker.link.config import SpeakerOf
from deploy.doctor.finding import Finding, Patient

CARDS = Path("/proc/asound")
_LIST = "`aplay -L` and `arecord -L` list names; correct [speaker] in the settings"


def look(patient: Patient, cards: Path = CARDS) -> Finding:
    """Playback devices of the kernel, ALSA's library, and the devices that the settings name.

    Without a card a node writes WAV files instead of speaking.
    """
    from edge.speaker import alsa  # the loudspeaker's room, opened only here

    names = _outputs(cards)
    is_node = patient.settings is not None and patient.settings.machine.role == "node"
    speaker = patient.settings.speaker if patient.settings is not None else SpeakerOf()
    if speaker.sound == "file":
        return Finding("sound", "ok", "the settings want files in <data>/played and no sound")
    if not alsa.is_installed():
        todo = "sudo apt-get install --no-install-recommends alsa-utils"
        return Finding("sound", "error" if is_node else "warning", "ALSA's library is not installed", todo)
    if not names and speaker.card == "default":
        todo = "connect the amplifier's sound card; until then broadcasts become files in <data>/played"
        return Finding("sound", "error" if is_node else "warning", "no sound card", todo)
    wanted = [(speaker.card, False), (speaker.microphone, True), (speaker.loop_back, True)]
    shut = [name for name, records in wanted if name and not alsa.is_there(name, records=records)]
    if shut:
        return Finding("sound", "error", f"cannot be opened: {', '.join(shut)}", _LIST)
    return Finding("sound", "ok", f"{len(names)} output(s): {', '.join(names)}; {speaker.card} opens")


def _outputs(cards: Path) -> list[str]:
    names = []
    for each in sorted(cards.glob("card*/pcm*p/info")):
        lines = each.read_text(encoding="utf-8", errors="replace").splitlines()
        names += [line.partition(": ")[2] for line in lines if line.startswith("name:")]
    return names
