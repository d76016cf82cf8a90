// Chooses the span of time: hour to year, earlier and later, or any by its ends.
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { periods, shifted, spanWords, toPeriod, toSpan, type Span } from '../chart/span';
import { windowOf } from '../chart/picture';
import { zone } from '../format/time';
import { navigate } from '../router';
import { addKeys } from '../state/keys';
import { Dialog } from './dialog';
import { Icon } from './icon';

const choosing = signal(false);

/** What a datetime-local field wants: the reader's own clock, without zone. */
function local(s: number): string {
	const d = new Date(s * 1000);
	return new Date(d.getTime() - d.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

function SpanDialog({ span }: { span: Span }) {
	const { from, to } = windowOf(span);
	const first = useRef<HTMLInputElement>(null);
	const last = useRef<HTMLInputElement>(null);
	const close = () => {
		choosing.value = false;
	};
	const show = (e: Event) => {
		e.preventDefault();
		const a = Date.parse(first.current?.value ?? '') / 1000;
		const b = Date.parse(last.current?.value ?? '') / 1000;
		if (b > a) {
			close();
			navigate(toSpan(a, b));
		} else {
			last.current?.setAttribute('aria-invalid', 'true');
		}
	};
	return (
		<Dialog label="Choose a span" onClose={close}>
			<header><h2>Choose a span</h2></header>
			<form onSubmit={show}>
				<div class="body form">
					<label class="field"><span>From</span><input ref={first} class="in full" type="datetime-local" value={local(from)} /></label>
					<label class="field">
						<span>To</span><input ref={last} class="in full" type="datetime-local" value={local(to)} />
						<small>Times of this browser, {zone}. The end must be later than the start.</small>
					</label>
				</div>
				<footer>
					<button class="btn primary" type="submit">Show the span</button>
					<button class="btn" type="button" onClick={close}>Cancel <kbd>Esc</kbd></button>
				</footer>
			</form>
		</Dialog>
	);
}

export function SpanBar({ span }: { span: Span }) {
	const latest = useRef(span);
	latest.current = span;
	useEffect(() => addKeys({
		...Object.fromEntries(periods.map((p, i) => [String(i + 1), () => navigate(toPeriod(p))])),
		'[': () => navigate(shifted(latest.current, -1)),
		']': () => navigate(shifted(latest.current, 1)),
		t: () => {
			choosing.value = true;
		},
	}), []);
	return (
		<div class="spans">
			<div class="seg" role="group" aria-label="Period">
				{periods.map((p) => (
					<a key={p} href={toPeriod(p)} aria-current={span.period === p && span.live ? 'true' : undefined}>{p}</a>
				))}
			</div>
			<div class="seg" role="group" aria-label="Shift">
				<a href={shifted(span, -1)} aria-label="Earlier"><Icon name="left" /></a>
				<a href={span.live ? toPeriod(span.period ?? 'day') : shifted(span, 1)} aria-label="Later"
					aria-disabled={span.live ? 'true' : undefined}><Icon name="right" /></a>
			</div>
			<button class="btn desk" title={`Times of this browser, ${zone}`} onClick={() => {
				choosing.value = true;
			}}>
				<Icon name="clock" />{spanWords(span)} <kbd>t</kbd>
			</button>
			{choosing.value && <SpanDialog span={span} />}
		</div>
	);
}
