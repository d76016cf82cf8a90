// An empty, broken or loading page says why and what to do about it.
import type { ComponentChildren } from 'preact';
import { Icon } from './icon';

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
	return <div class="empty"><h3>{title}</h3>{children}</div>;
}

/** Something could not be read. */
export function Broken({ what, why, again }: { what: string; why: string; again: () => void }) {
	return (
		<div class="empty" role="alert">
			<h3>{what} could not be read</h3>
			<p>{why}</p>
			<button class="btn" onClick={again}><Icon name="redo" />Try again</button>
		</div>
	);
}
