// Draws a chart on a canvas with uPlot, and nothing else of the program knows uPlot. This is a script of its own, fetched
// when the first chart comes into view.
//
// A canvas does not follow the style sheet: tokens are read from the element when a plot is made, and the page makes a
// new one when the theme changes. Bands, gaps and limits are drawn around uPlot's own work by its hooks.
import uPlot from 'uplot';
import { powersOfTen, xLabels, yAxis, ySplits, yLabels, type YAxis } from './axes';
import { gapsOf, layersOf, type Layer } from './layers';
import type { PlotEvents, PlotHandle, PlotLimit, PlotMark, PlotSpec } from './spec';

type Colours = (name: string) => string;

const areaAlpha = '24';
const stackAlpha = '9e';
const bandAlpha = '33';
const dashes: Record<number, number[]> = { 5: [6, 3], 6: [2, 2], 7: [8, 3, 2, 3], 8: [1, 3] };
const axisLeast = 44;

const markWordsWide = 180;
const markRows = 4;

function coloursOf(box: HTMLElement): Colours {
	const style = getComputedStyle(box);
	return (name) => style.getPropertyValue(`--${name}`).trim() || '#888888';
}

function strokeOf(layer: Layer, colour: Colours): string {
	return colour(layer.curve.colour === 0 ? 'quiet' : `series-${layer.curve.colour}`);
}

/** Points without a neighbour, which no line shows. */
function lonely(u: uPlot, i: number): number[] {
	const values = u.data[i] ?? [];
	const found: number[] = [];
	for (let k = 0; k < values.length; k++) {
		if ((values[k] ?? null) !== null && (values[k - 1] ?? null) === null && (values[k + 1] ?? null) === null) {
			found.push(k);
		}
	}
	return found;
}

function seriesOf(layer: Layer, colour: Colours): uPlot.Series {
	const { curve } = layer;
	const stroke = strokeOf(layer, colour);
	const solid = curve.kind === 'stack' || (curve.filled && layer.base === null);
	const series: uPlot.Series = {
		stroke, width: curve.filled && curve.kind === 'stack' ? 0 : Math.max(1.5, curve.width), spanGaps: false,
		points: { size: 4, width: 0, fill: stroke, show: (u, i) => lonely(u, i).length > 0, filter: (u, i) => lonely(u, i) },
	};
	const dash = dashes[curve.colour];
	if (dash && !curve.filled) {
		series.dash = dash;
	}
	if (solid && curve.filled && layer.base === null) {
		series.fill = stroke + areaAlpha;
		series.fillTo = () => 0;
	}
	return series;
}

/** In a stack the lowest layer is filled as full as those upon it. */
function inStack(layers: Layer[], index: number): boolean {
	return layers.some((l) => l.base === index) || (layers[index]?.base ?? null) !== null;
}

interface Drawn {
	data: uPlot.AlignedData;
	series: uPlot.Series[];
	bands: uPlot.Band[];
}

function drawn(spec: PlotSpec, colour: Colours): Drawn {
	const layers = layersOf(spec);
	const series: uPlot.Series[] = [{}];
	const bands: uPlot.Band[] = [];
	const data: (number[] | (number | null)[])[] = [spec.x];
	layers.forEach((layer, i) => {
		const s = seriesOf(layer, colour);
		if (layer.curve.filled && inStack(layers, i)) {
			s.width = 0;
			if (layer.base === null) {
				s.fill = strokeOf(layer, colour) + stackAlpha;
			}
		}
		series.push(s);
		data.push(layer.top);
		if (layer.base !== null && layer.curve.filled) {
			bands.push({ series: [i + 1, layer.base + 1], fill: strokeOf(layer, colour) + stackAlpha, dir: layer.curve.mirrored ? 1 : -1 });
		}
	});
	for (const layer of layers) {
		if (layer.band) {
			const [least, most] = layer.band;
			const at = series.length;
			const hidden: uPlot.Series = { width: 0, points: { show: false } };
			series.push(hidden, { ...hidden });
			data.push(most, least);
			bands.push({ series: [at, at + 1], fill: strokeOf(layer, colour) + bandAlpha, dir: layer.curve.mirrored ? 1 : -1 });
		}
	}
	return { data: data as uPlot.AlignedData, series, bands };
}

class Plot implements PlotHandle {
	private u: uPlot;
	private y: YAxis = { least: 0, most: 1, increment: 1 };
	private shape = '';
	private readonly resize: ResizeObserver;
	private readonly colour: Colours;
	private curves = 0;
	private pointer = false;

	constructor(private readonly box: HTMLElement, private spec: PlotSpec, private readonly events: PlotEvents) {
		this.colour = coloursOf(box);
		this.u = this.make();
		this.resize = new ResizeObserver(() => this.fit());
		this.resize.observe(box);
		box.addEventListener('pointerenter', this.enter);
		box.addEventListener('pointerleave', this.exit);
		box.addEventListener('touchmove', this.touch, { passive: true });
	}

	private readonly enter = () => {
		this.pointer = true;
	};

	private readonly exit = () => {
		this.pointer = false;
	};

	/** uPlot hears the mouse only. */
	private readonly touch = (e: TouchEvent) => {
		const t = e.touches[0];
		if (t) {
			this.u.setCursor({ left: t.clientX - this.u.over.getBoundingClientRect().left, top: 1 });
		}
	};

	/** The box is as high as the row of cards leaves it. */
	private size(): { width: number; height: number } {
		return { width: Math.max(80, Math.floor(this.box.clientWidth)), height: Math.max(60, Math.floor(this.box.clientHeight)) };
	}

	private fit(): void {
		const { width, height } = this.size();
		if (this.box.clientWidth > 0 && (width !== this.u.width || height !== this.u.height)) {
			this.spec.height = height;
			this.u.setSize({ width, height });
		}
	}

	private shapeOf(spec: PlotSpec): string {
		return [spec.zoomable, spec.axis.logarithmic,
			...spec.curves.map((c) => `${c.colour}${c.kind}${c.filled}${c.width}${c.mirrored}${c.least !== null}`)].join();
	}

	private make(): uPlot {
		this.spec.height = this.size().height;
		const { data, series, bands } = drawn(this.spec, this.colour);
		this.shape = this.shapeOf(this.spec);
		this.curves = this.spec.curves.length;
		const options: uPlot.Options = {
			...this.size(), padding: [8, 12, 0, 0],
			legend: { show: false }, series, bands, axes: this.axes(),
			scales: { x: { time: true, range: () => [this.spec.from, this.spec.to] }, y: this.yScale() },
			cursor: {
				y: false, drag: { x: this.spec.zoomable, y: false, setScale: false, dist: 5 }, points: {
					size: 8, fill: this.colour('surface'), stroke: (u, i) => this.dotColour(u, i),
					show: (_u, i) => this.dot(i) as HTMLElement,
				},
			},
			hooks: {
				drawClear: [(u) => this.under(u)], draw: [(u) => this.over(u)],
				setCursor: [(u) => this.events.cursor(u.cursor.idx ?? null)], setSelect: [(u) => this.selected(u)],
			},
		};
		return new uPlot(options, data, this.box);
	}

	/** The dot of a curve under the cursor; the edges of a band have none. */
	private dot(i: number): HTMLElement | undefined {
		if (i > this.curves) {
			return undefined;
		}
		const dot = document.createElement('div');
		dot.className = 'dot';
		return dot;
	}

	private dotColour(u: uPlot, i: number): string {
		const stroke = u.series[i]?.stroke;
		return String(typeof stroke === 'function' ? stroke(u, i) : (stroke ?? ''));
	}

	private yScale(): uPlot.Scale {
		if (this.spec.axis.logarithmic) {
			return { distr: 3, log: 10 };
		}
		return {
			range: (_u, least, most) => {
				this.y = yAxis(this.spec, least, most);
				return [this.y.least, this.y.most];
			},
		};
	}

	private axes(): uPlot.Axis[] {
		const look = {
			stroke: this.colour('axis'), font: `11px ${getComputedStyle(this.box).fontFamily}`,
			grid: { stroke: this.colour('grid'), width: 1 }, ticks: { show: false }, border: { show: false },
		};
		const x: uPlot.Axis = {
			...look, size: 22, gap: 6, space: 70,
			values: (u, splits, _i, _space, increment) => xLabels(splits, increment, this.spec.to - this.spec.from)
				.map((word, i) => (this.fits(u, splits[i] ?? 0) ? word : '')),
		};
		const y: uPlot.Axis = {
			...look, gap: 6, values: (_u, splits) => yLabels(this.spec, splits),
			size: (u, values) => this.widthOf(u, values as string[] | null),
		};
		y.splits = this.spec.axis.logarithmic
			? (_u, _i, least, most) => powersOfTen(least, most)
			: () => ySplits(this.y);
		return [x, y];
	}

	/** A word whose middle stands closer to the edge would be cut. */
	private fits(u: uPlot, t: number): boolean {
		return t <= this.spec.to - ((this.spec.to - this.spec.from) * 8) / Math.max(1, u.width - 60);
	}

	private widthOf(u: uPlot, values: string[] | null): number {
		u.ctx.save();
		u.ctx.font = `${11 * devicePixelRatio}px ${getComputedStyle(this.box).fontFamily}`;
		const widths = (values ?? []).map((v) => u.ctx.measureText(v ?? '').width / devicePixelRatio);
		u.ctx.restore();
		return Math.max(axisLeast, Math.ceil(Math.max(0, ...widths)) + 12);
	}

	/** What lies under the curves: gaps, spans of alerts, and the bands beyond limits. */
	private under(u: uPlot): void {
		const { left, top, width, height } = u.bbox;
		const c = u.ctx;
		c.save();
		c.beginPath();
		c.rect(left, top, width, height);
		c.clip();
		c.fillStyle = this.colour('quiet-tint');
		for (const [from, to] of gapsOf(this.spec)) {
			const a = u.valToPos(from, 'x', true);
			c.fillRect(a, top, u.valToPos(to, 'x', true) - a, height);
		}
		c.fillStyle = this.colour('band-incident');
		for (const mark of this.spec.marks) {
			const a = u.valToPos(mark.from, 'x', true);
			c.fillRect(a, top, u.valToPos(mark.to, 'x', true) - a, height);
		}
		for (const limit of this.spec.limits) {
			this.band(u, limit);
		}
		c.restore();
	}

	/** From a limit to the next one that is worse, or to the edge. */
	private band(u: uPlot, limit: PlotLimit): void {
		if (limit.level !== 'warn' && limit.level !== 'crit') {
			return;
		}
		const { left, top, width, height } = u.bbox;
		const worse = this.spec.limits.find((l) => l.level === 'crit' && l.below === limit.below && limit.level === 'warn'
			&& (l.below ? l.value <= limit.value : l.value >= limit.value));
		const edge = limit.below ? top + height : top;
		const from = u.valToPos(limit.value, 'y', true);
		const to = worse ? u.valToPos(worse.value, 'y', true) : edge;
		u.ctx.fillStyle = this.colour(`band-${limit.level}`);
		u.ctx.fillRect(left, Math.min(from, to), width, Math.abs(to - from));
	}

	/** What lies upon the curves: zero, limits, edges of alerts and their words. */
	private over(u: uPlot): void {
		const { left, top, width, height } = u.bbox;
		const c = u.ctx;
		c.save();
		c.beginPath();
		c.rect(left, top, width, height);
		c.clip();
		c.lineWidth = devicePixelRatio;
		c.font = `${11 * devicePixelRatio}px ${getComputedStyle(this.box).fontFamily}`;
		if (this.y.least < 0 && this.y.most > 0 && !this.spec.axis.logarithmic) {
			this.line(u, u.valToPos(0, 'y', true), this.colour('axis'), []);
		}
		const taken: number[] = [];
		for (const limit of [...this.spec.limits].reverse()) {
			const y = u.valToPos(limit.value, 'y', true);
			this.line(u, y, this.colour(limit.level === 'info' ? 'quiet' : limit.level), [4 * devicePixelRatio, 3 * devicePixelRatio]);
			const at = y - top < 16 * devicePixelRatio ? y + 13 * devicePixelRatio : y - 5 * devicePixelRatio;
			if (limit.label && this.spec.notes && taken.every((t) => Math.abs(t - at) > 14 * devicePixelRatio)) {
				taken.push(at);
				this.words(u, limit.label, left + 6 * devicePixelRatio, at, limit.level, 'left');
			}
		}
		this.edges(u);
		if (this.spec.curves.length > 0 && this.spec.curves.every((k) => k.values.every((v) => v === null))) {
			this.words(u, 'No sample in this span', left + width / 2, top + height / 2, 'info', 'center');
		}
		c.restore();
	}

	/** Words that would stand upon each other go one above the other. */
	private edges(u: uPlot): void {
		let row = 0;
		let last = -Infinity;
		for (const mark of [...this.spec.marks].sort((a, b) => a.from - b.from)) {
			const x = u.valToPos(mark.from, 'x');
			row = mark.label && x - last < markWordsWide ? (row + 1) % markRows : 0;
			last = mark.label ? x : last;
			this.edge(u, mark, row);
		}
	}

	/** Where an alert began or something was noted, and its name. */
	private edge(u: uPlot, mark: PlotMark, row: number): void {
		const { left, top, width, height } = u.bbox;
		const c = u.ctx;
		const x = u.valToPos(mark.from, 'x', true);
		if (mark.from > this.spec.from) {
			c.strokeStyle = this.colour(mark.level === 'info' ? 'quiet' : mark.level);
			c.setLineDash([]);
			c.beginPath();
			c.moveTo(x, top);
			c.lineTo(x, top + height);
			c.stroke();
		}
		if (mark.label && this.spec.notes) {
			const right = x > left + width / 2;
			const at = Math.max(left, x) + (right ? -6 : 6) * devicePixelRatio;
			this.words(u, mark.label, at, top + height - (8 + 14 * row) * devicePixelRatio, mark.level, right ? 'right' : 'left');
		}
	}

	private line(u: uPlot, y: number, stroke: string, dash: number[]): void {
		const c = u.ctx;
		c.strokeStyle = stroke;
		c.setLineDash(dash);
		c.beginPath();
		c.moveTo(u.bbox.left, Math.round(y) + 0.5);
		c.lineTo(u.bbox.left + u.bbox.width, Math.round(y) + 0.5);
		c.stroke();
	}

	private words(u: uPlot, text: string, x: number, y: number, level: PlotLimit['level'], align: CanvasTextAlign): void {
		const c = u.ctx;
		c.setLineDash([]);
		c.textAlign = align;
		c.lineWidth = 3 * devicePixelRatio;
		c.lineJoin = 'round';
		c.strokeStyle = this.colour('surface');
		c.strokeText(text, x, y);
		c.fillStyle = this.colour(level === 'info' ? 'text-2' : `${level}-text`);
		c.fillText(text, x, y);
		c.lineWidth = devicePixelRatio;
	}

	private selected(u: uPlot): void {
		const { left, width } = u.select;
		if (width >= 5) {
			const from = u.posToVal(left, 'x');
			const to = u.posToVal(left + width, 'x');
			u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
			this.events.zoom(from, to);
		}
	}

	update(spec: PlotSpec): void {
		this.spec = { ...spec, height: this.u.height };
		if (this.shapeOf(spec) !== this.shape) {
			this.u.destroy();
			this.u = this.make();
			return;
		}
		this.u.setData(drawn(spec, this.colour).data, true);
	}

	step(by: number): void {
		const { x, curves } = this.spec;
		let end = x.length;
		while (end > 0 && curves.every((c) => (c.values[end - 1] ?? null) === null)) {
			end--;
		}
		if (end === 0) {
			return;
		}
		const at = Math.min(end - 1, Math.max(0, (this.u.cursor.idx ?? end) + by));
		this.u.setCursor({ left: this.u.valToPos(x[at] ?? 0, 'x'), top: 1 });
	}

	leave(): void {
		this.u.setCursor({ left: -10, top: -10 });
	}

	busy(): boolean {
		return this.pointer;
	}

	destroy(): void {
		this.resize.disconnect();
		this.box.removeEventListener('pointerenter', this.enter);
		this.box.removeEventListener('pointerleave', this.exit);
		this.box.removeEventListener('touchmove', this.touch);
		this.u.destroy();
	}
}

export function createPlot(box: HTMLElement, spec: PlotSpec, events: PlotEvents): PlotHandle {
	return new Plot(box, spec, events);
}
