"""Reads the engine's journal as base/record.h, model/segment.h and model/entry.h describe it: a second implementation,
so that what the program wrote is not judged by the code that wrote it."""
import collections
import struct

HEADER = struct.Struct("<IQHI")  # length, sequence, type, crc32c
SAMPLES, SERIES, TICK, SEGMENT = 1, 2, 3, 0xFFFF

Series = collections.namedtuple("Series", "id step type min max layout group host service field")


def _crc_table():
    table = []
    for i in range(256):
        for _ in range(8):
            i = (i >> 1) ^ 0x82F63B78 if i & 1 else i >> 1
        table.append(i)
    return table


CRC = _crc_table()


def crc32c(data):
    """Castagnoli, RFC 3720 appendix B.4."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def records(path):
    """(sequence, type, payload) of one segment file, up to its end or its first damage."""
    data = path.read_bytes()
    at = 0
    while at + HEADER.size <= len(data):
        length, sequence, kind, crc = HEADER.unpack_from(data, at)
        payload = data[at + HEADER.size:at + HEADER.size + length]
        if (not length and not sequence) or len(payload) < length:
            return
        if crc32c(data[at:at + 14] + payload) != crc:
            return
        yield sequence, kind, payload
        at += HEADER.size + length


def _texts(payload, at, count):
    texts = []
    for _ in range(count):
        length, = struct.unpack_from("<H", payload, at)
        texts.append(payload[at + 2:at + 2 + length].decode())
        at += 2 + length
    return texts


class Journal:
    """All that stands in a journal directory: `series` by number, `samples` {number: [(t_ms, value)]} in order."""

    def __init__(self, directory):
        self.series = {}
        self.samples = collections.defaultdict(list)
        self.first = self.last = 0
        for path in sorted(directory.glob("*.journal")):
            for sequence, kind, payload in records(path):
                if kind == SEGMENT:
                    continue
                if self.last and sequence <= self.last:
                    raise AssertionError(f"{path.name}: sequence {sequence} after {self.last}")
                self.first = self.first or sequence
                self.last = sequence
                if kind == SAMPLES:
                    self._take_samples(payload)
                elif kind == SERIES:
                    self._take_series(payload)

    def _take_series(self, payload):
        number, step, kind, least, most = struct.unpack_from("<IIBdd", payload)
        self.series[number] = Series(number, step, "GCDA"[kind], least, most, *_texts(payload, 25, 5))

    def _take_samples(self, payload):
        at = 8
        while at < len(payload):
            t, count = struct.unpack_from("<qI", payload, at)
            at += 12
            for number, value in struct.iter_unpack("<Id", payload[at:at + 12 * count]):
                self.samples[number].append((t, value))
            at += 12 * count

    def find(self, service, field):
        """Number of the series of the one host, or None."""
        for number, series in self.series.items():
            if series.service == service and series.field == field:
                return number
        return None
