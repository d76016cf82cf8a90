// Light, dark or contrast: the system decides unless the reader does, here on this device.
import { computed, effect, signal } from '@preact/signals';

export const themes = ['system', 'light', 'dark', 'contrast'] as const;

export type Theme = (typeof themes)[number];

const dark = matchMedia('(prefers-color-scheme: dark)');
const contrast = matchMedia('(prefers-contrast: more)');

function stored<T extends string>(key: string, allowed: readonly T[], fallback: T): T {
	try {
		const value = localStorage.getItem(key);
		return allowed.find((a) => a === value) ?? fallback;
	} catch {
		return fallback; /* storage is forbidden: the choice lasts as long as the page */
	}
}

function keep(key: string, value: string): void {
	try {
		localStorage.setItem(key, value);
	} catch {
		/* see stored() */
	}
}

export const theme = signal<Theme>(stored('magpie.theme', themes, 'system'));
const systemDark = signal(dark.matches);
const systemContrast = signal(contrast.matches);

/** Single keys can be switched off (WCAG 2.1.4). */
export const singleKeys = signal(stored('magpie.keys', ['on', 'off'], 'on') === 'on');

/** What is in force, for what does not follow the style sheet by itself: changes whenever colours do. */
export const look = computed(() => `${theme.value} ${systemDark.value} ${systemContrast.value}`);

export const isDark = computed(() =>
	theme.value === 'dark' || (theme.value !== 'light' && systemDark.value));

export function startTheme(): void {
	dark.addEventListener('change', (e) => {
		systemDark.value = e.matches;
	});
	contrast.addEventListener('change', (e) => {
		systemContrast.value = e.matches;
	});
	effect(() => {
		const root = document.documentElement;
		if (theme.value === 'system') {
			delete root.dataset['theme'];
		} else if (theme.value === 'contrast') {
			root.dataset['theme'] = systemDark.value ? 'contrast-dark' : 'contrast';
		} else {
			root.dataset['theme'] = theme.value;
		}
		keep('magpie.theme', theme.value);
	});
	effect(() => keep('magpie.keys', singleKeys.value ? 'on' : 'off'));
}
