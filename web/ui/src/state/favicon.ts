// The number of critical problems over the mark's corner, and of all problems in the title.
import { effect, signal } from '@preact/signals';
import { countOf, problems } from './store';

/** The page's own title, without count and name. */
export const title = signal('Wall');

function draw(link: HTMLLinkElement, mark: HTMLImageElement, n: number): void {
	const canvas = document.createElement('canvas');
	canvas.width = canvas.height = 64;
	const c = canvas.getContext('2d');
	if (!c) {
		return;
	}
	c.drawImage(mark, 0, 0, 64, 64);
	c.fillStyle = '#9c0020';
	c.beginPath();
	c.roundRect(24, 26, 40, 38, 10);
	c.fill();
	c.fillStyle = '#ffffff';
	c.font = '600 32px sans-serif';
	c.textAlign = 'center';
	c.fillText(n > 9 ? '9+' : String(n), 44, 57);
	link.type = 'image/png';
	link.href = canvas.toDataURL('image/png');
}

export function startFavicon(): void {
	effect(() => {
		const n = problems.value.length;
		document.title = `${n > 0 ? `(${n}) ` : ''}${title.value} – Magpie`;
	});
	const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
	if (!link) {
		return;
	}
	const own = link.href;
	const mark = new Image();
	mark.src = own;
	let shown = 0;
	effect(() => {
		const n = countOf('critical');
		if (n === shown) {
			return;
		}
		shown = n;
		if (n === 0) {
			link.type = 'image/svg+xml';
			link.href = own;
		} else if (mark.complete && mark.naturalWidth > 0) {
			draw(link, mark, n);
		} else {
			mark.addEventListener('load', () => shown > 0 && draw(link, mark, shown), { once: true });
		}
	});
}
