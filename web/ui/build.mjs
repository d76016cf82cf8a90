// Builds the browser side into a folder: node build.mjs [OUT] (default: dist beside this file).
//
// Two scripts, each complete in itself: main.js (every page) and chart.js (uPlot and what draws with it, fetched when the
// first chart comes into view). index.html is a template: its {{NAME}} placeholders become the addresses of the files,
// which whoever serves them may give hashed names.
import { build } from 'esbuild';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
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

await mkdir(out, { recursive: true });
await Promise.all([
	build({ ...common, entryPoints: ['src/main.tsx'], outfile: join(out, 'main.js') }),
	build({ ...common, entryPoints: ['src/chart/plot.ts'], outfile: join(out, 'chart.js') }),
	build({ ...common, entryPoints: ['styles/main.css'], outfile: join(out, 'main.css') }),
	copyFile(join(here, 'index.html'), join(out, 'index.html')),
	copyFile(join(here, 'mark.svg'), join(out, 'mark.svg')),
	licences().then((text) => writeFile(join(out, 'licenses.txt'), text)),
]);
