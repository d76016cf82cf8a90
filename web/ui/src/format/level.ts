// Levels in the forms a page needs: class of the style sheet, letter, order. Mark, letter and colour: any two suffice.
import type { Alert, Level } from '../types';
import { moment } from './time';

export const levelClass: Record<Level, string> = {
	ok: 'ok', notice: 'info', warning: 'warn', critical: 'crit', unknown: 'unknown',
};

export const levelLetter: Record<Level, string> = { ok: '', notice: 'N', warning: 'W', critical: 'C', unknown: 'U' };

/** Worst first, as pages list them: unknown stands behind warning because it is no finding about the host. */
export const severities: readonly Level[] = ['critical', 'warning', 'unknown', 'notice'];

const letters: Record<string, Level> = { o: 'ok', n: 'notice', w: 'warning', c: 'critical', u: 'unknown' };

/** The level of a strip's or cell's letter; undefined for letters that are no level. */
export function levelOfLetter(letter: string): Level | undefined {
	return letters[letter];
}

export function rank(level: Level): number {
	const at = severities.indexOf(level);
	return at < 0 ? severities.length : at;
}

export function worst(levels: Iterable<Level>): Level {
	let found: Level = 'ok';
	for (const level of levels) {
		if (rank(level) < rank(found)) {
			found = level;
		}
	}
	return found;
}

/** Counts as a problem: told about and not held back by anything. */
export function isProblem(a: Alert): boolean {
	return a.state !== 'pending' && !a.suppressed_by && a.level !== 'notice' && a.level !== 'ok';
}

/** By level, then age, the oldest last; names decide between equals so that rows never swap places. */
export function bySeverity(a: Alert, b: Alert): number {
	return rank(a.level) - rank(b.level) || moment(b.since) - moment(a.since)
		|| a.host.localeCompare(b.host) || String(a.id).localeCompare(String(b.id));
}
