// Builds the browser side into a folder: node build.mjs [OUT] (default: dist beside this file).
//
// main.js is what every page needs; what only some need (a page, a dialog, uPlot and what draws with it) is a script of its
// own, chunk-HASH.js, fetched when it is shown first. index.html is a template: its {{NAME}} placeholders become the
// addresses of the files; main.js and main.css may be given hashed names by whoever serves them, chunks have theirs. The
// chunks that main.js itself begins with are named in index.html, so that the browser asks for all of them at once.
import { build } from 'esbuild';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, 'dist'));

const common = {
	absWorkingDir: here,
	bundle: true,
	minify: true,
	format: 'esm',
	target: 'es2021',
	jsx: 'automatic',
	jsxImportSource: 'preact',
	legalComments: 'none',
	logLevel: 'warning',
};

/** The notices of everything that is bundled: the published packages carry them in a file of their own only. */
async function licences() {
	const names = Object.keys(JSON.parse(await readFile(join(here, 'package.json'), 'utf8')).dependencies);
	const parts = [];
	for (const name of [...names, '@preact/signals-core']) {
		const folder = join(here, 'node_modules', name);
		const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
		parts.push(`${name} ${version}\n\n${await readFile(join(folder, 'LICENSE'), 'utf8')}`);
	}
	return parts.join('\n----\n\n');
}

/** The chunks that main.js cannot begin without. */
async function scripts() {
	const { metafile } = await build({ ...common, entryPoints: ['src/main.tsx'], outdir: out, splitting: true, metafile: true, entryNames: '[name]', chunkNames: 'chunk-[hash]' });
	const needed = new Set();
	const follow = (path) => {
		for (const i of metafile.outputs[path].imports.filter((x) => x.kind === 'import-statement')) {
			if (!needed.has(i.path)) {
				needed.add(i.path);
				follow(i.path);
			}
		}
	};
	follow(Object.keys(metafile.outputs).find((path) => basename(path) === 'main.js'));
	return [...needed].map((path) => basename(path));
}

async function page(preloaded) {
	const html = await readFile(join(here, 'index.html'), 'utf8');
	const links = preloaded.map((name) => `<link rel="modulepreload" href="{{${name}}}">\n`).join('');
	await writeFile(join(out, 'index.html'), html.replace('<script type="module"', `${links}<script type="module"`));
}

await mkdir(out, { recursive: true });
await Promise.all([
	scripts().then(page),
	build({ ...common, entryPoints: ['styles/main.css'], outfile: join(out, 'main.css') }),
	copyFile(join(here, 'mark.svg'), join(out, 'mark.svg')),
	licences().then((text) => writeFile(join(out, 'licenses.txt'), text)),
]);
