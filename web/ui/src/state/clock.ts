// Time is the server's: ages are counted from its clock by offset, not from the device's.
import { signal } from '@preact/signals';

let offset = 0;

/** The server's time in epoch milliseconds, as of the last second's tick. */
export const now = signal(Date.now());

export function serverNow(): number {
	return Date.now() + offset;
}

/** Takes the server's word for the time; half of the way back is not worth measuring here. */
export function setServerTime(ms: number): void {
	if (Number.isFinite(ms)) {
		offset = ms - Date.now();
		now.value = serverNow();
	}
}

export function startClock(): void {
	setInterval(() => {
		now.value = serverNow();
	}, 1000);
}
