"""What every key of the configuration means: the words of `config.example.yaml`, by the key's path."""

import re
from pathlib import Path

EXAMPLE = Path(__file__).with_name("config.example.yaml")
_KEY = re.compile(r"^(?P<indent> *(?:- )?)(?P<key>[a-z_]+):[^#]*(?:# ?(?P<text>.*))?$")
_MORE = re.compile(r"^ {20,}# ?(?P<text>.*)$")


def explained() -> dict[str, str]:
    """Path of a key, such as `risk.leg_wait_s`, to its explanation; keys without one are left out.

    Source: the file's comments. Raises `OSError` when it cannot be read.
    """
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    path = ""
    for text in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if more := _MORE.match(text):
            found[path] = f"{found.get(path, '')} {more['text'].strip()}".strip()
        elif key := _KEY.match(text):
            indent = len(key["indent"])
            above = [(at, name) for at, name in above if at < indent]
            path = ".".join([*(name for _, name in above), key["key"]])
            above.append((indent, key["key"]))
            if key["text"]:
                found[path] = key["text"].strip()
    return found
