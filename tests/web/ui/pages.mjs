// Every page in both themes and two widths: says nothing to the console, breaks no policy, scrolls in one direction only,
// and passes axe's rules of WCAG 2.0 to 2.2, A and AA. And the budgets of size and time.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { browser, build, load, need, open, run, serve } from './support.mjs';

need('chromium', 'playwright-core', 'axe-core', 'esbuild', 'preact');
const dist = build();
const axe = load('axe-core').source;
const b = await browser();
const one = await serve({ dist, roundMs: 0 });
const many = await serve({ dist, roundMs: 0, variant: 'many' });
const hostile = await serve({ dist, roundMs: 0, variant: 'hostile' });
const empty = await serve({ dist, roundMs: 0, variant: 'none' });

const pages = [
	['wall', '/', '.wall'], ['wall_filtered', '/?q=group:shop&show=problems', '.wall'], ['wall_nothing', '/?q=nobody', '.empty'],
	['problems', '/problems', '.prob'], ['problems_by_host', '/problems?by=host', '.prob'], ['problems_filtered', '/problems?level=critical', '.prob'],
	['hosts', '/hosts', '.hosts'], ['sources', '/sources', '.sources'], ['sources_chosen', '/sources?source=web1.shop.example%2Fmunin%2Fmunin', '#source'],
	['sources_filtered', '/sources?show=silent&q=nobody', '.empty'], ['host', '/hosts/web1.shop.example', '.card canvas'], ['host_silent', '/hosts/nas1.office.example?period=hour', '.card canvas'],
	['service', '/hosts/db1.shop.example/df', '.card canvas'], ['service_table', '/hosts/db1.shop.example/df?view=table&period=week', '#data'],
	['service_mirrored', '/hosts/web1.shop.example/if_eth0?axis=fit', '.card canvas'],
	['missing_page', '/nothing', '.empty'], ['missing_host', '/hosts/nobody', '.empty'], ['missing_service', '/hosts/web1.shop.example/nothing', '.empty'],
];

function context(width, scheme = 'light') {
	const phone = width < 600;
	return b.newContext({ viewport: { width, height: phone ? 844 : 900 }, colorScheme: scheme, hasTouch: phone, isMobile: phone, reducedMotion: 'reduce' });
}

/** The page's own width beyond the window's, and the elements that make it so. */
async function overflow(page) {
	return page.evaluate(() => {
		const root = document.documentElement;
		const most = Math.min(root.clientWidth, screen.width);
		if (root.scrollWidth <= most) {
			return [];
		}
		return [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > most + 1).slice(0, 5)
			.map((e) => `${e.tagName}.${e.getAttribute('class')} ${Math.round(e.getBoundingClientRect().right)} > ${most}`);
	});
}

async function accessible(page) {
	await page.evaluate(axe);
	const result = await page.evaluate(() => window.axe.run(document, {
		runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'], resultTypes: ['violations'],
	}));
	return result.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 140)} | ${n.failureSummary?.split('\n')[1] ?? ''}`).join('\n    ')}`);
}

/** A page that is not there is answered with 404, which the browser says aloud. */
function surprising(complaints) {
	return complaints.filter((c) => !/Failed to load resource: .*404/.test(c));
}

async function look(server, path, ready, width, scheme) {
	const c = await context(width, scheme);
	try {
		const page = await open(c, server.address + path, ready);
		await page.waitForTimeout(250);
		assert.deepEqual(await overflow(page), [], 'nothing reaches beyond the window');
		assert.deepEqual(await accessible(page), [], 'axe finds nothing');
		assert.deepEqual(surprising(page.complaints), [], 'nothing is said to the console');
		assert.match(await page.title(), / – Magpie$/);
	} finally {
		await c.close();
	}
}

const looks = pages.flatMap(([name, path, ready]) => ['light', 'dark'].flatMap((scheme) => [1280, 390].map((width) =>
	[`${name}_${scheme}_${width}`, () => look(one, path, ready, width, scheme)])));

const narrowPages = pages.filter(([name]) => !/missing|filtered|nothing|_by_|mirrored/.test(name));
const narrow = [[one, 320], [one, 768], [hostile, 320]].flatMap(([server, width]) => narrowPages.map(([name, path, ready]) =>
	[`${name}_${server === one ? 'plain' : 'hostile'}_does_not_scroll_sideways_at_${width}`, async () => {
		const c = await context(width);
		try {
			const page = await open(c, server.address + path, ready.split(' ')[0]);
			await page.waitForTimeout(150);
			assert.deepEqual(await overflow(page), []);
		} finally {
			await c.close();
		}
	}]));

const hostilePages = pages.filter(([name]) => !/missing|filtered|nothing/.test(name)).map(([name, path, ready]) =>
	[`${name}_shows_hostile_texts_as_text`, async () => {
		const c = await context(1280);
		try {
			const page = await open(c, hostile.address + path, ready);
			await page.waitForTimeout(250);
			assert.equal(await page.evaluate(() => window.hit), undefined, 'no foreign script ran');
			assert.equal(await page.locator('main img, main script, main iframe').count(), 0, 'no foreign element was made');
			assert.ok((await page.locator('body').innerText()).includes('<script>'), 'the text is shown as it is');
			assert.deepEqual(surprising(page.complaints), []);
		} finally {
			await c.close();
		}
	}]);

function kilobytes(...names) {
	return names.reduce((sum, name) => sum + gzipSync(readFileSync(join(dist, name)), { level: 9 }).length, 0) / 1000;
}

/** Milliseconds of the page's main thread from the wall's JSON to 20,000 cells on the screen; other load does not count. */
async function wallTime() {
	const c = await context(1280);
	const page = await c.newPage();
	let answer;
	const held = new Promise((done) => {
		answer = done;
	});
	await page.route('**/api/v1/wall', async (route) => {
		await held;
		await route.continue();
	});
	await page.goto(many.address);
	await page.waitForSelector('[aria-busy]');
	await page.waitForTimeout(300);
	const probe = await c.newCDPSession(page);
	await probe.send('Performance.enable', { timeDomain: 'threadTicks' });
	const busy = async () => (await probe.send('Performance.getMetrics')).metrics.find((x) => x.name === 'TaskDuration').value * 1000;
	const before = await busy();
	const drawn = page.evaluate(() => new Promise((done) => {
		new MutationObserver((_, observer) => {
			if (document.querySelectorAll('.wall .cell').length > 19000) {
				observer.disconnect();
				requestAnimationFrame(() => setTimeout(done));
			}
		}).observe(document, { subtree: true, childList: true });
	}));
	answer();
	await drawn;
	const ms = await busy() - before;
	await c.close();
	return ms;
}

/** A script and all that it imports before it begins. */
function beginWith(name, known = new Set()) {
	known.add(name);
	for (const [, other] of readFileSync(join(dist, name), 'utf8').matchAll(/(?:from|import)\s*"\.\/([\w.-]+\.js)"/g)) {
		if (!known.has(other)) {
			beginWith(other, known);
		}
	}
	return [...known];
}

const budgets = [
	['first_paint_needs_at_most_40_kB_of_script', () => {
		const first = kilobytes(...beginWith('main.js'));
		assert.ok(first <= 40, `${first} kB`);
		return `${first.toFixed(1)} kB`;
	}],
	['all_scripts_together_are_at_most_120_kB', () => {
		const scripts = readdirSync(dist).filter((name) => name.endsWith('.js'));
		assert.ok(scripts.length > 2, scripts.join());
		const all = kilobytes(...scripts);
		assert.ok(all <= 120, `${all} kB`);
		return `${all.toFixed(1)} kB in ${scripts.length} scripts`;
	}],
	['style_sheet_is_at_most_15_kB', () => {
		assert.ok(kilobytes('main.css') <= 15, `${kilobytes('main.css')} kB`);
		return `${kilobytes('main.css').toFixed(1)} kB`;
	}],
	['the_built_files_name_no_foreign_origin', () => {
		const text = readdirSync(dist).filter((n) => /\.(js|css|html)$/.test(n)).map((n) => readFileSync(join(dist, n), 'utf8')).join('\n');
		const origins = [...text.matchAll(/https?:\/\/[\w.-]+/g)].map((x) => x[0]);
		assert.deepEqual(origins.filter((o) => !o.startsWith('http://www.w3.org')), []);
		assert.doesNotMatch(text, /\.innerHTML\s*=(?!=)[^;]*[^_]uplot/i);
	}],
	['wall_of_500_hosts_x_40_stands_within_300_ms', async () => {
		const times = [];
		while (times.length < 5 && Math.min(...times, Infinity) > 300) {
			times.push(await wallTime());
		}
		assert.ok(Math.min(...times) <= 300, times.map(Math.round).join());
		return times.map((t) => `${Math.round(t)} ms`).join(', ');
	}],
	['wall_of_500_hosts_passes_axe', () => look(many, '/', '.wall.vast', 1280, 'light')],
	['wall_of_500_hosts_folds_on_a_phone', () => look(many, '/', '.wall.vast', 390, 'dark')],
	['an_empty_world_says_so', () => look(empty, '/', '.empty', 1280, 'light')],
];

await run([...budgets, ...looks, ...narrow, ...hostilePages], async () => {
	await b.close();
	[one, many, hostile, empty].forEach((s) => s.close());
});
