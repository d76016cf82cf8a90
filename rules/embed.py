#!/usr/bin/env python3
"""Writes a file's bytes as a C array: embed.py INPUT OUTPUT.c NAME HEADER"""
import sys

source, target, name, header = sys.argv[1:5]
data = open(source, 'rb').read()
with open(target, 'w', encoding='ascii') as out:
    out.write(f'#include "{header}"\n\nconst char {name}[] = {{')
    for i, byte in enumerate(data):
        out.write(('\n\t' if i % 16 == 0 else ' ') + f'{byte if byte < 128 else byte - 256},')
    out.write(f'\n\t0}};\nconst size_t {name}_length = {len(data)};\n')
