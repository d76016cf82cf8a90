// A chart and its life: nothing is read or drawn before it comes into view; then its values are read, live values extend
// it, and it is drawn again when its colours, its curves or its alerts change. Nothing moves under a hand: while the
// pointer is upon it the window stays.
import { effect, useSignal, type Signal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { measure } from '../format/number';
import { full, moment } from '../format/time';
import { look } from '../state/theme';
import { alerts, generation, onLive } from '../state/store';
import type { Mark, Service } from '../types';
import { loadPlot } from './load';
import { specOf, type Picture } from './picture';
import type { Plan } from './plan';
import { Source, summarize, type Table } from './source';
import { spanWords, stepFor, type Span } from './span';
import type { PlotHandle, PlotSpec } from './spec';

export interface ChartProps {
	host: string;
	/** Seconds between two samples. */
	sampleStep: number;
	service: Service;
	plan: Plan;
	span: Span;
	height: number;
	hidden: ReadonlySet<string>;
	fit: PlotSpec['fit'];
	/** The large one of a page: words upon limits, wheel, touch. */
	large: boolean;
	table: Signal<Table | null>;
	cursor: Signal<number | null>;
	onZoom: ((from: number, to: number) => void) | null;
}

/** What a span is called when it is not measured by its ends: one that ends now stays the same as it moves. */
function spanKey(span: Span): string {
	return span.live ? `live ${span.to - span.from}` : `${span.from} ${span.to}`;
}

function useSource(props: ChartProps, box: { current: HTMLElement | null }, visible: boolean): Source | null {
	const [source, setSource] = useState<Source | null>(null);
	const key = spanKey(props.span);
	useEffect(() => {
		if (!visible) {
			return undefined;
		}
		const step = Math.max(stepFor(props.span, box.current?.clientWidth ?? 600), props.sampleStep);
		const next = new Source(props.host, props.service, props.plan, props.sampleStep, props.span, step);
		setSource(next);
		const stopLive = props.span.live ? onLive((t, v) => next.extend(t / 1000, v)) : () => undefined;
		let first = true;
		const stopRounds = effect(() => {
			if (generation.value >= 0 && (first || props.span.live)) {
				first = false;
				void next.read();
			}
		});
		return () => {
			stopLive();
			stopRounds();
			next.close();
		};
	}, [props.service, props.plan, key, visible]);
	return source;
}

function useVisible(box: { current: HTMLElement | null }): boolean {
	const [visible, setVisible] = useState(false);
	useEffect(() => {
		const watch = new IntersectionObserver((seen) => {
			if (seen.some((s) => s.isIntersecting)) {
				setVisible(true);
				watch.disconnect();
			}
		}, { rootMargin: '300px 0px' });
		if (box.current) {
			watch.observe(box.current);
		}
		return () => watch.disconnect();
	}, []);
	return visible;
}

function alertsOf(host: string, service: string) {
	return [...alerts.value.values()].filter((a) => a.host === host && a.service === service);
}

function pictureOf(p: ChartProps, source: Source, table: Table): Picture {
	return {
		plan: p.plan, service: p.service, table, span: source.span, hidden: p.hidden, alerts: alertsOf(p.host, p.service.service), marks: source.marks.value,
		fit: p.fit, height: p.height, notes: p.height > 130, zoomable: p.onZoom !== null, limitWords: p.large,
	};
}

/** Keeps a plot in the box up to date; gives its handle. */
function usePlot(props: ChartProps, box: { current: HTMLElement | null }, source: Source | null) {
	const handle = useRef<PlotHandle | null>(null);
	const latest = useRef(props);
	latest.current = props;
	const colours = useRef(look.peek());
	const shown = useSignal(0);
	useEffect(() => {
		shown.value++;
	}, [props.hidden, props.fit]);
	const clear = () => {
		handle.current?.destroy();
		handle.current = null;
	};
	useEffect(() => clear, []);
	useEffect(() => {
		if (!source) {
			return undefined;
		}
		let ended = false;
		let window: { from: number; to: number } | null = null;
		const draw = (create: (spec: PlotSpec) => PlotHandle, table: Table) => {
			const spec = specOf(pictureOf(latest.current, source, table));
			const old = handle.current;
			if (old?.busy() && window) {
				Object.assign(spec, window);
			}
			window = { from: spec.from, to: spec.to };
			if (old) {
				old.update(spec);
			} else {
				handle.current = create(spec);
			}
		};
		const stop: (() => void)[] = [];
		loadPlot().then((m) => {
			const target = box.current;
			if (ended || !target) {
				return;
			}
			const create = (spec: PlotSpec) => m.createPlot(target, spec, {
				cursor: (index) => {
					latest.current.cursor.value = index;
				},
				zoom: (from, to) => latest.current.onZoom?.(from, to),
			});
			stop.push(effect(() => {
				const table = source.table.value;
				if (look.value !== colours.current || (source.error.value !== null && !table)) {
					colours.current = look.value;
					clear();
				}
				if (table || source.error.value !== null) {
					latest.current.table.value = table; /* until then the former span stays: nothing jumps */
				}
				if (table && shown.value >= 0 && alerts.value) {
					draw(create, table);
				}
			}));
		}, () => {
			source.error.value = 'The drawing part could not be loaded';
		});
		return () => {
			ended = true;
			stop.forEach((f) => f());
		};
	}, [source]);
	return handle;
}

/** A chart in words: what it is, now and at most. */
function words(p: ChartProps, table: Table | null, marks: Mark[]): string {
	const head = `${p.service.title || p.service.service} of ${p.host}, ${spanWords(p.span)}`;
	if (!table) {
		return `${head}, not read yet`;
	}
	const parts = p.plan.curves.slice(0, 4).map((c) => {
		const s = summarize(table, c.field.id);
		const { scale, suffix } = p.plan.axis;
		return `${c.label} now ${measure(s.now, scale, suffix)}, highest ${measure(s.most, scale, suffix)}`;
	});
	const rest = p.plan.curves.length - parts.length;
	const notes = marks.filter((m) => m.kind === 'annotation').slice(-3).map((m) => `. Noted ${full(moment(m.from))}: ${m.text}`);
	return `${head}. ${parts.join('; ')}${rest > 0 ? `; and ${rest} more` : ''}${notes.join('')}`;
}

function Spoken({ props: p }: { props: ChartProps }) {
	const at = p.cursor.value;
	const table = p.table.value;
	const text = useMemo(() => {
		if (at === null || !table) {
			return '';
		}
		const { scale, suffix } = p.plan.axis;
		return `${full((table.t0 + (at + 1) * table.step) * 1000)}: ${p.plan.curves.map((c) =>
			`${c.label} ${measure(table.average[c.field.id]?.[at], scale, suffix)}`).join(', ')}`;
	}, [at, table]);
	return <span class="hide" aria-live="polite">{text}</span>;
}

export function Chart(props: ChartProps) {
	const box = useRef<HTMLDivElement>(null);
	const byKey = useSignal(false);
	const visible = useVisible(box);
	const source = useSource(props, box, visible);
	const handle = usePlot(props, box, source);
	const table = props.table.value;
	const error = source?.error.value;
	const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 };
	const key = (e: KeyboardEvent) => {
		const by = steps[e.key];
		if (by !== undefined) {
			e.preventDefault();
			byKey.value = true;
			handle.current?.step(by);
		} else if (e.key === 'Escape' && props.cursor.value !== null) {
			e.preventDefault(); /* leaves the cursor, not the page */
			handle.current?.leave();
		}
	};
	const wheel = (e: WheelEvent) => {
		const b = box.current?.getBoundingClientRect();
		const wanted = e.ctrlKey || document.activeElement === box.current;
		if (!props.large || !props.onZoom || !b || !wanted) {
			return;
		}
		e.preventDefault();
		const { from, to } = props.span;
		const at = from + (to - from) * Math.min(1, Math.max(0, (e.clientX - b.left - 50) / (b.width - 62)));
		const factor = e.deltaY > 0 ? 1.5 : 1 / 1.5;
		props.onZoom(at - (at - from) * factor, at + (to - at) * factor);
	};
	return (
		<div class={`plotbox ${props.large ? 'large' : ''}`}>
			<div ref={box} class={`chart h${props.height}`} role="img" aria-label={words(props, table, source?.marks.value ?? [])} tabIndex={0} onKeyDown={key}
				onWheel={wheel} onBlur={() => handle.current?.leave()} />
			{error && (
				<p class="chart-error" role="alert">
					{error}. <button class="btn quiet" onClick={() => void source?.read()}>Try again</button>
				</p>
			)}
			{byKey.value && <Spoken props={props} />}
		</div>
	);
}
