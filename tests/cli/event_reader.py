"""Reads TensorBoard's event files from what their format says, with nothing but Python.

A file is records: length (u64), masked CRC-32C of its 8 bytes, message, masked CRC-32C of the message. A message is a protobuf
Event: wall_time = 1 (double), step = 2 (varint), file_version = 3, summary = 5, session_log = 7.
"""
import struct


def crc32c(data):
    """Bit by bit: slow, and plainly right."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def masked(crc):
    return ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    at = 0
    while at < len(data):
        length, check = struct.unpack_from("<QI", data, at)
        assert check == masked(crc32c(data[at:at + 8])), "checksum of a length"
        message = data[at + 12:at + 12 + length]
        assert len(message) == length, "cut short"
        assert struct.unpack_from("<I", data, at + 12 + length)[0] == masked(crc32c(message)), "checksum of a message"
        yield message
        at += 16 + length


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(message):
    """(number, value) of a protobuf message; values are ints, floats or bytes."""
    at = 0
    while at < len(message):
        key, at = varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = varint(message, at)
        elif kind in (1, 5):
            form, size = ("<d", 8) if kind == 1 else ("<f", 4)
            value = struct.unpack_from(form, message, at)[0]
            at += size
        else:
            assert kind == 2, kind
            length, at = varint(message, at)
            value = message[at:at + length]
            assert len(value) == length
            at += length
        yield number, value


def events(path):
    """Dictionaries with wall_time, step, version, start (of SessionLog) and scalars {tag: value}."""
    for message in records(path.read_bytes()):
        event = {"step": 0, "scalars": {}}
        for number, value in fields(message):
            if number == 1:
                event["wall_time"] = value
            elif number == 2:
                event["step"] = value
            elif number == 3:
                event["version"] = value.decode()
            elif number == 5:
                for _, entry in fields(value):
                    parts = dict(fields(entry))
                    event["scalars"][parts[1].decode()] = parts[2]
            elif number == 7:
                event["start"] = dict(fields(value))[1] == 1
        yield event
