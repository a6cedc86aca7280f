// legend.js - what the colors, patterns and signs of the graph mean.

function swatch(paint) {
	const ratio = window.devicePixelRatio || 1, canvas = element('canvas', { width: 22 * ratio, height: 14 * ratio });
	const ctx = canvas.getContext('2d');

	canvas.style.width = '22px';
	canvas.style.height = '14px';
	ctx.scale(ratio, ratio);
	paint(ctx);
	return canvas;
}

function plain(name) {
	return (ctx) => {
		ctx.fillStyle = css(color(name));
		ctx.fillRect(0, 0, 22, 14);
	};
}

function tellLegend(view) {
	const hatched = (name) => (ctx) => {
		plain(name)(ctx);
		hatch(ctx, 0, 0, 22, 14);
	};
	const kinds = [['PHP, bold', plain(PHP)], ['native', plain(NATIVE)], ['no code of a file, or not known: hatched, slanted', hatched(OTHER)]];
	const changes = [['▲ grown', plain('grown')], ['▼ shrunk', plain('shrunk')], ['as before', plain('same')], ['bold: PHP', null],
		['no code of a file, or not known: hatched, slanted', hatched('same')]];
	const list = [...(view.compare ? changes : [...kinds, ['process, layer', plain(GROUP)]]), ['match of the search', plain('match')]];

	if (view.leaks)
		list.push(['below a frame: its part that leaks', (ctx) => {
			plain(view.compare ? 'same' : GROUP)(ctx);
			ctx.fillStyle = css(color('page'));
			ctx.fillRect(0, 10, 14, 1);
			ctx.fillStyle = css(color('leak'));
			ctx.fillRect(0, 11, 14, 3);
		}]);
	byId('legend').replaceChildren(...list.map(([text, paint]) => element('li', {}, ...(paint ? [swatch(paint)] : []), text)));
}
