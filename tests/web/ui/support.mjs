// What the browser tests share: the built pages before a made-up world, a browser, and a list of named checks.
// A test program ends with 0 when all passed, 1 when one did not, 77 (skipped) when what it needs is missing.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
export const ui = join(here, '..', '..', '..', 'web', 'ui');
const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync'];

function skip(why) {
	console.log(`skipped: ${why}`);
	process.exit(77);
}

/** Ends the program as skipped unless all that is named is there. */
export function need(...names) {
	for (const name of names) {
		if (name === 'chromium' && !existsSync(chromium)) {
			skip('no chromium');
		} else if (name !== 'chromium' && !existsSync(join(ui, 'node_modules', name))) {
			skip(`no package ${name}: npm ci --ignore-scripts in web/ui`);
		}
	}
}

/** A package of web/ui, from wherever this runs. */
export function load(name) {
	return createRequire(join(ui, 'package.json'))(name);
}

/** Builds the pages into a folder of their own, which goes when the program ends. */
export function build() {
	const out = mkdtempSync(join(tmpdir(), 'magpie-ui-'));
	process.on('exit', () => rmSync(out, { recursive: true, force: true }));
	const done = spawnSync(process.execPath, [join(ui, 'build.mjs'), out], { encoding: 'utf8' });
	if (done.status !== 0) {
		console.error(done.stdout + done.stderr);
		process.exit(1);
	}
	return out;
}

export async function serve(options) {
	const { serve: start } = await import(join(ui, 'dev', 'serve.mjs'));
	return start(options);
}

export async function browser() {
	return load('playwright-core').chromium.launch({ executablePath: chromium, args: flags });
}

/** A page that collects whatever it complains about into `page.complaints`. */
export async function open(context, address, ready = 'main h1') {
	const page = await context.newPage();
	page.complaints = [];
	page.on('console', (m) => ['error', 'warning'].includes(m.type()) && page.complaints.push(`${m.type()}: ${m.text()}`));
	page.on('pageerror', (e) => page.complaints.push(`uncaught: ${e.message}`));
	page.on('dialog', (d) => {
		page.complaints.push(`dialog: ${d.message()}`);
		void d.dismiss();
	});
	await page.addInitScript(() => {
		addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
	});
	await page.goto(address);
	await page.waitForSelector(ready, { state: 'attached', timeout: 15000 });
	return page;
}

/** Runs the checks in turn, prints each, and ends the program. */
export async function run(checks, finish = async () => undefined) {
	let failed = 0;
	const only = process.argv[2];
	for (const [name, check] of checks.filter(([n]) => !only || n.includes(only))) {
		try {
			const note = await check();
			console.log(`ok ${name}${note ? ` (${note})` : ''}`);
		} catch (e) {
			failed++;
			console.log(`not ok ${name}\n  ${String(e?.stack ?? e).split('\n').slice(0, 12).join('\n  ')}`);
		}
	}
	await finish();
	console.log(`${checks.length - failed} of ${checks.length} passed`);
	process.exit(failed > 0 ? 1 : 0);
}
