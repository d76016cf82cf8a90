// The graph, or all values of a host, elsewhere: one link per format, of exactly the span that is shown.
import { useEffect, useRef, useState } from 'preact/hooks';
import { hostPath, servicePath } from '../api';
import type { Span } from '../chart/span';
import { windowOf } from '../chart/picture';
import { isDark } from '../state/theme';
import { Icon } from './icon';

interface Props {
	host: string;
	/** Missing: all of the host. */
	service?: string;
	title: string;
	span: Span;
	/** A small button without word, in the head of a card. */
	small: boolean;
}

const pictures = [['png', 'PNG image'], ['svg', 'SVG drawing'], ['pdf', 'PDF page'], ['eps', 'EPS drawing']] as const;
const values = [['csv', 'CSV values'], ['tsv', 'TSV values'], ['json', 'JSON values'], ['xml', 'XML values']] as const;
const kept = ['tar.gz', 'All that is kept'] as const;
const width = 1280;
const height = 480;

function address({ host, service, span }: Props, format: string): string {
	const { from, to } = windowOf(span);
	if (service === undefined) {
		const what = `/api/v1/export.${format}?match=${encodeURIComponent(host)}`;
		return format === kept[0] ? what : `${what}&from=${from}&to=${to}`;
	}
	const picture = pictures.some(([name]) => name === format);
	const query = picture ? `&width=${width}&height=${height}&theme=${isDark.value ? 'dark' : 'light'}` : '';
	return `/graph/${encodeURIComponent(host)}/${encodeURIComponent(service)}.${format}?from=${from}&to=${to}${query}`;
}

function quoted(text: string): string {
	return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function command({ host, service, span }: Props): string {
	const { from, to } = windowOf(span);
	if (service === undefined) {
		return `magpie export ${quoted(host)} -o ${quoted(`${host}.csv`)} --from ${from} --to ${to}`;
	}
	return `magpie graph ${quoted(`${host}/${service}`)} -o ${quoted(`${service}.png`)} --from ${from} --to ${to}`;
}

function Items({ props: p, close }: { props: Props; close: () => void }) {
	const list = useRef<HTMLDivElement>(null);
	useEffect(() => list.current?.querySelector<HTMLElement>('[role="menuitem"]')?.focus(), []);
	const copy = (text: string) => {
		void navigator.clipboard.writeText(text);
		close();
	};
	const key = (e: KeyboardEvent) => {
		const items = [...(list.current?.querySelectorAll<HTMLElement>('[role="menuitem"]') ?? [])];
		const at = items.indexOf(document.activeElement as HTMLElement);
		const by = { ArrowDown: 1, ArrowUp: -1 }[e.key];
		if (by !== undefined) {
			e.preventDefault();
			e.stopPropagation();
			items[(at + by + items.length) % items.length]?.focus();
		}
	};
	const { from, to } = windowOf(p.span);
	return (
		<div class="menu" role="menu" aria-label={`Export ${p.title}`} ref={list} onKeyDown={key}>
			{(p.service === undefined ? [...values, kept] : [...pictures, ...values]).map(([format, name]) => (
				<a key={format} role="menuitem" tabIndex={-1} href={address(p, format)} target="_blank" rel="noopener" onClick={close}>
					{name}<span class="faint">{format === 'png' ? `${width} × ${height}` : ''}</span>
				</a>
			))}
			{'clipboard' in navigator && (
				<>
					<hr />
					<button role="menuitem" tabIndex={-1} onClick={() => copy(
						`${location.origin}${p.service === undefined ? hostPath(p.host) : servicePath(p.host, p.service)}?from=${from}&to=${to}`)}>
						<Icon name="link" />Copy link to this span
					</button>
					<button role="menuitem" tabIndex={-1} onClick={() => copy(command(p))}>
						<Icon name="term" />Copy as command<span class="faint">magpie {p.service === undefined ? 'export' : 'graph'} …</span>
					</button>
				</>
			)}
		</div>
	);
}

export function ExportMenu(props: Props) {
	const [open, setOpen] = useState(false);
	const box = useRef<HTMLDivElement>(null);
	const button = useRef<HTMLButtonElement>(null);
	const close = () => setOpen(false);
	return (
		<div class={props.small ? 'menu-at end' : 'menu-at'} ref={box}
			onFocusOut={(e) => open && !(e.relatedTarget instanceof Node && box.current?.contains(e.relatedTarget)) && close()}
			onKeyDown={(e) => {
				if (open && e.key === 'Escape') {
					e.stopPropagation();
					close();
					button.current?.focus();
				}
			}}>
			<button ref={button} class={`btn ${props.small ? 'quiet' : ''} ${open ? 'on' : ''}`} aria-haspopup="menu" aria-expanded={open}
				aria-label={props.small ? `Export ${props.title}` : undefined} onClick={() => setOpen(!open)}>
				<Icon name="export" />{!props.small && 'Export'}
			</button>
			{open && <Items props={props} close={close} />}
		</div>
	);
}
