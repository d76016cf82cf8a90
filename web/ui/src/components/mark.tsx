// A level's mark: a shape in a colour. Words or a letter always stand beside it.
import { levelClass } from '../format/level';
import type { Level } from '../types';

export function Mark({ level }: { level: Level | 'pending' }) {
	return <i class={`m ${level === 'pending' ? 'pending' : levelClass[level]}`} aria-hidden="true" />;
}

/** Mark and word in a tinted box. */
export function Chip({ level, children }: { level: Level | 'pending'; children: preact.ComponentChildren }) {
	const tint = level === 'pending' || level === 'notice' ? '' : levelClass[level];
	return <span class={`chip ${tint}`}><Mark level={level} />{children}</span>;
}
