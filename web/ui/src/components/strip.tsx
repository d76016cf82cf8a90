// The last 24 hours as blocks, oldest first; the higher a block the worse, so that it reads without colour.
import { levelClass, levelOfLetter } from '../format/level';
import type { Level } from '../types';

const blocks: Record<string, (x: number) => string> = {
	ok: (x) => `M${x} 12h4v4h-4z`,
	info: (x) => `M${x} 10h4v6h-4z`,
	warn: (x) => `M${x} 6h4v10h-4z`,
	crit: (x) => `M${x} 0h4v16h-4z`,
	unknown: (x) => `M${x + 0.5} 2h3v13.5h-3z`,
	none: (x) => `M${x} 14h4v2h-4z`,
};

/** The path of each kind of block in a strip's letters. */
export function stripPaths(letters: string): Record<string, string> {
	const paths: Record<string, string> = {};
	for (let i = 0; i < letters.length; i++) {
		const level: Level | undefined = levelOfLetter(letters[i] ?? '-');
		const kind = level ? levelClass[level] : 'none';
		paths[kind] = (paths[kind] ?? '') + (blocks[kind]?.(i * 5) ?? '');
	}
	return paths;
}

export function Strip({ letters, of }: { letters: string; of: string }) {
	return (
		<svg class="strip" viewBox="0 0 119 16" preserveAspectRatio="none" role="img"
			aria-label={`${of}, last 24 hours: ${stripWords(letters)}`}>
			{Object.entries(stripPaths(letters)).map(([kind, d]) => <path key={kind} class={kind} d={d} />)}
		</svg>
	);
}

/** What a strip shows, for those who cannot see it. */
export function stripWords(letters: string): string {
	const hours = (letter: string) => [...letters].filter((l) => l === letter).length;
	const parts = ([['c', 'critical'], ['w', 'warning'], ['u', 'unknown'], ['n', 'notice'], ['-', 'without data']] as const)
		.filter(([letter]) => hours(letter) > 0)
		.map(([letter, word]) => `${hours(letter)} h ${word}`);
	return parts.length > 0 ? parts.join(', ') : 'all ok';
}
