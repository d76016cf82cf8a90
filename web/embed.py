#!/usr/bin/env python3
"""Puts files into the program: compresses them and writes an assembler file and a table in C.

embed.py --ui auto|enabled|disabled --ui-source DIR --work DIR --static DIR OUT.S OUT.inc DEPFILE

Files of --static are served under the address in STATIC. The browser side is built by its own
build.mjs if Node and its packages are there (or taken from a ready DIR/dist); its files get a hash
of their content in their names and may be kept for ever, but for index.html, in which {{NAME}}
becomes the address of the file NAME. All are gzip with no time in it, so that a build can be
repeated byte for byte.
"""
import argparse
import gzip
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys

STATIC = {'openapi.json': '/api/v1/openapi.json', 'plain.css': '/plain.css'}
TYPES = {
    '.css': 'text/css; charset=utf-8',
    '.html': 'text/html; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.json': 'application/json',
    '.svg': 'image/svg+xml',
    '.txt': 'text/plain; charset=utf-8',
    '.webmanifest': 'application/manifest+json',
}
PLAIN_NAMES = {'licenses.txt'}


def stop(text):
    sys.exit('embed.py: ' + text)


def build_ui(mode, source, work):
    """The folder with the built browser side, or None."""
    if mode == 'disabled':
        return None
    node = shutil.which('node')
    if node and (source / 'build.mjs').exists() and (source / 'node_modules' / 'esbuild').exists():
        out = work / 'ui'
        shutil.rmtree(out, ignore_errors=True)
        done = subprocess.run([node, str(source / 'build.mjs'), str(out)], capture_output=True, text=True)
        if done.returncode:
            stop('the browser side does not build:\n' + done.stdout + done.stderr)
        return out
    if (source / 'dist' / 'index.html').exists():
        return source / 'dist'
    if mode == 'enabled':
        stop('the browser side cannot be built: Node or its packages are missing (npm ci in web/ui)')
    return None


def hashed(name, content):
    """app.js -> app-0123456789.js; what the bundler hashed already keeps its name."""
    if name in PLAIN_NAMES or re.match(r'chunk-[A-Z0-9]+\.js$', name):
        return name
    stem, dot, ending = name.partition('.')
    return f'{stem}-{hashlib.sha256(content).hexdigest()[:10]}{dot}{ending}'


def ui_assets(folder):
    """[(address, type, content, immutable)]; index.html last, at the address "/"."""
    contents = {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file() and p.suffix in TYPES}
    index = contents.pop('index.html', None)
    if index is None:
        stop('the browser side has no index.html')
    addresses = {name: '/ui/' + hashed(name, content) for name, content in contents.items()}

    def address(match):
        name = match.group(1)
        if name not in addresses:
            stop(f'index.html wants {{{{{name}}}}}, which was not built')
        return addresses[name]

    result = [(addresses[name], TYPES[pathlib.Path(name).suffix], content, name not in PLAIN_NAMES)
              for name, content in contents.items()]
    page = re.sub(r'\{\{([\w.-]+)\}\}', address, index.decode()).encode()
    return result + [('/', TYPES['.html'], page, False)]


def write_tables(assets, work, assembler, table):
    lines, externs, rows = ['\t.section .rodata\n'], [], []
    for i, (address, kind, content, immutable) in enumerate(assets):
        file = work / f'asset-{i}.gz'
        file.write_bytes(gzip.compress(content, 9, mtime=0))
        lines.append(f'\t.globl web_asset_{i}\n\t.balign 16\nweb_asset_{i}:\n\t.incbin "{file.resolve()}"\n')
        externs.append(f'extern const unsigned char web_asset_{i}[];\n')
        rows.append(f'\t{{"{address}", "{kind}", web_asset_{i}, {file.stat().st_size}, {str(immutable).lower()}}},\n')
    lines.append('\t.section .note.GNU-stack,"",@progbits\n')
    assembler.write_text(''.join(lines))
    table.write_text(''.join(externs) + 'static const struct asset assets[] = {\n' + ''.join(rows) + '};\n')


def write_depfile(path, target, static, source):
    skip = {'node_modules', 'dist', 'dev'}
    inputs = [static / name for name in STATIC]
    if source.exists():
        inputs.append(source)  # its time changes when packages are installed
        for entry in source.iterdir():
            if entry.name not in skip:
                inputs += [p for p in entry.rglob('*') if p.is_file()] if entry.is_dir() else [entry]
    path.write_text(f'{target}: ' + ' '.join(str(p).replace(' ', '\\ ') for p in inputs) + '\n')


def main():
    parser = argparse.ArgumentParser()
    for name in ('--ui', '--ui-source', '--work', '--static', 'assembler', 'table', 'depfile'):
        parser.add_argument(name, required=True) if name.startswith('-') else parser.add_argument(name)
    args = parser.parse_args()
    work, static, source = (pathlib.Path(p) for p in (args.work, args.static, args.ui_source))
    work.mkdir(parents=True, exist_ok=True)
    assets = [(address, TYPES[pathlib.Path(name).suffix], (static / name).read_bytes(), False)
              for name, address in STATIC.items()]
    folder = build_ui(args.ui, source, work)
    if folder:
        assets += ui_assets(folder)
    write_tables(assets, work, pathlib.Path(args.assembler), pathlib.Path(args.table))
    write_depfile(pathlib.Path(args.depfile), args.assembler, static, source)


main()
