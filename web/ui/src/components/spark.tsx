// The last three hours of one series as a line, with its limit: read once when the row comes into view.
import { useEffect, useRef, useState } from 'preact/hooks';
import { get } from '../api';
import { levelClass } from '../format/level';
import { serverNow } from '../state/clock';
import { generation } from '../state/store';
import type { Data, Level } from '../types';

const spanS = 3 * 3600;
const stepS = 300;
const width = 36;
const top = 2;
const bottom = 26;

function shape(values: (number | null)[], limit: number | null): { line: string; limitY: number | null } {
	const known = values.filter((v): v is number => v !== null);
	const least = Math.min(...known, limit ?? Infinity);
	const most = Math.max(...known, limit ?? -Infinity);
	const y = (v: number) => Math.round((most > least ? bottom - (v - least) / (most - least) * (bottom - top) : bottom) * 10) / 10;
	let line = '';
	let pen = 'M';
	values.forEach((v, i) => {
		if (v === null) {
			pen = 'M';
			return;
		}
		line += `${pen}${Math.round(i / Math.max(1, values.length - 1) * width * 10) / 10} ${y(v)}`;
		pen = 'L';
	});
	return { line, limitY: limit === null || known.length === 0 ? null : y(limit) };
}

export function Spark({ id, limit, level }: { id: string; limit: number | null; level: Level }) {
	const box = useRef<SVGSVGElement>(null);
	const [values, setValues] = useState<(number | null)[]>([]);
	const round = generation.value;
	useEffect(() => {
		const stop = new AbortController();
		const read = () => {
			const to = Math.floor(serverNow() / 1000);
			get<Data>('/api/v1/data', { series: id, from: to - spanS, to, step: stepS }, stop.signal)
				.then((d) => setValues(d.series[id] ?? []), () => undefined);
		};
		const watch = new IntersectionObserver((seen) => {
			if (seen.some((s) => s.isIntersecting)) {
				watch.disconnect();
				read();
			}
		});
		if (box.current) {
			watch.observe(box.current);
		}
		return () => {
			stop.abort();
			watch.disconnect();
		};
	}, [id, round]);
	const { line, limitY } = shape(values, limit);
	return (
		<svg ref={box} class="spark" viewBox={`0 0 ${width} 28`} preserveAspectRatio="none" role="img"
			aria-label={values.length > 0 ? 'last 3 hours' : 'last 3 hours, not read'}>
			{limitY !== null && <path class={`lim ${levelClass[level]}`} d={`M0 ${limitY}H${width}`} />}
			<path d={line} />
		</svg>
	);
}
