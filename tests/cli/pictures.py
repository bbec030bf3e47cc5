"""Pictures for the tests of the command line, made with nothing but Python."""
import struct
import zlib


def write_png(path, label, number, side=16, height=None, orientation=None, turned=False, colours=3, tint=(255, 255, 255)):
    """A PNG of stripes that tell the class, with an EXIF orientation. Turned: its rows are columns, from right to left.

    colours=1 stores grey; tint colours the grey stripes."""
    width, height = (height or side, side) if turned else (side, height or side)
    rows = b""
    for row in range(height):
        rows += b"\0"
        for column in range(width):
            x, y = (row, width - 1 - column) if turned else (column, row)
            along = x if label % 2 else y
            level = (200 if along // (2 + label) % 2 else 40) + (number * 7 + x * y) % 30
            rows += bytes(level * share // 255 for share in tint[:colours])
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if colours == 3 else 0, 0, 0, 0)
    exif = b"" if orientation is None else chunk(b"eXIf", b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + exif + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
