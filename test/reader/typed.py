"""Values between the file and JSON: what JSON has no word for is an object with one name that begins with `$`."""

import base64
import math


class Map:
    def __init__(self, entries):
        self.entries = entries


class Set:
    def __init__(self, members):
        self.members = members


class Date:
    def __init__(self, ms):
        self.ms = ms


class BigInt:
    def __init__(self, value):
        self.value = value


class Uuid(str):
    """A uuid in a key."""


def number(double):
    """A double as int where that is the same number (so that JSON shows it short), else as float."""
    if math.isfinite(double) and double == int(double) and not (double == 0 and math.copysign(1, double) < 0):
        return int(double) if abs(double) < 1 << 53 else double
    return double


def to_json(value):
    """A value in its JSON form. An object with a name that begins with `$` is shown as `{"$object": [[name, value], ...]}`."""
    if isinstance(value, float):
        return _float(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, BigInt):
        return {"$bigint": str(value.value)}
    if isinstance(value, Date):
        return {"$date": to_json(value.ms)}
    if isinstance(value, Map):
        return {"$map": [[to_json(key), to_json(one)] for key, one in value.entries]}
    if isinstance(value, Set):
        return {"$set": [to_json(one) for one in value.members]}
    if isinstance(value, list):
        return [to_json(one) for one in value]
    if any(name.startswith("$") for name in value):
        return {"$object": [[name, to_json(one)] for name, one in value.items()]}
    return {name: to_json(one) for name, one in value.items()}


def _float(value):
    if math.isnan(value):
        return {"$number": "NaN"}
    if math.isinf(value):
        return {"$number": "Infinity" if value > 0 else "-Infinity"}
    if value == 0 and math.copysign(1, value) < 0:
        return {"$number": "-0"}
    return value


def key_to_json(parts):
    """The parts of a key. A number that no double is, is a `$bigint`; `$uuid` is a uuid."""
    shown = []
    for part in parts:
        if isinstance(part, tuple):
            shown.append({"$date": to_json(number(part[1]))})
        elif isinstance(part, Uuid):
            shown.append({"$uuid": str(part)})
        elif isinstance(part, int) and not isinstance(part, bool) and abs(part) >= 1 << 53:
            shown.append({"$bigint": str(part)})
        else:
            shown.append(to_json(part))
    return shown
