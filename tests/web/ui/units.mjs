// The parts without a browser: numbers and times in words, Munin's attributes, reverse Polish notation, layers, axes.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, need, run, ui } from './support.mjs';

need('esbuild', 'preact');
const folder = mkdtempSync(join(tmpdir(), 'magpie-units-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const entry = ['format/number', 'format/time', 'format/level', 'chart/rpn', 'chart/plan', 'chart/layers', 'chart/axes', 'components/strip']
	.map((name) => `export * from ${JSON.stringify(join(ui, 'src', name))};`).join('\n');
writeFileSync(join(folder, 'entry.ts'), entry);
load('esbuild').buildSync({
	entryPoints: [join(folder, 'entry.ts')], outfile: join(folder, 'out.mjs'), bundle: true, format: 'esm', jsx: 'automatic', jsxImportSource: 'preact',
	nodePaths: [join(ui, 'node_modules')], define: { location: '{"href":"http://localhost/"}' },
});
const m = await import(join(folder, 'out.mjs'));

const service = (args, fields, more = {}) => ({
	service: 's', title: 'S', category: 'c', vlabel: 'per ${graph_period}', info: '', args, order: '', period: 'second', scale: true, total: null,
	graph: true, state: 'ok', fields: fields.map((f) => ({
		field: 'f', id: 'h:s:f', label: f.field ?? 'f', type: 'GAUGE', draw: 'LINE1', negative: '', cdef: '', graph: true, limits: [], ...f,
	})), ...more,
});

const spec = (curves, more = {}) => ({
	x: [10, 20, 30], step: 10, from: 0, to: 30, now: 30, fit: 'given', limits: [], marks: [], height: 200, zoomable: false, notes: true,
	axis: { least: null, most: null, rigid: false, logarithmic: false, scale: m.si, suffix: '', label: '' },
	curves: curves.map((c) => ({ values: [1, 2, 3], least: null, most: null, colour: 1, kind: 'line', filled: false, width: 1, mirrored: false, ...c })), ...more,
});

const plainSpaces = (text) => text.replaceAll('\u00a0', ' ');

await run([
	['numbers_have_three_significant_digits', () => {
		for (const [v, text] of [[0, '0'], [97.53, '97.5'], [0.0421, '0.042'], [1034, '1,034'], [-3.2, '\u22123.2'], [61820, '61,820'], [9.999, '10'], [0.00001, '<0.001'], [-0.00001, '>\u22120.001'], [0.0007, '0.001']]) {
			assert.equal(m.digits(v), text, String(v));
		}
	}],
	['quantities_carry_prefixes', () => {
		const gib = { base: 1024, prefixes: true };
		for (const [v, scale, text] of [[23.8e6, m.si, '23.8 M'], [1.05 * 2 ** 30, gib, '1.05 Gi'], [0.0002, m.si, '200 µ'], [512, gib, '512'], [1023.9, gib, '1 Ki'],
			[1e6, m.plain, '1,000,000'], [null, m.si, '–'], [NaN, m.si, '–'], [999.9, m.si, '1 k'], [0, m.si, '0']]) {
			assert.equal(plainSpaces(m.quantity(v, scale)), text, String(v));
		}
		assert.equal(plainSpaces(m.measure(97.5, m.plain, '%')), '97.5 %');
	}],
	['ages_have_one_or_two_units', () => {
		const s = 1000;
		for (const [ms, text] of [[-5, '0 s'], [45 * s, '45 s'], [719 * s, '11 m'], [7800 * s, '2 h 10 m'], [7200 * s, '2 h'], [86400 * 3 * s, '3 d'], [90000 * s, '25 h'], [NaN, 'never']]) {
			assert.equal(plainSpaces(m.age(ms)), text, String(ms));
		}
	}],
	['moments_are_told_apart', () => {
		assert.equal(m.moment(1700000000), 1700000000000);
		assert.equal(m.moment(1700000000000), 1700000000000);
		assert.equal(m.moment('2023-11-14T22:13:20Z'), 1700000000000);
		assert.ok(Number.isNaN(m.moment(null)) && Number.isNaN(m.moment(0)) && Number.isNaN(m.moment('')));
	}],
	['rpn_computes_what_it_knows_and_refuses_the_rest', () => {
		const value = (name) => ({ down: 5, nothing: NaN })[name];
		for (const [cdef, v] of [['down,8,*', 40], ['down,2,-,3,/', 1], ['down,4,GT,1,2,IF', 1], ['nothing,UN,7,nothing,IF', 7], ['down,TIME,+', null], ['down,down', null], ['+', null],
			['down,,*', null], ['nothing', null], ['down,0,/', null], ['', null]]) {
			assert.equal(m.evaluate(cdef, value), v, cdef);
		}
	}],
	['order_and_draw_follow_munin', () => {
		const plan = m.planOf(service('', [{ field: 'a', draw: 'LINE2' }, { field: 'b', draw: 'STACK' }, { field: 'c', draw: 'AREA' }], { order: 'c b=x:y nobody' }));
		assert.deepEqual(plan.curves.map((c) => [c.field.field, c.kind, c.filled, c.colour]), [['c', 'area', true, 1], ['b', 'stack', true, 2], ['a', 'line', false, 3]]);
		const stacks = m.planOf(service('', [{ field: 'a', draw: 'AREASTACK' }, { field: 'b', draw: 'AREASTACK' }, { field: 'c', draw: 'LINESTACK2' }]));
		assert.deepEqual(stacks.curves.map((c) => c.kind), ['area', 'stack', 'stack']);
		assert.equal(stacks.curves[2].width, 2);
	}],
	['a_negative_field_is_mirrored_under_its_own_name', () => {
		const plan = m.planOf(service('', [{ field: 'down', graph: false, label: 'received' }, { field: 'up', negative: 'down', label: 'bps' }]));
		assert.deepEqual(plan.curves.map((c) => [c.label, c.mirrored]), [['received (\u2212)', true], ['bps (+)', false]]);
		assert.equal(plan.axis.label, 'per second');
		const disk = m.planOf(service('', [{ field: 'rd', graph: false, label: 'dummy' }, { field: 'wr', negative: 'rd', label: 'IO/sec' }]));
		assert.equal(disk.curves[0].label, 'IO/sec (\u2212)', 'a stand-in is no name');
		const bytes = m.planOf(service('', [{ field: 'rd', graph: false, label: 'invisible' }, { field: 'wr', negative: 'rd', label: 'Bytes' }]));
		assert.equal(bytes.curves[0].label, 'Bytes (\u2212)', 'nor is this one');
	}],
	['the_ninth_series_is_grey', () => {
		const plan = m.planOf(service('', Array.from({ length: 10 }, (_, i) => ({ field: `f${i}` }))));
		assert.deepEqual(plan.curves.map((c) => c.colour), [1, 2, 3, 4, 5, 6, 7, 8, 0, 0]);
	}],
	['arguments_shape_the_axis', () => {
		const axis = (args, more) => m.planOf(service(args, [{}], more)).axis;
		assert.deepEqual([axis('--base 1024 -l 0').scale.base, axis('--base 1024 -l 0').least], [1024, 0]);
		assert.deepEqual([axis('--lower-limit 0 --upper-limit 100 --rigid').most, axis('-l 0 -u 100 -r').rigid], [100, true]);
		assert.equal(axis('-o').logarithmic, true);
		assert.equal(axis('', { scale: false }).scale.prefixes, false);
		assert.equal(axis('', { vlabel: '%' }).suffix, '%');
		assert.equal(axis('--lower-limit=-5').least, -5);
	}],
	['stacks_are_summed_and_mirrors_negated', () => {
		const layers = m.layersOf(spec([{ kind: 'area', filled: true }, { kind: 'stack', filled: true, values: [1, null, 1] }, { mirrored: true, values: [4, null, 4] },
			{ kind: 'stack', filled: true, values: [null, null, null] }]));
		assert.deepEqual(layers.map((l) => l.top), [[1, 2, 3], [2, 2, 4], [-4, null, -4], [2, 2, 4]]);
		assert.deepEqual(layers.map((l) => l.base), [null, 0, null, 1]);
	}],
	['a_gap_is_where_nothing_is_known', () => {
		assert.deepEqual(m.gapsOf(spec([{ values: [1, null, 3] }])), [[10, 20]]);
		assert.deepEqual(m.gapsOf(spec([{ values: [1, null, 3] }, { values: [null, 2, null] }])), []);
		assert.deepEqual(m.gapsOf(spec([{ values: [null, null, null] }], { now: 1000 })), [[0, 30]]);
		assert.deepEqual(m.gapsOf(spec([{ values: [1, 2, null] }], { now: 35 })), [], 'the newest bucket is not a gap yet');
	}],
	['axes_end_on_round_numbers', () => {
		const y = m.yAxis(spec([{}]), 3.1, 14.8);
		assert.ok(y.least === 0 && y.most >= 14.8 && Number.isInteger(y.most / y.increment), JSON.stringify(y));
		const rigid = spec([{}]);
		rigid.axis = { ...rigid.axis, least: 0, most: 800, rigid: true };
		assert.deepEqual(m.yAxis(rigid, 10, 900), { least: 0, most: 800, increment: 200 });
		const flat = m.yAxis(spec([{}]), 0, 0);
		assert.ok(flat.least === 0 && flat.most > 0, JSON.stringify(flat));
		assert.ok(m.yAxis(spec([{}], { fit: 'fit' }), 92, 97.5).least >= 85);
		assert.ok(m.yAxis(spec([{}], { limits: [{ value: 4, below: false, level: 'warn', label: '' }] }), 2, 3.5).most >= 4, 'a near limit is in the picture');
		assert.ok(m.yAxis(spec([{}], { limits: [{ value: 400, below: false, level: 'warn', label: '' }] }), 2, 3.5).most < 10, 'a far one is not');
		const none = m.yAxis(spec([{}]), null, null);
		assert.ok(none.most > none.least);
	}],
	['a_strip_is_read_aloud', () => {
		assert.equal(m.stripWords('oooo'), 'all ok');
		assert.equal(m.stripWords('oocw--'), '1 h critical, 1 h warning, 2 h without data');
	}],
	['problems_are_told_from_what_is_held_back', () => {
		const a = { level: 'warning', state: 'firing', suppressed_by: null };
		assert.deepEqual([a, { ...a, state: 'pending' }, { ...a, suppressed_by: 'node' }, { ...a, level: 'notice' }, { ...a, state: 'recovering' }].map(m.isProblem),
			[true, false, false, false, true]);
	}],
]);
