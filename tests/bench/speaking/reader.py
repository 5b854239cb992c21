"""One reader of written Vietnamese in a process of its own: ours, or a public library in the environment it is in.

Run as a script by that environment's Python, so nothing but the standard library stands at the top. A JSON list of
texts comes on stdin; the last line of stdout tells what was said, CPU ms a sentence and the memory at its highest.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

ROUNDS = 5


def _ours():
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from broker.speech.lexicon import load
    from broker.speech.normalise import normalise

    lexicon = load()
    return lambda text: normalise(text, lexicon).text


def _sea_g2p():
    from sea_g2p import Normalizer

    return Normalizer().normalize


def _vietnormalizer():
    from vietnormalizer import VietnameseNormalizer

    return VietnameseNormalizer().normalize


READERS = {"langso": _ours, "sea-g2p": _sea_g2p, "vietnormalizer": _vietnormalizer}


def main(name):
    """Read everything once for what is said, then some rounds for the time; the best round counts."""
    texts = json.load(sys.stdin)
    read = READERS[name]()
    said = [read(text) for text in texts]
    best_s = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for text in texts:
            read(text)
        best_s = min(best_s, time.process_time() - began)
    status = Path("/proc/self/status").read_text()
    peak_kib = int(status.partition("VmHWM:")[2].split()[0])
    answer = {
        "said": said,
        "ms": best_s / len(texts) * 1000,
        "mib": peak_kib / 1024,
        "version": "" if name == "langso" else version(name),
    }
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
