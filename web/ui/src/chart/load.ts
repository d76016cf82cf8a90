// Fetches the drawing part once, when the first chart needs it. Its address stands in the page, because whoever serves
// the files names them.
import type { PlotModule } from './spec';

let found: Promise<PlotModule> | null = null;

export function loadPlot(): Promise<PlotModule> {
	const address = document.querySelector<HTMLMetaElement>('meta[name="chart"]')?.content ?? '';
	found ??= import(new URL(address, location.href).href) as Promise<PlotModule>;
	found.catch(() => {
		found = null; /* ask again with the next chart */
	});
	return found;
}
